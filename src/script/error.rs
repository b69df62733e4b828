//! What can be wrong with a session's file, and how a step can end that does not hold.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use crate::{
    fault::{Code, Explain, Fault},
    layout::Address,
};

/// What is wrong with a session before it begins.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It is not what we expect.
    #[error("{} is no session", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        #[source]
        source: serde_json::Error,
    },
    /// A step expects something of a reading that does not exist.
    #[error("step {number} of {} expects something of the last reading, and nothing is read before it", path.display())]
    NothingRead {
        /// The file.
        path: PathBuf,
        /// The step.
        number: usize,
    },
    /// There is nothing to load.
    #[error("step {number} loads the appli, and none is named")]
    NoAppli {
        /// The step.
        number: usize,
    },
}

impl Explain for ScriptError {
    fn code(&self) -> Code {
        Code::XG130
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unreadable { .. } | Self::Syntax { .. } => None,
            Self::NothingRead { .. } => {
                Some("say what it is about with `at`, or put a `read` before it".into())
            }
            Self::NoAppli { .. } => Some("add `\"file\"` to the step, or give --appli FILE".into()),
        }
    }
}

/// Why a step does not hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    /// There is no such place.
    #[error("there is no `{place}`: {why}")]
    NoPlace { place: String, why: String },
    /// It is not so.
    #[error("{subject} is {found}, and should {condition}")]
    NotMet {
        subject: String,
        found: String,
        condition: String,
    },
    /// The core stopped, and for another reason.
    #[error("the core stopped by {found} at {pc}, and should by {wanted}")]
    OtherStop {
        found: String,
        pc: Address,
        wanted: &'static str,
    },
    /// The core did not stop.
    #[error("the core did not stop within {limit:?}; it was halted at {pc}")]
    StillRunning { limit: Duration, pc: String },
    /// The program did not say it.
    #[error("nothing on RTT channel {channel} matches `{pattern}`: {}", silence(*limit, *halted, last.as_deref()))]
    NothingSaid {
        pattern: String,
        channel: u32,
        limit: Duration,
        last: Option<String>,
        halted: bool,
    },
    /// The program did not read it.
    #[error(
        "the program does not take what is sent on RTT channel {channel}: {left} bytes are left after {limit:?}, or the core is halted"
    )]
    NotTaken {
        channel: u32,
        left: usize,
        limit: Duration,
    },
    /// Ctrl-C, or SIGTERM.
    #[error("interrupted while {doing}")]
    Interrupted { doing: &'static str },
    /// A value and its type do not fit each other.
    #[error("{value} cannot be written as {form}")]
    NoSuchValue { value: String, form: &'static str },
    /// A value's size is not known.
    #[error("the size of `{place}` is not known")]
    NoSize { place: String },
    /// Memory ends inside of what was asked for.
    #[error("{wanted} bytes were asked for at {address}, and only {length} can be read")]
    Short {
        address: Address,
        wanted: usize,
        length: usize,
    },
}

impl Explain for StepError {
    fn code(&self) -> Code {
        match self {
            Self::NoPlace { .. } => Code::XG131,
            Self::NotMet { .. } | Self::OtherStop { .. } => Code::XG132,
            Self::StillRunning { .. } | Self::NothingSaid { .. } | Self::NotTaken { .. } => {
                Code::XG133
            }
            Self::Interrupted { .. } => Code::XG134,
            Self::NoSuchValue { .. } | Self::NoSize { .. } => Code::XG135,
            Self::Short { .. } => Code::XG002,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoSize { .. } => Some("add `as` or `count` to the step".into()),
            Self::NothingSaid { halted: true, .. } => {
                Some("let the core run before, with `resume`".into())
            }
            Self::NothingSaid { .. } => Some(
                "`monitor rtt channels` tells what there is; if the program only needs longer, raise `timeout-ms`".into(),
            ),
            _ => None,
        }
    }
}

/// Why nothing more comes, and what came last.
fn silence(limit: Duration, halted: bool, last: Option<&str>) -> String {
    let why = match halted {
        true => "the core is halted".to_owned(),
        false => format!("{limit:?} have passed"),
    };
    match last {
        Some(last) => format!("{why}, and the last line is `{last}`"),
        None => format!("{why}, and nothing was said"),
    }
}

/// How a step ended that does not hold.
#[derive(Debug)]
pub(super) enum Ended {
    /// Something is not as the session expects it.
    Failed(Fault),
    /// Something went wrong.
    Fault(Fault),
    /// What was waited for did not happen.
    TimedOut(Fault),
    /// Somebody wanted the session to end.
    Interrupted(Fault),
}

impl From<Fault> for Ended {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StepError> for Ended {
    fn from(error: StepError) -> Self {
        let of = match &error {
            StepError::NotMet { .. } | StepError::OtherStop { .. } => Self::Failed,
            StepError::StillRunning { .. }
            | StepError::NothingSaid { .. }
            | StepError::NotTaken { .. } => Self::TimedOut,
            StepError::Interrupted { .. } => Self::Interrupted,
            StepError::NoPlace { .. }
            | StepError::NoSuchValue { .. }
            | StepError::NoSize { .. }
            | StepError::Short { .. } => Self::Fault,
        };
        of(error.into())
    }
}
