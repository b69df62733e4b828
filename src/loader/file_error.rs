//! Why a file is no loader.

use std::borrow::Cow;

use crate::{
    fault::{Code, Explain},
    layout::Address,
};

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
    /// It can be placed anywhere, but is too large.
    #[error("loader {name} does not fit: it needs {needed} bytes of RAM in one piece")]
    NoRam {
        /// The file.
        name: String,
        /// Bytes.
        needed: u64,
    },
    /// A target description that probe-rs refuses.
    #[error("{name} is no target description of probe-rs")]
    Yaml {
        /// The file.
        name: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
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
            Self::NoRam { .. } => Code::XG034,
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
