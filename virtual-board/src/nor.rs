//! NOR flash on the pins of an XSPI port: octal parts of Macronix, quad parts of Winbond, and what else has their commands.
//!
//! [`chip`] behaves; [`part`] says which chip it is, from a file of `parts/`: [`opcode`] which bytes are which command in which mode,
//! [`sfdp`] size, page and times.

pub mod chip;
pub mod opcode;
pub mod part;
pub mod sfdp;

pub use chip::{Mode, Nor};
pub use part::{Part, PartError};
