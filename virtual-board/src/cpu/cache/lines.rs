//! The lines of one cache: sets and ways, valid and dirty, whose turn it is to go.

use crate::bus::Width;

/// Bytes in a line.
pub(in crate::cpu) const LINE: u32 = 32;

const VALID: u32 = 1 << 0;
const DIRTY: u32 = 1 << 1;
/// The address of a line, in its tag.
const ADDRESS: u32 = !(LINE - 1);
/// Undefined instruction (0xDE00), and no pointer to anything, whichever way it is read.
const GARBAGE: u8 = 0xDE;

/// A set-associative memory of lines.
#[derive(Clone, Debug)]
pub(in crate::cpu) struct Lines {
    /// Line address, VALID and DIRTY, by set and way.
    tags: Box<[u32]>,
    data: Box<[[u8; LINE as usize]]>,
    /// Way that goes next, by set.
    turns: Box<[u8]>,
    sets: usize,
    ways: usize,
}

impl Lines {
    /// `sets` lines a way, each way full of wrong contents for what begins at its address, dirty or not.
    pub(super) fn with_garbage(sets: usize, ways: &[(u32, bool)]) -> Self {
        let lines = (0..sets as u32).flat_map(|set| ways.iter().map(move |way| (set, *way)));
        let tags = lines.map(|(set, (base, dirty))| {
            (base + set * LINE) | VALID | if dirty { DIRTY } else { 0 }
        });
        Self {
            tags: tags.collect(),
            data: vec![[GARBAGE; LINE as usize]; sets * ways.len()].into_boxed_slice(),
            turns: vec![0; sets].into_boxed_slice(),
            sets,
            ways: ways.len(),
        }
    }

    fn set_of(&self, address: u32) -> usize {
        (address / LINE) as usize % self.sets
    }

    /// The line that holds `address`.
    #[inline]
    pub(in crate::cpu) fn find(&self, address: u32) -> Option<usize> {
        let first = self.set_of(address) * self.ways;
        let wanted = address & ADDRESS | VALID;
        let tags = &self.tags[first..first + self.ways];
        let way = tags.iter().position(|tag| tag & !DIRTY == wanted)?;
        Some(first + way)
    }

    /// The line at a set and way as the maintenance operations name it: the way in the highest bits, the set above the line's
    /// offset (ARM ARM B2.2.7).
    pub(super) fn at_set_way(&self, value: u32) -> usize {
        let way_bits = self.ways.trailing_zeros();
        let way = (value >> (u32::BITS - way_bits)) as usize;
        self.set_of(value) * self.ways + way
    }

    /// The line that makes room for `address`.
    pub(super) fn victim(&mut self, address: u32) -> usize {
        let set = self.set_of(address);
        let first = set * self.ways;
        let tags = &self.tags[first..first + self.ways];
        if let Some(free) = tags.iter().position(|tag| tag & VALID == 0) {
            return first + free;
        }
        let turn = &mut self.turns[set];
        let way = usize::from(*turn);
        *turn = ((way + 1) % self.ways) as u8;
        first + way
    }

    /// Address and contents of a line, if it is dirty.
    pub(super) fn dirty(&self, line: usize) -> Option<(u32, [u8; LINE as usize])> {
        let tag = self.tags[line];
        let is_dirty = tag & (VALID | DIRTY) == VALID | DIRTY;
        is_dirty.then_some((tag & ADDRESS, self.data[line]))
    }

    /// Memory has what the line has.
    pub(super) fn mark_clean(&mut self, line: usize) {
        self.tags[line] &= !DIRTY;
    }

    /// The line has what memory has not.
    pub(super) fn mark_dirty(&mut self, line: usize) {
        self.tags[line] |= DIRTY;
    }

    /// Puts the contents of the line of `address` in.
    pub(super) fn fill(&mut self, line: usize, address: u32, contents: [u8; LINE as usize]) {
        self.tags[line] = address & ADDRESS | VALID;
        self.data[line] = contents;
    }

    /// Drops a line.
    pub(super) fn drop_line(&mut self, line: usize) {
        self.tags[line] = 0;
    }

    /// Drops every line.
    pub(super) fn drop_all(&mut self) {
        self.tags.fill(0);
    }

    /// What a line has at `address`, which is aligned.
    #[inline]
    pub(in crate::cpu) fn read(&self, line: usize, address: u32, width: Width) -> u32 {
        let word = (address % LINE / 4) as usize;
        let [a, b, c, d] = self.data[line].as_chunks::<4>().0[word];
        let word = u32::from_le_bytes([a, b, c, d]) >> (8 * (address & 3));
        match width {
            Width::Byte => word & 0xFF,
            Width::Half => word & 0xFFFF,
            Width::Word => word,
        }
    }

    /// Writes into a line at `address`, which is aligned.
    #[inline]
    pub(super) fn write(&mut self, line: usize, address: u32, width: Width, value: u32) {
        let offset = (address % LINE) as usize;
        let length = width.bytes() as usize;
        self.data[line][offset..offset + length].copy_from_slice(&value.to_le_bytes()[..length]);
    }
}
