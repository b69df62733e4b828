//! L1 caches of the Cortex-M7 as software sees them (ARM DDI 0489F, 5.9; ARM ARM B2.2, B4.8): 32 KB of instructions in two ways,
//! 32 KB of data in four, lines of 32 bytes. What software must maintain, and forgets, shows here as on the chip.
//!
//! - An enabled cache is looked up and filled by accesses to Normal cacheable memory. All such memory is read-allocate; a write
//!   miss allocates where the attributes say write-allocate. A line keeps what it holds until it is evicted or maintained,
//!   whatever becomes of the memory behind it. The TCMs and the peripheral port (AHBP, 0x4000_0000-0x5FFF_FFFF) are never cached.
//! - The data cache stays out of shareable memory, or writes it through if CACR.SIWT is set; the instruction cache does not care
//!   (ST AN4838, "only instruction cache is used"). CACR.FORCEWT makes all of it write-through.
//! - Dirty lines reach memory by eviction and clean operations, and are lost by invalidating. A bus error on the way is an
//!   imprecise BusFault. A fill that meets a bus error fills nothing; the access itself is then made alone.
//! - A disabled cache is neither looked up nor filled and keeps its lines, so dirty ones hide from the core until they are
//!   cleaned, and stale ones are back when it is enabled again. Maintenance works on a disabled cache too. A system reset disables
//!   both caches and clears no line: no reset reaches their RAM.
//!
//! After power-on the RAM of the caches holds anything, and software must invalidate before it enables. On a chip a line then is valid
//! for some address by chance. Here it is so always, that code which forgets is caught every time: every set holds wrong clean lines
//! for the start of internal flash, of AXI SRAM and of the NOR's window, and one dirty line for 0x6000_0000, where nothing answers.
//!
//! Deviations: a victim is an invalid way, else the ways take turns (the chip's choice is not documented, \[U\]); a store is in its
//! line at once (no store buffer); no dynamic read-allocate mode (5.9.1), so a large memset() stays in the cache rather than going
//! past it; no ECC.

mod access;
mod lines;

pub(super) use lines::{LINE, Lines};

/// Cache maintenance operations, all write-only (ARM ARM B2.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// ICIALLU.
    InvalidateAllCode,
    /// ICIMVAU.
    InvalidateCode,
    /// DCIMVAC, DCCMVAU and DCCMVAC (the point of unification is memory), DCCIMVAC.
    Line(Upkeep),
    /// DCISW, DCCSW, DCCISW.
    SetWay(Upkeep),
    /// BPIALL: branch prediction is not modelled.
    InvalidateBranches,
}

/// What becomes of a data line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upkeep {
    /// It is dropped, dirty or not.
    Invalidate,
    /// It is written to memory if dirty, and kept.
    Clean,
    /// Both.
    CleanAndInvalidate,
}

impl Operation {
    /// The operation of the register at `address`.
    pub(super) fn at(address: u32) -> Option<Self> {
        Some(match address {
            0xE000_EF50 => Self::InvalidateAllCode,
            0xE000_EF58 => Self::InvalidateCode,
            0xE000_EF5C => Self::Line(Upkeep::Invalidate),
            0xE000_EF60 => Self::SetWay(Upkeep::Invalidate),
            0xE000_EF64 | 0xE000_EF68 => Self::Line(Upkeep::Clean),
            0xE000_EF6C => Self::SetWay(Upkeep::Clean),
            0xE000_EF70 => Self::Line(Upkeep::CleanAndInvalidate),
            0xE000_EF74 => Self::SetWay(Upkeep::CleanAndInvalidate),
            0xE000_EF78 => Self::InvalidateBranches,
            _ => return None,
        })
    }
}

const CODE_SETS: usize = 512;
const CODE_WAYS: usize = 2;
const DATA_SETS: usize = 256;
const DATA_WAYS: usize = 4;

/// Whose wrong lines stand in each way after power-on, and whether they are dirty.
const CODE_AT_POWER_ON: [(u32, bool); CODE_WAYS] = [(0x0800_0000, false), (0x7000_0000, false)];
const DATA_AT_POWER_ON: [(u32, bool); DATA_WAYS] = [
    (0x2400_0000, false),
    (0x0800_0000, false),
    (0x7000_0000, false),
    (0x6000_0000, true),
];

/// Both caches.
#[derive(Clone, Debug)]
pub(super) struct Caches {
    pub(super) code: Lines,
    pub(super) data: Lines,
}

impl Default for Caches {
    /// The state at power-on.
    fn default() -> Self {
        Self {
            code: Lines::with_garbage(CODE_SETS, &CODE_AT_POWER_ON),
            data: Lines::with_garbage(DATA_SETS, &DATA_AT_POWER_ON),
        }
    }
}

/// True if accesses there never meet a cache: the TCMs and the peripheral port.
pub(super) fn is_bypassed(address: u32) -> bool {
    matches!(address >> 24, 0x00 | 0x20 | 0x40..=0x5F)
}

#[cfg(test)]
mod tests;
