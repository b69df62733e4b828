//! What becomes of each sector: nothing, programs into blank pages, or an erase and programs.

use std::{collections::BTreeMap, ops::Range};

use super::{Difference, FlashError};
use crate::{
    image::Image,
    layout::{Address, BoardProfile, Controller, Memory, Window},
    link::Link,
    window::{State, Windows},
};

/// What is to be in flash afterwards: collected from vFlashErase and vFlashWrite, or from an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    erases: Vec<Range<u64>>,
    writes: Vec<(Address, Vec<u8>)>,
}

impl Transaction {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an image stores in internal flash and NOR windows. Its RAM segments are not flash, unless the boot stage copies them there.
    pub fn from_image(image: &Image, profile: &BoardProfile) -> Self {
        let placement = image.placement(profile);
        let copied = placement.ram.into_iter();
        let copied = copied.filter(|segment| profile.is_copied(segment.address));
        let stored = placement.internal.into_iter().chain(placement.windows);
        // What lies in no memory is kept, so that it is refused by its address.
        let writes = stored
            .chain(copied)
            .chain(placement.elsewhere)
            .map(|segment| (segment.address, segment.data.clone()))
            .collect();
        Self {
            erases: Vec::new(),
            writes,
        }
    }

    /// These bytes are to be erased. Once there are writes as well, only those count: bytes that nobody writes are preserved.
    pub fn erase(&mut self, address: Address, length: u32) {
        let start = u64::from(address.0);
        self.erases.push(start..start + u64::from(length));
    }

    /// These bytes are to be there.
    pub fn write(&mut self, address: Address, data: &[u8]) {
        self.writes.push((address, data.to_vec()));
    }

    pub(super) fn writes(&self) -> &[(Address, Vec<u8>)] {
        &self.writes
    }

    pub(super) fn writes_mut(&mut self) -> &mut Vec<(Address, Vec<u8>)> {
        &mut self.writes
    }

    /// True if nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.erases.is_empty() && self.writes.is_empty()
    }

    /// True if erases are all there is: then they are what is wanted.
    pub fn only_erases(&self) -> bool {
        self.writes.is_empty() && !self.erases.is_empty()
    }

    /// Sorts what is wanted by flash and sector.
    pub(super) fn by_region(
        &self,
        profile: &BoardProfile,
    ) -> Result<Vec<(Region, Vec<Sector>)>, FlashError> {
        let mut wanted: Vec<(Region, BTreeMap<u64, Sector>)> = Region::of(profile)
            .into_iter()
            .map(|region| (region, BTreeMap::new()))
            .collect();
        if self.only_erases() {
            for range in &self.erases {
                let (region, sectors) = region_of(&mut wanted, range)?;
                for (start, part) in by_sector(range, region.sector_bytes) {
                    let length = (part.end - part.start) as usize;
                    let erased = vec![region.erased_byte; length];
                    sector(sectors, start).patch((part.start - start) as usize, &erased);
                }
            }
        }
        for (address, data) in &self.writes {
            let start = u64::from(address.0);
            let range = start..start + data.len() as u64;
            let (region, sectors) = region_of(&mut wanted, &range)?;
            for (base, part) in by_sector(&range, region.sector_bytes) {
                let data = &data[(part.start - start) as usize..(part.end - start) as usize];
                sector(sectors, base).patch((part.start - base) as usize, data);
            }
        }
        Ok(wanted
            .into_iter()
            .map(|(region, sectors)| (region, sectors.into_values().collect::<Vec<_>>()))
            .filter(|(_, sectors)| !sectors.is_empty())
            .collect())
    }
}

fn region_of<'a, T>(
    wanted: &'a mut [(Region, T)],
    range: &Range<u64>,
) -> Result<(&'a Region, &'a mut T), FlashError> {
    wanted
        .iter_mut()
        .find(|(region, _)| region.range.start <= range.start && range.end <= region.range.end)
        .map(|(region, sectors)| (&*region, sectors))
        .ok_or(FlashError::NotFlash {
            address: Address(range.start as u32),
            length: range.end - range.start,
        })
}

/// The parts of `range` in each sector, with the sector's first address. Flashes begin at a multiple of their sectors.
fn by_sector(range: &Range<u64>, sector_bytes: u32) -> Vec<(u64, Range<u64>)> {
    let size = u64::from(sector_bytes);
    let mut parts = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let base = start - start % size;
        let end = range.end.min(base + size);
        parts.push((base, start..end));
        start = end;
    }
    parts
}

fn sector(sectors: &mut BTreeMap<u64, Sector>, start: u64) -> &mut Sector {
    sectors.entry(start).or_insert_with(|| Sector {
        address: Address(start as u32),
        patches: Vec::new(),
    })
}

/// A flash of the board.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub name: String,
    pub range: Range<u64>,
    pub sector_bytes: u32,
    pub erased_byte: u8,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Internal { algorithm: String },
    Window(Box<Window>),
}

