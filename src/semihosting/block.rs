//! The block of words that most operations pass in r1, and the names that its words point to. Nothing of it is believed.

use super::{Errno, Memory, Refusal};
use crate::{fault::Fault, layout::Address};

/// Names of files end here.
const LONGEST_NAME: usize = 1024;

/// The words that r1 points to.
pub(super) struct Block<'a> {
    pub(super) address: u32,
    pub(super) memory: &'a mut dyn Memory,
}

impl Block<'_> {
    pub(super) fn word(&mut self, index: u32) -> Result<u32, Fault> {
        let mut bytes = [0; 4];
        self.memory.read(self.place(index), &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn write_word(&mut self, index: u32, value: u32) -> Result<(), Fault> {
        self.memory.write(self.place(index), &value.to_le_bytes())
    }

    fn place(&self, index: u32) -> Address {
        Address(self.address.wrapping_add(4 * index))
    }

    /// A name whose address is in the word at `index`, and its length in the next.
    pub(super) fn name(&mut self, index: u32) -> Result<String, Refusal> {
        self.name_of(index, index + 1)
    }

    pub(super) fn name_of(&mut self, address: u32, length: u32) -> Result<String, Refusal> {
        let (address, length) = (self.word(address)?, self.word(length)? as usize);
        if length > LONGEST_NAME {
            return Err(Errno::NameTooLong.into());
        }
        let mut bytes = vec![0; length];
        self.memory.read(Address(address), &mut bytes)?;
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(Errno::Invalid.into());
        }
        Ok(String::from_utf8(bytes).map_err(|_| Errno::Invalid)?)
    }
}
