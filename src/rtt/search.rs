//! Where the control block is: at the symbol `_SEGGER_RTT`, where the user says, or somewhere in RAM.

use std::{fmt, ops::Range};

use super::block::{Block, ID_BYTES};
use crate::{
    image::Image,
    layout::Address,
    link::{Link, LinkError},
};

/// What every control block begins with, unless the program was built with another name.
pub const ID: &[u8] = b"SEGGER RTT";

/// Bytes that are scanned at a time.
const CHUNK: u64 = 4096;

/// The symbol that every implementation gives its control block.
const SYMBOL: &str = "_SEGGER_RTT";

/// Where the user says that the block is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// At the symbol of the program's ELF; anywhere in RAM if there is none.
    #[default]
    Automatic,
    /// In these bytes, with this identification.
    Within {
        /// The first address.
        start: Address,
        /// Bytes.
        length: u32,
        /// What the block begins with.
        id: Vec<u8>,
    },
}

impl Place {
    /// Where that is, for the program as it is now.
    pub fn search(&self, image: Option<&Image>, rams: &[Range<u64>]) -> Search {
        match self {
            Self::Automatic => {
                let symbol = image.and_then(|image| image.symbols().variable(SYMBOL));
                match symbol {
                    Some(symbol) => Search::at(symbol.address),
                    None => Search::within(rams.to_vec()),
                }
            }
            Self::Within { start, length, id } => {
                let start = u64::from(start.0);
                Search::only(start..start + u64::from(*length)).named(id)
            }
        }
    }
}

/// Where to look, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    ranges: Vec<Range<u64>>,
    id: Vec<u8>,
}

impl Search {
    /// At this very address.
    pub fn at(address: Address) -> Self {
        let start = u64::from(address.0);
        Self::only(start..start + Block::HEADER_BYTES as u64)
    }

    fn only(range: Range<u64>) -> Self {
        Self::within(std::iter::once(range).collect())
    }

    /// A block that lies whole in one of these ranges, or begins there where a range is shorter than a block.
    pub fn within(ranges: Vec<Range<u64>>) -> Self {
        Self {
            ranges,
            id: ID.to_vec(),
        }
    }

    /// With another identification; one that is longer than a block has room for is cut.
    #[must_use]
    pub fn named(mut self, id: &[u8]) -> Self {
        self.id = id.iter().copied().take(ID_BYTES).collect();
        self
    }

    /// What the block begins with.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// True if a search is one transfer.
    pub fn is_cheap(&self) -> bool {
        let bytes: u64 = self
            .ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        bytes <= CHUNK
    }

    /// The first word address that holds the identification. Memory that does not answer is passed over.
    pub fn find(&self, link: &mut dyn Link) -> Result<Option<Address>, LinkError> {
        for range in &self.ranges {
            let mut start = range.start & !3;
            while start < range.end {
                let end = (start + CHUNK + ID_BYTES as u64).min(range.end.next_multiple_of(4));
                let mut bytes = vec![0; (end - start) as usize];
                match link.read(Address(start as u32), &mut bytes) {
                    Ok(()) => {
                        let mut places = bytes.windows(self.id.len().max(1)).step_by(4);
                        if let Some(place) = places.position(|bytes| bytes == self.id) {
                            return Ok(Some(Address(start as u32 + place as u32 * 4)));
                        }
                    }
                    Err(LinkError::Refused { .. }) => {}
                    Err(error) => return Err(error),
                }
                start += CHUNK;
            }
        }
        Ok(None)
    }
}

/// `at 0x20000000`, or `in 0x20000000..0x20010000, ...`.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |range: &Range<u64>| format!("{:#010x}..{:#010x}", range.start, range.end);
        match self.ranges.as_slice() {
            [only] if only.end - only.start == Block::HEADER_BYTES as u64 => {
                write!(f, "at {:#010x}", only.start)
            }
            ranges => {
                let ranges: Vec<String> = ranges.iter().map(shown).collect();
                write!(f, "in {}", ranges.join(", "))
            }
        }
    }
}
