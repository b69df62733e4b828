//! Why a loader did not do its work.

use std::borrow::Cow;

use super::{
    call::{Operation, Outcome},
    file_error::LoaderFileError,
    plan::DoesNotFit,
};
use crate::{
    fault::{Code, Explain},
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
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Explain for LoaderError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } | Self::Incomplete { .. } | Self::DoesNotFit(_) => Code::XG034,
            Self::Call { operation, .. } => match operation {
                Operation::Init | Operation::UnInit | Operation::Map | Operation::Crc { .. } => {
                    Code::XG033
                }
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
