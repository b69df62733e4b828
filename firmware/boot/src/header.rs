//! The header and the hash of an MCUboot image (MCUboot documentation, design, "Image format"). Signatures are not looked at:
//! what a debugger has to explain, an image that was changed after it was signed, shows in the hash.

use core::slice;

use board::{
    journal::{Cause, Failure},
    nor,
};
use sha2::{Digest, Sha256};

const MAGIC: u32 = 0x96f3_b83d;
/// Begins the trailer that the hash does not cover: entries of type, length and value.
const TRAILER: u16 = 0x6907;
const TRAILER_HEADER: usize = 4;
const ENTRY_HEADER: usize = 4;
const SHA256: u16 = 0x10;
/// No slot is larger.
const SLOT: usize = 0x2_0000;

/// The address of the vector table of the image whose header lies at `base`, if the image has the hash that it states. `Ok(None)`
/// if there is no header.
pub fn verified(base: u32) -> Result<Option<u32>, Failure> {
    // SAFETY: the window is mapped, the slot lies in it, and nobody programs the NOR meanwhile.
    let slot = unsafe { slice::from_raw_parts(base as *const u8, SLOT) };
    if word(slot, 0) != Some(MAGIC) {
        return Ok(None);
    }
    let hash = covered(slot).map(Sha256::digest);
    match (hash, stated_hash(slot)) {
        (Some(found), Some(stated)) if found.as_slice() == stated => {
            Ok(half(slot, 8).map(|header| base + u32::from(header)))
        }
        (found, _) => Err(Failure {
            cause: Cause::Hash,
            location: base,
            value: found.and_then(|hash| word(&hash, 0)).unwrap_or(0),
        }),
    }
}

/// Header, code and protected trailer.
fn covered(slot: &[u8]) -> Option<&[u8]> {
    let header = usize::from(half(slot, 8)?);
    let protected = usize::from(half(slot, 10)?);
    let code = word(slot, 12)? as usize;
    slot.get(..header.checked_add(code)?.checked_add(protected)?)
}

fn stated_hash(slot: &[u8]) -> Option<&[u8]> {
    let mut at = covered(slot)?.len();
    if half(slot, at)? != TRAILER {
        return None;
    }
    let end = at + usize::from(half(slot, at + 2)?);
    at += TRAILER_HEADER;
    while at + ENTRY_HEADER <= end {
        let (kind, length) = (half(slot, at)?, usize::from(half(slot, at + 2)?));
        let value = at + ENTRY_HEADER;
        if kind == SHA256 {
            return slot.get(value..value + length);
        }
        at = value + length;
    }
    None
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    let [a, b] = *bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes([a, b]))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*word))
}

const _: () = assert!(SLOT as u32 <= nor::CAPACITY);
