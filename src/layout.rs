//! Words for places: addresses, windows, sectors, pages, and the profile of a board.

mod boot_mode;
mod profile;
mod virtual_board;

use std::{fmt, ops::Range, str::FromStr};

/// What is no address.
pub use std::num::ParseIntError as ParseAddressError;

pub use boot_mode::{BootMode, LoadAndRun};
pub use profile::{BoardProfile, Inconsistency, ProfileError};
pub use virtual_board::{OwnBoot, VirtualBoard};

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

    /// True in the external ranges of the Cortex-M7's map (ARM ARM B3.1), where an access can hang the bus.
    pub fn is_external(self) -> bool {
        (0x6000_0000..0xE000_0000).contains(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

/// Reads `0x70000000`, `0X7000_0000` and decimal numbers.
impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_number(text).map(Self)
    }
}

/// Reads a number as people write it in addresses and lengths: `0x` for hexadecimal, `_` between digits.
pub fn parse_number(text: &str) -> Result<u32, ParseAddressError> {
    let plain = text.trim().replace('_', "");
    match plain
        .strip_prefix("0x")
        .or_else(|| plain.strip_prefix("0X"))
    {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => plain.parse(),
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

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xspi1 => "XSPI1",
            Self::Xspi2 => "XSPI2",
        })
    }
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
    /// `own`, the name of an algorithm built into probe-rs, or a loader's file (NOR).
    #[serde(default)]
    pub algorithm: Option<String>,
    /// Most bytes that one call of the algorithm programs; the algorithm's page if it is not stated (NOR).
    #[serde(default)]
    pub program_bytes: Option<u32>,
    /// Typical times of the NOR.
    #[serde(default)]
    pub times: NorTimes,
    /// Reads through the probe while the core runs are allowed.
    #[serde(default)]
    pub live: bool,
}

/// Typical times of a NOR, by its data sheet: what is erased in pieces of 4 KB and what at once is decided by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NorTimes {
    /// Erase of 4 KB in milliseconds.
    pub erase_4k_ms: u32,
    /// Erase of 64 KB in milliseconds.
    pub erase_64k_ms: u32,
    /// Program of a page of 256 bytes in microseconds.
    pub page_us: u32,
}

impl Default for NorTimes {
    /// MX66UW1G45G.
    fn default() -> Self {
        Self {
            erase_4k_ms: 25,
            erase_64k_ms: 256,
            page_us: 152,
        }
    }
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

/// `nor at 0x70000000`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.base)
    }
}

/// RAM on the chip.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ram {
    /// Short name for messages: `dtcm`.
    pub name: String,
    /// First address.
    pub base: Address,
    /// Bytes.
    pub size: u32,
}

impl Ram {
    /// The addresses of the RAM.
    pub fn range(&self) -> Range<u64> {
        u64::from(self.base.0)..u64::from(self.base.0) + u64::from(self.size)
    }

    /// True if `address` lies in the RAM.
    pub fn contains(&self, address: Address) -> bool {
        self.range().contains(&u64::from(address.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        assert_eq!("0x7000_0000".parse(), Ok(Address(0x7000_0000)));
        assert_eq!("4096".parse(), Ok(Address(4096)));
        assert!("0x1_7000_0000".parse::<Address>().is_err());
        assert!("window".parse::<Address>().is_err());
    }
}
