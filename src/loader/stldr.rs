//! ST's external loaders (UM2237): an ELF file, called `.stldr` or not, with functions and a `StorageInfo` that describes the memory.
//!
//! `StorageInfo` is 200 bytes, packed: name 100, type u16 at 100, address u32 at 104, size u32, page u32, erased byte at 116, and at 120
//! up to ten pairs of a count and a size of sectors, ended by zeros. It is found by its symbol, not by its address: files built by
//! IAR have it in a segment at address 0, where it must not be loaded over ITCM.
//!
//! Nothing in the file says how long a call may take: the limits are those of slow NOR flashes.

use std::{ops::Range, time::Duration};

use super::{
    elf::LoaderElf,
    file_error::LoaderFileError,
    routine::{Convention, Fast, Geometry, Limits, Origin, Routine, SectorRun, St},
};
use crate::{layout::Address, link::Interrupts};

const STORAGE_INFO_BYTES: u64 = 200;
const NAME: Range<usize> = 0..100;
const ADDRESS: usize = 104;
const SIZE: usize = 108;
const PAGE: usize = 112;
const ERASED: usize = 116;
const SECTORS: usize = 120;
const SECTOR_RUNS: usize = 10;

/// A page takes up to 5 ms on slow NOR flashes (W25Q256JV: 3 ms), and a few on one line at 10 MHz.
const PROGRAM_LIMIT: Duration = Duration::from_millis(10);

/// Some initialise the NOR in each call, which takes 100 ms and more.
const CALL_LIMIT: Duration = Duration::from_secs(1);

/// 64 KiB take up to 3 s on slow NOR flashes (S25FL256S: 2.6 s), and larger sectors in proportion.
const ERASE_LIMIT: Duration = Duration::from_secs(3);
const ERASE_UNIT: u32 = 0x1_0000;

/// Reads a loader from the bytes of its file. `name` is for messages.
pub fn parse(bytes: &[u8], name: &str) -> Result<Routine, LoaderFileError> {
    routine(&LoaderElf::parse(bytes, name)?)
}

pub(super) fn routine(elf: &LoaderElf<'_>) -> Result<Routine, LoaderFileError> {
    let symbol = elf
        .symbol("StorageInfo")
        .ok_or_else(|| elf.lacks("`StorageInfo`"))?;
    let info = elf.bytes_of(symbol, STORAGE_INFO_BYTES)?;
    let flash = geometry(info, elf)?;
    let entries = St {
        init: elf.needs("Init")?,
        write: elf.needs("Write")?,
        sector_erase: elf.needs("SectorErase")?,
        mass_erase: elf.function("MassErase"),
        verify: elf.function("Verify"),
        checksum: elf.function("CheckSum"),
        read: elf.function("Read"),
        fast: fast(elf),
    };
    // Our own loader is known by it.
    let interrupts = match elf.symbol("LastFailure") {
        Some(_) => Interrupts::Enabled,
        None => Interrupts::Masked,
    };
    let description = Address(symbol.value);
    let init = Address(entries.init.0 & !1);
    let segments = elf.segments(|segment, zeros| {
        let overlaps = |zeros: &Range<u64>| {
            let stored = segment.range();
            stored.start < zeros.end && zeros.start < stored.end
        };
        // A description that lies apart from the code, or where zeros are to be, is not for the chip.
        !segment.stores(description)
            || segment.stores(init)
            || same_memory(description, init) && !zeros.iter().any(overlaps)
    })?;
    if !segments.iter().any(|segment| segment.stores(init)) {
        return Err(elf.lacks("code where `Init` is"));
    }
    let largest = flash.largest_sector(&flash.range).unwrap_or(ERASE_UNIT);
    Ok(Routine {
        name: elf.name.to_owned(),
        origin: Origin::File,
        segments,
        convention: Convention::St(entries),
        flash,
        limits: Limits {
            init: Limits::INIT,
            call: CALL_LIMIT,
            program: PROGRAM_LIMIT,
            erase: ERASE_LIMIT * largest.div_ceil(ERASE_UNIT).max(1),
        },
        stack_bytes: Routine::STACK_BYTES,
        interrupts,
    })
}

/// True for addresses of one RAM: they differ by less than 16 MiB.
fn same_memory(one: Address, other: Address) -> bool {
    one.0 >> 24 == other.0 >> 24
}

fn fast(elf: &LoaderElf<'_>) -> Option<Fast> {
    Some(Fast {
        crc: elf.function("FastCrc")?,
        program: elf.function("FastProgram")?,
        last_failure: elf
            .symbol("LastFailure")
            .map(|symbol| Address(symbol.value)),
    })
}

fn geometry(info: &[u8], elf: &LoaderElf<'_>) -> Result<Geometry, LoaderFileError> {
    let word = |at: usize| {
        let bytes = info.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    let start = word(ADDRESS);
    let size = word(SIZE);
    let page_bytes = word(PAGE);
    let range = u64::from(start)..u64::from(start) + u64::from(size);
    if size == 0 || range.end > 1 << 32 {
        return Err(elf.lacks("flash that a chip can address"));
    }
    if page_bytes == 0 {
        return Err(elf.lacks("page size"));
    }
    let mut sectors = Vec::new();
    let mut at = range.start;
    for run in 0..SECTOR_RUNS {
        let (count, bytes) = (word(SECTORS + 8 * run), word(SECTORS + 8 * run + 4));
        if count == 0 || bytes == 0 || at >= range.end {
            break;
        }
        sectors.push(SectorRun {
            start: Address(at as u32),
            bytes,
            count,
        });
        at += u64::from(count) * u64::from(bytes);
    }
    if sectors.is_empty() {
        return Err(elf.lacks("sector size"));
    }
    let name = info.get(NAME).unwrap_or_default();
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Geometry {
        device: String::from_utf8_lossy(name).trim().to_owned(),
        range,
        page_bytes,
        erased_byte: info.get(ERASED).copied().unwrap_or(0xFF),
        sectors,
    })
}
