//! What a transaction did, in figures.

use std::fmt;

use super::region::Region;
use crate::layout::Address;

/// What was done to one flash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionReport {
    /// `window nor at 0x70000000`.
    pub name: String,
    /// Sectors that were changed.
    pub changed_sectors: u32,
    /// Bytes erased.
    pub erased_bytes: u64,
    /// Bytes programmed.
    pub programmed_bytes: u64,
    /// Wanted bytes that were there already.
    pub unchanged_bytes: u64,
}

/// What a transaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes found as they should be after programming.
    pub verified_bytes: u64,
    /// Each flash that was asked for.
    pub regions: Vec<RegionReport>,
    /// Flashes in which this completed what an earlier programming had left unfinished.
    pub completed: Vec<String>,
    /// The first address of internal flash that could not be read before.
    pub repaired: Option<Address>,
}

impl Report {
    /// Bytes erased.
    pub fn erased_bytes(&self) -> u64 {
        self.regions.iter().map(|region| region.erased_bytes).sum()
    }

    /// Bytes programmed.
    pub fn programmed_bytes(&self) -> u64 {
        let regions = self.regions.iter();
        regions.map(|region| region.programmed_bytes).sum()
    }

    /// Wanted bytes that were there already.
    pub fn unchanged_bytes(&self) -> u64 {
        let regions = self.regions.iter();
        regions.map(|region| region.unchanged_bytes).sum()
    }

    pub(super) fn add(&mut self, region: &Region, unchanged: u64) {
        self.regions.push(RegionReport {
            name: region.name.clone(),
            unchanged_bytes: unchanged,
            ..RegionReport::default()
        });
    }

    pub(super) fn unchanged(&mut self, region: &Region, bytes: u64) {
        self.of(region, |report| report.unchanged_bytes += bytes);
    }

    pub(super) fn erased(&mut self, region: &Region, bytes: u32) {
        let bytes = u64::from(bytes);
        self.of(region, |report| report.erased_bytes += bytes);
    }

    pub(super) fn programmed(&mut self, region: &Region, bytes: u64) {
        self.of(region, |report| report.programmed_bytes += bytes);
    }

    pub(super) fn changed(&mut self, region: &Region) {
        self.of(region, |report| report.changed_sectors += 1);
    }

    pub(super) fn verified(&mut self, bytes: u64) {
        self.verified_bytes += bytes;
    }

    fn of(&mut self, region: &Region, change: impl FnOnce(&mut RegionReport)) {
        if let Some(report) = self.regions.iter_mut().find(|r| r.name == region.name) {
            change(report);
        }
    }
}

/// `1 sector`, `2 sectors`.
pub(super) fn sectors(count: u32) -> String {
    match count {
        1 => "1 sector".to_owned(),
        _ => format!("{count} sectors"),
    }
}

/// One line a flash.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.regions.is_empty() {
            return f.write_str("nothing to program");
        }
        for (index, region) in self.regions.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{region}")?;
        }
        if let Some(address) = self.repaired {
            write!(
                f,
                "\ninternal flash: was damaged, {address} could not be read; that is repaired"
            )?;
        }
        for region in &self.completed {
            write!(
                f,
                "\n{region}: what an earlier programming had left unfinished is complete"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for RegionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changed_sectors == 0 {
            return write!(
                f,
                "{}: unchanged, 0 bytes programmed ({} compared)",
                self.name, self.unchanged_bytes
            );
        }
        write!(
            f,
            "{}: {} changed, {} bytes erased, {} programmed, {} unchanged, verified",
            self.name,
            sectors(self.changed_sectors),
            self.erased_bytes,
            self.programmed_bytes,
            self.unchanged_bytes
        )
    }
}
