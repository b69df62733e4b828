//! Option bytes (RM0477, FLASH option registers): each has a status register and, next to it, one that programs it.

use std::ops::Range;

use crate::devices::{LowPower, WatchdogOptions};

/// Product states that we know (NVSR.NVSTATE).
pub const OPEN: u8 = 0xB4;
/// Debug is closed unless authenticated.
pub const CLOSED: u8 = 0x51;

/// Status registers, in order; the register that programs lies four bytes above.
const OFFSETS: [u32; 8] = [0x200, 0x208, 0x210, 0x218, 0x230, 0x250, 0x260, 0x268];
const NVSR: usize = 0;
const WRPSR: usize = 3;
const HDPSR: usize = 4;
const OBW1SR: usize = 6;
const OBW2SR: usize = 7;

/// Delivered values: open, no write or hide protection, software watchdog that counts in Stop and Standby, no resets on entering them.
/// IWDG_FZ_STOP and IWDG_FZ_STBY are assumed, from the STM32H7.
const DELIVERED: [u32; 8] = [
    OPEN as u32,
    0x0000_0000,
    0,
    0x0000_00FF,
    0x0000_01FF,
    0,
    0x0006_00D0,
    0x0000_0000,
];

/// Bits that a program can change, in the same order.
const WRITABLE: [u32; 8] = [
    0x0000_00FF,
    0xFF00_FFFF,
    0x0000_FFFF,
    0x0000_00FF,
    0x01FF_01FF,
    0x00FF_FFFF,
    0x2006_03DC,
    0x0000_0377,
];

/// The hide-protected area is counted in blocks of this many bytes.
const HIDE_BLOCK: u32 = 256;

/// A change that the rules of the product state forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden;

/// The option bytes.
#[derive(Clone, Debug)]
pub struct Options {
    active: [u32; 8],
}

impl Default for Options {
    fn default() -> Self {
        Self { active: DELIVERED }
    }
}

impl Options {
    fn find(offset: u32) -> Option<(usize, bool)> {
        let index = OFFSETS.iter().position(|&at| at == offset & !4)?;
        Some((index, offset & 4 != 0))
    }

    /// The register at `offset` from FLASH, if it is an option register. One to program reads as its status register.
    pub fn register(&self, offset: u32) -> Option<u32> {
        let (index, _) = Self::find(offset)?;
        Some(self.active[index])
    }

    /// Programs the word whose programming register is at `offset`. A status register takes nothing: false.
    ///
    /// From OPEN everything can be programmed, CLOSED among it; from CLOSED nothing: back leads only debug authentication \[U\].
    pub(super) fn program(&mut self, offset: u32, value: u32) -> Result<bool, Forbidden> {
        let Some((index, true)) = Self::find(offset) else {
            return Ok(false);
        };
        let mask = WRITABLE[index];
        let new = self.active[index] & !mask | value & mask;
        let state_exists = index != NVSR || matches!(new as u8, OPEN | CLOSED);
        if self.product_state() != OPEN || !state_exists {
            return Err(Forbidden);
        }
        self.active[index] = new;
        Ok(true)
    }

    /// Sets a status register, as a tool has programmed it: for tests and state files.
    pub fn set(&mut self, offset: u32, value: u32) {
        if let Some((index, _)) = Self::find(offset) {
            self.active[index] = value;
        }
    }

    /// All status registers by offset, for state files.
    pub fn all(&self) -> impl Iterator<Item = (u32, u32)> {
        OFFSETS.into_iter().zip(self.active)
    }

    /// NVSR.NVSTATE.
    pub fn product_state(&self) -> u8 {
        self.active[NVSR] as u8
    }

    /// WRPSR: a zero protects.
    pub fn is_write_protected(&self, sector: u32) -> bool {
        self.active[WRPSR] >> sector & 1 == 0
    }

    /// HDPSR: true if the hide-protected area reaches into `bytes` of the array. An area whose end is its start is all of it.
    pub fn hides(&self, bytes: Range<u32>) -> bool {
        let word = self.active[HDPSR];
        let (start, end) = (word & 0x1FF, word >> 16 & 0x1FF);
        let area = start * HIDE_BLOCK..(end + 1) * HIDE_BLOCK;
        start == end || start < end && area.start < bytes.end && bytes.start < area.end
    }

    /// OBW1SR.IWDG_HW clear: the watchdog starts by itself.
    pub fn is_watchdog_in_hardware(&self) -> bool {
        self.active[OBW1SR] >> 4 & 1 == 0
    }

    /// OBW1SR.NRST_STOP or NRST_STBY clear: to enter that mode is a reset.
    pub fn resets_instead_of(&self, mode: LowPower) -> bool {
        let bit = match mode {
            LowPower::Stop => 6,
            LowPower::Standby => 7,
            LowPower::Run | LowPower::Sleep => return false,
        };
        self.active[OBW1SR] >> bit & 1 == 0
    }

    /// OBW1SR.IWDG_FZ_STOP and IWDG_FZ_STBY clear: the watchdog stands still there.
    pub fn watchdog_options(&self) -> WatchdogOptions {
        WatchdogOptions {
            frozen_in_stop: self.active[OBW1SR] >> 17 & 1 == 0,
            frozen_in_standby: self.active[OBW1SR] >> 18 & 1 == 0,
        }
    }

    /// OBW2SR.ECC_ON_SRAM: the RAMs have check bits.
    pub fn is_ram_checked(&self) -> bool {
        self.active[OBW2SR] >> 8 & 1 == 1
    }

    /// OBW2SR: ITCM_AXI_SHARE and DTCM_AXI_SHARE, how much of AXI SRAM is given to the tightly coupled memories.
    pub fn tcm_shares(&self) -> (u32, u32) {
        (self.active[OBW2SR] & 7, self.active[OBW2SR] >> 4 & 7)
    }
}
