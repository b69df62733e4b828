//! CMSIS-Pack flash algorithms (Open-CMSIS-Pack, "Flash Programming Algorithms"): an ELF file called `.FLM`, linked to address 0 and
//! position independent, with functions and a `FlashDevice` that describes the flash.
//!
//! `FlashDevice` is: version u16, name 128, type u16 at 130, address u32 at 132, size u32, page u32, reserved, erased byte at 148, time
//! limits of a page and of a sector in milliseconds at 152 and 156, and from 160 pairs of a sector's size and its offset, ended by
//! ones. It lies in a segment of its own, behind the code, that is not for the chip. R9 is the base of `PrgData`.

use std::{ops::Range, time::Duration};

use super::{
    elf::LoaderElf,
    file_error::LoaderFileError,
    routine::{Cmsis, Convention, Geometry, Limits, Origin, Routine, SectorRun},
};
use crate::{
    layout::{Address, BoardProfile, Ram},
    link::Interrupts,
};

/// The part of `FlashDevice` before its sectors, and the whole of it.
const HEAD_BYTES: usize = 160;
const FLASH_DEVICE_BYTES: u64 = 4256;
const NAME: Range<usize> = 2..130;
const ADDRESS: usize = 132;
const SIZE: usize = 136;
const PAGE: usize = 140;
const ERASED: usize = 148;
const PROGRAM_MILLIS: usize = 152;
const ERASE_MILLIS: usize = 156;
/// Size and offset that end the list of sectors.
const LAST_SECTOR: u32 = u32::MAX;

/// Where the code goes in a RAM: address 0 of ITCM is what a stray pointer hits, and debuggers leave as much free.
const OFFSET: u32 = 0x20;

/// Kept free beside the code in the RAM that is chosen for it: return, stack, retained status.
const BESIDE: u64 = 0x1800;

/// The algorithm of a file, placed in the RAM of a board.
pub(super) fn routine(
    elf: &LoaderElf<'_>,
    profile: &BoardProfile,
) -> Result<Routine, LoaderFileError> {
    let symbol = elf
        .symbol("FlashDevice")
        .ok_or_else(|| elf.lacks("`FlashDevice`"))?;
    let device = elf.bytes_up_to(symbol, FLASH_DEVICE_BYTES)?;
    let (flash, limits) = describe(device, elf)?;
    let erase_sector = elf.needs("EraseSector")?;
    let program_page = elf.needs("ProgramPage")?;
    let entries = [erase_sector, program_page].map(|entry| Address(entry.0 & !1));
    let description = Address(symbol.value);
    let mut segments = elf.segments(|segment, _| {
        !segment.stores(description) || entries.iter().any(|entry| segment.stores(*entry))
    })?;
    let is_stored = |entry: &Address| segments.iter().any(|segment| segment.stores(*entry));
    if !entries.iter().all(is_stored) {
        return Err(elf.lacks("code where its functions are"));
    }
    let end = segments.iter().map(|segment| segment.range().end).max();
    let base = base(profile, end.unwrap_or_default()).ok_or_else(|| LoaderFileError::NoRam {
        name: elf.name.to_owned(),
        needed: end.unwrap_or_default(),
    })?;
    let place = |address: Address| Address(base.0.wrapping_add(address.0));
    for segment in &mut segments {
        segment.address = place(segment.address);
    }
    let data = elf.section("PrgData").unwrap_or(0);
    Ok(Routine {
        name: elf.name.to_owned(),
        origin: Origin::File,
        segments,
        convention: Convention::Cmsis(Cmsis {
            init: elf.function("Init").map(place),
            uninit: elf.function("UnInit").map(place),
            erase_sector: place(erase_sector),
            program_page: place(program_page),
            verify: elf.function("Verify").map(place),
            static_base: place(Address(data)),
        }),
        flash,
        limits,
        stack_bytes: Routine::STACK_BYTES,
        interrupts: Interrupts::Masked,
    })
}

/// The first RAM that it fits into: DTCM if it can.
fn base(profile: &BoardProfile, bytes: u64) -> Option<Address> {
    let fits = |ram: &&Ram| bytes.saturating_add(u64::from(OFFSET) + BESIDE) <= u64::from(ram.size);
    let dtcm = profile.rams.iter().filter(|ram| ram.base.0 >> 24 == 0x20);
    let others = profile.rams.iter().filter(|ram| ram.base.0 >> 24 != 0x20);
    let ram = dtcm.chain(others).find(fits)?;
    ram.base.checked_add(OFFSET)
}

fn describe(device: &[u8], elf: &LoaderElf<'_>) -> Result<(Geometry, Limits), LoaderFileError> {
    let word = |at: usize| {
        let bytes = device
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    if device.len() < HEAD_BYTES {
        return Err(elf.lacks("complete `FlashDevice`"));
    }
    let (start, size, page_bytes) = (word(ADDRESS), word(SIZE), word(PAGE));
    let range = u64::from(start)..u64::from(start) + u64::from(size);
    if size == 0 || range.end > 1 << 32 {
        return Err(elf.lacks("flash that a chip can address"));
    }
    if page_bytes == 0 {
        return Err(elf.lacks("page size"));
    }
    let pairs = device.get(HEAD_BYTES..).unwrap_or_default().len() / 8;
    let starts: Vec<(u32, u64)> = (0..pairs)
        .map(|index| {
            (
                word(HEAD_BYTES + 8 * index),
                word(HEAD_BYTES + 8 * index + 4),
            )
        })
        .take_while(|(bytes, offset)| *bytes != LAST_SECTOR && *offset != LAST_SECTOR)
        .map(|(bytes, offset)| (bytes, range.start + u64::from(offset)))
        .collect();
    let ends = starts.iter().skip(1).map(|(_, start)| *start);
    let sectors: Vec<SectorRun> = starts
        .iter()
        .zip(ends.chain([range.end]))
        .filter_map(|((bytes, start), end)| {
            let bytes = Some(*bytes).filter(|bytes| *bytes > 0)?;
            let end = end.min(range.end);
            Some(SectorRun {
                start: Address(u32::try_from(*start).ok()?),
                bytes,
                count: (end.checked_sub(*start)? / u64::from(bytes)) as u32,
            })
        })
        .filter(|run| run.count > 0)
        .collect();
    if sectors.is_empty() {
        return Err(elf.lacks("sector size"));
    }
    let name = device.get(NAME).unwrap_or_default();
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let flash = Geometry {
        device: String::from_utf8_lossy(name).trim().to_owned(),
        range,
        page_bytes,
        erased_byte: device.get(ERASED).copied().unwrap_or(0xFF),
        sectors,
    };
    let limits = Limits {
        init: Limits::INIT,
        call: Duration::ZERO,
        program: Limits::stated(word(PROGRAM_MILLIS)),
        erase: Limits::stated(word(ERASE_MILLIS)),
    };
    Ok((flash, limits))
}
