//! Programs as files: ELF, Intel HEX and plain binaries become segments by load address, with entry, vectors and symbols.
//!
//! What is programmed is what lies in the file at the *load* address of a segment (ELF p_paddr): `.data` of an appli runs at
//! 0x24000000 but is stored in the window. Segments without bytes in the file (p_filesz 0: `.bss`, stacks, regions that a linker
//! script merely reserves) are left out. Every size is checked against the file before anything is allocated.

mod elf;
mod error;
mod hex;
pub mod mcuboot;
mod symbols;

use std::{
    fs,
    io::{self, Read as _},
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

pub use error::ImageError;
pub use symbols::{Location, Symbols, Variable};

use crate::layout::{Address, BoardProfile};

/// Files larger than this are no firmware.
const LARGEST_FILE: u64 = 1 << 28;

/// Bytes that belong at an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// Load address.
    pub address: Address,
    /// The bytes; never empty, never beyond the 32-bit space.
    pub data: Vec<u8>,
    /// Where the program sees them, if that is not the load address.
    pub runs_at: Option<Address>,
}

impl Segment {
    /// The addresses that the bytes are stored at.
    pub fn range(&self) -> Range<u64> {
        let start = u64::from(self.address.0);
        start..start + self.data.len() as u64
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Segment({} bytes at {})", self.data.len(), self.address)
    }
}

/// A vector table: its place, and the two words that the core takes from it at reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vectors {
    /// Where the table is stored.
    pub address: Address,
    /// First word: initial stack pointer.
    pub stack_pointer: u32,
    /// Second word: reset handler, with the Thumb bit.
    pub reset: u32,
}

impl Vectors {
    /// Bytes that tell whether something is a vector table.
    pub const BYTES: usize = 8;

    /// The table whose first two words are `words`, stored at `address`.
    pub fn from_bytes(address: Address, words: [u8; Self::BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h] = words;
        Self {
            address,
            stack_pointer: u32::from_le_bytes([a, b, c, d]),
            reset: u32::from_le_bytes([e, f, g, h]),
        }
    }

    /// Address of the reset handler's first instruction.
    pub fn handler(&self) -> Address {
        Address(self.reset & !1)
    }

    /// Both words are erased flash.
    pub fn is_blank(&self) -> bool {
        self.stack_pointer == u32::MAX && self.reset == u32::MAX
    }

    /// A stack pointer that is aligned and in or just above a RAM of the board, and a Thumb handler.
    pub fn is_plausible(&self, profile: &BoardProfile) -> bool {
        let below_top = Address(self.stack_pointer.wrapping_sub(4));
        let stack_in_ram = profile.ram(below_top).is_some()
            || profile
                .window(below_top)
                .is_some_and(|window| window.memory == crate::layout::Memory::Ram);
        self.has_thumb_handler() && self.stack_pointer.is_multiple_of(4) && stack_in_ram
    }

    fn has_thumb_handler(&self) -> bool {
        self.reset & 1 == 1 && self.reset != u32::MAX
    }
}

/// Where the segments of an image go on a board.
#[derive(Debug, Default)]
pub struct Placement<'a> {
    /// Internal flash.
    pub internal: Vec<&'a Segment>,
    /// NOR windows.
    pub windows: Vec<&'a Segment>,
    /// RAM on the chip or behind a window: written after the board is armed.
    pub ram: Vec<&'a Segment>,
    /// In no memory of the board.
    pub elsewhere: Vec<&'a Segment>,
}

/// When and how large a file was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// A program.
#[derive(Clone, Debug, Default)]
pub struct Image {
    path: Option<PathBuf>,
    stamp: Option<Stamp>,
    segments: Vec<Segment>,
    entry: Option<Address>,
    vector_candidates: Vec<Address>,
    symbols: Symbols,
}

