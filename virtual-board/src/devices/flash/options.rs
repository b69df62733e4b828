//! Option bytes (RM0477, FLASH option registers): each has a status register and, next to it, one to prepare its next value.

use crate::devices::WatchdogOptions;

/// Product states that we know (NVSR.NVSTATE).
pub const OPEN: u8 = 0xB4;
/// Debug is closed unless authenticated.
pub const CLOSED: u8 = 0x51;

/// Status registers, in order; the register to prepare lies four bytes above.
const OFFSETS: [u32; 8] = [0x200, 0x208, 0x210, 0x218, 0x230, 0x250, 0x260, 0x268];
const NVSR: usize = 0;
const WRPSR: usize = 3;
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

/// The option bytes.
#[derive(Clone, Debug)]
pub struct Options {
    active: [u32; 8],
    prepared: [u32; 8],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            active: DELIVERED,
            prepared: DELIVERED,
        }
    }
}

impl Options {
    fn find(offset: u32) -> Option<(usize, bool)> {
        let index = OFFSETS.iter().position(|&at| at == offset & !4)?;
        Some((index, offset & 4 != 0))
    }

    /// The register at `offset` from FLASH, if it is an option register.
    pub fn register(&self, offset: u32) -> Option<u32> {
        let (index, next) = Self::find(offset)?;
        Some(if next {
            self.prepared[index]
        } else {
            self.active[index]
        })
    }

    /// Writes a register to prepare; the status registers do not take writes.
    pub(super) fn prepare(&mut self, offset: u32, value: u32) {
        if let Some((index, true)) = Self::find(offset) {
            self.prepared[index] = value;
        }
    }

    /// OPTCR.PG_OPT.
    pub(super) fn commit(&mut self) {
        self.active = self.prepared;
    }

    /// A reset forgets what was prepared.
    pub(super) fn discard(&mut self) {
        self.prepared = self.active;
    }

    /// Sets a status register, as a tool has programmed it: for tests and state files.
    pub fn set(&mut self, offset: u32, value: u32) {
        if let Some((index, _)) = Self::find(offset) {
            self.active[index] = value;
            self.prepared[index] = value;
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

    /// OBW1SR.IWDG_HW clear: the watchdog starts by itself.
    pub fn is_watchdog_in_hardware(&self) -> bool {
        self.active[OBW1SR] >> 4 & 1 == 0
    }

    /// OBW1SR.IWDG_FZ_STOP and IWDG_FZ_STBY clear: the watchdog stands still there.
    pub fn watchdog_options(&self) -> WatchdogOptions {
        WatchdogOptions {
            frozen_in_stop: self.active[OBW1SR] >> 17 & 1 == 0,
            frozen_in_standby: self.active[OBW1SR] >> 18 & 1 == 0,
        }
    }

    /// OBW2SR: ITCM_AXI_SHARE and DTCM_AXI_SHARE, how much of AXI SRAM is given to the tightly coupled memories.
    pub fn tcm_shares(&self) -> (u32, u32) {
        (self.active[OBW2SR] & 7, self.active[OBW2SR] >> 4 & 7)
    }
}
