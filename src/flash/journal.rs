//! Unfinished work, remembered in a small file beside the project: whoever programs this board next is told.
//!
//! Each board has a file of its own, named by its profile and its chip's unique identifier, so that two boards of one project do not
//! mix. The file is on the disk before the first erase, keeps why the work ended if that is known, and goes when what overlaps it has
//! been programmed and verified.
//!
//! What is to be done is not taken from it: the difference plan knows that by itself. What an erase takes along though nobody asked to
//! change it is on the host alone while the sector is being programmed: that is kept in the file, and put back by the next transaction
//! that overlaps. Nothing that is wrong with the file is a failure.

use std::{
    fs,
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{FlashContext, FlashError, region::Region, transaction::Sector};
use crate::{
    fault::{Code, Explain},
    layout::Address,
    link::{Link, LinkError, RegisterAccess},
    registers::uid::{UID, UidHigh, UidLow, UidMiddle},
};

/// How the files end.
const EXTENSION: &str = "unfinished";

/// What the file of a board holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    entries: Vec<Entry>,
}

/// A range of a flash that is being programmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    region: String,
    start: u64,
    end: u64,
    /// Why the work ended, if whoever did it had the time to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    /// What the erases take along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<Kept>,
}

/// Bytes that nobody asked to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    start: u32,
    #[serde(with = "in_base64")]
    bytes: Vec<u8>,
}

/// A sector in JSON as one string.
mod in_base64 {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}

impl Entry {
    fn overlaps(&self, region: &str, range: &Range<u64>) -> bool {
        self.region == region && self.start < range.end && range.start < self.end
    }
}

/// An earlier programming did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// A range may be erased or half programmed.
    #[error("an earlier programming of {region} ended in the middle, between {start} and 0x{end:08x}{}",
        because.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Range {
        /// The flash.
        region: String,
        /// First address.
        start: Address,
        /// First address behind it.
        end: u64,
        /// Why it ended, if that is known.
        because: Option<String>,
    },
    /// There was something, and nobody knows what.
    #[error("an earlier programming may not be finished: its journal {} is damaged", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
    },
}

impl Explain for Unfinished {
    fn code(&self) -> Code {
        Code::XG037
    }
}

/// What the journals in `folder` say of the board behind `link`. The chip is asked who it is only if there is a journal at all.
pub fn unfinished(
    link: &mut dyn Link,
    profile: &str,
    folder: &Path,
) -> Result<Vec<Unfinished>, LinkError> {
    if !has_journals(folder, profile) {
        return Ok(Vec::new());
    }
    let file = file_of(link, profile, folder)?;
    Ok(match read(&file) {
        Ok(contents) => contents.entries.into_iter().map(Unfinished::from).collect(),
        Err(Unreadable::Absent) => Vec::new(),
        Err(Unreadable::Damaged) => vec![Unfinished::Damaged { file }],
    })
}

impl From<Entry> for Unfinished {
    fn from(entry: Entry) -> Self {
        Self::Range {
            region: entry.region,
            start: Address(entry.start as u32),
            end: entry.end,
            because: entry.because,
        }
    }
}

/// The journal of one transaction.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    folder: Option<&'a Path>,
    profile: &'a str,
    /// The board's file, once it is known which board this is.
    file: Option<PathBuf>,
    /// What this transaction has begun.
    begun: Vec<(String, Range<u64>)>,
    /// The flashes in which that goes on with what an earlier one had left.
    resumed: Vec<String>,
}

impl<'a> Journal<'a> {
    pub(super) fn new(context: &'a FlashContext<'_>) -> Self {
        Self {
            folder: context.journal.as_deref(),
            profile: &context.profile.name,
            file: None,
            begun: Vec::new(),
            resumed: Vec::new(),
        }
    }

    /// What the erases of earlier transactions took along, as far as this one, which is for the ranges `covered`, overlaps them.
    pub(super) fn rescued(
        &self,
        link: &mut dyn Link,
        covered: &[(String, Range<u64>)],
    ) -> Result<Vec<(Address, Vec<u8>)>, LinkError> {
        let Some(folder) = self.folder.filter(|it| has_journals(it, self.profile)) else {
            return Ok(Vec::new());
        };
        let contents = read(&file_of(link, self.profile, folder)?).unwrap_or_default();
        let ours = |entry: &Entry| {
            let mut covered = covered.iter();
            covered.any(|(region, range)| entry.overlaps(region, range))
        };
        let entries = contents.entries.into_iter().filter(ours);
        let kept = entries.flat_map(|entry| entry.kept);
        Ok(kept.map(|kept| (Address(kept.start), kept.bytes)).collect())
    }

