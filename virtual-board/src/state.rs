//! The state file: what the board keeps without power.
//!
//! One line of JSON says which blocks of which memory follow, then the blocks' bytes follow in that order. Blank blocks are left
//! out. A checksum over the list and the bytes tells a torn or altered file. Saving writes a new file beside the old one and
//! renames it, so whatever goes wrong leaves the old one as it was. One board at a time has a [`Claim`] on it.

mod lock;

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

pub use lock::Claim;
use serde::{Deserialize, Serialize};

use crate::file_lock::LockError;

const FORMAT: &str = "virtual-board state";
const VERSION: u32 = 2;
/// Granularity in which memories are kept.
pub const BLOCK_BYTES: usize = 0x1000;
/// Ending of the new file until it takes the old one's place.
const NEW: &str = ".new";
/// Every non-volatile memory of the board is erased to ones.
pub const BLANK: u8 = 0xFF;

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read.
    #[error("state file {} cannot be read", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such file.
    #[error("there is no state file {}", .path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("state file {} cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another board has it, most likely of another process.
    #[error("state file {} is in use by another virtual board", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// Who has it.
        #[source]
        source: LockError,
    },
    /// The first line is not the header of a state file.
    #[error("{} is not a state file of a virtual board", .path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Why, if it is JSON at all.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// Another version wrote it.
    #[error("state file {} has version {found}, this program knows {VERSION}", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// The bytes are not those that the header promises.
    #[error(
        "state file {} is damaged: {expected} bytes with checksum {checksum:#010x} expected, {found} found",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Bytes that the header promises.
        expected: usize,
        /// Checksum that the header promises.
        checksum: u32,
        /// Bytes that are there.
        found: usize,
    },
    /// Something is kept in it for which this board has no place.
    #[error(
        "state file {} is of another board: it keeps {bytes} bytes at {offset:#x} of {memory}, where this one has none",
        .path.display()
    )]
    Misfit {
        /// The file.
        path: PathBuf,
        /// Memory as the file names it.
        memory: String,
        /// Where in it.
        offset: u32,
        /// How much.
        bytes: usize,
    },
}

/// Contents of the non-volatile memories, and how the board's switch stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Option words by offset of their status register.
    pub option_words: BTreeMap<u32, u32>,
    /// BOOT0 is high.
    pub boot_pin: bool,
    /// Blocks of at most [`BLOCK_BYTES`] by memory and offset.
    pub memories: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    checksum: u32,
    contents: Contents,
}

/// The part of the header that every version has.
#[derive(Deserialize)]
struct Origin {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    option_words: BTreeMap<u32, u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    boot_pin: bool,
    blocks: Vec<BlockHeader>,
}

#[derive(Serialize, Deserialize)]
struct BlockHeader {
    memory: String,
    offset: u32,
    bytes: usize,
}

impl Contents {
    /// Over the list as it is written, then the bytes.
    fn checksum(&self, data: &[u8]) -> serde_json::Result<u32> {
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&serde_json::to_vec(self)?);
        checksum.update(data);
        Ok(checksum.finalize())
    }

    fn bytes(&self) -> usize {
        let sizes = self.blocks.iter().map(|block| block.bytes);
        sizes.fold(0, usize::saturating_add)
    }
}

impl State {
    /// Keeps `bytes` at `offset` of `memory`, but for blank blocks.
    pub fn keep(&mut self, memory: &str, offset: u32, bytes: &[u8]) {
        let blocks = self.memories.entry(memory.to_owned()).or_default();
        for (index, block) in bytes.chunks(BLOCK_BYTES).enumerate() {
            if block.iter().any(|byte| *byte != BLANK) {
                let start = offset.saturating_add((index * BLOCK_BYTES) as u32);
                blocks.insert(start, block.to_vec());
            }
        }
    }

    /// The blocks of `memory` with their offsets.
    pub fn blocks(&self, memory: &str) -> impl Iterator<Item = (u32, &[u8])> {
        self.memories
            .get(memory)
            .into_iter()
            .flatten()
            .map(|(offset, bytes)| (*offset, bytes.as_slice()))
    }

    /// Start and end of each run of neighbouring blocks of `memory`.
    pub fn extents(&self, memory: &str) -> Vec<(u32, u32)> {
        let mut extents: Vec<(u32, u32)> = Vec::new();
        for (offset, bytes) in self.blocks(memory) {
            let end = offset.saturating_add(bytes.len() as u32);
            match extents.last_mut() {
                Some(last) if last.1 == offset => last.1 = end,
                _ => extents.push((offset, end)),
            }
        }
        extents
    }

