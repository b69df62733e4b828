//! What an XSPI controller has on its pins: the wire format of a transaction, and the chips that answer it.
//!
//! A controller sends phases (instruction, address, alternate bytes, dummy cycles, data), each on 1, 2, 4, 8 or 16 lines,
//! on one clock edge (STR) or both (DTR). A chip knows nothing of phases: it sees bytes on lines. So a [`Frame`] keeps
//! the wire format of each phase, and the chip decides what the bytes mean.

use std::any::Any;

use crate::{bus::Width, clock::Time, mishap::Strike};

/// Lines and edges of one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// 1, 2, 4, 8 or 16 data lines.
    pub count: u8,
    /// Both clock edges carry data.
    pub double_rate: bool,
}

impl Lines {
    /// One line, one edge.
    pub const SPI: Self = Self::new(1, false);
    /// Eight lines, one edge.
    pub const OCTAL: Self = Self::new(8, false);
    /// Eight lines, both edges.
    pub const OCTAL_DTR: Self = Self::new(8, true);
    /// Sixteen lines, both edges.
    pub const HEXADECA_DTR: Self = Self::new(16, true);

    /// `count` lines on one edge or both.
    pub const fn new(count: u8, double_rate: bool) -> Self {
        Self { count, double_rate }
    }

    /// Bits that one clock cycle carries.
    pub const fn bits_per_cycle(self) -> u32 {
        self.count as u32 * if self.double_rate { 2 } else { 1 }
    }
}

/// Instruction, address or alternate bytes: up to four bytes, most significant first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The bytes, right-aligned.
    pub value: u32,
    /// How many of them are sent, 1 to 4.
    pub length: u8,
    /// How they are sent.
    pub lines: Lines,
}

impl Phase {
    /// The bytes in the order in which they are sent.
    pub fn bytes(&self) -> impl Iterator<Item = u8> {
        let value = self.value.to_be_bytes();
        value
            .into_iter()
            .skip(4usize.saturating_sub(self.length.into()))
    }
}

/// Who drives the lines in the data phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The chip.
    Read,
    /// The controller.
    Write,
}

/// Everything of a transaction but its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Instruction phase.
    pub instruction: Option<Phase>,
    /// Address phase.
    pub address: Option<Phase>,
    /// Alternate bytes.
    pub alternate: Option<Phase>,
    /// Cycles between header and data.
    pub dummy_cycles: u8,
    /// Data phase.
    pub data: Option<(Direction, Lines)>,
}

impl Frame {
    /// What a chip hears when some of its lines are not connected: nothing that makes sense.
    pub const NOISE: Self = Self {
        instruction: None,
        address: None,
        alternate: None,
        dummy_cycles: 0,
        data: Some((Direction::Read, Lines::SPI)),
    };

    /// The phases before the dummy cycles, in order.
    pub fn header(&self) -> impl Iterator<Item = Phase> {
        [self.instruction, self.address, self.alternate]
            .into_iter()
            .flatten()
    }

    /// The bytes before the dummy cycles, in the order in which they are sent.
    pub fn header_bytes(&self) -> Vec<u8> {
        self.header()
            .flat_map(|phase| phase.bytes().collect::<Vec<_>>())
            .collect()
    }

    /// Clock cycles until the first data bit.
    pub fn cycles_before_data(&self) -> u64 {
        let header: u32 = self
            .header()
            .map(|phase| (u32::from(phase.length) * 8).div_ceil(phase.lines.bits_per_cycle()))
            .sum();
        u64::from(header) + u64::from(self.dummy_cycles)
    }

    /// Clock cycles of `bytes` bytes of data.
    pub fn cycles_of_data(&self, bytes: u64) -> u64 {
        self.data.map_or(0, |(_, lines)| {
            (bytes * 8).div_ceil(u64::from(lines.bits_per_cycle()))
        })
    }
}

/// What the controller sees of the chip in the data phase of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The chip drives the data lines and, if `strobe`, DQS.
    Driven {
        /// DQS toggles with the data.
        strobe: bool,
    },
    /// The chip did not understand, or is busy: the lines float.
    Silent,
}

