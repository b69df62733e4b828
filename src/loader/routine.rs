//! A flash routine as it is before it is loaded: what goes where in RAM, how it is called, which flash it serves, how long it may take.
//!
//! Two calling conventions exist. A CMSIS-Pack flash algorithm (`.FLM`, and what probe-rs ships) has `Init(address, clock, function)`,
//! `EraseSector(address)`, `ProgramPage(address, size, buffer)`, `UnInit(function)`; 0 is success, R9 is the base of its data. ST's
//! external loaders (`.stldr`, UM2237) have `Init()`, `SectorErase(start, end)`, `Write(address, size, buffer)`; 1 is success, 0
//! failure, and `end` is the start of the last sector: old loaders erase every sector that begins at or below it.

use std::{ops::Range, time::Duration};

use crate::{layout::Address, link::Interrupts};

/// Bytes that a routine needs at an address of the RAM before it is called.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// First address.
    pub address: Address,
    /// What lies there.
    pub data: Vec<u8>,
    /// Bytes behind it that must be zero: nobody clears them for the routine.
    pub zeros: u32,
}

impl Segment {
    /// The addresses that it takes.
    pub fn range(&self) -> Range<u64> {
        let start = u64::from(self.address.0);
        start..start + self.data.len() as u64 + u64::from(self.zeros)
    }

    /// True if data, not zeros, lies at `address`.
    pub fn stores(&self, address: Address) -> bool {
        let within = address.0.checked_sub(self.address.0);
        within.is_some_and(|within| (within as usize) < self.data.len())
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (bytes, zeros) = (self.data.len(), self.zeros);
        write!(
            f,
            "Segment({bytes} bytes and {zeros} zeros at {})",
            self.address
        )
    }
}

/// The entry points, with the Thumb bit, in the convention that they keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    /// CMSIS-Pack flash algorithm.
    Cmsis(Cmsis),
    /// ST external loader.
    St(St),
}

/// Entry points of a CMSIS-Pack flash algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cmsis {
    /// `Init`.
    pub init: Option<Address>,
    /// `UnInit`.
    pub uninit: Option<Address>,
    /// `EraseSector`.
    pub erase_sector: Address,
    /// `ProgramPage`.
    pub program_page: Address,
    /// `Verify`: returns the address behind the last one that is equal.
    pub verify: Option<Address>,
    /// R9 while it runs.
    pub static_base: Address,
}

/// Entry points of an ST external loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct St {
    /// `Init`.
    pub init: Address,
    /// `Write`.
    pub write: Address,
    /// `SectorErase`.
    pub sector_erase: Address,
    /// `MassErase`.
    pub mass_erase: Option<Address>,
    /// `Verify`: 0 or the first address that differs in R0. It maps the window again.
    pub verify: Option<Address>,
    /// `CheckSum`.
    pub checksum: Option<Address>,
    /// `Read`.
    pub read: Option<Address>,
    /// What only our own loader has.
    pub fast: Option<Fast>,
}

/// The fast path of our own loader (firmware/loader, `fast.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fast {
    /// `FastCrc(address, unit, count, results)`: CRC-32 of each of `count` runs of `unit` bytes; it maps the window again.
    pub crc: Address,
    /// `FastProgram(mailbox)`: a queue of erases and programs (`queue.rs`).
    pub program: Address,
    /// `LastFailure`: cause, location and value of the last failure, three words.
    pub last_failure: Option<Address>,
}

/// Equal sectors, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorRun {
    /// First address of the first one.
    pub start: Address,
    /// Bytes of each.
    pub bytes: u32,
    /// How many.
    pub count: u32,
}

impl SectorRun {
    /// The addresses of all.
    pub fn range(&self) -> Range<u64> {
        let start = u64::from(self.start.0);
        start..start + u64::from(self.bytes) * u64::from(self.count)
    }
}

/// The flash that a routine serves, by its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The name that it gives to the flash.
    pub device: String,
    /// Its addresses.
    pub range: Range<u64>,
    /// What a call of `ProgramPage` takes at most, or the page of the flash; never 0.
    pub page_bytes: u32,
    /// What an erased byte reads as.
    pub erased_byte: u8,
    /// The sectors by rising address; never empty, no size is 0.
    pub sectors: Vec<SectorRun>,
}

impl Geometry {
    /// The sector that `address` lies in.
    pub fn sector(&self, address: Address) -> Option<Range<u64>> {
        let at = u64::from(address.0);
        let run = self.sectors.iter().find(|run| run.range().contains(&at))?;
        let bytes = u64::from(run.bytes);
        let start = u64::from(run.start.0);
        let start = at - (at - start) % bytes;
        Some(start..start + bytes)
    }

    /// The largest sector that has an address in `range`.
    pub fn largest_sector(&self, range: &Range<u64>) -> Option<u32> {
        self.sectors
            .iter()
            .filter(|run| {
                let sectors = run.range();
                sectors.start < range.end && range.start < sectors.end
            })
            .map(|run| run.bytes)
            .max()
    }