impl Image {
    /// Reads a file. ELF and Intel HEX are told by their content; anything else needs `FILE@ADDRESS`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ImageError> {
        let path = path.as_ref();
        let (path, address) = split_address(path)?;
        let bytes = read_limited(&path)?;
        let mut image = match address {
            Some(address) => Self::from_binary(address, bytes, &path)?,
            None => Self::from_bytes(&bytes, &path)?,
        };
        image.stamp = stamp(&path);
        image.path = Some(path);
        Ok(image)
    }

    /// An ELF file in memory: one that is built into the program.
    pub fn from_elf(bytes: &[u8]) -> Result<Self, ImageError> {
        elf::parse(bytes, Path::new("(built in)"))
    }

    /// An image of segments that are not from a file.
    pub fn from_segments(
        segments: impl IntoIterator<Item = (Address, Vec<u8>)>,
    ) -> Result<Self, ImageError> {
        let segments = segments
            .into_iter()
            .map(|(address, data)| Segment {
                address,
                data,
                runs_at: None,
            })
            .collect();
        Ok(Self {
            segments: sorted(segments, Path::new("(memory)"))?,
            ..Self::default()
        })
    }

    /// Several files as one program: entry, vectors and functions are the first's.
    pub fn join(images: Vec<Self>) -> Result<Self, ImageError> {
        let mut images = images.into_iter();
        let Some(mut whole) = images.next() else {
            return Ok(Self::default());
        };
        for image in images {
            if let Some(address) = whole.first_shared(&image) {
                return Err(ImageError::FilesOverlap {
                    path: image.path.unwrap_or_default(),
                    address,
                });
            }
            whole.segments.extend(image.segments);
            whole.segments.sort_by_key(|segment| segment.address);
        }
        Ok(whole)
    }

    /// The first address that both images store something at.
    fn first_shared(&self, other: &Self) -> Option<Address> {
        let pairs = other.segments.iter().flat_map(|theirs| {
            let ours = self.segments.iter().map(Segment::range);
            ours.map(move |ours| (ours, theirs.range()))
        });
        pairs
            .filter(|(ours, theirs)| ours.start < theirs.end && theirs.start < ours.end)
            .map(|(ours, theirs)| Address(ours.start.max(theirs.start) as u32))
            .min()
    }

    /// The bytes of an ELF or Intel HEX file; `path` is for messages.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, ImageError> {
        if bytes.starts_with(b"\x7FELF") {
            return elf::parse(bytes, path);
        }
        if bytes.trim_ascii_start().starts_with(b":") {
            return hex::parse(bytes, path);
        }
        Err(ImageError::NoAddress {
            path: path.to_owned(),
        })
    }

    fn from_binary(address: Address, data: Vec<u8>, path: &Path) -> Result<Self, ImageError> {
        let segment = Segment {
            address,
            data,
            runs_at: None,
        };
        Ok(Self {
            segments: sorted(vec![segment], path)?,
            vector_candidates: vec![address],
            ..Self::default()
        })
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The file's name for messages.
    pub fn name(&self) -> String {
        self.path.as_deref().and_then(Path::file_name).map_or_else(
            || "the image".into(),
            |name| name.to_string_lossy().into_owned(),
        )
    }

    /// True if the file was written since it was read.
    pub fn is_stale(&self) -> bool {
        self.path
            .as_deref()
            .is_some_and(|path| stamp(path) != self.stamp)
    }

    /// What is stored where, by rising address, without overlaps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The entry point without its Thumb bit (ELF e_entry, HEX type 05).
    pub fn entry(&self) -> Option<Address> {
        self.entry
    }

    /// Functions and variables, by name and by address.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.segments.iter().map(|s| s.data.len() as u64).sum()
    }

    /// Copies what the image stores from `address` on; returns how many bytes it holds there without a gap.
    pub fn read(&self, address: Address, data: &mut [u8]) -> usize {
        let mut done = 0;
        // A program that came in packets has thousands of segments.
        let before = |segment: &Segment| segment.range().end <= u64::from(address.0);
        let first = self.segments.partition_point(before);
        for segment in &self.segments[first..] {
            let at = u64::from(address.0) + done as u64;
            let range = segment.range();
            if done == data.len() || range.start > at {
                break;
            }
            if range.contains(&at) {
                let available = &segment.data[(at - range.start) as usize..];
                let count = available.len().min(data.len() - done);
                data[done..done + count].copy_from_slice(&available[..count]);
                done += count;
            }
        }
        done
    }

    /// The vector table: the section or symbol that names it, or else the beginning of a segment that looks like one.
    pub fn vectors(&self) -> Option<Vectors> {
        self.find_vectors(|_| true)
    }

    /// The vector table where an appli of this board has one: at the place that the settings name, or else where it executes.
    pub fn appli_vectors(&self, profile: &BoardProfile) -> Option<Vectors> {
        match profile.vectors {
            Some(address) => self.vectors_at(address),
            None => self.find_vectors(|address| profile.is_appli_place(address)),
        }
    }

    /// What an appli of this board consists of where it executes, of what it has in flash.
    pub fn in_place(&self, profile: &BoardProfile) -> Vec<&Segment> {
        self.segments
            .iter()
            .filter(|segment| {
                let last = Address((segment.range().end - 1) as u32);
                profile.is_appli_place(segment.address) && profile.is_appli_place(last)
            })
            .collect()
    }

    /// The vector table that is stored at `address`, whatever the file says of its purpose.
    pub fn vectors_at(&self, address: Address) -> Option<Vectors> {
        let mut words = [0; Vectors::BYTES];
        let whole = self.read(address, &mut words) == words.len();
        let vectors = Vectors::from_bytes(address, words);
        (whole && vectors.has_thumb_handler()).then_some(vectors)
    }

    fn find_vectors(&self, wanted: impl Fn(Address) -> bool) -> Option<Vectors> {
        let starts = self.segments.iter().map(|segment| segment.address);
        self.vector_candidates
            .iter()
            .copied()
            .chain(starts)
            .filter(|address| wanted(*address))
            .find_map(|address| {
                self.vectors_at(address)
                    .filter(|vectors| self.executes(vectors.handler()))
            })
    }

    /// True if the program has bytes at `address` when it runs.
    fn executes(&self, address: Address) -> bool {
        self.segments.iter().any(|segment| {
            let start = segment.runs_at.unwrap_or(segment.address).0;
            (address.0.wrapping_sub(start) as usize) < segment.data.len()
        })
    }

    /// Sorts the segments by the memories of a board.
    pub fn placement(&self, profile: &BoardProfile) -> Placement<'_> {
        let mut placement = Placement::default();
        for segment in &self.segments {
            let Range { start, end } = segment.range();
            let within = |range: Range<u64>| range.start <= start && end <= range.end;
            let nor = profile
                .windows
                .iter()
                .find(|window| within(window.range()))
                .map(|window| window.memory);
            let list = match nor {
                Some(crate::layout::Memory::Nor) => &mut placement.windows,
                Some(crate::layout::Memory::Ram) => &mut placement.ram,
                None if within(profile.internal_range()) => &mut placement.internal,
                None if profile.rams.iter().any(|ram| within(ram.range())) => &mut placement.ram,
                None => &mut placement.elsewhere,
            };
            list.push(segment);
        }
        placement
    }
}

