//! What tells one chip from another: 96 bits that ST wrote (RM0477, "Unique device ID register"; UID_BASE of ST's header).

use super::{block, register};

block! {
    /// The identifier, in system memory.
    pub struct Uid {
        /// The only one.
        UID = 0x08FF_F800,
    }
}

register! {
    /// Bits 31 to 0.
    pub struct UidLow(u32) at Uid + 0x000 {
        /// All of them.
        pub value: 0..=31,
    }
}

register! {
    /// Bits 63 to 32.
    pub struct UidMiddle(u32) at Uid + 0x004 {
        /// All of them.
        pub value: 0..=31,
    }
}

register! {
    /// Bits 95 to 64.
    pub struct UidHigh(u32) at Uid + 0x008 {
        /// All of them.
        pub value: 0..=31,
    }
}