    /// True if all of `range` can be erased in units of `sector_bytes`: it is part of the flash, and each unit is made of whole sectors.
    pub fn serves(&self, range: &Range<u64>, sector_bytes: u32) -> bool {
        self.range.start <= range.start
            && range.end <= self.range.end
            && self.covers(range)
            && self.sectors.iter().all(|run| {
                let sectors = run.range();
                let touches = sectors.start < range.end && range.start < sectors.end;
                !touches || run.bytes != 0 && sector_bytes.is_multiple_of(run.bytes)
            })
    }

    /// True if every address of `range` lies in a sector.
    fn covers(&self, range: &Range<u64>) -> bool {
        let mut at = range.start;
        while at < range.end {
            let next = self
                .sectors
                .iter()
                .map(SectorRun::range)
                .find(|sectors| sectors.contains(&at));
            match next {
                Some(sectors) => at = sectors.end,
                None => return false,
            }
        }
        true
    }
}

/// How long each call may take, in the time of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `Init`, `UnInit`: PLLs start and the NOR is reset, up to 100 ms each.
    pub init: Duration,
    /// What a call of an erase or a program may take besides its pages or sectors.
    pub call: Duration,
    /// A page.
    pub program: Duration,
    /// A sector.
    pub erase: Duration,
}

impl Limits {
    /// For `Init` of any routine.
    pub const INIT: Duration = Duration::from_secs(5);

    /// For a sector or a page of any flash.
    pub const LONGEST: Duration = Duration::from_secs(20);

    /// A limit that a routine states in milliseconds. None at all would be no limit.
    pub(super) fn stated(millis: u32) -> Duration {
        match millis {
            0 => Self::INIT,
            _ => Duration::from_millis(millis.into()).min(Self::LONGEST),
        }
    }
}

/// Where a routine comes from: one of a file is watched more closely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the server, and tested with it: our own, or one that probe-rs ships.
    Shipped,
    /// A file of the user's.
    File,
}

/// A flash routine: its code, its entry points, and what it says of the flash that it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    /// Its name in messages: a file's, or the one that probe-rs gives it.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What is placed in RAM, by rising address, without overlaps; never empty.
    pub segments: Vec<Segment>,
    /// How it is called.
    pub convention: Convention,
    /// The flash.
    pub flash: Geometry,
    /// Time limits.
    pub limits: Limits,
    /// Stack that it is given.
    pub stack_bytes: u32,
    /// Whether C_MASKINTS is set while it runs. Our own loader waits by WFI, which only a pending interrupt ends: PRIMASK alone masks.
    pub interrupts: Interrupts,
}

impl Routine {
    /// ST's routines carry their whole HAL; what they were seen to use is below 1 KiB.
    pub const STACK_BYTES: u32 = 0x1000;

    /// The fast path, if it has one.
    pub fn fast(&self) -> Option<&Fast> {
        match &self.convention {
            Convention::St(st) => st.fast.as_ref(),
            Convention::Cmsis(_) => None,
        }
    }

    /// R9 of every call.
    pub(super) fn static_base(&self) -> Address {
        match &self.convention {
            Convention::Cmsis(cmsis) => cmsis.static_base,
            Convention::St(_) => Address(0),
        }
    }

    /// The RAM that it was linked for: that of its first segment.
    pub fn load_address(&self) -> Address {
        self.segments
            .first()
            .map_or(Address(0), |segment| segment.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed() -> Geometry {
        let run = |start, bytes, count| SectorRun {
            start: Address(start),
            bytes,
            count,
        };
        Geometry {
            device: "mixed".into(),
            range: 0x7000_0000..0x7008_0000,
            page_bytes: 0x100,
            erased_byte: 0xFF,
            sectors: vec![run(0x7000_0000, 0x1000, 16), run(0x7001_0000, 0x1_0000, 7)],
        }
    }

    #[test]
    fn a_sector_is_found_by_any_of_its_addresses() {
        let flash = mixed();
        assert_eq!(
            flash.sector(Address(0x7000_1FFF)),
            Some(0x7000_1000..0x7000_2000)
        );
        assert_eq!(
            flash.sector(Address(0x7001_2345)),
            Some(0x7001_0000..0x7002_0000)
        );
        assert_eq!(flash.sector(Address(0x7008_0000)), None);
        assert_eq!(
            flash.largest_sector(&(0x7000_0000..0x7000_1000)),
            Some(0x1000)
        );
        assert_eq!(flash.largest_sector(&flash.range), Some(0x1_0000));
    }

    #[test]
    fn a_flash_is_served_in_units_of_whole_sectors_only() {
        let flash = mixed();
        assert!(flash.serves(&flash.range, 0x1_0000));
        assert!(
            !flash.serves(&flash.range, 0x1000),
            "64 KiB sectors are larger than that"
        );
        assert!(flash.serves(&(0x7000_0000..0x7001_0000), 0x1000));
        assert!(
            !flash.serves(&(0x7000_0000..0x7010_0000), 0x1_0000),
            "beyond its end"
        );
        let mut gap = mixed();
        gap.sectors.remove(0);
        assert!(!gap.serves(&gap.range, 0x1_0000), "no sector is there");
    }
}
