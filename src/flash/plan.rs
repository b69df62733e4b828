//! What becomes of each sector: nothing, programs into blank pages, or erases and programs.
//!
//! Contents are compared in units of 4 KB. A loader that knows 64 KB erases only gets one where a unit of it must be erased; what
//! nobody asked to change is read back and programmed again. Our own loaders erase 4 KB as well, and what is faster by the NOR's typical
//! times is chosen: the MX66UW1G45G takes 25 ms for 4 KB and 256 ms for 64 KB, so that ten small erases are faster than a large one, and
//! from the eleventh on the large one wins although the rest of its pages has to be programmed again.

use std::{ops::Range, time::Duration};

use super::transaction::Sector;
use crate::layout::{Address, NorTimes};

/// Largest unit in which contents are compared.
const LARGEST_UNIT: u32 = 0x1000;

/// Pages of a unit of 4 KB.
const PAGES_OF_UNIT: u32 = 16;
/// 4 KB on the wire at 4 MHz with exchanges of 250 us.
const READ_UNIT: Duration = Duration::from_millis(16);

/// What a loader can erase and program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Abilities {
    /// Its smallest erase; a sector of the region is made of these.
    pub erase_bytes: u32,
    /// True if a whole sector can also be erased at once, for less than all of its small erases.
    pub erases_sector_at_once: bool,
    /// Granularity of programs.
    pub page_bytes: u32,
    /// What an erased byte reads as.
    pub erased_byte: u8,
    /// How long the flash takes.
    pub times: NorTimes,
}

impl Abilities {
    /// The unit in which contents are compared: a power of two that divides every erase.
    pub fn unit_bytes(&self) -> u32 {
        let divisor = self.erase_bytes & self.erase_bytes.wrapping_neg();
        divisor.clamp(1, LARGEST_UNIT)
    }
}

/// What is known of a unit of a sector before anything is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// It does not hold what is wanted of it.
    pub differs: bool,
    /// All of it is erased.
    pub blank: bool,
}

/// An erase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Erase {
    pub address: Address,
    pub bytes: u32,
}

/// What is to be done to one sector.
#[derive(Clone, Debug)]
pub(super) struct SectorPlan {
    pub address: Address,
    pub erases: Vec<Erase>,
    /// What it then holds, where it is known: in the units that are changed.
    pub content: Vec<u8>,
    unit: usize,
    page: usize,
    erased_byte: u8,
    /// The units that are changed.
    changed: Vec<bool>,
    /// What must be read before, because an erase takes it along and nobody wrote it.
    preserved: Vec<bool>,
}

impl SectorPlan {
    /// How to get to what is wanted; `None` if it is there. What [`Self::preserved`] names is to be read before the first erase.
    pub fn new(sector: &Sector, units: &[Unit], abilities: &Abilities) -> Option<Self> {
        if !units.iter().any(|unit| unit.differs) {
            return None;
        }
        let unit = abilities.unit_bytes() as usize;
        let covered = coverage(sector, units.len(), unit);
        let grains = erased_grains(units, &covered, abilities);
        let units_of_grain = abilities.erase_bytes as usize / unit;
        let erased = |index: usize| grains.get(index / units_of_grain).copied() == Some(true);
        let changed: Vec<bool> = (0..)
            .zip(units)
            .map(|(index, unit)| erased(index) && !unit.blank || unit.differs)
            .collect();
        let preserved = (0..)
            .zip(units.iter().zip(covered))
            .map(|(index, (unit, covered))| erased(index) && !unit.blank && !covered)
            .collect();
        let mut content = vec![abilities.erased_byte; units.len() * unit];
        sector.apply(&mut content);
        Some(Self {
            address: sector.address,
            erases: erases(sector.address, &grains, abilities),
            content,
            unit,
            page: abilities.page_bytes as usize,
            erased_byte: abilities.erased_byte,
            changed,
            preserved,
        })
    }

    /// What must be read and given to [`Self::keep`] before anything is erased.
    pub fn preserved(&self) -> Vec<Range<u64>> {
        self.ranges(&self.preserved)
    }

    /// Keeps `bytes`, read at `start`, as far as nothing else is wanted there.
    pub fn keep(&mut self, sector: &Sector, start: u64, bytes: &[u8]) {
        let offset = (start - u64::from(self.address.0)) as usize;
        if let Some(place) = self.content.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        sector.apply(&mut self.content);
    }

