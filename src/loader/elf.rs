//! What `.stldr` and `.FLM` files have in common: an ELF file whose segments go into RAM and whose symbols are called.
//!
//! Such files come from many linkers, and their headers are believed no further than they can be checked. Seen in real files: a segment
//! of 64 MB, because a linker has put `.bss` of AXI SRAM into the segment of the code in DTCM; a `.bss` that is in no segment at all, only
//! in the section headers (IAR); descriptions at the address of code, of `.bss`, or at 0. So what must be zero is taken from the
//! section headers, and from the segments only where there are none.

use std::{ops::Range, path::Path};

use goblin::elf::{
    Elf,
    header::EM_ARM,
    program_header::PT_LOAD,
    section_header::{SHF_ALLOC, SHT_NOBITS},
};

use super::{file_error::LoaderFileError, routine::Segment};
use crate::{image::read_at_most, layout::Address};

/// No RAM of the family is larger: what is larger is no code, and zeros of that size are not meant for RAM.
const LARGEST_SEGMENT: u64 = 1 << 20;

/// Files larger than this are no loaders.
const LARGEST_FILE: u64 = 1 << 26;

/// A symbol of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub value: u32,
    section: usize,
}

/// A loader's ELF file.
pub(super) struct LoaderElf<'a> {
    pub name: &'a str,
    bytes: &'a [u8],
    elf: Elf<'a>,
}

impl<'a> LoaderElf<'a> {
    /// Reads the headers. `name` is for messages.
    pub fn parse(bytes: &'a [u8], name: &'a str) -> Result<Self, LoaderFileError> {
        let elf = Elf::parse(bytes).map_err(|source| LoaderFileError::Elf {
            name: name.to_owned(),
            source: Box::new(source),
        })?;
        if elf.header.e_machine != EM_ARM || elf.is_64 || !elf.little_endian {
            return Err(LoaderFileError::WrongMachine {
                name: name.to_owned(),
                machine: elf.header.e_machine,
            });
        }
        Ok(Self { name, bytes, elf })
    }

