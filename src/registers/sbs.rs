//! System configuration, boot and security (RM0477, SBS): where the core began to execute.

use super::{block, register};

block! {
    /// System configuration, boot and security.
    pub struct Sbs {
        /// The only one.
        SBS = 0x5800_0400,
    }
}

register! {
    /// SBS boot status register (RM0477, SBS_BOOTSR).
    pub struct Bootsr(u32) at Sbs + 0x000 {
        /// INITVTOR: the vector table that the core started from.
        pub initial_vectors: 0..=31,
    }
}
