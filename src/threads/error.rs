//! What can be wrong with threads.

use crate::{
    fault::{Code, Explain},
    layout::Address,
};

use super::ThreadId;

/// Where a kernel's lists are not what they should be. What was found before is shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// A pointer leads out of memory.
    #[error("{list} leads to {address}, where there is no memory")]
    Outside {
        /// The list, by its name in the kernel's source.
        list: &'static str,
        /// Where it leads.
        address: Address,
    },
    /// More threads than any program has.
    #[error("{list} has more than {limit} threads")]
    Long {
        /// The list.
        list: &'static str,
        /// How many are shown.
        limit: usize,
    },
    /// A thread is in two lists that exclude each other, or the list runs in a circle.
    #[error("{list} comes to the thread at {address}, which was found before")]
    Twice {
        /// The list that comes to it the second time.
        list: &'static str,
        /// The thread.
        address: Address,
    },
    /// An entry is not part of the thread that it names.
    #[error("{list} has an entry at {address} that belongs to no thread")]
    Stray {
        /// The list.
        list: &'static str,
        /// The entry.
        address: Address,
    },
}

impl Explain for Damage {
    fn code(&self) -> Code {
        Code::XG100
    }
}

/// What cannot be done with a thread.
#[derive(Debug, thiserror::Error)]
pub enum ThreadError {
    /// There is none of that number.
    #[error("there is no thread {}", .0.0)]
    Unknown(ThreadId),
    /// A step of a thread that waits.
    #[error("thread {name} does not run: it cannot be stepped before its kernel switches to it")]
    DoesNotRun {
        /// Its name.
        name: String,
    },
    /// A register that the kernel does not save with the thread.
    #[error(
        "register number {number} of thread {name} cannot be written: the kernel has not saved it"
    )]
    NotSaved {
        /// The thread's name.
        name: String,
        /// Its number in the target description.
        number: u16,
    },
}

impl Explain for ThreadError {
    fn code(&self) -> Code {
        match self {
            Self::DoesNotRun { .. } => Code::XG101,
            Self::Unknown(_) | Self::NotSaved { .. } => Code::XG102,
        }
    }
}
