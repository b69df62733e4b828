//! The state file: what the board keeps without power.
//!
//! One line of JSON says which blocks of which memory follow, then the blocks' bytes follow in that order. Blank blocks are left
//! out. A checksum over the bytes tells a torn or altered file. Saving writes a new file beside the old one and renames it.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

const FORMAT: &str = "virtual-board state";
const VERSION: u32 = 1;
/// Granularity in which memories are kept.
pub const BLOCK_BYTES: usize = 0x1000;
/// Every non-volatile memory of the board is erased to ones.
const BLANK: u8 = 0xFF;

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
    /// The file cannot be written.
    #[error("state file {} cannot be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
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
    /// A later version wrote it.
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
}

/// Contents of the non-volatile memories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Option words by offset of their status register.
    pub option_words: BTreeMap<u32, u32>,
    /// Blocks of at most [`BLOCK_BYTES`] by memory and offset.
    pub memories: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    checksum: u32,
    option_words: BTreeMap<u32, u32>,
    blocks: Vec<BlockHeader>,
}

#[derive(Serialize, Deserialize)]
struct BlockHeader {
    memory: String,
    offset: u32,
    bytes: usize,
}

impl State {
    /// Keeps `bytes` at `offset` of `memory`, but for blank blocks.
    pub fn keep(&mut self, memory: &str, offset: u32, bytes: &[u8]) {
        let blocks = self.memories.entry(memory.to_owned()).or_default();
        for (block, offset) in bytes
            .chunks(BLOCK_BYTES)
            .zip((offset..).step_by(BLOCK_BYTES))
        {
            if block.iter().any(|byte| *byte != BLANK) {
                blocks.insert(offset, block.to_vec());
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
            let end = offset + bytes.len() as u32;
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
        let mut data = &data[1..];
        let header: Header =
            serde_json::from_slice(line).map_err(|source| not_a_state_file(Some(source)))?;
        if header.format != FORMAT {
            return Err(not_a_state_file(None));
        }
        if header.version > VERSION {
            return Err(StateError::Version {
                path: path.to_owned(),
                found: header.version,
            });
        }
        let damaged = |found| StateError::Damaged {
            path: path.to_owned(),
            expected: header.blocks.iter().map(|block| block.bytes).sum(),
            checksum: header.checksum,
            found,
        };
        let found = data.len();
        if crc32(data) != header.checksum {
            return Err(damaged(found));
        }
        let mut state = Self {
            option_words: header.option_words.clone(),
            ..Self::default()
        };
        for block in &header.blocks {
            let (bytes, rest) = data
                .split_at_checked(block.bytes)
                .ok_or_else(|| damaged(found))?;
            state.keep(&block.memory, block.offset, bytes);
            data = rest;
        }
        Ok(state)
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
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            checksum: crc32(&data),
            option_words: self.option_words.clone(),
            blocks,
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        let mut file = fs::File::create(&new)?;
        serde_json::to_writer(&mut file, &header)?;
        file.write_all(b"\n")?;
        file.write_all(&data)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }
}

/// CRC-32 as in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    !bytes.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (POLYNOMIAL * (crc & 1));
        }
        crc
    })
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
    fn a_damaged_or_foreign_file_is_refused() {
        let path = file("damaged");
        sample().save(&path).unwrap();
        let mut contents = fs::read(&path).unwrap();
        contents.truncate(contents.len() - 1);
        assert!(matches!(
            State::parse(&path, &contents),
            Err(StateError::Damaged { found: 0x1802, .. })
        ));
        assert!(matches!(
            State::parse(&path, b"\x7fELF\n"),
            Err(StateError::Header { .. })
        ));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_checksum_is_that_of_zip_files() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
