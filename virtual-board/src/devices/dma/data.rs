//! What happens to data between a channel's source and its destination (RM0477, GPDMA data handling): padding, alignment and
//! packing where the widths differ (CTR1.PAM), exchanges of bytes, half-words and words.

use std::collections::VecDeque;

/// CTR1.
const SDW: u32 = 0;
const SINC: u32 = 3;
const SBL: u32 = 4;
const PAM: u32 = 11;
const SBX: u32 = 13;
const DDW: u32 = 16;
const DINC: u32 = 19;
const DBL: u32 = 20;
const DBX: u32 = 26;
const DHX: u32 = 27;
const DWX: u32 = 28;

/// CTR1, read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape(pub u32);

impl Shape {
    const fn bit(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }

    /// Bytes of a beat at the source: 1, 2, 4 or 8.
    pub const fn source_width(self) -> u32 {
        1 << (self.0 >> SDW & 3)
    }

    /// Bytes of a beat at the destination.
    pub const fn destination_width(self) -> u32 {
        1 << (self.0 >> DDW & 3)
    }

    /// Beats of a burst at the source.
    pub const fn source_beats(self) -> u32 {
        (self.0 >> SBL & 0x3F) + 1
    }

    /// Beats of a burst at the destination.
    pub const fn destination_beats(self) -> u32 {
        (self.0 >> DBL & 0x3F) + 1
    }

    /// The source address moves on.
    pub const fn source_increments(self) -> bool {
        self.bit(SINC)
    }

    /// The destination address moves on.
    pub const fn destination_increments(self) -> bool {
        self.bit(DINC)
    }

    /// Bytes run on from beat to beat: equal widths, or packing.
    pub const fn packs(self) -> bool {
        self.source_width() == self.destination_width() || self.0 >> PAM & 2 != 0
    }

    /// One beat of the source comes in: what the destination will get of it goes into the FIFO.
    pub fn take_in(self, beat: u64, fifo: &mut VecDeque<u8>) {
        let (source, destination) = (self.source_width(), self.destination_width());
        let mut bytes = beat.to_le_bytes();
        if self.bit(SBX) && source >= 4 {
            // The two middle bytes of each word.
            bytes.swap(1, 2);
            bytes.swap(5, 6);
        }
        if self.packs() {
            fifo.extend(&bytes[..source as usize]);
            return;
        }
        let value = u64::from_le_bytes(bytes);
        let (source_bits, destination_bits) = (source * 8, destination * 8);
        let is_second_choice = self.bit(PAM);
        let value = match (source < destination, is_second_choice) {
            // Sign extension; padded with zeros.
            (true, true) => ((value << (64 - source_bits)) as i64 >> (64 - source_bits)) as u64,
            (true, false) => value,
            // The upper part; the lower part.
            (false, true) => value >> (source_bits - destination_bits),
            (false, false) => value,
        };
        fifo.extend(&value.to_le_bytes()[..destination as usize]);
    }

    /// The next beat for the destination, of which the FIFO holds one.
    pub fn give_out(self, fifo: &mut VecDeque<u8>) -> u64 {
        let width = self.destination_width();
        let mut bytes = [0; 8];
        for byte in &mut bytes[..width as usize] {
            *byte = fifo.pop_front().unwrap_or(0);
        }
        if self.bit(DBX) && width >= 2 {
            bytes.chunks_mut(2).for_each(|pair| pair.reverse());
        }
        if self.bit(DHX) && width >= 4 {
            bytes.chunks_mut(4).for_each(|word| word.rotate_left(2));
        }
        if self.bit(DWX) && width == 8 {
            bytes.rotate_left(4);
        }
        u64::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(shape: u32, beats: &[u64]) -> Vec<u64> {
        let (shape, mut fifo) = (Shape(shape), VecDeque::new());
        for beat in beats {
            shape.take_in(*beat, &mut fifo);
        }
        let mut out = Vec::new();
        while !fifo.is_empty() {
            out.push(shape.give_out(&mut fifo));
        }
        out
    }

    #[test]
    fn widths_are_padded_cut_and_packed() {
        let byte_to_half = 1 << DDW;
        assert_eq!(through(byte_to_half, &[0x85]), [0x0085]);
        assert_eq!(through(byte_to_half | 1 << PAM, &[0x85]), [0xFF85]);
        assert_eq!(
            through(byte_to_half | 2 << PAM, &[0x12, 0x34, 0x56, 0x78]),
            [0x3412, 0x7856]
        );
        let word_to_half = 2 | 1 << DDW;
        assert_eq!(through(word_to_half, &[0x1234_5678]), [0x5678]);
        assert_eq!(through(word_to_half | 1 << PAM, &[0x1234_5678]), [0x1234]);
        assert_eq!(
            through(word_to_half | 2 << PAM, &[0x1234_5678]),
            [0x5678, 0x1234]
        );
    }

    #[test]
    fn exchanges_swap_what_they_name() {
        let words = 2 | 2 << DDW;
        assert_eq!(through(words | 1 << SBX, &[0x0403_0201]), [0x0402_0301]);
        assert_eq!(through(words | 1 << DBX, &[0x0403_0201]), [0x0304_0102]);
        assert_eq!(through(words | 1 << DHX, &[0x0403_0201]), [0x0201_0403]);
        let doubles = 3 | 3 << DDW | 1 << DWX;
        assert_eq!(
            through(doubles, &[0x8877_6655_4433_2211]),
            [0x4433_2211_8877_6655]
        );
    }
}
