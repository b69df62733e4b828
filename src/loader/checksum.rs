//! Checksums that the core computes, so that what is only to be compared does not travel over the wire.
//!
//! The routine (firmware/checksum) runs wherever it is put and has no data: it goes into the first buffer of a loader, with the list
//! of what it is to read behind it, and answers into the second one. Between a loader's calls that costs nobody anything. Without a
//! loader it runs only where nothing of the appli has run yet: in the state that a boot stage has made for it, behind a system reset,
//! and before the next one.

use std::{ops::Range, sync::OnceLock, time::Duration};

use super::{
    Loader, LoaderError, Operation, Plan,
    call::{Caller, Request},
    core_state,
    elf::LoaderElf,
    file_error::LoaderFileError,
};
use crate::{
    layout::{Address, BoardProfile},
    link::{Link, RegisterAccess},
    registers::debug::{Demcr, SCS},
    window::Windows,
};

/// firmware/checksum.
const FILE: &[u8] = include_bytes!("../../firmware/prebuilt/checksum.elf");

/// Its name in messages.
pub(super) const NAME: &str = "checksum";

/// It reads at least so many bytes of a window in a second: a NOR on one line, in single words, at 50 MHz.
const BYTES_PER_SECOND: u64 = 1 << 20;
const START: Duration = Duration::from_secs(1);

/// A run in its list: address and length.
pub(super) const RUN_BYTES: usize = 8;

/// Where no loader has planned: its table takes 1 KiB of the stack, and 8 KiB of answers do for 8 MiB at once.
const STACK_BYTES: u32 = 0x800;
const BUFFER_BYTES: u32 = 0x2000;

/// Where the routine and its answers lie.
pub(super) struct Place {
    code: Address,
    results: Address,
    bytes: u32,
}

impl Loader<'_> {
    /// CRC-32 (ISO-HDLC) of `runs` of memory, of which there is one for each part between multiples of `unit`, a power of two. The
    /// window must be mapped. The contents of both buffers are lost.
    pub fn checksums(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        runs: &[Range<u64>],
        unit: u32,
    ) -> Result<Vec<u32>, LoaderError> {
        let place = Place::of(&self.plan);
        checksums(&self.caller, &place, link, windows, runs, unit)
    }
}

/// The same without a loader. The core must stand where nothing of the appli has run since a system reset, and the board must be
/// reset before anything of it runs: registers and RAM are lost.
pub fn checksums_in_place(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    runs: &[Range<u64>],
    unit: u32,
) -> Result<Vec<u32>, LoaderError> {
    let plan = Plan::beside(profile, runs, STACK_BYTES, BUFFER_BYTES)
        .ok_or_else(|| no_room(STACK_BYTES))?;
    let catches: Demcr = link.peek(SCS)?;
    core_state::mask_and_catch(link, catches)?;
    for (address, data) in plan.additions() {
        link.write(address, data)?;
    }
    let caller = Caller::bare(NAME, &plan, core_state::is_watchdog_on(link)?);
    let computed = checksums(&caller, &Place::of(&plan), link, windows, runs, unit);
    link.poke(SCS, catches)?;
    computed
}

impl Place {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            code: plan.buffers[0],
            results: plan.buffers[1],
            bytes: plan.buffer_bytes,
        }
    }
}

pub(super) fn checksums(
    caller: &Caller,
    place: &Place,
    link: &mut dyn Link,
    windows: &mut Windows,
    runs: &[Range<u64>],
    unit: u32,
) -> Result<Vec<u32>, LoaderError> {
    static CODE: OnceLock<Vec<u8>> = OnceLock::new();
    let code = code(&CODE, FILE, NAME)?;
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        return Ok(Vec::new());
    };
    let most_runs = (place.bytes as usize).saturating_sub(code.len()) / RUN_BYTES;
    let most_parts = place.bytes / 4;
    if most_runs == 0 {
        return Err(no_room(code.len() as u32 + RUN_BYTES as u32));
    }
    let external = Address(first.start as u32).is_external();
    if external {
        core_state::open_range(link, &(first.start..last.end))?;
    }
    let mut results = Vec::new();
    for batch in batches(runs, unit, most_runs, most_parts) {
        results.extend(compute(caller, place, link, windows, code, &batch, unit)?);
    }
    if external {
        core_state::close_range(link)?;
    }
    Ok(results)
}

