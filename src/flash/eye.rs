//! How contents are compared: over the wire, or by checksums that the core computes. See docs/decisions/0006-what-is-compared-where.md.

use std::ops::Range;

use super::{
    Difference, FlashContext, FlashError, Standing, Transaction, may_use_flash,
    plan::{Abilities, SectorPlan, Unit},
    region::Region,
    routine_of,
    transaction::{Sector, join, parts},
};
use crate::{
    layout::Address,
    link::{Link, salvage::Salvage},
    loader::{Function, Loader, Routine, checksums_in_place},
    window::Windows,
};

/// A packet of a CMSIS-DAP v2 probe takes 126 words, and TAR is written every kilobyte: four exchanges each.
const EXCHANGES_PER_KILOBYTE: u64 = 4;
/// Checksums without a loader, and the reset behind them.
const EXCHANGES_IN_PLACE: u64 = 40;
/// A loader's reset, calls and end, besides its code.
const EXCHANGES_OF_LOADER: u64 = 90;

/// Who looks.
pub(super) enum Eye<'e, 'r> {
    /// The probe reads, and the host compares. The core is not disturbed.
    Wire,
    /// The core computes checksums in the state that the boot stage has made.
    Core,
    /// The core computes checksums between the calls of a loader.
    Loader(&'e mut Loader<'r>),
}

/// What is cheapest for a first look at an open window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstLook {
    /// Over the wire.
    Wire,
    /// By the core as it stands.
    Core,
    /// None: the loader, which a change needs anyway, looks.
    Loader,
}

impl FirstLook {
    /// By exchanges. `looks_first` says that a loader must not run before a difference is known.
    pub fn choose(
        standing: Standing,
        sectors: &[Sector],
        routine: Option<&Routine>,
        looks_first: bool,
    ) -> Self {
        let bytes: u64 = sectors.iter().map(Sector::wanted_bytes).sum();
        let exchanges = |bytes: u64| bytes.div_ceil(1024) * EXCHANGES_PER_KILOBYTE;
        let wire = exchanges(bytes) + sectors.len() as u64;
        if standing == Standing::BeforeAppli {
            return if EXCHANGES_IN_PLACE < wire {
                Self::Core
            } else {
                Self::Wire
            };
        }
        let loader = routine.map(|routine| {
            let code: usize = routine.segments.iter().map(|part| part.data.len()).sum();
            EXCHANGES_OF_LOADER + exchanges(code as u64)
        });
        match loader {
            Some(loader) if loader < wire && !looks_first => Self::Loader,
            _ => Self::Wire,
        }
    }
}

/// Looks at each flash that a transaction is for, without changing anything: over the wire where it can be read, so that a program that
/// runs from it is not disturbed; a window that is closed is opened by the loader, and the chip then reset.
pub(super) fn look_at_each<T>(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
    look: impl Fn(&mut Sight<'_>, &mut Eye<'_, '_>, &[Sector]) -> Result<T, FlashError>,
) -> Result<Vec<T>, FlashError> {
    let wanted = transaction.by_region(context.profile)?;
    may_use_flash(link, windows)?;
    let mut seen = Vec::new();
    for (region, sectors) in wanted {
        let mut sight = Sight {
            link,
            windows,
            context,
            region: &region,
        };
        seen.push(sight.with_eye(|sight, eye| look(sight, eye, &sectors))?);
    }
    Ok(seen)
}

/// What is looked through: link, windows and board.
pub(super) struct Sight<'s> {
    pub link: &'s mut dyn Link,
    pub windows: &'s mut Windows,
    pub context: &'s FlashContext<'s>,
    pub region: &'s Region,
}

