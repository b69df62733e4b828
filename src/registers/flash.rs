//! Internal flash (RM0477, FLASH): product state and the protections that forbid to rewrite the boot stage.
//!
//! Only status registers are declared: option bytes, keys and the product state are never written by this server.

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
    /// Hide protection status (RM0477, FLASH_HDPSR), in blocks of 256 bytes; none while start is above end.
    pub struct Hdpsr(u32) at Flash + 0x230 {
        /// HDP_AREA_START.
        pub start_block: 0..=7,
        /// HDP_AREA_END.
        pub end_block: 16..=23,
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
    /// Option bytes word 2 status (RM0477, FLASH_OBW2SR): AXI SRAM lent to the TCMs, in steps of 64 KB.
    pub struct Obw2sr(u32) at Flash + 0x268 {
        /// ITCM_AXI_SHARE.
        pub itcm_share: 0..=2,
        /// DTCM_AXI_SHARE.
        pub dtcm_share: 4..=6,
    }
}
