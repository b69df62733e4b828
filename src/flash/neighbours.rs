//! The sectors beside those that a loader is asked to erase: a loader that erases more than that is found out, and made good.
//!
//! ST's loaders do not agree on what the end of SectorErase is, so that one of them may take a sector more. Loaders that are part of
//! the server are tested for it; for one of a file the neighbours are looked at before and after, and what would be lost is kept.

use std::ops::Range;

use super::{
    FlashError,
    eye::{Eye, Sight, crc},
    plan::SectorPlan,
    region::Region,
    transaction::join,
};
use crate::{
    layout::Address,
    link::Link,
    loader::{Loader, LoaderError, Origin, Rescue},
    window::Windows,
};

/// Sectors that nobody asked to change, as they were.
pub(super) struct Neighbours {
    sectors: Vec<Neighbour>,
    sector_bytes: u32,
}

struct Neighbour {
    range: Range<u64>,
    /// None if it cannot be read.
    sum: Option<u32>,
    /// What it held, if that was anything.
    contents: Option<Vec<u8>>,
}

impl Neighbours {
    /// Looks at the neighbours of what `plans` erase, before that is done.
    pub fn watch(
        sight: &mut Sight<'_>,
        loader: &mut Loader<'_>,
        plans: &[SectorPlan],
    ) -> Result<Self, FlashError> {
        let routine = loader.routine();
        let largest = routine.flash.largest_sector(&sight.region.range);
        let sector_bytes = largest.filter(|bytes| bytes.is_power_of_two());
        let ranges = match (routine.origin, sector_bytes) {
            (Origin::File, Some(bytes)) => beside(plans, sight.region, bytes),
            _ => Vec::new(),
        };
        let sector_bytes = sector_bytes.unwrap_or(sight.region.sector_bytes);
        let sums = sums(sight, loader, &ranges, sector_bytes)?;
        let blank = crc(&vec![sight.region.erased_byte; sector_bytes as usize]);
        let mut sectors = Vec::new();
        for (range, sum) in std::iter::zip(ranges, sums) {
            let contents = match sum == Some(blank) {
                true => None,
                false => Some(sight.salvage(&range)?.bytes),
            };
            sectors.push(Neighbour {
                range,
                sum,
                contents,
            });
        }
        Ok(Self {
            sectors,
            sector_bytes,
        })
    }

    /// Looks again, when everything is done and the window is mapped. A sector that has changed is put back as it was, which takes no
    /// erase when it was erased, and is a fault all the same.
    pub fn check(&self, sight: &mut Sight<'_>, loader: &mut Loader<'_>) -> Result<(), FlashError> {
        let ranges: Vec<_> = self.sectors.iter().map(|s| s.range.clone()).collect();
        let now = sums(sight, loader, &ranges, self.sector_bytes)?;
        let changed = std::iter::zip(&self.sectors, now).filter(|(before, now)| before.sum != *now);
        let changed: Vec<&Neighbour> = changed.map(|(before, _)| before).collect();
        let Some(first) = changed.first() else {
            return Ok(());
        };
        for neighbour in &changed {
            if let Some(contents) = &neighbour.contents {
                put_back(sight.link, sight.windows, loader, neighbour, contents)?;
            }
        }
        loader.map(sight.link, sight.windows)?;
        let now = sums(sight, loader, &ranges, self.sector_bytes)?;
        let restored = std::iter::zip(&self.sectors, now).all(|(before, now)| before.sum == now);
        Err(LoaderError::Neighbour {
            loader: loader.routine().name.clone(),
            sector: Address(first.range.start as u32),
            rescue: match restored {
                true => Rescue::Restored,
                false => Rescue::Lost,
            },
        }
        .into())
    }
}

/// Programs a sector as it was.
fn put_back(
    link: &mut dyn Link,
    windows: &mut Windows,
    loader: &mut Loader<'_>,
    neighbour: &Neighbour,
    contents: &[u8],
) -> Result<(), FlashError> {
    let starts = (neighbour.range.start..).step_by(loader.program_bytes() as usize);
    for (start, bytes) in starts.zip(contents.chunks(loader.program_bytes() as usize)) {
        loader.program(link, windows, Address(start as u32), bytes)?;
    }
    Ok(())
}

/// The loader's sectors before and behind each run of erases, where nothing is changed.
fn beside(plans: &[SectorPlan], region: &Region, sector_bytes: u32) -> Vec<Range<u64>> {
    let size = u64::from(sector_bytes);
    let erases = plans.iter().flat_map(|plan| &plan.erases).map(|erase| {
        let start = u64::from(erase.address.0);
        start..start + u64::from(erase.bytes)
    });
    let changed = join(plans.iter().flat_map(SectorPlan::changed));
    let is_changed = |sector: &Range<u64>| {
        let mut runs = changed.iter();
        runs.any(|run| run.start < sector.end && sector.start < run.end)
    };
    let mut beside: Vec<u64> = join(erases)
        .into_iter()
        .flat_map(|run| [run.start.checked_sub(size), Some(run.end)])
        .flatten()
        .filter(|start| region.range.start <= *start && start + size <= region.range.end)
        .filter(|start| !is_changed(&(*start..start + size)))
        .collect();
    beside.sort_unstable();
    beside.dedup();
    beside
        .into_iter()
        .map(|start| start..start + size)
        .collect()
}

fn sums(
    sight: &mut Sight<'_>,
    loader: &mut Loader<'_>,
    ranges: &[Range<u64>],
    sector_bytes: u32,
) -> Result<Vec<Option<u32>>, FlashError> {
    sight.checksums(&mut Eye::Loader(loader), ranges, sector_bytes)
}