    /// What was read and kept, as it will be there afterwards.
    pub fn kept(&self) -> impl Iterator<Item = (Address, Vec<u8>)> + '_ {
        let ranges = self.preserved().into_iter();
        ranges.map(|range| (Address(range.start as u32), self.content(&range).to_vec()))
    }

    /// What is different afterwards, and so is to be verified.
    pub fn changed(&self) -> Vec<Range<u64>> {
        self.ranges(&self.changed)
    }

    /// Bytes of it.
    pub fn bytes(&self) -> u64 {
        self.content.len() as u64
    }

    /// The content of `range`, which is part of the sector.
    pub fn content(&self, range: &Range<u64>) -> &[u8] {
        let base = u64::from(self.address.0);
        let part =
            range.start.saturating_sub(base) as usize..range.end.saturating_sub(base) as usize;
        self.content.get(part).unwrap_or_default()
    }

    /// Offset and bytes of each call: neighbouring pages together, up to `largest` bytes; what stays erased is left out.
    pub fn programs(&self, largest: u32) -> Vec<(usize, &[u8])> {
        let mut calls: Vec<Range<usize>> = Vec::new();
        for (index, page) in self.content.chunks(self.page).enumerate() {
            let start = index * self.page;
            let changes = (start..start + page.len())
                .step_by(self.unit)
                .any(|at| self.changed.get(at / self.unit) == Some(&true));
            if !changes || page.iter().all(|byte| *byte == self.erased_byte) {
                continue;
            }
            let end = start + page.len();
            match calls.last_mut() {
                Some(call) if call.end == start && end - call.start <= largest as usize => {
                    call.end = end;
                }
                _ => calls.push(start..end),
            }
        }
        calls
            .into_iter()
            .filter_map(|call| Some((call.start, self.content.get(call)?)))
            .collect()
    }

    fn ranges(&self, units: &[bool]) -> Vec<Range<u64>> {
        let base = u64::from(self.address.0);
        let unit = self.unit as u64;
        let ranges = (0..)
            .zip(units)
            .filter(|(_, meant)| **meant)
            .map(|(index, _)| base + index * unit..base + (index + 1) * unit);
        super::transaction::join(ranges)
    }
}

/// Whether each unit is wanted as a whole.
fn coverage(sector: &Sector, units: usize, unit_bytes: usize) -> Vec<bool> {
    let base = u64::from(sector.address.0);
    let wanted = sector.wanted();
    (0..units as u64)
        .map(|index| {
            let start = base + index * unit_bytes as u64;
            let end = start + unit_bytes as u64;
            wanted
                .iter()
                .any(|range| range.start <= start && end <= range.end)
        })
        .collect()
}

/// Which grains, the smallest erases, are erased. Flash with error correction takes a page once, and so does NOR by its data sheet's
/// advice: what differs and is not blank is erased.
fn erased_grains(units: &[Unit], covered: &[bool], abilities: &Abilities) -> Vec<bool> {
    let units_of_grain = (abilities.erase_bytes / abilities.unit_bytes()) as usize;
    let dirty = |units: &[Unit]| units.iter().any(|unit| unit.differs && !unit.blank);
    let mut grains: Vec<bool> = units.chunks(units_of_grain).map(dirty).collect();
    if abilities.erases_sector_at_once && grains.len() > 1 {
        let small = grains.iter().filter(|erased| **erased).count() as u32;
        let times = &abilities.times;
        let program_unit = Duration::from_micros(times.page_us.into()) * PAGES_OF_UNIT;
        let mut at_once = Duration::from_millis(times.erase_64k_ms.into());
        for (index, unit) in units.iter().enumerate() {
            let is_erased_anyway = grains.get(index / units_of_grain) == Some(&true);
            if is_erased_anyway || unit.blank {
                continue;
            }
            at_once += program_unit;
            if covered.get(index) != Some(&true) {
                at_once += READ_UNIT;
            }
        }
        if at_once < Duration::from_millis(times.erase_4k_ms.into()) * small {
            grains.fill(true);
        }
    }
    grains
}

