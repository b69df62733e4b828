//! What a transaction would change, without changing it: for `flash --verify` and `flash --dry-run`.

use std::fmt;

use super::{
    FlashContext, FlashError, Transaction, may_use_flash,
    plan::{Region, Sector},
    report::sectors,
    routine_of,
};
use crate::{
    layout::Address,
    link::Link,
    loader::{Function, Loader},
    window::Windows,
};

/// The first byte of a flash that is not what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub address: Address,
    /// What is wanted.
    pub expected: u8,
    /// What is there.
    pub found: u8,
}

/// One flash, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionComparison {
    /// `window nor at 0x70000000`.
    pub name: String,
    /// Bytes that were compared.
    pub bytes: u64,
    /// Sectors that hold a difference.
    pub different_sectors: u32,
    /// The first difference.
    pub first: Option<Difference>,
}

/// What is there, beside what is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Each flash that was asked for.
    pub regions: Vec<RegionComparison>,
}

impl Comparison {
    /// The first difference, as the error that a failed verification is.
    pub fn verified(&self) -> Result<(), FlashError> {
        match self.regions.iter().find_map(|region| region.first) {
            None => Ok(()),
            Some(Difference {
                address,
                expected,
                found,
            }) => Err(FlashError::Verify {
                address,
                expected,
                found,
            }),
        }
    }
}

/// Compares, and changes nothing in flash. A window that is closed is opened by the loader, and the chip then reset.
pub fn compare(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
) -> Result<Comparison, FlashError> {
    let wanted = transaction.by_region(context.profile)?;
    may_use_flash(link, windows)?;
    let mut comparison = Comparison::default();
    for (region, sectors) in wanted {
        let compared = if region.is_readable(link, windows)? {
            compare_region(link, windows, &region, &sectors)
        } else {
            let routine = routine_of(&region, context.profile)?;
            let mut loader = Loader::start(link, windows, &routine, context.profile, None)?;
            let compared = match loader.init(link, windows, Function::Verify) {
                Ok(()) => compare_region(link, windows, &region, &sectors),
                Err(error) => Err(error.into()),
            };
            let ended = loader.finish(link, windows);
            let compared = compared?;
            ended?;
            Ok(compared)
        };
        comparison.regions.push(compared?);
    }
    Ok(comparison)
}

fn compare_region(
    link: &mut dyn Link,
    windows: &mut Windows,
    region: &Region,
    sectors: &[Sector],
) -> Result<RegionComparison, FlashError> {
    let mut comparison = RegionComparison {
        name: region.name.clone(),
        bytes: 0,
        different_sectors: 0,
        first: None,
    };
    for sector in sectors {
        comparison.bytes += sector.wanted_bytes();
        if let Some(difference) = sector.difference(link, windows, region)? {
            comparison.different_sectors += 1;
            comparison.first.get_or_insert(difference);
        }
    }
    Ok(comparison)
}

/// One line a flash.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, region) in self.regions.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {} bytes compared, ", region.name, region.bytes)?;
            match region.first {
                None => f.write_str("verified")?,
                Some(first) => write!(
                    f,
                    "{} with differences, first at {}",
                    sectors(region.different_sectors),
                    first.address
                )?,
            }
        }
        Ok(())
    }
}
