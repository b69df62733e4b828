//! What is where, for GDB's memory map: flash with its sectors, everything else as RAM, so that registers can be read too.
//!
//! Option bytes (FLASH_OBW2SR) lend AXI SRAM: to ITCM from the low end of SRAM1, to DTCM from the high end of SRAM3, in steps of
//! 64 KB, and all of SRAM4 to check bits. What is lent is taken off the map; see decision 0005.

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
/// ITCM borrows from here up.
const AXI_SRAM1_START: u64 = 0x2400_0000;
/// DTCM borrows from here down.
const AXI_SRAM3_END: u64 = 0x2406_0000;
/// Check bits take this.
const AXI_SRAM4: Range<u64> = 0x2406_0000..0x2407_2000;

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

/// Enlarges ITCM and DTCM of the profile by what the option bytes lend them, and takes off what was lent.
pub(super) fn apply_shares(
    link: &mut dyn Link,
    profile: &mut BoardProfile,
) -> Result<(), LinkError> {
    let options: Obw2sr = link.peek(FLASH)?;
    let lent = |steps: u32| match steps {
        1..=MOST_SHARES => steps * SHARE_BYTES,
        _ => 0,
    };
    let (itcm, dtcm) = (lent(options.itcm_share()), lent(options.dtcm_share()));
    for (base, bytes) in [(ITCM, itcm), (DTCM, dtcm)] {
        if let Some(ram) = profile.rams.iter_mut().find(|ram| ram.base == base) {
            ram.size += bytes;
        }
    }
    take_off(
        profile,
        &(AXI_SRAM1_START..AXI_SRAM1_START + u64::from(itcm)),
    );
    take_off(profile, &(AXI_SRAM3_END - u64::from(dtcm)..AXI_SRAM3_END));
    if options.ram_is_checked() {
        take_off(profile, &AXI_SRAM4);
    }
    Ok(())
}

fn take_off(profile: &mut BoardProfile, gone: &Range<u64>) {
    if !gone.is_empty() {
        profile.rams = profile
            .rams
            .iter()
            .flat_map(|ram| without(ram, gone))
            .collect();
    }
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
        let behind = |start: u32| (start, 0x2407_2000 - start);
        assert_eq!(rams(0x01), [(0, 0x2_0000), dtcm, behind(0x2401_0000), ahb]);
        assert_eq!(rams(0x02), [(0, 0x3_0000), dtcm, behind(0x2402_0000), ahb]);
        let last = behind(0x2406_0000);
        let before = (0x2400_0000, 0x5_0000);
        let larger = (0x2000_0000, 0x2_0000);
        assert_eq!(rams(0x10), [itcm, larger, before, last, ahb]);
        let between = (0x2402_0000, 0x2_0000);
        let both = [(0, 0x3_0000), (0x2000_0000, 0x3_0000)];
        assert_eq!(rams(0x22), [both[0], both[1], between, last, ahb]);
        assert_eq!(
            rams(0x122),
            [both[0], both[1], between, ahb],
            "check bits take the last bank"
        );
        assert_eq!(
            rams(0x77),
            [itcm, dtcm, axi, ahb],
            "reserved values lend nothing"
        );
    }
}
