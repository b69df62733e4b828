//! Data Watchpoint and Trace unit (ARM ARM C1.8): comparators that stop the core at a data access.

use super::{block, register};

block! {
    /// The watchpoint unit; comparator N lies 16 N bytes behind comparator 0.
    pub struct Dwt {
        /// The only one.
        DWT = 0xE000_1000,
    }
}

/// Bytes from one comparator to the next.
pub const COMPARATOR_STRIDE: u32 = 16;

register! {
    /// DWT Control Register (ARM ARM C1.8.7).
    pub struct DwtCtrl(u32) at Dwt + 0x000 {
        /// CYCCNTENA.
        pub cycle_counter_enabled: 0,
        /// NUMCOMP.
        pub comparators: 28..=31,
    }
}

register! {
    /// DWT Program Counter Sample Register (ARM ARM C1.8.12): where the running core has just been; all ones tell nothing.
    pub struct DwtPcsr(u32) at Dwt + 0x01C {
        /// EIASAMPLE.
        pub address: 0..=31,
    }
}

register! {
    /// DWT Comparator 0 (ARM ARM C1.8.15).
    pub struct DwtComp0(u32) at Dwt + 0x020 {
        /// Reference value: the data address.
        pub reference: 0..=31,
    }
}

register! {
    /// DWT Comparator Mask 0 (ARM ARM C1.8.16): how many low bits of the address are ignored.
    pub struct DwtMask0(u32) at Dwt + 0x024 {
        /// MASK; reads back the largest one supported after all ones were written.
        pub ignored_bits: 0..=4,
    }
}

register! {
    /// DWT Comparator Function 0 (ARM ARM C1.8.17).
    pub struct DwtFunction0(u32) at Dwt + 0x028 {
        /// 5 read, 6 write, 7 either: watchpoint debug event.
        pub function: 0..=3,
        /// DATAVMATCH.
        pub data_value: 8,
        /// MATCHED: cleared by a read.
        pub matched: 24,
    }
}
