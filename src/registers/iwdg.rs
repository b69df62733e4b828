//! Independent watchdog (RM0477, IWDG): one that the option bytes start also counts while a loader runs.

use super::{block, register};

block! {
    /// Independent watchdog.
    pub struct Iwdg {
        /// The only one.
        IWDG = 0x5800_4800,
    }
}

/// IWDG_KR: starts over.
pub const FEED: u32 = 0xAAAA;

/// IWDG_KR: allows IWDG_PR and IWDG_RLR to be written.
pub const UNLOCK: u32 = 0x5555;

register! {
    /// Key register (RM0477, IWDG_KR), write only.
    pub struct IwdgKey(u32) at Iwdg + 0x000 {
        /// KEY.
        pub key: 0..=15,
    }
}

register! {
    /// Prescaler register (RM0477, IWDG_PR).
    pub struct IwdgPrescaler(u32) at Iwdg + 0x004 {
        /// PR: 6 divides the 32 kHz clock by 256.
        pub divider: 0..=3,
    }
}

register! {
    /// Reload register (RM0477, IWDG_RLR).
    pub struct IwdgReload(u32) at Iwdg + 0x008 {
        /// RL.
        pub value: 0..=11,
    }
}
