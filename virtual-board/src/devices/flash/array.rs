//! The cells of internal flash: flash words of 16 bytes, each with an ECC that fits its bytes or does not.

use std::ops::Range;

use super::{SIZE, WORD};
use crate::bus::Width;

const WORD_BYTES: usize = WORD as usize;
/// An erased byte.
const BLANK: u8 = 0xFF;

/// Why cells cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// They lie outside.
    Nowhere,
    /// The ECC of their flash word does not fit.
    WrongEcc,
}

/// The array.
#[derive(Debug)]
pub struct Array {
    cells: Vec<u8>,
    /// One flag a flash word: its ECC does not fit.
    broken: Vec<bool>,
}

impl Default for Array {
    fn default() -> Self {
        Self {
            cells: vec![BLANK; SIZE as usize],
            broken: vec![false; (SIZE / WORD) as usize],
        }
    }
}

impl Array {
    /// All bytes, behind the interface's back: for state files and tests.
    pub fn contents(&self) -> &[u8] {
        &self.cells
    }

    /// Puts bytes into the array behind the interface's back, with an ECC that fits; false if they do not fit in.
    pub fn store(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let end = offset.saturating_add(bytes.len());
        let Some(target) = self.cells.get_mut(offset..end) else {
            return false;
        };
        target.copy_from_slice(bytes);
        self.broken[offset / WORD_BYTES..end.div_ceil(WORD_BYTES)].fill(false);
        true
    }

    /// The flash words whose ECC does not fit.
    pub fn broken_words(&self) -> impl Iterator<Item = u32> {
        let broken = self.broken.iter();
        (0..)
            .zip(broken)
            .filter(|(_, broken)| **broken)
            .map(|(word, _)| word)
    }

    /// The ECC of flash word `word` does not fit any more; false if there is no such word.
    pub fn break_word(&mut self, word: u32) -> bool {
        let broken = self.broken.get_mut(word as usize);
        broken.map(|broken| *broken = true).is_some()
    }

    #[inline]
    pub(super) fn read(&self, offset: u32, width: Width) -> Result<u32, Unreadable> {
        let at = offset as usize;
        let bytes = self.cells.get(at..at + width.bytes() as usize);
        let bytes = bytes.ok_or(Unreadable::Nowhere)?;
        if self.broken[at / WORD_BYTES] {
            return Err(Unreadable::WrongEcc);
        }
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    /// Clears bits of a flash word. What was not erased and is not the same gets an ECC that fits neither.
    pub(super) fn program(&mut self, word: u32, bytes: [u8; WORD_BYTES]) {
        let (cells, broken) = self.word(word);
        if cells.iter().any(|cell| *cell != BLANK) && *cells != bytes {
            *broken = true;
        }
        for (cell, byte) in cells.iter_mut().zip(bytes) {
            *cell &= byte;
        }
    }

    pub(super) fn erase(&mut self, words: Range<u32>) {
        for word in words {
            let (cells, broken) = self.word(word);
            cells.fill(BLANK);
            *broken = false;
        }
    }

    /// What an interrupted program leaves: half of the word, with an ECC that does not fit.
    pub(super) fn program_half(&mut self, word: u32) {
        let (cells, broken) = self.word(word);
        cells[WORD_BYTES / 2..].fill(BLANK);
        *broken = true;
    }

    /// What an interrupted erase leaves: every other flash word neither old nor blank, with an ECC that does not fit.
    pub(super) fn erase_half(&mut self, words: Range<u32>) {
        for word in words.skip(1).step_by(2) {
            let (cells, broken) = self.word(word);
            for (index, cell) in (0..).zip(cells) {
                *cell = index & 0x5A;
            }
            *broken = true;
        }
    }

    /// A flash word that the interface has found in the array, and its flag.
    fn word(&mut self, word: u32) -> (&mut [u8], &mut bool) {
        let start = (word * WORD) as usize;
        (
            &mut self.cells[start..start + WORD_BYTES],
            &mut self.broken[word as usize],
        )
    }
}
