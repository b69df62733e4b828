//! DBGMCU, as the core and AP1 see it (RM0477, DBGMCU): debug in low-power modes, counters frozen in debug state.
//!
//! The same registers are at 0xE00E1000 of AP0, which answers also while the core's clock stands still in Sleep.

use super::{block, register};

block! {
    /// Debug support of the chip.
    pub struct Dbgmcu {
        /// As the core and AP1 see it.
        DBGMCU = 0x5C00_1000,
        /// The same, on the system debug bus behind AP0.
        DBGMCU_OF_AP0 = 0xE00E_1000,
    }
}

register! {
    /// Identity (RM0477, DBGMCU_IDCODE).
    pub struct Idcode(u32) at Dbgmcu + 0x000 {
        /// DEV_ID: the family.
        pub device: 0..=11,
        /// REV_ID.
        pub revision: 16..=31,
    }
}

/// DEV_ID of every STM32H7RS and STM32H7S (RM0477, DBGMCU_IDCODE).
pub const OUR_FAMILY: u32 = 0x485;

register! {
    /// Configuration (RM0477, DBGMCU_CR).
    pub struct Cr(u32) at Dbgmcu + 0x004 {
        /// DBGSLEEP: clocks stay on in Sleep.
        pub sleep: 0,
        /// DBGSTOP: clocks stay on in Stop.
        pub stop: 1,
        /// DBGSTBY: clocks stay on in Standby.
        pub standby: 2,
    }
}

register! {
    /// APB1 freeze (RM0477, DBGMCU_APB1FZR).
    pub struct Apb1Freeze(u32) at Dbgmcu + 0x03C {
        /// The window watchdog stops counting in debug state.
        pub window_watchdog: 11,
    }
}

register! {
    /// APB4 freeze (RM0477, DBGMCU_APB4FZR).
    pub struct Apb4Freeze(u32) at Dbgmcu + 0x054 {
        /// The independent watchdog stops counting in debug state.
        pub independent_watchdog: 18,
    }
}
