//! What goes wrong with RTT.

use std::borrow::Cow;

use super::Direction;
use crate::{
    fault::{Code, Explain},
    layout::Address,
    link::LinkError,
};

/// What a control block cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Too many channels.
    #[error("it claims {up} up channels and {down} down channels")]
    Counts {
        /// Up channels.
        up: u32,
        /// Down channels.
        down: u32,
    },
    /// A buffer outside RAM.
    #[error(
        "the buffer of {direction} channel {number}, {size} bytes at {buffer}, is not in the chip's RAM"
    )]
    Buffer {
        /// Which way.
        direction: Direction,
        /// Its number.
        number: u32,
        /// Its first address.
        buffer: Address,
        /// Bytes.
        size: u32,
    },
    /// An offset outside the buffer.
    #[error("{direction} channel {number} has an offset of {offset} in a buffer of {size} bytes")]
    Offset {
        /// Which way.
        direction: Direction,
        /// Its number.
        number: u32,
        /// The larger one of both offsets.
        offset: u32,
        /// Bytes.
        size: u32,
    },
}

/// What goes wrong with RTT.
#[derive(Debug, thiserror::Error)]
pub enum RttError {
    /// The block is there, and wrong.
    #[error("the RTT control block at {address} is damaged: {damage}")]
    Damaged {
        /// Where it is.
        address: Address,
        /// What is wrong.
        damage: Damage,
    },
    /// The program has no such channel.
    #[error("the program has {count} RTT {direction} channels, and {number} is none of them")]
    NoChannel {
        /// Which way.
        direction: Direction,
        /// The number asked for.
        number: u32,
        /// How many there are.
        count: usize,
    },
    /// Nothing was found.
    #[error("there is no RTT control block {place}")]
    NotFound {
        /// Where it was looked for.
        place: String,
    },
    /// Nobody asked for it.
    #[error("RTT is not started")]
    NotStarted,
    /// The link failed.
    #[error("RTT cannot reach the target")]
    Link(#[from] LinkError),
}

impl Explain for RttError {
    fn code(&self) -> Code {
        match self {
            Self::Damaged { .. } => Code::XG110,
            Self::NotFound { .. } => Code::XG111,
            Self::NoChannel { .. } => Code::XG112,
            Self::NotStarted => Code::XG113,
            Self::Link(error) => error.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Link(error) => error.remedy(),
            _ => None,
        }
    }
}
