//! Internal flash (RM0477, FLASH): product state and the protections that forbid to rewrite the boot stage.
//!
//! Only status registers are declared: option bytes, keys and the product state are never written by this server.

use std::{cmp::Ordering, ops::Range};

#[cfg(test)]
use super::Register as _;
use super::{block, register};

block! {
    /// Embedded flash interface.
    pub struct Flash {
        /// The only one.
        FLASH = 0x5200_2000,
    }
}

/// FLASH_NVSR.NVSTATE: the chip can be debugged.
pub const OPEN: u32 = 0xB4;

/// FLASH_ROTSR.IROT_SELECT: ST's immutable root of trust starts first.
pub const IROT_ST: u32 = 0xB4;

register! {
    /// Interrupt status (RM0477, FLASH_ISR).
    pub struct Isr(u32) at Flash + 0x24 {
        /// DBECCERRF: a word was read whose error correction fails.
        pub double_error: 26,
    }
}

register! {
    /// Non-volatile status (RM0477, FLASH_NVSR).
    pub struct Nvsr(u32) at Flash + 0x200 {
        /// NVSTATE: 0xB4 OPEN, 0x51 CLOSED.
        pub product_state: 0..=7,
    }
}

register! {
    /// Root-of-trust status (RM0477, FLASH_ROTSR).
    pub struct Rotsr(u32) at Flash + 0x208 {
        /// OEM_PROVD: 0xB4 when the device is provisioned.
        pub oem_provisioned: 0..=7,
        /// IROT_SELECT: 0xB4 ST's, 0x6A the manufacturer's own.
        pub irot: 24..=31,
    }
}

register! {
    /// Write protection status (RM0477, FLASH_WRPSR).
    pub struct Wrpsr(u32) at Flash + 0x218 {
        /// WRPS: one bit a sector, 0 is protected.
        pub writable_sectors: 0..=7,
    }
}

register! {
    /// Hide protection status (RM0477, FLASH_HDPSR), in blocks of 256 bytes: none while start is above end, everything while they
    /// are equal.
    pub struct Hdpsr(u32) at Flash + 0x230 {
        /// HDP_AREA_START.
        pub start_block: 0..=8,
        /// HDP_AREA_END.
        pub end_block: 16..=24,
    }
}

register! {
    /// Option bytes word 1 status (RM0477, FLASH_OBW1SR).
    pub struct Obw1sr(u32) at Flash + 0x260 {
        /// IWDG_HW: 0 starts the independent watchdog with the chip.
        pub software_watchdog: 4,
    }
}

register! {
    /// Option bytes word 2 status (RM0477, FLASH_OBW2SR): AXI SRAM lent to the TCMs, in steps of 64 KB, and to check bits.
    pub struct Obw2sr(u32) at Flash + 0x268 {
        /// ITCM_AXI_SHARE.
        pub itcm_share: 0..=2,
        /// DTCM_AXI_SHARE.
        pub dtcm_share: 4..=6,
        /// ECC_ON_SRAM: AXI SRAM4 holds check bits.
        pub ram_is_checked: 8,
    }
}

/// FLASH_HDPSR counts in blocks of so many bytes.
const HIDE_BLOCK_BYTES: u64 = 256;

impl Hdpsr {
    /// What of internal flash is hide-protected, in bytes from its start: an area that ends where it starts is all of it.
    pub fn hidden_bytes(&self) -> Range<u64> {
        let (start, end) = (u64::from(self.start_block()), u64::from(self.end_block()));
        match start.cmp(&end) {
            Ordering::Less => start * HIDE_BLOCK_BYTES..(end + 1) * HIDE_BLOCK_BYTES,
            Ordering::Equal => 0..u64::MAX,
            Ordering::Greater => 0..0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hide_protected_area_ends_with_its_last_block() {
        let bytes = |bits| Hdpsr::from_bits(bits).hidden_bytes();
        assert_eq!(bytes(0x0000_01FF), 0..0, "as delivered");
        assert_eq!(bytes(0x001F_0010), 0x1000..0x2000);
        assert!(bytes(0x0005_0005).contains(&0xFFFF), "everything");
    }
}
