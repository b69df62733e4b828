//! What `.stldr` and `.FLM` files have in common: an ELF file whose segments go into RAM and whose symbols are called.
//!
//! Such files come from many linkers, and their headers are believed no further than they can be checked: every range is looked up in
//! the file, and zeros behind a segment are placed only while they can be meant (ST's loaders have been seen with a segment of 64 MB,
//! the flash that they serve).

use std::{borrow::Cow, fs, io::Read as _, path::Path};

use goblin::elf::{Elf, header::EM_ARM, program_header::PT_LOAD, section_header::SHT_NOBITS};

use super::routine::Segment;
use crate::{
    fault::{Code, Explain},
    layout::Address,
};

/// No RAM of the family is larger: what is larger is no code, and zeros of that size are not meant for RAM.
const LARGEST_SEGMENT: u64 = 1 << 20;

/// Files larger than this are no loaders.
const LARGEST_FILE: u64 = 1 << 26;

/// Why a file is no loader.
#[derive(Debug, thiserror::Error)]
pub enum LoaderFileError {
    /// The file cannot be read.
    #[error("loader {name} cannot be read")]
    Unreadable {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Larger than any loader.
    #[error("loader {name} is longer than {limit} bytes, which is no loader")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// goblin cannot make sense of it.
    #[error("loader {name} is no ELF file, or damaged")]
    Elf {
        /// The file.
        name: String,
        /// What is wrong.
        #[source]
        source: Box<goblin::error::Error>,
    },
    /// For another processor.
    #[error("loader {name} is not for a 32-bit little-endian Arm core (machine {machine})")]
    WrongMachine {
        /// The file.
        name: String,
        /// ELF e_machine.
        machine: u16,
    },
    /// Bytes that the headers promise are not in the file.
    #[error(
        "loader {name} is cut off: {length} bytes at {address} should be at offset 0x{offset:x} of a file of {file_length}"
    )]
    CutOff {
        /// The file.
        name: String,
        /// Where they belong in RAM.
        address: Address,
        /// Bytes.
        length: u64,
        /// Where they should be in the file.
        offset: u64,
        /// Bytes of the file.
        file_length: u64,
    },
    /// More code than any RAM holds.
    #[error(
        "loader {name}: the segment at {address} has {length} bytes, more than any RAM of the chip"
    )]
    SegmentTooLarge {
        /// The file.
        name: String,
        /// The segment.
        address: Address,
        /// Its bytes.
        length: u64,
    },
    /// Two segments claim the same RAM.
    #[error("loader {name}: the segments at {first} and {second} overlap")]
    Overlap {
        /// The file.
        name: String,
        /// The lower one.
        first: Address,
        /// The higher one.
        second: Address,
    },
    /// Neither description is in the file.
    #[error("{name} is no loader: it has neither `StorageInfo` nor `FlashDevice`")]
    NoDescription {
        /// The file.
        name: String,
    },
    /// A function or a field is missing.
    #[error("loader {name} cannot be used: it has no {lacks}")]
    Incomplete {
        /// The file.
        name: String,
        /// What is missing.
        lacks: &'static str,
    },
}

impl Explain for LoaderFileError {
    fn code(&self) -> Code {
        match self {
            Self::Incomplete { .. } => Code::XG091,
            _ => Code::XG090,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unreadable { .. } => Some("check the path".into()),
            Self::CutOff { .. } => Some("copy or build the file again, whole".into()),
            _ => None,
        }
    }
}

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

    /// What goes into RAM, by rising address.
    pub fn segments(&self) -> Result<Vec<Segment>, LoaderFileError> {
        let mut segments = Vec::new();
        for header in &self.elf.program_headers {
            // Fields of an ELF32 are 32 bits wide; goblin widens them, so that the sums cannot wrap.
            let address = Address(header.p_vaddr as u32);
            if header.p_type != PT_LOAD || header.p_memsz == 0 {
                continue;
            }
            if header.p_filesz > LARGEST_SEGMENT {
                return Err(LoaderFileError::SegmentTooLarge {
                    name: self.name.to_owned(),
                    address,
                    length: header.p_filesz,
                });
            }
            let zeros = header.p_memsz.saturating_sub(header.p_filesz);
            let zeros = if zeros > LARGEST_SEGMENT {
                0
            } else {
                zeros as u32
            };
            let data = self
                .slice(address, header.p_offset, header.p_filesz)?
                .to_vec();
            if !data.is_empty() || zeros > 0 {
                segments.push(Segment {
                    address,
                    data,
                    zeros,
                });
            }
        }
        segments.sort_by_key(|segment| segment.address);
        for pair in segments.windows(2) {
            if pair[0].range().end > pair[1].range().start {
                return Err(LoaderFileError::Overlap {
                    name: self.name.to_owned(),
                    first: pair[0].address,
                    second: pair[1].address,
                });
            }
        }
        if segments.iter().all(|segment| segment.data.is_empty()) {
            return Err(self.lacks("code"));
        }
        Ok(segments)
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

/// Reads a loader's file, as far as a loader can be long.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, LoaderFileError> {
    let name = || path.display().to_string();
    let unreadable = |source| LoaderFileError::Unreadable {
        name: name(),
        source,
    };
    let mut bytes = Vec::new();
    let mut file = fs::File::open(path)
        .map_err(unreadable)?
        .take(LARGEST_FILE + 1);
    file.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(LoaderFileError::TooLarge {
            name: name(),
            limit: LARGEST_FILE,
        });
    }
    Ok(bytes)
}