impl Region {
    pub(super) fn of(profile: &BoardProfile) -> Vec<Self> {
        let internal = Self {
            name: "internal flash".to_owned(),
            range: profile.internal_range(),
            sector_bytes: profile.internal_sector_bytes,
            erased_byte: 0xFF,
            kind: Kind::Internal {
                algorithm: profile.internal_algorithm.clone(),
            },
        };
        let windows = profile
            .windows
            .iter()
            .filter(|window| window.memory == Memory::Nor)
            .map(|window| Self {
                name: format!("window {window}"),
                range: window.range(),
                sector_bytes: window.sector_bytes,
                erased_byte: 0xFF,
                kind: Kind::Window(Box::new(window.clone())),
            });
        std::iter::once(internal).chain(windows).collect()
    }

    /// The controller that a flash behind a window is reached by.
    pub(super) fn controller(&self) -> Option<Controller> {
        match &self.kind {
            Kind::Internal { .. } => None,
            Kind::Window(window) => Some(window.controller),
        }
    }

    pub(super) fn is_internal(&self) -> bool {
        matches!(self.kind, Kind::Internal { .. })
    }

    pub(super) fn algorithm(&self) -> Option<&str> {
        match &self.kind {
            Kind::Internal { algorithm } => Some(algorithm),
            Kind::Window(window) => window.algorithm.as_deref(),
        }
    }

    pub(super) fn program_bytes(&self) -> Option<u32> {
        match &self.kind {
            Kind::Internal { .. } => None,
            Kind::Window(window) => window.program_bytes,
        }
    }

    /// True if it can be read as the chip is now.
    pub(super) fn is_readable(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
    ) -> Result<bool, FlashError> {
        match &self.kind {
            Kind::Internal { .. } => Ok(true),
            Kind::Window(window) => Ok(windows.state(link, window)? == State::Open),
        }
    }

    /// Reads the sector at `address`.
    pub(super) fn read(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        address: Address,
    ) -> Result<Vec<u8>, FlashError> {
        let mut bytes = vec![0; self.sector_bytes as usize];
        self.read_into(link, windows, address, &mut bytes)?;
        Ok(bytes)
    }

    fn read_into(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        address: Address,
        bytes: &mut [u8],
    ) -> Result<(), FlashError> {
        match &self.kind {
            Kind::Internal { .. } => link.read(address, bytes)?,
            Kind::Window(_) => {
                windows.read_chip(link, address, bytes)?;
            }
        }
        Ok(())
    }
}

/// What is wanted of one sector.
#[derive(Clone, Debug)]
pub(super) struct Sector {
    pub address: Address,
    patches: Vec<(usize, Vec<u8>)>,
}

impl Sector {
    fn patch(&mut self, offset: usize, data: &[u8]) {
        self.patches.push((offset, data.to_vec()));
    }

    pub(super) fn wanted_bytes(&self) -> u64 {
        self.patches.iter().map(|(_, data)| data.len() as u64).sum()
    }

    /// Reads what is wanted, and no more, and compares.
    pub(super) fn difference(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        region: &Region,
    ) -> Result<Option<Difference>, FlashError> {
        for (offset, data) in &self.patches {
            let mut there = vec![0; data.len()];
            let start = Address(self.address.0 + *offset as u32);
            region.read_into(link, windows, start, &mut there)?;
            let mut bytes = (start.0..).zip(there.iter().zip(data));
            if let Some((address, (found, expected))) = bytes.find(|(_, (a, b))| a != b) {
                return Ok(Some(Difference {
                    address: Address(address),
                    expected: *expected,
                    found: *found,
                }));
            }
        }
        Ok(None)
    }

    /// How to get from `current` to what is wanted; `None` if it is there.
    pub(super) fn plan(
        &self,
        current: &[u8],
        region: &Region,
        page_bytes: u32,
    ) -> Option<SectorPlan> {
        let mut content = current.to_vec();
        for (offset, data) in &self.patches {
            content
                .get_mut(*offset..offset + data.len())?
                .copy_from_slice(data);
        }
        let page = page_bytes as usize;
        let is_blank = |bytes: &[u8]| bytes.iter().all(|byte| *byte == region.erased_byte);
        let differs: Vec<bool> = std::iter::zip(current.chunks(page), content.chunks(page))
            .map(|(there, wanted)| there != wanted)
            .collect();
        if !differs.contains(&true) {
            return None;
        }
        // Flash with error correction takes a page once; so does NOR, by its data sheet's advice.
        let erase = std::iter::zip(&differs, current.chunks(page))
            .any(|(differs, there)| *differs && !is_blank(there));
        let pages = std::iter::zip(differs, content.chunks(page))
            .map(|(differs, wanted)| (erase || differs) && !is_blank(wanted))
            .collect();
        Some(SectorPlan {
            address: self.address,
            erase,
            content,
            page,
            pages,
        })
    }
}

/// What is to be done to one sector.
#[derive(Clone, Debug)]
pub(super) struct SectorPlan {
    pub address: Address,
    pub erase: bool,
    /// What it then holds.
    pub content: Vec<u8>,
    page: usize,
    /// Which pages are programmed.
    pages: Vec<bool>,
}

