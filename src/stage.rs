//! The boot stage: whether it is there, how it is brought to the appli's first instruction, and why it did not get there.
//!
//! After every reset the core runs the boot stage from internal flash; it opens the window and jumps to the vector table in the
//! NOR. Nothing but a reset and this code opens the window properly, so to *arm* the board is: system reset, halt at the reset
//! vector, look at the boot stage, put one breakpoint unit on the reset handler that the NOR itself names, run, and wait.
//!
//! The reset handler is never guessed from a fixed offset. It is known from the last programming, hinted at by the appli's file,
//! or seen: VTOR in a window names the table, and a second run then stops at its handler.
//!
//! When the boot stage does not arrive, `diagnosis.rs` finds out why, from what the chip shows, and `finding.rs` says it; a boot
//! stage of ours leaves a status word for it (`retained.rs`), any other is judged by its pc, its fault registers, VTOR and what the
//! window reads.

mod arm;
mod comparison;
mod diagnosis;
mod evidence;
mod finding;
mod options;
mod polling;
mod retained;
mod status;

use std::{borrow::Cow, fmt};

pub use arm::{Armed, Setup, arm};
pub use finding::Finding;
pub use options::Options;
pub use retained::Retained;
pub use status::{BootStage, StageStatus, status};

use crate::{
    fault::{Code, Explain},
    layout::Address,
    link::{LinkError, units::UnitError},
    loader::LoaderError,
    window::WindowError,
};

/// What is wrong with the place that an appli is linked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongPlace {
    /// It cannot execute in place.
    NotInNor,
    /// The boot stage copies to another place.
    NotCopiedThere(Address),
}

impl fmt::Display for WrongPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInNor => f.write_str("in no NOR window of the board"),
            Self::NotCopiedThere(destination) => {
                write!(f, "not where the boot stage copies it, {destination}")
            }
        }
    }
}

/// Why the appli was not reached.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The boot stage did not get there.
    #[error("{0}")]
    Stuck(Box<Finding>),
    /// The appli cannot execute in place on this board.
    #[error("{file} is linked at {at}, which is {wrong}")]
    LinkedElsewhere {
        /// The appli.
        file: String,
        /// Where its first bytes belong.
        at: Address,
        /// Why that is not right.
        wrong: WrongPlace,
    },
    /// The settings name a place where the appli stores no vector table.
    #[error(
        "{file} stores no vector table at {at}, where `vectors` says that the boot stage looks"
    )]
    NoVectors {
        /// The appli.
        file: String,
        /// Where it was looked for.
        at: Address,
    },
    /// The attendant said so.
    #[error("arming was cancelled while the boot stage ran")]
    Cancelled,
    /// The core cannot compute checksums where it stands; its state is lost.
    #[error(transparent)]
    Checksums(LoaderError),
    /// The window cannot be read although the boot stage has jumped.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// No unit can be used.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl StageError {
    /// What was found, if it was the boot stage that failed.
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Stuck(finding) => Some(finding),
            _ => None,
        }
    }
}

impl From<LoaderError> for StageError {
    fn from(error: LoaderError) -> Self {
        match error {
            LoaderError::Link(error) => Self::Link(error),
            error => Self::Checksums(error),
        }
    }
}

impl From<Finding> for StageError {
    fn from(finding: Finding) -> Self {
        Self::Stuck(Box::new(finding))
    }
}

impl Explain for StageError {
    fn code(&self) -> Code {
        match self {
            Self::Stuck(finding) => finding.code(),
            Self::LinkedElsewhere { .. } => Code::XG056,
            Self::NoVectors { .. } => Code::XG055,
            Self::Cancelled => Code::XG036,
            Self::Checksums(error) => error.code(),
            Self::Window(error) => error.code(),
            Self::Unit(error) => error.code(),
            Self::Link(error) => error.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Stuck(finding) => finding.remedy().map(Cow::Borrowed),
            Self::Checksums(error) => error.remedy(),
            Self::Window(error) => error.remedy(),
            Self::Unit(error) => error.remedy(),
            Self::Link(error) => error.remedy(),
            Self::NoVectors { .. } => Some(Cow::Borrowed(
                "link the appli's vectors there, or correct `vectors` (in xspi-gdb.toml, the board profile, or --vectors)",
            )),
            Self::LinkedElsewhere {
                wrong: WrongPlace::NotCopiedThere(_),
                ..
            } => Some(Cow::Borrowed(
                "link it to where the boot stage copies it, or correct `lrun` or `boot-mode` (in xspi-gdb.toml, the board profile, or by option)",
            )),
            Self::Cancelled => Some(Cow::Borrowed(
                "`monitor reset halt` or `xspi-gdb boot arm` begins again",
            )),
            _ => None,
        }
    }
}