/// The erases of `grains`: neighbours as one where the loader takes them so.
fn erases(sector: Address, grains: &[bool], abilities: &Abilities) -> Vec<Erase> {
    let bytes = abilities.erase_bytes;
    if abilities.erases_sector_at_once && grains.iter().all(|erased| *erased) {
        return vec![Erase {
            address: sector,
            bytes: bytes * grains.len() as u32,
        }];
    }
    (0..)
        .zip(grains)
        .filter(|(_, erased)| **erased)
        .map(|(index, _)| Erase {
            address: Address(sector.0 + index * bytes),
            bytes,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flash::Transaction, layout::BoardProfile};

    const NOR: u32 = 0x7000_0000;

    const MX66UW1G45G: NorTimes = NorTimes {
        erase_4k_ms: 25,
        erase_64k_ms: 256,
        page_us: 152,
    };

    const ST: Abilities = Abilities {
        erase_bytes: 0x1_0000,
        erases_sector_at_once: false,
        page_bytes: 0x1000,
        erased_byte: 0xFF,
        times: MX66UW1G45G,
    };

    const OWN: Abilities = Abilities {
        erase_bytes: 0x1000,
        erases_sector_at_once: true,
        page_bytes: 0x100,
        erased_byte: 0xFF,
        times: MX66UW1G45G,
    };

    const BLANK: Unit = Unit {
        differs: false,
        blank: true,
    };
    const KEPT: Unit = Unit {
        differs: false,
        blank: false,
    };
    const NEW: Unit = Unit {
        differs: true,
        blank: true,
    };
    const CHANGED: Unit = Unit {
        differs: true,
        blank: false,
    };

    fn sector(offset: u32, data: &[u8]) -> Sector<'static> {
        let kit = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        let mut transaction = Transaction::new();
        transaction.write(Address(NOR + offset), data);
        // A sector's bytes stay with the transaction.
        let transaction: &'static Transaction = Box::leak(Box::new(transaction));
        let mut wanted = transaction.by_region(&kit).expect("flash");
        wanted.remove(0).1.remove(0)
    }

    /// Sixteen units: the first ones as given, the others as the last.
    fn units(first: &[Unit], rest: Unit) -> Vec<Unit> {
        let mut units = vec![rest; 16];
        units[..first.len()].copy_from_slice(first);
        units
    }

    fn calls(plan: &SectorPlan, largest: u32) -> Vec<(usize, usize)> {
        let programs = plan.programs(largest).into_iter();
        programs.map(|(at, data)| (at, data.len())).collect()
    }

    #[test]
    fn what_is_there_needs_nothing() {
        let sector = sector(0x100, &[1, 2, 3, 4]);
        assert!(SectorPlan::new(&sector, &units(&[KEPT], BLANK), &ST).is_none());
    }

    #[test]
    fn blank_units_are_programmed_without_an_erase() {
        let sector = sector(0x2000, &[1; 0x1800]);
        let there = units(&[KEPT, BLANK, NEW, NEW], BLANK);
        let plan = SectorPlan::new(&sector, &there, &ST).expect("a plan");
        assert_eq!(plan.erases, []);
        assert_eq!(plan.preserved(), []);
        assert_eq!(calls(&plan, 0x3000), [(0x2000, 0x2000)]);
        let plan = SectorPlan::new(&sector, &there, &OWN).expect("a plan");
        assert_eq!(calls(&plan, 0x4000), [(0x2000, 0x1800)], "whole pages only");
    }

    #[test]
    fn a_changed_byte_erases_its_sector_and_keeps_the_others() {
        let sector = sector(0x1234, &[0xAA]);
        let there = units(&[KEPT, CHANGED, KEPT], BLANK);
        let mut plan = SectorPlan::new(&sector, &there, &ST).expect("a plan");
        assert_eq!(plan.erases.len(), 1);
        let start = u64::from(NOR);
        assert_eq!(plan.preserved(), vec![start..start + 0x3000]);
        plan.keep(&sector, start, &[0x55; 0x3000]);
        assert_eq!((plan.content[0x1233], plan.content[0x1234]), (0x55, 0xAA));
        assert_eq!(calls(&plan, 0x2000), [(0, 0x2000), (0x2000, 0x1000)]);
        assert_eq!(plan.changed(), vec![start..start + 0x3000]);
    }

    #[test]
    fn our_own_loader_erases_4_kb_of_it() {
        let sector = sector(0x1234, &[0xAA]);
        let plan = SectorPlan::new(&sector, &units(&[KEPT, CHANGED], KEPT), &OWN).expect("a plan");
        let small = Erase {
            address: Address(NOR + 0x1000),
            bytes: 0x1000,
        };
        assert_eq!(plan.erases, [small]);
        let start = u64::from(NOR) + 0x1000;
        assert_eq!(plan.preserved(), vec![start..start + 0x1000]);
    }

    #[test]
    fn ten_small_erases_are_faster_than_a_large_one_and_eleven_are_not() {
        let whole = sector(0, &[1; 0x1_0000]);
        for (count, erases) in [(1, 1), (10, 10), (11, 1), (16, 1)] {
            let there = units(&vec![CHANGED; count], BLANK);
            let plan = SectorPlan::new(&whole, &there, &OWN).expect("a plan");
            assert_eq!(plan.erases.len(), erases, "{count} units");
        }
        // What would have to be read back and programmed again speaks against the large one.
        let part = sector(0, &[1; 0xB000]);
        let there = units(&[CHANGED; 11], KEPT);
        let plan = SectorPlan::new(&part, &there, &OWN).expect("a plan");
        assert_eq!(plan.erases.len(), 11);
    }

    #[test]
    fn another_nor_has_other_times() {
        let w25q64jv = Abilities {
            times: NorTimes {
                erase_4k_ms: 45,
                erase_64k_ms: 150,
                page_us: 400,
            },
            ..OWN
        };
        let whole = sector(0, &[1; 0x1_0000]);
        for (count, erases) in [(3, 3), (4, 1)] {
            let there = units(&vec![CHANGED; count], BLANK);
            let plan = SectorPlan::new(&whole, &there, &w25q64jv).expect("a plan");
            assert_eq!(plan.erases.len(), erases, "{count} units");
        }
    }

    #[test]
    fn units_are_powers_of_two_that_divide_an_erase() {
        let unit = |erase_bytes| Abilities { erase_bytes, ..OWN }.unit_bytes();
        assert_eq!(unit(0x1_0000), 0x1000);
        assert_eq!(unit(0x2000), 0x1000);
        assert_eq!(unit(0x800), 0x800);
        assert_eq!(unit(0x3000), 0x1000);
        assert_eq!(unit(0x600), 0x200);
    }
}
