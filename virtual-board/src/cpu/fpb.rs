//! Flash patch and breakpoint unit, revision 2: eight comparators that match an instruction at any address
//! (ARM ARM C1.11; revision 2 in ARM DDI 0489, 10.3).
//!
//! Revision 2 cannot remap. A match takes the place of the fetched instruction, so it behaves as BKPT there: no memory is
//! read, and it acts before a fetch fault at the same address.

use super::coresight::{self, Lock};

/// Comparators (FP_CTRL.NUM_CODE).
pub const COMPARATORS: usize = 8;

const CTRL_ENABLE: u32 = 1 << 0;
const CTRL_KEY: u32 = 1 << 1;
const CTRL_REVISION_2: u32 = 1 << 28;
const BREAKPOINT_ENABLE: u32 = 1;

const FP_CTRL: u32 = 0x000;
const FP_REMAP: u32 = 0x004;
const FP_COMP0: u32 = 0x008;
const FP_COMP_LAST: u32 = FP_COMP0 + 4 * (COMPARATORS as u32 - 1);

/// The breakpoint unit.
#[derive(Clone, Debug, Default)]
pub struct Fpb {
    enabled: bool,
    comparators: [u32; COMPARATORS],
    /// Comparators that can match now, packed; derived.
    armed: [u32; COMPARATORS],
    armed_count: usize,
    lock: Lock,
}

impl Fpb {
    /// True if a comparator matches an instruction at `address`.
    #[inline]
    pub fn hits(&self, address: u32) -> bool {
        self.armed_count != 0 && self.armed[..self.armed_count].contains(&address)
    }

    fn rearm(&mut self) {
        self.armed_count = 0;
        if !self.enabled {
            return;
        }
        for &comparator in &self.comparators {
            if comparator & BREAKPOINT_ENABLE != 0 {
                self.armed[self.armed_count] = comparator & !1;
                self.armed_count += 1;
            }
        }
    }

    /// Reads at `offset` from 0xE000_2000.
    pub fn read(&self, offset: u32) -> u32 {
        match offset {
            FP_CTRL => CTRL_REVISION_2 | (COMPARATORS as u32) << 4 | u32::from(self.enabled),
            // RMPSPT is 0: no remapping.
            FP_REMAP => 0,
            FP_COMP0..=FP_COMP_LAST => self.comparators[(offset - FP_COMP0) as usize / 4],
            Lock::STATUS => self.lock.status(),
            _ => coresight::FPB.read(offset),
        }
    }

    /// Writes at `offset`.
    pub fn write(&mut self, offset: u32, value: u32) {
        match offset {
            FP_CTRL if value & CTRL_KEY != 0 => self.enabled = value & CTRL_ENABLE != 0,
            FP_COMP0..=FP_COMP_LAST => self.comparators[(offset - FP_COMP0) as usize / 4] = value,
            _ => {}
        }
        self.rearm();
    }

    /// The lock in front of the core's writes.
    pub fn lock(&mut self) -> &mut Lock {
        &mut self.lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_revision_2_with_eight_comparators() {
        assert_eq!(Fpb::default().read(FP_CTRL), 0x1000_0080);
        assert_eq!(Fpb::default().read(FP_REMAP), 0);
    }

    #[test]
    fn matches_any_address_while_enabled() {
        let mut fpb = Fpb::default();
        for (unit, address) in [0x7000_0402, 0x0800_0000, 0x2400_0100].iter().enumerate() {
            fpb.write(FP_COMP0 + 4 * unit as u32, address | BREAKPOINT_ENABLE);
        }
        assert!(!fpb.hits(0x7000_0402), "FP_CTRL.ENABLE is clear");
        fpb.write(FP_CTRL, CTRL_KEY | CTRL_ENABLE);
        assert!(fpb.hits(0x7000_0402));
        assert!(fpb.hits(0x2400_0100));
        assert!(!fpb.hits(0x7000_0400));
        fpb.write(FP_COMP0, 0x7000_0402);
        assert!(!fpb.hits(0x7000_0402), "BE is clear");
    }

    #[test]
    fn control_needs_its_key() {
        let mut fpb = Fpb::default();
        fpb.write(FP_CTRL, CTRL_ENABLE);
        assert_eq!(fpb.read(FP_CTRL) & CTRL_ENABLE, 0);
    }
}
