//! Words for places: addresses, windows, sectors, pages, and the profile of a board.

use std::{fmt, ops::Range};

use serde::Deserialize;

/// An address on the target's bus. Prints as 0x70010000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Address(pub u32);

impl Address {
    /// The address `bytes` further on, or `None` past the end of the 32-bit space.
    pub fn checked_add(self, bytes: u32) -> Option<Self> {
        self.0.checked_add(bytes).map(Self)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

impl fmt::LowerHex for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

/// Which XSPI controller serves a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    /// XSPI1, window base 0x9000_0000.
    Xspi1,
    /// XSPI2, window base 0x7000_0000.
    Xspi2,
}

/// What lies behind a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// NOR flash: erased by sector, programmed by page.
    Nor,
    /// PSRAM: written like memory.
    Ram,
}

/// A memory-mapped window of an XSPI controller, as the board profile states it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Short name for messages: `nor`, `psram`.
    pub name: String,
    /// The controller.
    pub controller: Controller,
    /// XSPIM port, 1 or 2.
    pub port: u8,
    /// First address.
    pub base: Address,
    /// Bytes.
    pub size: u32,
    /// NOR or RAM.
    pub memory: Memory,
    /// Smallest erase in bytes (NOR).
    #[serde(default)]
    pub sector_bytes: u32,
    /// Name of the algorithm built into probe-rs (NOR).
    #[serde(default)]
    pub algorithm: Option<String>,
    /// Reads through the probe while the core runs are allowed.
    #[serde(default)]
    pub live: bool,
}

impl Window {
    /// The addresses of the window.
    pub fn range(&self) -> Range<u64> {
        u64::from(self.base.0)..u64::from(self.base.0) + u64::from(self.size)
    }

    /// True if `address` lies in the window.
    pub fn contains(&self, address: Address) -> bool {
        self.range().contains(&u64::from(address.0))
    }
}

/// What the boot stage does with the appli.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BootMode {
    /// It opens the window and jumps: the appli executes in place.
    #[default]
    Xip,
}

/// A board: the chip, its windows and its boot stage. A chip is not a board; the wrong profile can harm one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardProfile {
    /// `stm32h7s78-dk`.
    pub name: String,
    /// probe-rs's name of the chip.
    pub chip: String,
    /// Internal flash, first address.
    pub internal_flash: Address,
    /// Internal flash in bytes.
    pub internal_flash_bytes: u32,
    /// Sector of the internal flash in bytes.
    pub internal_sector_bytes: u32,
    /// Name of probe-rs's algorithm for the internal flash.
    pub internal_algorithm: String,
    /// I/O voltage of the external memories in millivolts: HSLV only at 1800.
    pub io_millivolts: u16,
    /// What the boot stage does.
    #[serde(default)]
    pub boot_mode: BootMode,
    /// External windows.
    #[serde(rename = "window")]
    pub windows: Vec<Window>,
}
