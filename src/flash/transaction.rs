//! What is wanted: collected from erases and writes, sorted by flash and sector.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use super::{FlashError, region::Region};
use crate::{
    image::Image,
    layout::{Address, BoardProfile},
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

    /// The same, with `pieces` where nothing else is wanted.
    pub(super) fn over(&self, pieces: Vec<(Address, Vec<u8>)>) -> Self {
        let mut writes = pieces;
        writes.extend(self.writes.iter().cloned());
        Self {
            erases: self.erases.clone(),
            writes,
        }
    }

    /// The bytes that are to be there, as they were asked for.
    pub fn writes(&self) -> &[(Address, Vec<u8>)] {
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
    ) -> Result<Vec<(Region, Vec<Sector<'_>>)>, FlashError> {
        let mut wanted: Vec<(Region, BTreeMap<u64, Sector<'_>>)> = Region::of(profile)
            .into_iter()
            .map(|region| (region, BTreeMap::new()))
            .collect();
        if self.only_erases() {
            for range in &self.erases {
                let (region, sectors) = region_of(&mut wanted, range)?;
                for part in parts(range, region.sector_bytes) {
                    let erased = vec![region.erased_byte; (part.end - part.start) as usize];
                    sector(sectors, &part, region).patch(part.start, erased.into());
                }
            }
        }
        for (address, data) in &self.writes {
            let start = u64::from(address.0);
            let range = start..start + data.len() as u64;
            let (region, sectors) = region_of(&mut wanted, &range)?;
            for part in parts(&range, region.sector_bytes) {
                let data = &data[(part.start - start) as usize..(part.end - start) as usize];
                sector(sectors, &part, region).patch(part.start, data.into());
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

/// The parts of `range` between multiples of `unit`.
pub(super) fn parts(range: &Range<u64>, unit: u32) -> Vec<Range<u64>> {
    let unit = u64::from(unit);
    let mut parts = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min((start / unit + 1) * unit);
        parts.push(start..end);
        start = end;
    }
    parts
}

/// The sector that `part` lies in. Flashes begin at a multiple of their sectors.
fn sector<'a, 't>(
    sectors: &'a mut BTreeMap<u64, Sector<'t>>,
    part: &Range<u64>,
    region: &Region,
) -> &'a mut Sector<'t> {
    let start = part.start - part.start % u64::from(region.sector_bytes);
    sectors.entry(start).or_insert_with(|| Sector {
        address: Address(start as u32),
        patches: Vec::new(),
    })
}

/// What is wanted of one sector. An image may have 64 MB: the bytes stay where the transaction has them.
#[derive(Clone, Debug)]
pub(super) struct Sector<'t> {
    pub address: Address,
    patches: Vec<(usize, Cow<'t, [u8]>)>,
}

impl<'t> Sector<'t> {
    fn patch(&mut self, address: u64, data: Cow<'t, [u8]>) {
        let offset = (address - u64::from(self.address.0)) as usize;
        self.patches.push((offset, data));
    }

    /// What is wanted of it, by rising address: without overlaps, neighbours as one.
    pub(super) fn wanted(&self) -> Vec<Range<u64>> {
        let start = u64::from(self.address.0);
        let mut ranges: Vec<Range<u64>> = self
            .patches
            .iter()
            .map(|(offset, data)| {
                let from = start + *offset as u64;
                from..from + data.len() as u64
            })
            .collect();
        ranges.sort_by_key(|range| range.start);
        join(ranges)
    }

    pub(super) fn wanted_bytes(&self) -> u64 {
        self.wanted()
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// Puts what is wanted into `content`, the bytes of the sector.
    pub(super) fn apply(&self, content: &mut [u8]) {
        for (offset, data) in &self.patches {
            if let Some(place) = content.get_mut(*offset..offset + data.len()) {
                place.copy_from_slice(data);
            }
        }
    }
}

/// Ranges by rising start, those that touch as one.
pub(super) fn join(ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOR: u32 = 0x7000_0000;

    fn kit() -> BoardProfile {
        BoardProfile::find("stm32h7s78-dk").expect("the kit")
    }

    fn write(offset: u32, data: &[u8]) -> Transaction {
        let mut transaction = Transaction::new();
        transaction.write(Address(NOR + offset), data);
        transaction
    }

    fn only_sector(transaction: &Transaction) -> Sector<'_> {
        let mut wanted = transaction.by_region(&kit()).expect("flash");
        assert_eq!(wanted.len(), 1);
        let (_, mut sectors) = wanted.remove(0);
        assert_eq!(sectors.len(), 1);
        sectors.remove(0)
    }

    #[test]
    fn erases_alone_are_what_is_wanted_and_beside_writes_they_are_not() {
        let mut transaction = Transaction::new();
        transaction.erase(Address(NOR), 0x10000);
        let mut content = [0; 0x10000];
        only_sector(&transaction).apply(&mut content);
        assert_eq!(content, [0xFF; 0x10000]);
        transaction.write(Address(NOR), &[5]);
        let start = u64::from(NOR);
        assert_eq!(only_sector(&transaction).wanted(), vec![start..start + 1]);
    }

    #[test]
    fn pieces_of_any_order_become_one_range_and_the_last_one_rules() {
        let mut transaction = write(0x100, &[1; 0x100]);
        transaction.write(Address(NOR + 0x200), &[2; 0x100]);
        transaction.write(Address(NOR), &[3; 0x101]);
        let sector = only_sector(&transaction);
        let start = u64::from(NOR);
        assert_eq!(sector.wanted(), vec![start..start + 0x300]);
        assert_eq!(sector.wanted_bytes(), 0x300);
        let mut content = [0; 0x10000];
        sector.apply(&mut content);
        assert_eq!((content[0x100], content[0x101], content[0x300]), (3, 1, 0));
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
        assert_eq!(wanted[1].1[1].patches, [(0, Cow::from(&[3, 4][..]))]);
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
