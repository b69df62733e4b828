//! Recognises a loop that cannot do anything new until something outside the core changes.
//!
//! At a taken backward branch the whole register state is compared with that of the previous visit. If it is the same, and
//! in between there was no exception, no read of anything that moves with time, no store to a device or the private bus,
//! then the next round will be the same again. Stores to RAM are allowed if two rounds in a row made exactly the same ones:
//! the second found memory as the third will. The round's length is kept, so that whole rounds are skipped and the
//! core stands at the very instruction where it would stand without skipping.

use super::registers::Registers;
use crate::bus::Width;

/// Branches between two attempts to find a quiet loop; comparing costs more than executing.
const ATTEMPT_INTERVAL: u32 = 16;
/// Branches after which a loop that is not revisited is given up.
const PATIENCE: u32 = 256;

/// What one round of a loop did to memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Traffic {
    stores: u64,
    digest: u64,
    spoiled: bool,
}

/// The detector.
#[derive(Clone, Debug)]
pub(super) struct Idle {
    enabled: bool,
    /// The branch under observation.
    branch: Option<u32>,
    snapshot: Registers,
    at: u64,
    traffic: Traffic,
    previous: Traffic,
    countdown: u32,
    period: u64,
}

impl Default for Idle {
    fn default() -> Self {
        Self {
            enabled: true,
            branch: None,
            snapshot: Registers::default(),
            at: 0,
            traffic: Traffic::default(),
            previous: Traffic::default(),
            countdown: ATTEMPT_INTERVAL,
            period: 0,
        }
    }
}

impl Idle {
    /// Switches detection on or off.
    pub(super) fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    /// Something happened that makes this round unlike the next.
    #[inline]
    pub(super) fn spoil(&mut self) {
        self.traffic.spoiled = true;
    }

    /// The core stored to the bus.
    #[inline]
    pub(super) fn stored(&mut self, address: u32, width: Width, value: u32) {
        // Code, flash, peripherals and external windows: a store may do more than store.
        if !is_plain_memory(address) {
            self.spoil();
            return;
        }
        let word = u64::from(address) << 32 | u64::from(value);
        let mixed = (self.traffic.digest ^ word ^ u64::from(width.bytes()) << 61)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.traffic.digest = mixed.rotate_left(23);
        self.traffic.stores += 1;
    }

    /// The core runs again after a pause in which anything may have happened.
    pub(super) fn restart(&mut self) {
        self.branch = None;
        self.countdown = ATTEMPT_INTERVAL;
        self.period = 0;
    }

    /// A branch at `branch` was taken backward at `cycle`; true if the loop is idle.
    #[inline]
    pub(super) fn branched(&mut self, branch: u32, registers: &Registers, cycle: u64) -> bool {
        if self.branch == Some(branch) {
            return self.revisited(registers, cycle);
        }
        self.countdown -= 1;
        if self.countdown == 0 && self.enabled {
            self.observe(branch, registers, cycle);
        } else if self.countdown == 0 {
            self.countdown = ATTEMPT_INTERVAL;
        }
        false
    }

    #[cold]
    fn observe(&mut self, branch: u32, registers: &Registers, cycle: u64) {
        self.branch = Some(branch);
        self.countdown = PATIENCE;
        self.snapshot.clone_from(registers);
        self.at = cycle;
        self.traffic = Traffic::default();
        // The round before this one is unknown.
        self.previous = Traffic {
            spoiled: true,
            ..Traffic::default()
        };
    }

    fn revisited(&mut self, registers: &Registers, cycle: u64) -> bool {
        let round = std::mem::take(&mut self.traffic);
        if round.spoiled || self.snapshot != *registers {
            self.restart();
            return false;
        }
        if round.stores == 0 || round == self.previous {
            self.period = cycle - self.at;
            return true;
        }
        if !self.previous.spoiled {
            self.restart();
            return false;
        }
        self.previous = round;
        self.at = cycle;
        false
    }

    /// The largest whole number of rounds in `cycles`.
    pub(super) fn whole_rounds(&self, cycles: u64) -> u64 {
        cycles - cycles % self.period.max(1)
    }
}

/// ITCM, DTCM, AXI and AHB SRAM: a store there only stores.
fn is_plain_memory(address: u32) -> bool {
    matches!(address, 0..0x0800_0000 | 0x2000_0000..0x4000_0000)
}
