//! What is there beside what is wanted: for `flash --verify`.

use std::fmt;

use super::{
    FlashContext, FlashError, Transaction, UNIT_BYTES,
    eye::{Eye, Sight, look_at_each},
    report::sectors,
    transaction::Sector,
};
use crate::{layout::Address, link::Link, window::Windows};

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
            Some(difference) => Err(difference.into()),
        }
    }
}

impl From<Difference> for FlashError {
    fn from(difference: Difference) -> Self {
        let Difference {
            address,
            expected,
            found,
        } = difference;
        Self::Verify {
            address,
            expected,
            found,
        }
    }
}

/// Compares, and changes nothing in flash.
pub fn compare(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
) -> Result<Comparison, FlashError> {
    let regions = look_at_each(link, windows, context, transaction, compare_region)?;
    Ok(Comparison { regions })
}

fn compare_region(
    sight: &mut Sight<'_>,
    eye: &mut Eye<'_, '_>,
    sectors: &[Sector],
) -> Result<RegionComparison, FlashError> {
    let differing = sight.differing(eye, sectors, UNIT_BYTES)?;
    let different = differing.iter().filter(|units| units.contains(&true));
    Ok(RegionComparison {
        name: sight.region.name.clone(),
        bytes: sectors.iter().map(Sector::wanted_bytes).sum(),
        different_sectors: different.count() as u32,
        first: sight.first_difference(sectors, &differing, UNIT_BYTES)?,
    })
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