    /// Work on `range` of `region` is about to begin, whose erases take `kept` along. Programming goes on without a journal if it cannot
    /// be written.
    pub(super) fn begin(
        &mut self,
        link: &mut dyn Link,
        region: &str,
        range: Range<u64>,
        kept: Vec<(Address, Vec<u8>)>,
    ) -> Result<(), LinkError> {
        let Some(folder) = self.folder else {
            return Ok(());
        };
        let file = file_of(link, self.profile, folder)?;
        let mut contents = read(&file).unwrap_or_default();
        let mut entry = Entry {
            region: region.to_owned(),
            start: range.start,
            end: range.end,
            because: None,
            kept: Vec::new(),
        };
        contents.entries.retain_mut(|earlier| {
            let joined = earlier.overlaps(region, &range);
            if joined {
                entry.kept.append(&mut earlier.kept);
                entry.start = entry.start.min(earlier.start);
                entry.end = entry.end.max(earlier.end);
                self.resumed.push(region.to_owned());
            }
            !joined
        });
        let kept = kept.into_iter();
        let kept = kept.map(|(Address(start), bytes)| Kept { start, bytes });
        entry.kept.extend(kept);
        contents.entries.push(entry);
        self.begun.push((region.to_owned(), range));
        keep(&file, &contents);
        self.file = Some(file);
        Ok(())
    }

    /// The work has ended in the middle.
    pub(super) fn failed(&self, error: &FlashError) {
        let Some(file) = &self.file else { return };
        let mut contents = read(file).unwrap_or_default();
        for entry in &mut contents.entries {
            let ours = |(region, range): &(String, Range<u64>)| entry.overlaps(region, range);
            if self.begun.iter().any(ours) {
                entry.because = Some(error.to_string());
            }
        }
        keep(file, &contents);
    }

    /// These ranges hold what was wanted: what was unfinished there is finished. The flashes where an earlier transaction had left it so.
    pub(super) fn end(
        self,
        link: &mut dyn Link,
        covered: &[(String, Range<u64>)],
    ) -> Result<Vec<String>, LinkError> {
        let Some(folder) = self.folder else {
            return Ok(Vec::new());
        };
        let file = match self.file {
            Some(file) => file,
            None if has_journals(folder, self.profile) => file_of(link, self.profile, folder)?,
            None => return Ok(Vec::new()),
        };
        let (mut contents, damaged) = match read(&file) {
            Ok(contents) => (contents, false),
            Err(Unreadable::Absent) => return Ok(Vec::new()),
            Err(Unreadable::Damaged) => (Contents::default(), true),
        };
        let mut completed = self.resumed;
        contents.entries.retain(|entry| {
            let covers = |(region, range): &(String, Range<u64>)| entry.overlaps(region, range);
            let finished = covered.iter().any(covers);
            if finished && !self.begun.iter().any(covers) {
                completed.push(entry.region.clone());
            }
            !finished
        });
        if contents.entries.is_empty() {
            remove(&file, folder);
        } else if !damaged {
            keep(&file, &contents);
        }
        Ok(completed)
    }
}

/// Each flash with the range that the sectors in question span.
pub(super) fn covered(wanted: &[(Region, Vec<Sector<'_>>)]) -> Vec<(String, Range<u64>)> {
    let spans = wanted.iter().filter_map(|(region, sectors)| {
        let start = u64::from(sectors.first()?.address.0);
        let last = u64::from(sectors.last()?.address.0);
        let end = last + u64::from(region.sector_bytes);
        Some((region.name.clone(), start..end))
    });
    spans.collect()
}

/// The board's own file.
fn file_of(link: &mut dyn Link, profile: &str, folder: &Path) -> Result<PathBuf, LinkError> {
    let low: UidLow = link.peek(UID)?;
    let middle: UidMiddle = link.peek(UID)?;
    let high: UidHigh = link.peek(UID)?;
    let (low, middle, high) = (low.value(), middle.value(), high.value());
    Ok(folder.join(format!(
        "{profile}-{high:08x}{middle:08x}{low:08x}.{EXTENSION}"
    )))
}

/// True if some board of this profile has a file.
fn has_journals(folder: &Path, profile: &str) -> bool {
    let prefix = format!("{profile}-");
    let is_ours = |name: &str| name.starts_with(&prefix) && name.ends_with(EXTENSION);
    fs::read_dir(folder).is_ok_and(|files| {
        let names = files.flatten().map(|file| file.file_name());
        names
            .into_iter()
            .any(|name| name.to_str().is_some_and(is_ours))
    })
}

/// Why a file says nothing.
enum Unreadable {
    Absent,
    Damaged,
}

fn read(file: &Path) -> Result<Contents, Unreadable> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unreadable::Absent),
        Err(_) => return Err(Unreadable::Damaged),
    };
    serde_json::from_slice(&text).map_err(|_| Unreadable::Damaged)
}

fn keep(file: &Path, contents: &Contents) {
    if let Err(error) = write(file, contents) {
        tracing::warn!("the journal {} cannot be written: {error}", file.display());
    }
}

/// Beside the old file, onto the disk, and then in its place.
fn write(path: &Path, contents: &Contents) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(&serde_json::to_vec_pretty(contents)?)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// The folder goes with its last file.
fn remove(file: &Path, folder: &Path) {
    match fs::remove_file(file) {
        // A folder with something else in it stays.
        Ok(()) => drop(fs::remove_dir(folder)),
        Err(error) => tracing::warn!("the journal {} cannot be removed: {error}", file.display()),
    }
}

#[cfg(test)]
mod tests;