impl SectorPlan {
    pub(super) fn bytes(&self) -> u64 {
        self.content.len() as u64
    }

    /// Offset and bytes of each call: neighbouring pages together, up to `largest` bytes.
    pub(super) fn programs(&self, largest: u32) -> Vec<(usize, &[u8])> {
        let mut calls: Vec<Range<usize>> = Vec::new();
        for (index, _) in self.pages.iter().enumerate().filter(|(_, wanted)| **wanted) {
            let start = index * self.page;
            let end = (start + self.page).min(self.content.len());
            match calls.last_mut() {
                Some(call) if call.end == start && end - call.start <= largest as usize => {
                    call.end = end;
                }
                _ => calls.push(start..end),
            }
        }
        calls
            .into_iter()
            .map(|call| (call.start, &self.content[call]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOR: u32 = 0x7000_0000;
    const SECTOR: usize = 0x10000;

    fn kit() -> BoardProfile {
        BoardProfile::find("stm32h7s78-dk").expect("the kit")
    }

    fn only_sector(transaction: &Transaction) -> (Region, Sector) {
        let mut wanted = transaction.by_region(&kit()).expect("flash");
        assert_eq!(wanted.len(), 1);
        let (region, mut sectors) = wanted.remove(0);
        assert_eq!(sectors.len(), 1);
        (region, sectors.remove(0))
    }

    fn plan(transaction: &Transaction, current: &[u8]) -> Option<SectorPlan> {
        let (region, sector) = only_sector(transaction);
        sector.plan(current, &region, 0x1000)
    }

    fn write(offset: u32, data: &[u8]) -> Transaction {
        let mut transaction = Transaction::new();
        transaction.write(Address(NOR + offset), data);
        transaction
    }

    #[test]
    fn what_is_there_needs_nothing() {
        let mut current = vec![0xFF; SECTOR];
        current[0x100..0x104].copy_from_slice(&[1, 2, 3, 4]);
        assert!(plan(&write(0x100, &[1, 2, 3, 4]), &current).is_none());
    }

    #[test]
    fn blank_pages_are_programmed_without_an_erase() {
        let mut current = vec![0xFF; SECTOR];
        current[0] = 7;
        let plan = plan(&write(0x2000, &[1; 0x1800]), &current).expect("a plan");
        assert!(!plan.erase);
        let calls: Vec<_> = plan
            .programs(0x3000)
            .iter()
            .map(|(at, data)| (*at, data.len()))
            .collect();
        assert_eq!(calls, [(0x2000, 0x2000)]);
    }

    #[test]
    fn a_changed_byte_erases_its_sector_and_keeps_the_others() {
        let current: Vec<u8> = (0..SECTOR)
            .map(|index| if index < 0x5000 { 0x55 } else { 0xFF })
            .collect();
        let plan = plan(&write(0x1234, &[0xAA]), &current).expect("a plan");
        assert!(plan.erase);
        assert_eq!((plan.content[0x1234], plan.content[0x1235]), (0xAA, 0x55));
        let calls: Vec<_> = plan
            .programs(0x3000)
            .iter()
            .map(|(at, data)| (*at, data.len()))
            .collect();
        assert_eq!(calls, [(0, 0x3000), (0x3000, 0x2000)]);
    }

    #[test]
    fn erases_alone_are_what_is_wanted_and_beside_writes_they_are_not() {
        let mut transaction = Transaction::new();
        transaction.erase(Address(NOR), 0x10000);
        let erased = plan(&transaction, &[0; SECTOR]).expect("a plan");
        assert!(erased.erase && erased.programs(0x3000).is_empty());
        assert!(plan(&transaction, &[0xFF; SECTOR]).is_none());
        transaction.write(Address(NOR), &[5]);
        let kept = plan(&transaction, &[0; SECTOR]).expect("a plan");
        assert_eq!((kept.content[0], kept.content[1]), (5, 0));
    }

    #[test]
    fn writes_are_split_at_sectors_and_flashes_kept_apart() {
        let mut transaction = write(0xFFFE, &[1, 2, 3, 4]);
        transaction.write(Address(0x0800_0000), &[9; 16]);
        let wanted = transaction.by_region(&kit()).expect("flash");
        let shape: Vec<_> = wanted
            .iter()
            .map(|(region, sectors)| {
                (
                    region.is_internal(),
                    sectors.iter().map(|s| s.address.0).collect::<Vec<_>>(),
                )
            })
            .collect();
        assert_eq!(
            shape,
            [(true, vec![0x0800_0000]), (false, vec![NOR, NOR + 0x10000])]
        );
        assert_eq!(wanted[1].1[1].patches, [(0, vec![3, 4])]);
    }

    #[test]
    fn what_is_no_flash_is_refused_by_its_address() {
        for address in [0x9000_0000, 0x2400_0000, 0x77FF_FFFF, 0x0800_FFFF] {
            let mut transaction = Transaction::new();
            transaction.write(Address(address), &[1, 2]);
            assert!(matches!(
                transaction.by_region(&kit()),
                Err(FlashError::NotFlash { address: Address(at), length: 2 }) if at == address
            ));
        }
    }
}