/// What has happened to a memory since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes given to program operations that the chip carried out.
    pub programmed_bytes: u64,
    /// Sectors erased, of whatever size; a chip erase counts as one.
    pub erased_sectors: u64,
    /// Bytes of the ranges that were erased.
    pub erased_bytes: u64,
    /// Read commands of the array (a mapped access that needs no transaction of its own is not counted).
    pub reads: u64,
    /// Commands that the chip ignored: wrong lines, unknown opcode, busy, write not enabled.
    pub ignored: u64,
}

/// A chip on the pins of an XSPI controller.
///
/// A transaction is `select`, any number of `read` or of `write`, `deselect`.
pub trait ExternalMemory: Any + Send {
    /// Name of the part.
    fn name(&self) -> &str;

    /// Capacity in bytes.
    fn size(&self) -> u32;

    /// nCS falls and the header is sent.
    fn select(&mut self, frame: &Frame, now: Time) -> Answer;

    /// The chip's next bytes, in the order in which they appear on the lines.
    fn read(&mut self, bytes: &mut [u8]);

    /// The controller's next bytes, in the order in which they appear on the lines.
    fn write(&mut self, bytes: &[u8]);

    /// nCS rises: what was collected is carried out.
    fn deselect(&mut self, now: Time);

    /// What the chip answers if `frame`, whatever its address, moves the array's bytes as they are, in the order in which
    /// the chip's mode puts them on the lines: then [`Self::mapped_read`] or [`Self::mapped_write`] may stand for it until
    /// the next `select` or `power_cycle`.
    fn plain(&self, frame: &Frame, now: Time) -> Option<Answer>;

    /// Bytes of the array at `offset`, little-endian; offsets wrap at the capacity.
    fn mapped_read(&self, offset: u32, width: Width) -> u32;

    /// Stores to the array at `offset`. Only a memory whose [`Self::plain`] took a write frame is asked.
    fn mapped_write(&mut self, offset: u32, width: Width, value: u32);

    /// Until when an erase, program or reset keeps the chip busy, if it is busy at `now`.
    fn busy_until(&self, now: Time) -> Option<Time>;

    /// An event that waits for the middle of an operation that has begun; given once.
    fn take_strike(&mut self) -> Option<Strike> {
        None
    }

    /// Power goes and comes back. What was under way at `now` stays half done.
    fn power_cycle(&mut self, now: Time);

    /// The array, behind the chip's back: for state files and tests.
    fn contents(&self) -> &Sparse;

    /// The array, to be changed behind the chip's back.
    fn contents_mut(&mut self) -> &mut Sparse;

    /// What has happened so far.
    fn counters(&self) -> Counters;
}

/// An array that takes room only where it differs from `blank`.
#[derive(Clone)]
pub struct Sparse {
    blocks: Vec<Option<Box<[u8]>>>,
    blank: u8,
    mask: u32,
}

impl Sparse {
    /// Bytes in a block.
    pub const BLOCK: usize = 0x1_0000;

    /// `size` bytes of `blank`. Sizes below one block or between powers of two are rounded up: offsets wrap at it.
    pub fn new(size: u32, blank: u8) -> Self {
        let size = size.next_power_of_two().max(Self::BLOCK as u32);
        Self {
            blocks: vec![None; size as usize / Self::BLOCK],
            blank,
            mask: size - 1,
        }
    }

    /// Capacity in bytes.
    pub fn size(&self) -> u32 {
        self.mask + 1
    }

    fn locate(&self, offset: u32) -> (usize, usize) {
        let offset = (offset & self.mask) as usize;
        (offset / Self::BLOCK, offset % Self::BLOCK)
    }

    /// The byte at `offset`, which wraps.
    #[inline]
    pub fn byte(&self, offset: u32) -> u8 {
        let (block, within) = self.locate(offset);
        self.blocks[block]
            .as_ref()
            .map_or(self.blank, |bytes| bytes[within])
    }