    /// The symbol called `name`, if the file defines it.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        let symbol = self.elf.syms.iter().find(|symbol| {
            symbol.st_shndx != 0 && self.elf.strtab.get_at(symbol.st_name) == Some(name)
        })?;
        Some(Symbol {
            value: symbol.st_value as u32,
            section: symbol.st_shndx,
        })
    }

    /// The function called `name`, with the Thumb bit.
    pub fn function(&self, name: &str) -> Option<Address> {
        self.symbol(name).map(|symbol| Address(symbol.value | 1))
    }

    /// The function called `name`, which must be there.
    pub fn needs(&self, name: &'static str) -> Result<Address, LoaderFileError> {
        self.function(name).ok_or_else(|| self.lacks(name))
    }

    pub fn lacks(&self, lacks: &'static str) -> LoaderFileError {
        LoaderFileError::Incomplete {
            name: self.name.to_owned(),
            lacks,
        }
    }

    /// The bytes that `symbol` names: by its section, because segments may share addresses.
    pub fn bytes_of(&self, symbol: Symbol, length: u64) -> Result<&'a [u8], LoaderFileError> {
        let value = u64::from(symbol.value);
        let section = self.elf.section_headers.get(symbol.section);
        let in_section = section
            .filter(|section| section.sh_type != SHT_NOBITS)
            .and_then(|section| Some((section.sh_offset, value.checked_sub(section.sh_addr)?)));
        let in_segment = || {
            self.elf.program_headers.iter().find_map(|header| {
                let within = value.checked_sub(header.p_vaddr)?;
                let is_there = header.p_type == PT_LOAD && within < header.p_filesz;
                is_there.then_some((header.p_offset, within))
            })
        };
        let (start, within) = in_section
            .or_else(in_segment)
            .ok_or_else(|| self.lacks("contents of its description"))?;
        self.slice(Address(symbol.value), start.saturating_add(within), length)
    }

    /// As [`Self::bytes_of`], as many of `length` bytes as the section has.
    pub fn bytes_up_to(&self, symbol: Symbol, length: u64) -> Result<&'a [u8], LoaderFileError> {
        let section = self.elf.section_headers.get(symbol.section);
        let end = section.map(|section| section.sh_addr.saturating_add(section.sh_size));
        let there = end.and_then(|end| end.checked_sub(u64::from(symbol.value)));
        self.bytes_of(symbol, there.map_or(length, |there| there.min(length)))
    }

    /// Where the section called `name` is to lie.
    pub fn section(&self, name: &str) -> Option<u32> {
        let mut sections = self.elf.section_headers.iter();
        let section =
            sections.find(|section| self.elf.shdr_strtab.get_at(section.sh_name) == Some(name))?;
        Some(section.sh_addr as u32)
    }

    /// What goes into RAM, by rising address, zeros apart from data. Data for which `keep` is false is left out: a description may have
    /// addresses that are not for the chip, or are those of the zeros, which `keep` is given as well.
    pub fn segments(
        &self,
        keep: impl Fn(&Segment, &[Range<u64>]) -> bool,
    ) -> Result<Vec<Segment>, LoaderFileError> {
        let zeros = self.zeros();
        let mut stored = Vec::new();
        for header in &self.elf.program_headers {
            // Fields of an ELF32 are 32 bits wide; goblin widens them, so that the sums cannot wrap.
            let address = Address(header.p_vaddr as u32);
            if header.p_type != PT_LOAD || header.p_filesz == 0 {
                continue;
            }
            if header.p_filesz > LARGEST_SEGMENT {
                return Err(LoaderFileError::SegmentTooLarge {
                    name: self.name.to_owned(),
                    address,
                    length: header.p_filesz,
                });
            }
            let data = self.slice(address, header.p_offset, header.p_filesz)?;
            let segment = Segment {
                address,
                data: data.to_vec(),
                zeros: 0,
            };
            if keep(&segment, &zeros) {
                stored.push(segment);
            }
        }
        if stored.is_empty() {
            return Err(self.lacks("code"));
        }
        let mut segments = self.merged(stored)?;
        let mut free = zeros;
        for segment in &segments {
            free = without(&free, &segment.range());
        }
        segments.extend(free.into_iter().map(|zeros| Segment {
            address: Address(zeros.start as u32),
            data: Vec::new(),
            zeros: (zeros.end - zeros.start) as u32,
        }));
        segments.sort_by_key(|segment| segment.address);
        Ok(segments)
    }

    /// What must be zero: by section headers, or else what the segments have beyond their data.
    fn zeros(&self) -> Vec<Range<u64>> {
        let sections = self.elf.section_headers.iter();
        let sections = sections.filter(|section| section.sh_flags & u64::from(SHF_ALLOC) != 0);
        let ranges: Vec<Range<u64>> = if sections.clone().next().is_some() {
            sections
                .filter(|section| section.sh_type == SHT_NOBITS)
                .map(|section| section.sh_addr..section.sh_addr.saturating_add(section.sh_size))
                .collect()
        } else {
            let headers = self.elf.program_headers.iter();
            headers
                .filter(|header| header.p_type == PT_LOAD)
                .map(|header| {
                    let start = header.p_vaddr.saturating_add(header.p_filesz);
                    start..header.p_vaddr.saturating_add(header.p_memsz)
                })
                .collect()
        };
        let mut zeros: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            let is_meant = range.start < range.end
                && range.end - range.start <= LARGEST_SEGMENT
                && range.end <= 1 << 32;
            if is_meant {
                let apart = zeros
                    .iter()
                    .fold(vec![range], |rest, taken| without(&rest, taken));
                zeros.extend(apart);
            }
        }
        zeros
    }

    /// Data that overlaps is laid over what is there, if that is zero or the same.
    fn merged(&self, mut stored: Vec<Segment>) -> Result<Vec<Segment>, LoaderFileError> {
        stored.sort_by_key(|segment| segment.address);
        let mut segments: Vec<Segment> = Vec::new();
        for next in stored {
            let Some(last) = segments.last_mut() else {
                segments.push(next);
                continue;
            };
            let within = (next.address.0 - last.address.0) as usize;
            let Some(covered) = last.data.get_mut(within..).filter(|part| !part.is_empty()) else {
                segments.push(next);
                continue;
            };
            let (over, behind) = next.data.split_at(covered.len().min(next.data.len()));
            for (there, byte) in covered.iter_mut().zip(over) {
                if *there != 0 && *there != *byte {
                    return Err(LoaderFileError::Overlap {
                        name: self.name.to_owned(),
                        first: last.address,
                        second: next.address,
                    });
                }
                *there = *byte;
            }
            last.data.extend_from_slice(behind);
        }
        match segments
            .iter()
            .find(|segment| segment.range().end > 1 << 32)
        {
            Some(segment) => Err(LoaderFileError::SegmentTooLarge {
                name: self.name.to_owned(),
                address: segment.address,
                length: segment.data.len() as u64,
            }),
            None => Ok(segments),
        }
    }

    fn slice(
        &self,
        address: Address,
        offset: u64,
        length: u64,
    ) -> Result<&'a [u8], LoaderFileError> {
        let end = offset.checked_add(length);
        end.and_then(|end| {
            let range = usize::try_from(offset).ok()?..usize::try_from(end).ok()?;
            self.bytes.get(range)
        })
        .ok_or_else(|| LoaderFileError::CutOff {
            name: self.name.to_owned(),
            address,
            length,
            offset,
            file_length: self.bytes.len() as u64,
        })
    }
}

/// What of `ranges` lies outside of `taken`.
fn without(ranges: &[Range<u64>], taken: &Range<u64>) -> Vec<Range<u64>> {
    let pieces = ranges.iter().flat_map(|range| {
        let before = range.start..range.end.min(taken.start);
        let behind = range.start.max(taken.end)..range.end;
        [before, behind]
    });
    pieces.filter(|piece| piece.start < piece.end).collect()
}

/// Reads a loader's file, as far as a loader can be long.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, LoaderFileError> {
    let name = || path.display().to_string();
    let bytes = read_at_most(path, LARGEST_FILE).map_err(|source| LoaderFileError::Unreadable {
        name: name(),
        source,
    })?;
    bytes.ok_or_else(|| LoaderFileError::TooLarge {
        name: name(),
        limit: LARGEST_FILE,
    })
}
