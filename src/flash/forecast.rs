//! What programming would do, without doing it: for `flash --dry-run` and `monitor flash plan`.

use std::fmt;

use super::{
    FlashContext, FlashError, Transaction,
    eye::{Eye, Sight, look_at_each},
    report::sectors,
    routine_of,
    transaction::Sector,
    work::abilities,
};
use crate::{layout::Address, link::Link, window::Windows};

/// The plan for one sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorForecast {
    /// Its first address.
    pub address: Address,
    /// Bytes that would be erased.
    pub erased_bytes: u64,
    /// Bytes that would be programmed.
    pub programmed_bytes: u64,
}

/// The plan for one flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionForecast {
    /// `window nor at 0x70000000`.
    pub name: String,
    /// The loader that would do it.
    pub loader: String,
    /// Wanted bytes.
    pub bytes: u64,
    /// The sectors that would be changed.
    pub sectors: Vec<SectorForecast>,
}

/// The plan, flash by flash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Each flash that was asked for.
    pub regions: Vec<RegionForecast>,
}

/// Plans, and changes nothing in flash.
pub fn forecast(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
) -> Result<Forecast, FlashError> {
    let regions = look_at_each(link, windows, context, transaction, plan_region)?;
    Ok(Forecast { regions })
}

fn plan_region(
    sight: &mut Sight<'_>,
    eye: &mut Eye<'_, '_>,
    sectors: &[Sector],
) -> Result<RegionForecast, FlashError> {
    let routine = routine_of(sight.region, sight.context.profile)?;
    let abilities = abilities(&routine, sight.region);
    let mut planned = Vec::new();
    for plan in sight.plans(eye, sectors, &abilities)?.into_iter().flatten() {
        let erased = plan.erases.iter().map(|erase| u64::from(erase.bytes));
        let programs = plan.programs(abilities.page_bytes);
        planned.push(SectorForecast {
            address: plan.address,
            erased_bytes: erased.sum(),
            programmed_bytes: programs.iter().map(|(_, bytes)| bytes.len() as u64).sum(),
        });
    }
    Ok(RegionForecast {
        name: sight.region.name.clone(),
        loader: routine.name,
        bytes: sectors.iter().map(Sector::wanted_bytes).sum(),
        sectors: planned,
    })
}

/// A line a flash, and one a sector that would change.
impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, region) in self.regions.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{region}")?;
        }
        Ok(())
    }
}

impl fmt::Display for RegionForecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, bytes) = (&self.name, self.bytes);
        if self.sectors.is_empty() {
            return write!(f, "{name}: {bytes} bytes, nothing to program");
        }
        let sum = |of: fn(&SectorForecast) -> u64| self.sectors.iter().map(of).sum::<u64>();
        write!(
            f,
            "{name}: {bytes} bytes, {} to change by {}: {} bytes to erase, {} to program",
            sectors(self.sectors.len() as u32),
            self.loader,
            sum(|sector| sector.erased_bytes),
            sum(|sector| sector.programmed_bytes),
        )?;
        for sector in &self.sectors {
            write!(
                f,
                "\n  {}: erase {}, program {}",
                sector.address, sector.erased_bytes, sector.programmed_bytes
            )?;
        }
        Ok(())
    }
}
