//! What is where, for GDB's memory map: flash with its sectors, everything else as RAM, so that registers can be read too.
//!
//! ITCM and DTCM grow at the cost of AXI SRAM1 and AXI SRAM3 by option bytes (FLASH_OBW2SR): the profile states the default of 64 KB
//! each. A block that is lent whole is taken off the map. Of one that is lent by half nothing is taken: the manual's map does not say
//! which half remains, and what is gone answers with a bus error, which is a fault and no harm.

use std::ops::Range;

use super::Session;
use crate::{
    layout::{Address, BoardProfile, Memory, Ram},
    link::{Link, LinkError, RegisterAccess},
    registers::flash::{FLASH, Obw2sr},
};

/// What one step of ITCM_AXI_SHARE or DTCM_AXI_SHARE lends.
const SHARE_BYTES: u32 = 0x1_0000;
/// Two steps are the most that there is; other values lend nothing.
const MOST_SHARES: u32 = 2;

const ITCM: Address = Address(0x0000_0000);
const DTCM: Address = Address(0x2000_0000);
/// What ITCM and DTCM borrow.
const AXI_SRAM1: Range<u64> = 0x2400_0000..0x2402_0000;
const AXI_SRAM3: Range<u64> = 0x2404_0000..0x2406_0000;

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

/// Enlarges ITCM and DTCM of the profile by what the option bytes lend them, and takes off what was lent whole.
pub(super) fn apply_shares(
    link: &mut dyn Link,
    profile: &mut BoardProfile,
) -> Result<(), LinkError> {
    let options: Obw2sr = link.peek(FLASH)?;
    let shares = [
        (ITCM, options.itcm_share(), AXI_SRAM1),
        (DTCM, options.dtcm_share(), AXI_SRAM3),
    ];
    for (base, steps, lender) in shares {
        if !(1..=MOST_SHARES).contains(&steps) {
            continue;
        }
        if let Some(ram) = profile.rams.iter_mut().find(|ram| ram.base == base) {
            ram.size += steps * SHARE_BYTES;
        }
        if steps == MOST_SHARES {
            profile.rams = profile
                .rams
                .iter()
                .flat_map(|ram| without(ram, &lender))
                .collect();
        }
    }
    Ok(())
}

/// What of `ram` lies before and behind `gone`.
fn without(ram: &Ram, gone: &Range<u64>) -> impl Iterator<Item = Ram> {
    let Range { start, end } = ram.range();
    let pieces = [start..end.min(gone.start), start.max(gone.end)..end];
    let name = ram.name.clone();
    pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(move |piece| Ram {
            name: name.clone(),
            base: Address(piece.start as u32),
            size: (piece.end - piece.start) as u32,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{link::fake::FakeLink, registers::Register as _};

    fn rams(options: u32) -> Vec<(u32, u32)> {
        let mut link = FakeLink::new();
        link.set_system(Obw2sr::at(FLASH).0, options);
        let mut kit = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        apply_shares(&mut link, &mut kit).expect("a link");
        kit.rams.iter().map(|ram| (ram.base.0, ram.size)).collect()
    }

    #[test]
    fn what_a_tightly_coupled_memory_borrows_is_no_longer_axi_sram() {
        let [itcm, dtcm, axi, ahb] = [
            (0, 0x1_0000),
            (0x2000_0000, 0x1_0000),
            (0x2400_0000, 0x7_2000),
            (0x3000_0000, 0x8000),
        ];
        assert_eq!(rams(0), [itcm, dtcm, axi, ahb]);
        assert_eq!(rams(0x01), [(0, 0x2_0000), dtcm, axi, ahb]);
        let behind = (0x2402_0000, 0x5_2000);
        assert_eq!(rams(0x02), [(0, 0x3_0000), dtcm, behind, ahb]);
        let pieces = [(0x2402_0000, 0x2_0000), (0x2406_0000, 0x1_2000)];
        let both = [(0, 0x3_0000), (0x2000_0000, 0x3_0000)];
        assert_eq!(rams(0x22), [both[0], both[1], pieces[0], pieces[1], ahb]);
        assert_eq!(
            rams(0x77),
            [itcm, dtcm, axi, ahb],
            "reserved values lend nothing"
        );
    }
}