impl Sight<'_> {
    /// Over the wire where the region can be read, else between the calls of a loader.
    fn with_eye<T>(
        &mut self,
        look: impl FnOnce(&mut Self, &mut Eye<'_, '_>) -> Result<T, FlashError>,
    ) -> Result<T, FlashError> {
        if self.region.is_readable(self.link, self.windows)? {
            return look(self, &mut Eye::Wire);
        }
        let profile = self.context.profile;
        let routine = routine_of(self.region, profile)?;
        let mut loader = Loader::start(self.link, self.windows, &routine, profile, None)?;
        let seen = match loader.init(self.link, self.windows, Function::Verify) {
            Ok(()) => look(self, &mut Eye::Loader(&mut loader)),
            Err(error) => Err(error.into()),
        };
        let ended = loader.finish(self.link, self.windows);
        let seen = seen?;
        ended?;
        Ok(seen)
    }

    /// Reads over the wire.
    pub fn read(&mut self, range: &Range<u64>) -> Result<Vec<u8>, FlashError> {
        self.region.read(self.link, self.windows, range)
    }

    /// Reads over the wire, around what is damaged.
    pub fn salvage(&mut self, range: &Range<u64>) -> Result<Salvage, FlashError> {
        self.region.salvage(self.link, self.windows, range)
    }

    /// CRC-32 of each part of `runs` between multiples of `unit`; none of a part that cannot be read. Internal flash is read over the
    /// wire by any eye: a damaged word would be a fault of the core that looks.
    pub fn checksums(
        &mut self,
        eye: &mut Eye<'_, '_>,
        runs: &[Range<u64>],
        unit: u32,
    ) -> Result<Vec<Option<u32>>, FlashError> {
        let sums = match eye {
            Eye::Core if !self.region.is_internal() => {
                let (link, windows) = (&mut *self.link, &mut *self.windows);
                checksums_in_place(link, windows, self.context.profile, runs, unit)?
            }
            Eye::Loader(loader) if !self.region.is_internal() => {
                loader.checksums(self.link, self.windows, runs, unit)?
            }
            _ => return self.checksums_by_wire(runs, unit),
        };
        Ok(sums.into_iter().map(Some).collect())
    }

    fn checksums_by_wire(
        &mut self,
        runs: &[Range<u64>],
        unit: u32,
    ) -> Result<Vec<Option<u32>>, FlashError> {
        let mut sums = Vec::new();
        // No more than a sector of the host's memory at a time, however long the run.
        let sectors = runs
            .iter()
            .flat_map(|run| parts(run, self.region.sector_bytes));
        for piece in sectors {
            let there = self.salvage(&piece)?;
            for part in parts(&piece, unit) {
                let is_in = |range: &Range<u64>| range.start < part.end && part.start < range.end;
                let sum = crc(slice(&there.bytes, piece.start, &part));
                sums.push((!there.damaged.iter().any(is_in)).then_some(sum));
            }
        }
        Ok(sums)
    }

    /// Which units of each sector differ from what is wanted of them. A sector has as many units as the region's have.
    pub fn differing(
        &mut self,
        eye: &mut Eye<'_, '_>,
        sectors: &[Sector],
        unit: u32,
    ) -> Result<Vec<Vec<bool>>, FlashError> {
        let runs = join(sectors.iter().flat_map(Sector::wanted));
        let mut sums = self.checksums(eye, &runs, unit)?.into_iter();
        let size = self.region.sector_bytes;
        let mut all = Vec::new();
        for sector in sectors {
            let start = u64::from(sector.address.0);
            let content = self.content(sector);
            let mut differs = vec![false; size.div_ceil(unit) as usize];
            for part in sector.wanted().iter().flat_map(|run| parts(run, unit)) {
                let index = (part.start - start) / u64::from(unit);
                let equal = sums.next() == Some(Some(crc(slice(&content, start, &part))));
                if let Some(differs) = differs.get_mut(index as usize) {
                    *differs |= !equal;
                }
            }
            all.push(differs);
        }
        Ok(all)
    }

    /// The same, and which units are blank where something differs.
    fn units(
        &mut self,
        eye: &mut Eye<'_, '_>,
        sectors: &[Sector],
        unit: u32,
    ) -> Result<Vec<Vec<Unit>>, FlashError> {
        let differing = self.differing(eye, sectors, unit)?;
        let size = u64::from(self.region.sector_bytes);
        let changes = |differs: &Vec<bool>| differs.contains(&true);
        let runs = std::iter::zip(sectors, &differing)
            .filter(|(_, differs)| changes(differs))
            .map(|(sector, _)| u64::from(sector.address.0)..u64::from(sector.address.0) + size);
        let mut sums = self.checksums(eye, &join(runs), unit)?.into_iter();
        let blank = crc(&vec![self.region.erased_byte; unit as usize]);
        Ok(differing
            .into_iter()
            .map(|differs| {
                let looked_at = changes(&differs);
                let unit = |differs| Unit {
                    differs,
                    blank: looked_at && sums.next() == Some(Some(blank)),
                };
                differs.into_iter().map(unit).collect()
            })
            .collect())
    }

    /// What becomes of each sector; `None` where what is wanted is there. What an erase would take along has been read.
    pub fn plans(
        &mut self,
        eye: &mut Eye<'_, '_>,
        sectors: &[Sector],
        abilities: &Abilities,
    ) -> Result<Vec<Option<SectorPlan>>, FlashError> {
        let known = self.units(eye, sectors, abilities.unit_bytes())?;
        let mut plans = Vec::new();
        for (sector, units) in std::iter::zip(sectors, known) {
            let mut plan = SectorPlan::new(sector, &units, abilities);
            if let Some(plan) = &mut plan {
                for range in plan.preserved() {
                    let there = self.salvage(&range)?;
                    plan.keep(sector, range.start, &there.bytes);
                }
            }
            plans.push(plan);
        }
        Ok(plans)
    }

    /// The first byte of `sectors` that is not what is wanted, if there is one.
    pub fn first_difference(
        &mut self,
        sectors: &[Sector],
        differing: &[Vec<bool>],
        unit: u32,
    ) -> Result<Option<Difference>, FlashError> {
        for (sector, differs) in std::iter::zip(sectors, differing) {
            let start = u64::from(sector.address.0);
            let content = self.content(sector);
            for part in sector.wanted().iter().flat_map(|run| parts(run, unit)) {
                let index = ((part.start - start) / u64::from(unit)) as usize;
                if differs.get(index) != Some(&true) {
                    continue;
                }
                let there = self.read(&part)?;
                if let Some(found) = difference(part.start, &there, slice(&content, start, &part)) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    fn content(&self, sector: &Sector) -> Vec<u8> {
        let mut content = vec![self.region.erased_byte; self.region.sector_bytes as usize];
        sector.apply(&mut content);
        content
    }
}

/// The first byte at which `there`, read at `start`, is not as `wanted`.
pub(super) fn difference(start: u64, there: &[u8], wanted: &[u8]) -> Option<Difference> {
    let mut bytes = (start..).zip(there.iter().zip(wanted));
    bytes
        .find(|(_, (found, expected))| found != expected)
        .map(|(address, (found, expected))| Difference {
            address: Address(address as u32),
            expected: *expected,
            found: *found,
        })
}

/// CRC-32 as the core's routine computes it.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The bytes of `part` in `bytes`, which begin at `start`.
fn slice<'b>(bytes: &'b [u8], start: u64, part: &Range<u64>) -> &'b [u8] {
    let range = part.start.saturating_sub(start) as usize..part.end.saturating_sub(start) as usize;
    bytes.get(range).unwrap_or_default()
}