/// Sorts segments and refuses what overlaps, is empty of sense, or leaves the 32-bit space.
fn sorted(mut segments: Vec<Segment>, path: &Path) -> Result<Vec<Segment>, ImageError> {
    segments.retain(|segment| !segment.data.is_empty());
    segments.sort_by_key(|segment| segment.address);
    for segment in &segments {
        if segment.range().end > 1 << 32 {
            return Err(ImageError::BeyondSpace {
                path: path.to_owned(),
                address: segment.address,
                length: segment.data.len() as u64,
            });
        }
    }
    for pair in segments.windows(2) {
        if pair[0].range().end > pair[1].range().start {
            return Err(ImageError::Overlap {
                path: path.to_owned(),
                first: pair[0].address,
                second: pair[1].address,
            });
        }
    }
    Ok(segments)
}

/// `FILE@ADDRESS`, unless a file of that very name exists.
fn split_address(path: &Path) -> Result<(PathBuf, Option<Address>), ImageError> {
    if path.exists() {
        return Ok((path.to_owned(), None));
    }
    let Some((file, address)) = path.to_str().and_then(|text| text.rsplit_once('@')) else {
        return Ok((path.to_owned(), None));
    };
    let address = address.parse().map_err(|source| ImageError::BadAddress {
        text: address.to_owned(),
        source,
    })?;
    Ok((PathBuf::from(file), Some(address)))
}

fn read_limited(path: &Path) -> Result<Vec<u8>, ImageError> {
    let bytes = read_at_most(path, LARGEST_FILE).map_err(|source| ImageError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    match bytes {
        Some(bytes) if bytes.is_empty() => Err(ImageError::Empty {
            path: path.to_owned(),
        }),
        Some(bytes) => Ok(bytes),
        None => Err(ImageError::TooLarge {
            path: path.to_owned(),
            limit: LARGEST_FILE,
        }),
    }
}

/// What a file holds; `None` if that is more than `limit` bytes. Devices and pipes have no length beforehand.
pub fn read_at_most(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut file = fs::File::open(path)?.take(limit + 1);
    file.read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
    })
}

#[cfg(test)]
mod tests;