    /// Little-endian value at `offset`; a value does not cross a block if it is aligned.
    #[inline]
    pub fn value(&self, offset: u32, width: Width) -> u32 {
        let (block, within) = self.locate(offset);
        let length = width.bytes() as usize;
        if within + length > Self::BLOCK {
            return (0..width.bytes()).fold(0, |value, i| {
                value | u32::from(self.byte(offset.wrapping_add(i))) << (8 * i)
            });
        }
        let Some(bytes) = &self.blocks[block] else {
            return u32::from_le_bytes([self.blank; 4]) >> (8 * (4 - length));
        };
        match width {
            Width::Byte => u32::from(bytes[within]),
            Width::Half => u32::from(u16::from_le_bytes([bytes[within], bytes[within + 1]])),
            Width::Word => u32::from_le_bytes([
                bytes[within],
                bytes[within + 1],
                bytes[within + 2],
                bytes[within + 3],
            ]),
        }
    }

    /// Stores one byte.
    pub fn set(&mut self, offset: u32, value: u8) {
        let (block, within) = self.locate(offset);
        let blank = self.blank;
        if self.blocks[block].is_none() && value == blank {
            return;
        }
        self.blocks[block].get_or_insert_with(|| vec![blank; Self::BLOCK].into())[within] = value;
    }

    /// Copies bytes out.
    pub fn load(&self, offset: u32, bytes: &mut [u8]) {
        for (at, byte) in (0u32..).zip(bytes) {
            *byte = self.byte(offset.wrapping_add(at));
        }
    }

    /// Copies bytes in.
    pub fn store(&mut self, offset: u32, bytes: &[u8]) {
        for (at, &byte) in (0u32..).zip(bytes) {
            self.set(offset.wrapping_add(at), byte);
        }
    }

    /// Makes `length` bytes blank.
    pub fn clear(&mut self, offset: u32, length: u32) {
        let mut at = offset;
        let end = offset.saturating_add(length);
        while at < end {
            let (block, within) = self.locate(at);
            if within == 0 && end - at >= Self::BLOCK as u32 {
                self.blocks[block] = None;
                at = at.saturating_add(Self::BLOCK as u32);
            } else {
                self.set(at, self.blank);
                at += 1;
            }
        }
    }

    /// The blocks that are not wholly blank, with their offsets.
    pub fn occupied(&self) -> impl Iterator<Item = (u32, &[u8])> {
        (0u32..)
            .step_by(Self::BLOCK)
            .zip(&self.blocks)
            .filter_map(|(offset, block)| Some((offset, block.as_deref()?)))
            .filter(|(_, bytes)| bytes.iter().any(|&byte| byte != self.blank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_holds_only_what_differs() {
        let mut array = Sparse::new(0x800_0000, 0xFF);
        array.store(0x1_FFFE, &[1, 2, 3, 4]);
        assert_eq!(array.value(0x1_FFFE, Width::Word), 0x0403_0201);
        assert_eq!(array.value(0x7FF_FFFC, Width::Half), 0xFFFF);
        assert_eq!(
            array.occupied().map(|(at, _)| at).collect::<Vec<_>>(),
            [0x1_0000, 0x2_0000]
        );
        array.clear(0x1_0000, 0x2_0000);
        assert_eq!(array.occupied().count(), 0);
        assert_eq!(array.byte(0x0800_0000), 0xFF, "offsets wrap");
    }

    #[test]
    fn cycles_follow_lines_and_edges() {
        let frame = Frame {
            instruction: Some(Phase {
                value: 0xEE11,
                length: 2,
                lines: Lines::OCTAL_DTR,
            }),
            address: Some(Phase {
                value: 0,
                length: 4,
                lines: Lines::OCTAL_DTR,
            }),
            alternate: None,
            dummy_cycles: 20,
            data: Some((Direction::Read, Lines::OCTAL_DTR)),
        };
        assert_eq!(frame.cycles_before_data(), 1 + 2 + 20);
        assert_eq!(frame.cycles_of_data(256), 128);
        assert_eq!(frame.header_bytes(), [0xEE, 0x11, 0, 0, 0, 0]);
    }
}
