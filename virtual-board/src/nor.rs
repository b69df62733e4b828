//! The octal NOR flash of the board: Macronix MX66UW1G45G, 128 MiB.
//!
//! Written from the facts of its SFDP (JESD216 tables as a real chip answers them) and from what ST's published board
//! support package sends it; Macronix's data sheet names are used. [`chip`] behaves, [`opcode`] says which bytes are
//! which command in which mode, [`sfdp`] holds the parameter table and [`timing`] the times.

pub mod chip;
pub mod opcode;
pub mod sfdp;
pub mod timing;

pub use chip::{Mode, Nor};
