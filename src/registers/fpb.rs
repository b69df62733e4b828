//! Flash Patch and Breakpoint unit, revision 2 (ARM ARM C1.11): comparators match an instruction's address anywhere in memory.

use super::{block, register};

block! {
    /// The breakpoint unit.
    pub struct Fpb {
        /// The only one.
        FPB = 0xE000_2000,
    }
}

register! {
    /// FlashPatch Control Register (ARM ARM C1.11.3).
    pub struct FpCtrl(u32) at Fpb + 0x000 {
        /// ENABLE.
        pub enabled: 0,
        /// KEY: must be 1 for a write to count.
        pub key: 1,
        /// NUM_CODE\[3:0\].
        pub comparators_low: 4..=7,
        /// NUM_CODE\[6:4\].
        pub comparators_high: 12..=14,
        /// REV: 1 is revision 2.
        pub revision: 28..=31,
    }
}

impl FpCtrl {
    /// Instruction comparators that are there.
    pub const fn comparators(self) -> u32 {
        self.comparators_high() << 4 | self.comparators_low()
    }
}

register! {
    /// FlashPatch Comparator of revision 2 (ARM ARM C1.11.5): BPADDR 31:1 and BE. The comparators follow each other from here.
    pub struct FpComp0(u32) at Fpb + 0x008 {
        /// BE.
        pub enabled: 0,
        /// Bits 31:1 of the instruction's address.
        pub half_word: 1..=31,
    }
}