/// One call: code and list travel together.
fn compute(
    caller: &Caller,
    place: &Place,
    link: &mut dyn Link,
    windows: &mut Windows,
    code: &[u8],
    runs: &[Range<u64>],
    unit: u32,
) -> Result<Vec<u32>, LoaderError> {
    let mut image = code.to_vec();
    image.resize(image.len().next_multiple_of(4), 0);
    let list = Address(place.code.0 + image.len() as u32);
    image.extend(self::list(runs));
    link.write(place.code, &image)?;
    let count = parts(runs, unit);
    let request = Request {
        arguments: [list.0, runs.len() as u32, unit, place.results.0],
        success: Some(count),
        ..request(runs, place.code)
    };
    caller.call(link, windows, request)?;
    let mut bytes = vec![0; count as usize * 4];
    link.read(place.results, &mut bytes)?;
    let (words, _) = bytes.as_chunks::<4>();
    Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

/// A call for `runs` of the routine at `entry`.
pub(super) fn request(runs: &[Range<u64>], entry: Address) -> Request {
    let length: u64 = runs.iter().map(|run| run.end - run.start).sum();
    Request {
        operation: Operation::Crc {
            address: Address(runs.first().map_or(0, |run| run.start as u32)),
            length: length as u32,
        },
        entry,
        arguments: [0; 4],
        success: None,
        limit: START + Duration::from_micros(length * 1_000_000 / BYTES_PER_SECOND),
    }
}

/// `runs` as the routine reads them.
pub(super) fn list(runs: &[Range<u64>]) -> impl Iterator<Item = u8> {
    let words = |run: &Range<u64>| [run.start as u32, (run.end - run.start) as u32];
    runs.iter().flat_map(words).flat_map(u32::to_le_bytes)
}

/// How many answers there are for `runs`.
pub(super) fn parts(runs: &[Range<u64>], unit: u32) -> u32 {
    let unit = u64::from(unit);
    let of = |run: &Range<u64>| match run.is_empty() {
        true => 0,
        false => (run.end - 1) / unit - run.start / unit + 1,
    };
    runs.iter().map(of).sum::<u64>() as u32
}

/// `runs` in lists that one call takes, cut at multiples of `unit`.
fn batches(
    runs: &[Range<u64>],
    unit: u32,
    most_runs: usize,
    most_parts: u32,
) -> Vec<Vec<Range<u64>>> {
    let mut batches = Vec::new();
    let mut batch: Vec<Range<u64>> = Vec::new();
    let mut room = most_parts;
    for run in runs {
        let mut start = run.start;
        while start < run.end {
            if batch.len() == most_runs || room == 0 {
                batches.push(std::mem::take(&mut batch));
                room = most_parts;
            }
            let unit = u64::from(unit);
            let end = run.end.min((start / unit + u64::from(room)) * unit);
            let piece = start..end;
            room -= parts(std::slice::from_ref(&piece), unit as u32);
            batch.push(piece);
            start = end;
        }
    }
    batches.push(batch);
    batches
}

/// The bytes of the routine in `file`, found once.
pub(super) fn code(
    known: &'static OnceLock<Vec<u8>>,
    file: &[u8],
    name: &str,
) -> Result<&'static [u8], LoaderFileError> {
    if let Some(code) = known.get() {
        return Ok(code);
    }
    let segments = LoaderElf::parse(file, name)?.segments(|_, _| true)?;
    let code = segments.into_iter().next().map(|segment| segment.data);
    Ok(known.get_or_init(|| code.unwrap_or_default()))
}

pub(super) fn no_room(needed: u32) -> LoaderError {
    super::DoesNotFit::NoRoom {
        name: NAME.to_owned(),
        purpose: "code",
        needed: needed.into(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routine_is_small_enough_for_one_packet() {
        static CODE: OnceLock<Vec<u8>> = OnceLock::new();
        let code = code(&CODE, FILE, NAME).expect("built in");
        assert!((100..500).contains(&code.len()), "{}", code.len());
    }

    /// Ranges by their ends: a list of one range looks like a slip.
    fn runs(ends: &[(u64, u64)]) -> Vec<Range<u64>> {
        ends.iter().map(|(start, end)| *start..*end).collect()
    }

    #[test]
    fn there_is_an_answer_for_each_part_between_multiples_of_the_unit() {
        assert_eq!(parts(&runs(&[(0x1000, 0x3000)]), 0x1000), 2);
        assert_eq!(parts(&runs(&[(0xFFF, 0x3001)]), 0x1000), 4);
        assert_eq!(parts(&runs(&[(5, 5), (7, 8)]), 0x1000), 1);
    }

    #[test]
    fn a_long_list_is_cut_where_a_call_takes_no_more() {
        let whole = runs(&[(0x800, 0x5800)]);
        assert_eq!(batches(&whole, 0x1000, 4, 16), std::slice::from_ref(&whole));
        assert_eq!(
            batches(&whole, 0x1000, 4, 4),
            [runs(&[(0x800, 0x4000)]), runs(&[(0x4000, 0x5800)])]
        );
        let three = runs(&[(0, 1), (2, 3), (4, 5)]);
        assert_eq!(
            batches(&three, 0x1000, 2, 16),
            [runs(&[(0, 1), (2, 3)]), runs(&[(4, 5)])]
        );
    }
}
