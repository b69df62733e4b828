//! The control block as bytes: identification, two counts, and a descriptor a channel, up channels first.
//!
//! Nothing here trusts the program: what is accepted cannot make anybody read or write outside the RAM of the chip.

use std::{fmt, ops::Range};

use super::Damage;
use crate::layout::Address;

/// Bytes of the identification.
pub const ID_BYTES: usize = 16;

/// More channels in one direction are no control block. SEGGER's default is three.
const MOST_CHANNELS: u32 = 32;

/// A descriptor: name, buffer, size, write offset, read offset, flags; a word each.
const DESCRIPTOR_BYTES: usize = 24;
const WRITE_AT: u32 = 12;
const READ_AT: u32 = 16;
const FLAGS_AT: u32 = 20;

/// Flags: what happens to text for which there is no room.
const MODE_MASK: u32 = 0b11;

/// Which way a channel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the program.
    Up,
    /// To the program.
    Down,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// What a writer does when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It writes nothing.
    Skip,
    /// It writes what there is room for.
    Trim,
    /// It waits.
    Block,
    /// SEGGER defines no such mode.
    Unknown,
}

/// A channel, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// From the program, or to it.
    pub direction: Direction,
    /// Number in its direction.
    pub number: u32,
    /// Empty if it has none, or one that cannot be read.
    pub name: String,
    /// Bytes of its buffer; 0 if the program has not set it up.
    pub size: u32,
    /// Flags as they are.
    pub flags: u32,
}

/// Some bytes of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub start: Address,
    pub length: u32,
}

/// A descriptor that was checked: the buffer lies in RAM, the offsets in the buffer. A channel that is not set up has size 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Where the descriptor is.
    pub at: Address,
    pub direction: Direction,
    pub number: u32,
    pub name: Address,
    pub buffer: Address,
    pub size: u32,
    pub write: u32,
    pub read: u32,
    pub flags: u32,
}

impl Ring {
    pub fn write_at(&self) -> Address {
        Address(self.at.0 + WRITE_AT)
    }

    pub fn read_at(&self) -> Address {
        Address(self.at.0 + READ_AT)
    }

    pub fn flags_at(&self) -> Address {
        Address(self.at.0 + FLAGS_AT)
    }

    pub fn buffer_range(&self) -> Range<u64> {
        let start = u64::from(self.buffer.0);
        start..start + u64::from(self.size)
    }

    pub fn mode(&self) -> Mode {
        match self.flags & MODE_MASK {
            0 => Mode::Skip,
            1 => Mode::Trim,
            2 => Mode::Block,
            _ => Mode::Unknown,
        }
    }

    /// The flags of a channel whose writer waits.
    pub fn blocking_flags(&self) -> u32 {
        self.flags & !MODE_MASK | 2
    }

    pub fn unread(&self) -> u32 {
        self.pieces().iter().map(|piece| piece.length).sum()
    }

    /// What is unread: up to the write offset, or to the end of the buffer and from its beginning.
    pub fn pieces(&self) -> [Piece; 2] {
        let piece = |from: u32, to: u32| Piece {
            start: Address(self.buffer.0 + from),
            length: to - from,
        };
        if self.read <= self.write {
            [piece(self.read, self.write), piece(0, 0)]
        } else {
            [piece(self.read, self.size), piece(0, self.write)]
        }
    }

    /// One byte stays free: a full buffer would look like an empty one.
    pub fn free(&self) -> u32 {
        (self.size - self.unread()).saturating_sub(1)
    }

    pub fn channel(&self, name: &str) -> Channel {
        Channel {
            direction: self.direction,
            number: self.number,
            name: name.to_owned(),
            size: self.size,
            flags: self.flags,
        }
    }

    fn parse(
        at: Address,
        direction: Direction,
        number: u32,
        words: [u32; 6],
        rams: &[Range<u64>],
    ) -> Result<Self, Damage> {
        let [name, buffer, size, write, read, flags] = words;
        let ring = Self {
            at,
            direction,
            number,
            name: Address(name),
            buffer: Address(buffer),
            size,
            write,
            read,
            flags,
        };
        if buffer == 0 || size == 0 {
            return Ok(Self {
                size: 0,
                write: 0,
                read: 0,
                ..ring
            });
        }
        let Range { start, end } = ring.buffer_range();
        if !rams.iter().any(|ram| ram.start <= start && end <= ram.end) {
            return Err(Damage::Buffer {
                direction,
                number,
                buffer: ring.buffer,
                size,
            });
        }
        if write >= size || read >= size {
            return Err(Damage::Offset {
                direction,
                number,
                offset: write.max(read),
                size,
            });
        }
        Ok(ring)
    }
}

/// A control block that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub up: Vec<Ring>,
    pub down: Vec<Ring>,
}

impl Block {
    /// Identification and counts.
    pub const HEADER_BYTES: usize = ID_BYTES + 8;

    /// Bytes of the whole block, by its header.
    pub fn length(header: &[u8]) -> Result<usize, Damage> {
        let (up, down) = counts(header);
        if up > MOST_CHANNELS || down > MOST_CHANNELS {
            return Err(Damage::Counts { up, down });
        }
        Ok(Self::HEADER_BYTES + (up + down) as usize * DESCRIPTOR_BYTES)
    }

    /// Takes all descriptors out of the bytes of a block at `address`.
    pub fn parse(address: Address, bytes: &[u8], rams: &[Range<u64>]) -> Result<Self, Damage> {
        let (ups, _) = counts(bytes);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        let descriptors = bytes.get(Self::HEADER_BYTES..).unwrap_or_default();
        for (index, descriptor) in (0..).zip(descriptors.chunks_exact(DESCRIPTOR_BYTES)) {
            let offset = Self::HEADER_BYTES as u32 + index * DESCRIPTOR_BYTES as u32;
            let at = Address(address.0.wrapping_add(offset));
            let words = std::array::from_fn(|place| word(descriptor, place * 4));
            if index < ups {
                up.push(Ring::parse(at, Direction::Up, index, words, rams)?);
            } else {
                down.push(Ring::parse(at, Direction::Down, index - ups, words, rams)?);
            }
        }
        Ok(Self { up, down })
    }

    /// All channels, up channels first.
    pub fn rings(&self) -> impl Iterator<Item = &Ring> {
        self.up.iter().chain(&self.down)
    }
}

fn counts(header: &[u8]) -> (u32, u32) {
    (word(header, ID_BYTES), word(header, ID_BYTES + 4))
}

/// The word at `offset`; 0 behind the end.
fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..offset + 4)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}
