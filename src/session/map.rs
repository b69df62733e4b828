//! What is where, for GDB's memory map: flash with its sectors, everything else as RAM, so that registers can be read too.
//!
//! ITCM and DTCM grow at the cost of AXI SRAM by option bytes (FLASH_OBW2SR): the profile states the default of 64 KB each. AXI SRAM is
//! left as the profile has it: what was lent answers with a bus error, which is a fault and no harm.

use super::Session;
use crate::{
    layout::{Address, BoardProfile, Memory},
    link::{Link, LinkError, RegisterAccess},
    registers::flash::{FLASH, Obw2sr},
};

/// What one step of ITCM_AXI_SHARE or DTCM_AXI_SHARE lends.
const SHARE_BYTES: u32 = 0x1_0000;
/// Two steps are the most that there is; other values lend nothing.
const MOST_SHARES: u32 = 2;

const ITCM: Address = Address(0x0000_0000);
const DTCM: Address = Address(0x2000_0000);

/// Peripherals of APB, AHB and AXI.
const PERIPHERALS: Region = Region {
    kind: RegionKind::Ram,
    start: Address(0x4000_0000),
    length: 0x2000_0000,
};

/// Private Peripheral Bus (ARM ARM B3.1).
const PRIVATE_PERIPHERALS: Region = Region {
    kind: RegionKind::Ram,
    start: Address(0xE000_0000),
    length: 0x10_0000,
};

/// How a region is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// Erased by sector, programmed by `load`.
    Flash {
        /// Smallest erase.
        sector_bytes: u32,
    },
    /// Written like memory.
    Ram,
}

/// A piece of the memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// How it is written.
    pub kind: RegionKind,
    /// First address.
    pub start: Address,
    /// Bytes.
    pub length: u32,
}

impl Session {
    /// The memory map by rising address.
    pub fn memory_map(&self) -> Vec<Region> {
        let profile = &self.settings.profile;
        let mut regions = vec![
            Region {
                kind: RegionKind::Flash {
                    sector_bytes: profile.internal_sector_bytes,
                },
                start: profile.internal_flash,
                length: profile.internal_flash_bytes,
            },
            PERIPHERALS,
            PRIVATE_PERIPHERALS,
        ];
        regions.extend(profile.rams.iter().map(|ram| Region {
            kind: RegionKind::Ram,
            start: ram.base,
            length: ram.size,
        }));
        regions.extend(profile.windows.iter().map(|window| Region {
            kind: match window.memory {
                Memory::Nor => RegionKind::Flash {
                    sector_bytes: window.sector_bytes,
                },
                Memory::Ram => RegionKind::Ram,
            },
            start: window.base,
            length: window.size,
        }));
        regions.sort_by_key(|region| region.start);
        regions
    }
}

/// Enlarges ITCM and DTCM of the profile by what the option bytes lend them.
pub(super) fn apply_shares(
    link: &mut dyn Link,
    profile: &mut BoardProfile,
) -> Result<(), LinkError> {
    let options: Obw2sr = link.peek(FLASH)?;
    for (base, steps) in [(ITCM, options.itcm_share()), (DTCM, options.dtcm_share())] {
        let lent = if steps <= MOST_SHARES {
            steps * SHARE_BYTES
        } else {
            0
        };
        if let Some(ram) = profile.rams.iter_mut().find(|ram| ram.base == base) {
            ram.size += lent;
        }
    }
    Ok(())
}