    /// Reads `path`; nothing if there is no such file yet.
    pub fn load(path: &Path) -> Result<Option<Self>, StateError> {
        match fs::read(path) {
            Ok(contents) => Self::parse(path, &contents).map(Some),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn parse(path: &Path, contents: &[u8]) -> Result<Self, StateError> {
        let not_a_state_file = |source| StateError::Header {
            path: path.to_owned(),
            source,
        };
        let end = contents
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(|| not_a_state_file(None))?;
        let (line, data) = contents.split_at(end);
        let data = &data[1..];
        let as_json = |source| not_a_state_file(Some(source));
        let origin: Origin = serde_json::from_slice(line).map_err(as_json)?;
        if origin.format != FORMAT {
            return Err(not_a_state_file(None));
        }
        if origin.version != VERSION {
            return Err(StateError::Version {
                path: path.to_owned(),
                found: origin.version,
            });
        }
        let header: Header = serde_json::from_slice(line).map_err(as_json)?;
        let damaged = || StateError::Damaged {
            path: path.to_owned(),
            expected: header.contents.bytes(),
            checksum: header.checksum,
            found: data.len(),
        };
        let checksum = header.contents.checksum(data);
        let checksum = checksum.map_err(as_json)?;
        if checksum != header.checksum || header.contents.bytes() != data.len() {
            return Err(damaged());
        }
        let mut state = Self {
            option_words: header.contents.option_words.clone(),
            boot_pin: header.contents.boot_pin,
            ..Self::default()
        };
        let mut rest = data;
        for block in &header.contents.blocks {
            let (bytes, behind) = rest.split_at_checked(block.bytes).ok_or_else(damaged)?;
            state.keep(&block.memory, block.offset, bytes);
            rest = behind;
        }
        Ok(state)
    }

    /// Finds out now, not at the end of a session, that [`Self::save`] could not write `path`.
    pub fn check_writable(path: &Path) -> Result<(), StateError> {
        let new = beside(path, NEW);
        let tried = fs::File::create(&new).and_then(|_| fs::remove_file(&new));
        tried.map_err(|source| StateError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes `path`.
    pub fn save(&self, path: &Path) -> Result<(), StateError> {
        self.write(path).map_err(|source| StateError::Write {
            path: path.to_owned(),
            source,
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut data = Vec::new();
        let mut blocks = Vec::new();
        for (memory, kept) in &self.memories {
            for (offset, bytes) in kept {
                data.extend_from_slice(bytes);
                blocks.push(BlockHeader {
                    memory: memory.clone(),
                    offset: *offset,
                    bytes: bytes.len(),
                });
            }
        }
        let contents = Contents {
            option_words: self.option_words.clone(),
            boot_pin: self.boot_pin,
            blocks,
        };
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            checksum: contents.checksum(&data)?,
            contents,
        };
        let new = beside(path, NEW);
        let mut file = fs::File::create(&new)?;
        serde_json::to_writer(&mut file, &header)?;
        file.write_all(b"\n")?;
        file.write_all(&data)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }
}

/// The file beside `path` that has `ending` behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("virtual-board-{}-{name}", std::process::id()))
    }

    fn sample() -> State {
        let mut state = State::default();
        state.option_words.insert(0x260, 0x100);
        state.keep("nor", 0x1_0000, &[1, 2, 3]);
        state.keep("nor", 0x2_0000, &[BLANK; 0x2000]);
        state.keep("flash", 0, &[7; 0x1800]);
        state
    }

    #[test]
    fn what_is_saved_comes_back() {
        let path = file("round-trip");
        sample().save(&path).unwrap();
        let state = State::load(&path).unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(state, sample());
        assert_eq!(state.blocks("nor").count(), 1);
        assert_eq!(state.blocks("flash").count(), 2);
        assert_eq!(state.extents("flash"), [(0, 0x1800)]);
    }

    #[test]
    fn no_file_is_no_state() {
        assert!(State::load(&file("absent")).unwrap().is_none());
    }

    #[test]
    fn one_at_a_time_has_a_claim_on_a_file() {
        let path = file("claim");
        let other = file("other-claim");
        let claim = Claim::take(&path).unwrap();
        let refused = Claim::take(&path).unwrap_err();
        assert!(matches!(&refused, StateError::InUse { path: named, .. } if *named == path));
        // A save replaces the file, and the claim on it stays.
        sample().save(&path).unwrap();
        assert!(Claim::take(&path).is_err());
        drop(Claim::take(&other).unwrap());
        drop(claim);
        drop(Claim::take(&path).unwrap());
        for file in [&beside(&path, ".lock"), &beside(&other, ".lock"), &path] {
            fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn a_damaged_or_foreign_file_is_refused() {
        let path = file("damaged");
        sample().save(&path).unwrap();
        let contents = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        for length in 0..contents.len() {
            let refused = State::parse(&path, &contents[..length]);
            assert!(refused.is_err(), "{length} bytes of {}", contents.len());
        }
        assert!(matches!(
            State::parse(&path, &contents[..contents.len() - 1]),
            Err(StateError::Damaged { found: 0x1802, .. })
        ));
        let header = contents.iter().position(|&byte| byte == b'\n').unwrap();
        for place in 0..header + 16 {
            let mut altered = contents.clone();
            altered[place] ^= 1;
            let refused = State::parse(&path, &altered);
            assert!(refused.is_err(), "bit 0 of byte {place} flipped");
        }
        assert!(matches!(
            State::parse(&path, b"\x7fELF\n"),
            Err(StateError::Header { .. })
        ));
    }

    #[test]
    fn another_version_is_named() {
        let path = file("version");
        sample().save(&path).unwrap();
        let contents = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let text = String::from_utf8_lossy(&contents);
        let later = text.replacen("\"version\":2", "\"version\":3", 1);
        let error = State::parse(Path::new("a.state"), later.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "state file a.state has version 3, this program knows 2"
        );
    }
}
