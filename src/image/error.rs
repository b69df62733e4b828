//! Why a file is no image.

use std::{borrow::Cow, path::PathBuf};

use crate::{
    fault::{Code, Explain},
    layout::{Address, ParseAddressError},
};

/// A file that is no program we can use.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("image {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("image {} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Larger than any flash.
    #[error("image {} is longer than {limit} bytes, which is no firmware", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// Neither ELF nor HEX, and no address.
    #[error("image {} is neither ELF nor Intel HEX, and a plain binary needs an address", path.display())]
    NoAddress {
        /// The file.
        path: PathBuf,
    },
    /// What follows the `@` is no address.
    #[error("`{text}` is no address")]
    BadAddress {
        /// What follows the `@`.
        text: String,
        /// Why.
        #[source]
        source: ParseAddressError,
    },
    /// goblin cannot make sense of the headers.
    #[error("ELF file {} is damaged", path.display())]
    Elf {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<goblin::error::Error>,
    },
    /// For another processor.
    #[error("ELF file {} is not for a 32-bit little-endian Arm core (machine {machine})", path.display())]
    WrongMachine {
        /// The file.
        path: PathBuf,
        /// ELF e_machine.
        machine: u16,
    },
    /// A segment's bytes are not in the file.
    #[error("ELF file {} is cut off: segment at {address} needs {length} bytes at offset 0x{offset:x} of a file of {file_length}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Load address of the segment, as the file states it.
        address: Address,
        /// Bytes of the segment.
        length: u64,
        /// Where they should be.
        offset: u64,
        /// Length of the file.
        file_length: u64,
    },
    /// A HEX record is wrong.
    #[error("HEX file {} is damaged in line {line}", path.display())]
    Hex {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: ihex::ReaderError,
    },
    /// The end-of-file record is missing.
    #[error("HEX file {} is cut off: its end record is missing", path.display())]
    HexWithoutEnd {
        /// The file.
        path: PathBuf,
    },
    /// Not text.
    #[error("HEX file {} is not text", path.display())]
    HexNotText {
        /// The file.
        path: PathBuf,
    },
    /// Two segments claim the same bytes.
    #[error("image {}: segments at {first} and {second} overlap", path.display())]
    Overlap {
        /// The file.
        path: PathBuf,
        /// The lower one.
        first: Address,
        /// The higher one.
        second: Address,
    },
    /// Two files claim the same bytes.
    #[error("image {} stores something at {address}, as a file before it does", path.display())]
    FilesOverlap {
        /// The later file.
        path: PathBuf,
        /// The first address that is claimed twice.
        address: Address,
    },
    /// Past 0xffffffff.
    #[error("image {}: segment at {address} with {length} bytes ends beyond 0xffffffff", path.display())]
    BeyondSpace {
        /// The file.
        path: PathBuf,
        /// The segment.
        address: Address,
        /// Its bytes.
        length: u64,
    },
}

impl Explain for ImageError {
    fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } => Code::XG050,
            Self::NoAddress { .. } | Self::BadAddress { .. } => Code::XG051,
            Self::WrongMachine { .. } => Code::XG053,
            Self::TooLarge { .. }
            | Self::Elf { .. }
            | Self::Truncated { .. }
            | Self::Hex { .. }
            | Self::HexWithoutEnd { .. }
            | Self::HexNotText { .. }
            | Self::Overlap { .. }
            | Self::FilesOverlap { .. }
            | Self::Empty { .. }
            | Self::BeyondSpace { .. } => Code::XG052,
        }
    }
    fn remedy(&self) -> Option<Cow<'static, str>> {
        let remedy = match self {
            Self::Empty { .. } | Self::TooLarge { .. } => "check the path, or build it again",
            Self::Hex { .. } | Self::HexWithoutEnd { .. } | Self::HexNotText { .. } => {
                "build it again, and copy it whole"
            }
            Self::FilesOverlap { .. } => "give each file once, and only files that belong together",
            _ => return None,
        };
        Some(Cow::Borrowed(remedy))
    }
}
