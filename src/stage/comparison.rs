//! Whether the board holds the appli's file where it executes: in a NOR window, or in the RAM that the boot stage has copied it to.
//!
//! Read over the wire, as decision 0004 says why: the core stands at the appli's first instruction and runs nothing of ours.

use super::{StageError, finding::Finding};
use crate::{
    image::Image,
    layout::{Address, BoardProfile},
    link::Link,
    window::{State, WindowError, Windows},
};

/// An image up to this size is compared whole; of a larger one, samples.
const COMPARED_BYTES: usize = 64 << 10;
const SAMPLE_BYTES: usize = 1 << 10;

/// The first address at which something else executes than `appli`. A copy that is wrong where its source is right is a finding.
pub(super) fn first_difference_in_place(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    appli: &Image,
) -> Result<Option<Address>, StageError> {
    for (address, expected) in samples(appli, profile) {
        let mut there = vec![0; expected.len()];
        read_in_place(link, windows, address, &mut there)?;
        if let Some(offset) = there.iter().zip(expected).position(|(a, b)| a != b) {
            let at = Address(address.0 + offset as u32);
            return match is_stored(link, windows, profile, at, &expected[offset..])? {
                true => Err(short_copy(profile, appli, at).into()),
                false => Ok(Some(at)),
            };
        }
    }
    Ok(None)
}

/// Reads where an appli executes: in a window, or in RAM on the chip.
pub(super) fn read_in_place(
    link: &mut dyn Link,
    windows: &mut Windows,
    address: Address,
    data: &mut [u8],
) -> Result<(), WindowError> {
    match address.is_external() {
        true => windows.read_chip(link, address, data).map(drop),
        false => Ok(link.read(address, data)?),
    }
}

/// True if the boot stage copies, and the NOR has right what is wrong in the copy.
fn is_stored(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    at: Address,
    expected: &[u8],
) -> Result<bool, StageError> {
    let stored = profile.stored_at(at);
    let Some(nor) = windows.find(stored).cloned() else {
        return Ok(false);
    };
    if stored == at || windows.state(link, &nor)? != State::Open {
        return Ok(false);
    }
    let mut there = vec![0; expected.len()];
    read_in_place(link, windows, stored, &mut there)?;
    Ok(there == expected)
}

fn short_copy(profile: &BoardProfile, appli: &Image, at: Address) -> Finding {
    let start = profile.load_and_run().map_or(at, |copy| copy.destination);
    let in_place = appli.in_place(profile);
    let end = in_place.iter().map(|segment| segment.range().end).max();
    Finding::ShortCopy {
        at,
        copied: at.0.wrapping_sub(start.0),
        file: appli.name(),
        needed: end.map_or(0, |end| end.saturating_sub(start.0.into())),
    }
}

/// What of an appli's segments is compared: everything, or evenly spread samples of a large one.
fn samples<'a>(appli: &'a Image, profile: &BoardProfile) -> Vec<(Address, &'a [u8])> {
    let in_place = appli.in_place(profile);
    let total: usize = in_place.iter().map(|segment| segment.data.len()).sum();
    let stride = total.div_ceil(COMPARED_BYTES).max(1);
    let chunks = in_place.iter().flat_map(|segment| {
        let offsets = (0u32..).step_by(SAMPLE_BYTES);
        offsets
            .zip(segment.data.chunks(SAMPLE_BYTES))
            .map(|(offset, bytes)| (Address(segment.address.0 + offset), bytes))
    });
    match stride {
        1 => in_place
            .iter()
            .map(|segment| (segment.address, segment.data.as_slice()))
            .collect(),
        _ => chunks.step_by(stride).collect(),
    }
}
