//! Unfinished work, remembered in a small file: whoever programs this board next is told.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    fault::{Code, Explain},
    layout::Address,
};

/// What is being programmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub board: String,
    pub region: String,
    pub start: u32,
    pub end: u64,
}

/// An earlier programming did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an earlier programming of {region} ended in the middle, between {start} and 0x{end:08x}")]
pub struct Unfinished {
    region: String,
    start: Address,
    end: u64,
}

impl Explain for Unfinished {
    fn code(&self) -> Code {
        Code::XG037
    }
}

/// What the journal at `path` says is unfinished.
pub fn unfinished(path: &Path) -> Option<Unfinished> {
    let text = fs::read_to_string(path).ok()?;
    let entry: Entry = serde_json::from_str(&text).ok()?;
    Some(Unfinished {
        region: entry.region,
        start: Address(entry.start),
        end: entry.end,
    })
}

/// Remembers the work that begins. Programming goes on without a journal if it cannot be written.
pub(super) fn begin(path: Option<&Path>, entry: &Entry) {
    let Some(path) = path else { return };
    if let Err(error) = write(path, entry) {
        tracing::warn!("the journal {} cannot be written: {error}", path.display());
    }
}

fn write(path: &Path, entry: &Entry) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, serde_json::to_vec(entry)?)
}

/// These flashes hold what was wanted: what was unfinished there is finished.
pub(super) fn end<'a>(path: Option<&Path>, mut regions: impl Iterator<Item = &'a str>) {
    let Some(path) = path else { return };
    let Some(unfinished) = unfinished(path) else {
        return;
    };
    if regions.any(|region| region == unfinished.region)
        && let Err(error) = fs::remove_file(path)
    {
        tracing::warn!("the journal {} cannot be removed: {error}", path.display());
    }
}
