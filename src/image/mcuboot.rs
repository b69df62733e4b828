//! The MCUboot image format: a header, the program, and a trailer with its hash (MCUboot documentation, "Bootloader", Image Format).
//!
//! Read only to tell a user what a secure boot stage will object to; signatures and keys are its own affair.

use sha2::{Digest, Sha256};

use crate::layout::Address;

use super::{Image, Segment};

/// First word of a header.
pub const MAGIC: u32 = 0x96F3_B83D;
/// Begins the trailer that the hash does not cover.
const TRAILER_MAGIC: u16 = 0x6907;
/// IMAGE_TLV_SHA256.
const SHA256: u16 = 0x10;
/// IMAGE_F_ENCRYPTED_AES128 and IMAGE_F_ENCRYPTED_AES256.
const ENCRYPTED: u32 = 0x04 | 0x08;

/// An image with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// Where the header lies.
    pub address: Address,
    bytes: &'a [u8],
}

impl Image {
    /// The part of the image that begins with an MCUboot header.
    pub fn signed(&self) -> Option<Signed<'_>> {
        self.segments().iter().find_map(Signed::of)
    }
}

impl<'a> Signed<'a> {
    fn of(segment: &'a Segment) -> Option<Self> {
        let bytes = segment.data.as_slice();
        (word(bytes, 0)? == MAGIC).then_some(Self {
            address: segment.address,
            bytes,
        })
    }

    /// The program is stored enciphered: it cannot be compared with its ELF.
    pub fn is_encrypted(&self) -> bool {
        word(self.bytes, 16).is_some_and(|flags| flags & ENCRYPTED != 0)
    }

    /// False if the image does not have the hash that it states; true if it has, or states another kind of hash than SHA-256.
    pub fn has_its_hash(&self) -> bool {
        match (self.covered(), self.stated_hash()) {
            (Some(covered), Some(stated)) => Sha256::digest(covered).as_slice() == stated,
            (None, _) => false,
            (Some(_), None) => true,
        }
    }

    /// Header, program and protected trailer.
    fn covered(&self) -> Option<&'a [u8]> {
        let header = usize::from(half(self.bytes, 8)?);
        let protected = usize::from(half(self.bytes, 10)?);
        let program = word(self.bytes, 12)? as usize;
        let end = header.checked_add(program)?.checked_add(protected)?;
        self.bytes.get(..end)
    }

    fn stated_hash(&self) -> Option<&'a [u8]> {
        let start = self.covered()?.len();
        if half(self.bytes, start)? != TRAILER_MAGIC {
            return None;
        }
        let end = start.checked_add(usize::from(half(self.bytes, start + 2)?))?;
        let mut entry = start + 4;
        while entry < end {
            let (kind, length) = (half(self.bytes, entry)?, half(self.bytes, entry + 2)?);
            let value = self.bytes.get(entry + 4..)?.get(..usize::from(length))?;
            if kind == SHA256 {
                return Some(value);
            }
            entry += 4 + value.len();
        }
        None
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let half = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*half))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of 32 bytes, `program`, and the hash of both.
    fn signed(program: &[u8], flags: u32) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        bytes[..4].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[8] = 32;
        bytes[12..16].copy_from_slice(&(program.len() as u32).to_le_bytes());
        bytes[16..20].copy_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(program);
        let hash = Sha256::digest(&bytes);
        bytes.extend([0x07, 0x69, 44, 0, 1, 0, 0, 0, 0x10, 0, 32, 0]);
        bytes.extend_from_slice(&hash);
        bytes
    }

    fn image(bytes: Vec<u8>) -> Image {
        Image::from_segments([(Address(0x7000_0000), bytes)]).expect("an image")
    }

    #[test]
    fn an_image_has_its_hash_until_a_byte_changes() {
        let right = image(signed(b"program", 0));
        let found = right.signed().expect("a header");
        assert_eq!(found.address, Address(0x7000_0000));
        assert!(found.has_its_hash() && !found.is_encrypted());
        let mut bytes = signed(b"program", 0);
        bytes[33] ^= 1;
        assert!(!image(bytes).signed().expect("a header").has_its_hash());
        assert!(
            image(signed(b"", 4))
                .signed()
                .expect("a header")
                .is_encrypted()
        );
    }

    #[test]
    fn a_plain_program_has_no_header_and_no_truncation_is_read_past() {
        assert!(image(vec![0; 64]).signed().is_none());
        let whole = signed(b"program", 0);
        for length in 4..whole.len() {
            let cut = image(whole[..length].to_vec());
            let _ = cut.signed().expect("a header").has_its_hash();
        }
        assert!(
            !image(whole[..36].to_vec())
                .signed()
                .expect("one")
                .has_its_hash()
        );
    }
}
