//! What a kernel's lists are read from, and pieces of it.

use super::NAME_BYTES;
use crate::{fault::Fault, layout::Address};

/// Memory of the halted target. Only what a read leaves as it is: RAM, flash, an open window.
pub trait Memory {
    /// Fills `data` from `address` on.
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), ReadError>;

    /// A word.
    fn word(&mut self, address: Address) -> Result<u32, ReadError> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// `length` bytes that belong together.
    fn record(&mut self, address: Address, length: u32) -> Result<Record, ReadError> {
        let mut bytes = vec![0; length as usize];
        self.read(address, &mut bytes)?;
        Ok(Record { address, bytes })
    }

    /// A name that ends with a zero byte. One that is in no memory is empty.
    fn name(&mut self, address: Address) -> Result<String, ReadError> {
        let mut bytes = [0; NAME_BYTES];
        // At the end of memory fewer bytes than asked for may be there.
        for length in [NAME_BYTES, 8, 1] {
            match self.read(address, &mut bytes[..length]) {
                Ok(()) => return Ok(printable(&bytes[..length])),
                Err(ReadError::Outside { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(String::new())
    }
}

/// Why memory was not read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no memory: what pointed there is damaged.
    #[error("there is no memory at {address}")]
    Outside {
        /// Where.
        address: Address,
    },
    /// The target does not answer any more.
    #[error("{0}")]
    Lost(Box<Fault>),
}

/// Bytes of a structure.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it lies.
    pub address: Address,
    bytes: Vec<u8>,
}

impl Record {
    /// The word at `offset`; one that ends outside is outside of memory.
    pub fn word(&self, offset: u32) -> Result<u32, ReadError> {
        let start = offset as usize;
        match start
            .checked_add(4)
            .and_then(|end| self.bytes.get(start..end))
        {
            Some(&[a, b, c, d]) => Ok(u32::from_le_bytes([a, b, c, d])),
            _ => Err(ReadError::Outside {
                address: Address(self.address.0.wrapping_add(offset)),
            }),
        }
    }

    /// The pointer at `offset`.
    pub fn pointer(&self, offset: u32) -> Result<Address, ReadError> {
        self.word(offset).map(Address)
    }

    /// The byte at `offset`, if there is one.
    pub fn byte(&self, offset: u32) -> Option<u8> {
        self.bytes.get(offset as usize).copied()
    }

    /// The name in the `length` bytes from `offset` on.
    pub fn name(&self, offset: u32, length: u32) -> String {
        let bytes = self.bytes.get(offset as usize..).unwrap_or_default();
        printable(bytes.get(..length as usize).unwrap_or(bytes))
    }
}

/// What comes before the zero byte, with everything that is no printable ASCII replaced.
fn printable(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(NAME_BYTES)
        .take_while(|byte| **byte != 0)
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '?',
        })
        .collect()
}
