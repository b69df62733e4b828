//! Internal flash whose error correction fails: what of it can still be read.
//!
//! A flash word is 16 bytes with check bits (RM0477, FLASH). A reset or a power cut in the middle of its program or erase leaves bits
//! that do not fit together; a read of such a word is a bus error and sets FLASH_ISR.DBECCERRF, until its sector is erased. A
//! read that is refused without that flag is none of this: hide-protected flash refuses as well. The flag is only looked at, and stays
//! until the next system reset. \[U\] A debugger's read is
//! taken to be refused and flagged as a core's is.

use std::ops::Range;

use super::{Link, LinkError, RegisterAccess};
use crate::{
    layout::Address,
    registers::flash::{FLASH, Isr},
};

/// A flash word.
const WORD_BYTES: u64 = 16;

/// What is hidden ends at a multiple of this, and no less than this is looked for damage at once: a sector.
const PART_BYTES: u64 = 0x2000;

/// What a range of internal flash holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvage {
    /// Its bytes; those that cannot be read are as if erased.
    pub bytes: Vec<u8>,
    /// What cannot be read, by rising address: in flash words, as far as they were asked for.
    pub damaged: Vec<Range<u64>>,
}

impl Salvage {
    /// The first address that cannot be read.
    pub fn first_damage(&self) -> Option<Address> {
        let first = self.damaged.first()?;
        Some(Address(first.start as u32))
    }
}

/// Reads `range` of internal flash around the words that are damaged.
pub fn salvage(link: &mut dyn Link, range: &Range<u64>) -> Result<Salvage, LinkError> {
    let mut salvaged = Salvage {
        bytes: Vec::with_capacity((range.end - range.start) as usize),
        damaged: Vec::new(),
    };
    // Halves of what is refused, the lower one on top.
    let mut pending = vec![range.clone()];
    while let Some(part) = pending.pop() {
        let mut bytes = vec![0xFF; (part.end - part.start) as usize];
        match link.read(Address(part.start as u32), &mut bytes) {
            Ok(()) => salvaged.bytes.extend(bytes),
            Err(refused @ LinkError::Refused { .. }) => {
                if !link.peek::<Isr>(FLASH)?.double_error() {
                    return Err(refused);
                }
                match middle(&part) {
                    Some(middle) => pending.extend([middle..part.end, part.start..middle]),
                    None => {
                        salvaged
                            .bytes
                            .resize(salvaged.bytes.len() + bytes.len(), 0xFF);
                        salvaged.damage(part);
                    }
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(salvaged)
}

/// What of `range` is damaged. Parts that are refused for another reason are passed over.
pub fn damage(link: &mut dyn Link, range: &Range<u64>) -> Result<Vec<Range<u64>>, LinkError> {
    let mut damaged = Vec::new();
    for start in range.clone().step_by(PART_BYTES as usize) {
        match salvage(link, &(start..range.end.min(start + PART_BYTES))) {
            Ok(part) => damaged.extend(part.damaged),
            Err(LinkError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(damaged)
}

impl Salvage {
    fn damage(&mut self, part: Range<u64>) {
        match self.damaged.last_mut() {
            Some(last) if last.end == part.start => last.end = part.end,
            _ => self.damaged.push(part),
        }
    }
}

/// The boundary of two flash words in the middle of `part`, if it has more than one.
fn middle(part: &Range<u64>) -> Option<u64> {
    let middle = (part.start + part.end)
        .div_ceil(2)
        .next_multiple_of(WORD_BYTES);
    let boundary = if middle < part.end {
        middle
    } else {
        middle - WORD_BYTES
    };
    (part.start < boundary && boundary < part.end).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_halved_between_flash_words() {
        assert_eq!(middle(&(0x100..0x200)), Some(0x180));
        assert_eq!(middle(&(0x100..0x120)), Some(0x110));
        assert_eq!(middle(&(0x10C..0x114)), Some(0x110));
        assert_eq!(middle(&(0x104..0x111)), Some(0x110));
        assert_eq!(middle(&(0x100..0x110)), None);
        assert_eq!(middle(&(0x104..0x105)), None);
    }
}
