//! Why a loader did not do its work.

use std::{borrow::Cow, fmt};

use super::{
    call::{Operation, Outcome},
    file_error::LoaderFileError,
    plan::DoesNotFit,
};
use crate::{
    fault::{Code, Explain},
    layout::Address,
    link::LinkError,
};

/// Why a loader did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// probe-rs ships no such routine for the chip.
    #[error("no flash routine `{name}` is known for {chip}")]
    Unknown {
        /// The routine, as the profile names it.
        name: String,
        /// The chip.
        chip: String,
    },
    /// It says nothing of where it was linked, or of its sectors.
    #[error("flash routine `{name}` cannot be used: it states no {lacks}")]
    Incomplete {
        /// The routine.
        name: String,
        /// What is missing.
        lacks: &'static str,
    },
    /// Its file is of no use.
    #[error(transparent)]
    File(#[from] LoaderFileError),
    /// Not enough RAM.
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    /// A call failed.
    #[error("{operation} {outcome}")]
    Call {
        /// The routine.
        loader: String,
        /// Which call.
        operation: Operation,
        /// What it came to.
        outcome: Outcome,
    },
    /// It has written below its stack: over its own code or data.
    #[error("loader {loader} needs more than the {bytes} bytes of stack that it is given")]
    StackOverrun {
        /// The routine.
        loader: String,
        /// What it is given.
        bytes: u32,
    },
    /// It says that it has done what it has not.
    #[error(
        "loader {loader} reports success and has {act} nothing: {address} holds 0x{found:02x} instead of 0x{expected:02x}"
    )]
    Untrue {
        /// The routine.
        loader: String,
        /// What it was to do.
        act: Act,
        /// The first byte that differs.
        address: Address,
        /// What was to be there.
        expected: u8,
        /// What is there.
        found: u8,
    },
    /// It has changed what it was not asked to change.
    #[error("loader {loader} changed the sector at {sector}, which it was not asked to: {rescue}")]
    Neighbour {
        /// The routine.
        loader: String,
        /// The sector.
        sector: Address,
        /// What became of its contents.
        rescue: Rescue,
    },
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// What a loader was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Erase.
    Erased,
    /// Program.
    Programmed,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Erased => "erased",
            Self::Programmed => "programmed",
        })
    }
}

/// What became of the contents of a sector that a loader has changed without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescue {
    /// They were known, and are there again.
    Restored,
    /// They are lost.
    Lost,
}

impl fmt::Display for Rescue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Restored => "its contents were put back",
            Self::Lost => "its contents are lost",
        })
    }
}

impl Explain for LoaderError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } | Self::Incomplete { .. } | Self::DoesNotFit(_) => Code::XG034,
            Self::Call {
                outcome: Outcome::Crashed(_) | Outcome::Strayed(_),
                ..
            } => Code::XG093,
            Self::Call {
                outcome: Outcome::StillBusy { .. },
                ..
            } => Code::XG094,
            Self::Untrue { .. } => Code::XG095,
            Self::StackOverrun { .. } => Code::XG096,
            Self::Neighbour { .. } => Code::XG097,
            Self::Call { operation, .. } => match operation {
                Operation::Init
                | Operation::UnInit
                | Operation::Map
                | Operation::EmptyCaches
                | Operation::Crc { .. } => Code::XG033,
                Operation::Erase { .. } => Code::XG030,
                Operation::Program { .. } => Code::XG031,
            },
            Self::File(file) => file.code(),
            Self::Link(link) => link.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::File(file) => file.remedy(),
            Self::Link(link) => link.remedy(),
            _ => None,
        }
    }
}
