//! Whether the board holds the appli's file where it executes: in a NOR window, or in the RAM that the boot stage has copied it to.
//!
//! The core stands at the appli's first instruction. A small image is read over the wire; of a larger one the core computes checksums, and
//! its state is put back (decision 0004).

use std::ops::Range;

use super::{StageError, finding::Finding};
use crate::{
    image::{Image, Segment},
    layout::{Address, BoardProfile},
    link::Link,
    loader::checksums_in_passing,
    window::{State, WindowError, Windows},
};

/// Up to this size the wire takes fewer exchanges than the core with its state saved and put back.
const WIRE_BYTES: usize = 5 << 10;

/// Of what differs, so much is read at most; an image has at most 64 to 128 such parts.
const SMALLEST_PART: u32 = 4 << 10;
const PARTS: u32 = 64;

/// The first address at which something else executes than `appli`. A copy that is wrong where its source is right is a finding.
pub(super) fn first_difference_in_place(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    appli: &Image,
) -> Result<Option<Address>, StageError> {
    let in_place = appli.in_place(profile);
    let total: usize = in_place.iter().map(|segment| segment.data.len()).sum();
    let parts = match total <= WIRE_BYTES || !is_open(link, windows, &in_place)? {
        true => in_place.iter().map(|segment| segment.range()).collect(),
        false => differing_parts(link, windows, profile, &in_place, total)?,
    };
    for part in parts {
        let expected = stored(&in_place, &part);
        let start = Address(part.start as u32);
        let mut there = vec![0; expected.len()];
        read_in_place(link, windows, start, &mut there)?;
        if let Some(offset) = there.iter().zip(expected).position(|(a, b)| a != b) {
            let at = Address(start.0 + offset as u32);
            return match is_stored(link, windows, profile, at, &expected[offset..])? {
                true => Err(short_copy(profile, appli, at).into()),
                false => Ok(Some(at)),
            };
        }
    }
    Ok(None)
}

/// True if the core can read all of it: what lies in a window that is closed is an error of the wire.
fn is_open(
    link: &mut dyn Link,
    windows: &mut Windows,
    segments: &[&Segment],
) -> Result<bool, StageError> {
    for segment in segments {
        if let Some(window) = windows.find(segment.address).cloned()
            && windows.state(link, &window)? != State::Open
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The parts of the segments whose checksums are not as the file has them.
fn differing_parts(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    segments: &[&Segment],
    total: usize,
) -> Result<Vec<Range<u64>>, StageError> {
    let unit = (total as u32 / PARTS)
        .next_power_of_two()
        .max(SMALLEST_PART);
    let runs: Vec<_> = segments.iter().map(|segment| segment.range()).collect();
    let sums = checksums_in_passing(link, windows, profile, &runs, unit)?;
    let parts = runs.iter().flat_map(|run| parts(run, unit.into()));
    let differs = |(part, sum): &(Range<u64>, u32)| crc32fast::hash(stored(segments, part)) != *sum;
    Ok(parts
        .zip(sums)
        .filter(differs)
        .map(|(part, _)| part)
        .collect())
}

/// `run`, cut at multiples of `unit`.
fn parts(run: &Range<u64>, unit: u64) -> Vec<Range<u64>> {
    let first = run.start / unit..run.end.div_ceil(unit);
    let part = |index: u64| run.start.max(index * unit)..run.end.min((index + 1) * unit);
    first.map(part).collect()
}

/// What the file has for `part`, which lies in one of the segments.
fn stored<'a>(segments: &[&'a Segment], part: &Range<u64>) -> &'a [u8] {
    let bytes = segments.iter().find_map(|segment| {
        let start = part.start.checked_sub(segment.range().start)? as usize;
        segment
            .data
            .get(start..start + (part.end - part.start) as usize)
    });
    bytes.unwrap_or_default()
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
