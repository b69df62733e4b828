//! SysTick: a 24-bit down-counter that pends exception 15 on its way from 1 to 0 (ARM ARM B3.3).
//!
//! Nothing here runs by itself: the count is derived from the core's cycles when somebody looks. The reference clock
//! (CSR.CLKSOURCE = 0) is the core clock divided by eight, as RM0477 wires it. CALIB reads as zero: no calibration known.

/// CSR.ENABLE.
const ENABLE: u32 = 1 << 0;
/// CSR.TICKINT.
const TICKINT: u32 = 1 << 1;
/// CSR.CLKSOURCE: 1 core clock, 0 reference clock.
const CLKSOURCE: u32 = 1 << 2;
/// CSR.COUNTFLAG.
const COUNTFLAG: u32 = 1 << 16;
/// RVR and CVR have 24 bits.
const COUNT_MASK: u32 = 0x00FF_FFFF;
const REFERENCE_DIVIDER: u64 = 8;

/// Offsets from 0xE000_E010.
pub mod offset {
    /// Control and status.
    pub const CSR: u32 = 0x0;
    /// Reload value.
    pub const RVR: u32 = 0x4;
    /// Current value.
    pub const CVR: u32 = 0x8;
    /// Calibration.
    pub const CALIB: u32 = 0xC;
}

/// The system timer.
#[derive(Clone, Debug, Default)]
pub struct SysTick {
    control: u32,
    reload: u32,
    current: u32,
    count_flag: bool,
    /// The cycle at which `current` was right.
    since: u64,
}

impl SysTick {
    fn divider(&self) -> u64 {
        if self.control & CLKSOURCE != 0 {
            1
        } else {
            REFERENCE_DIVIDER
        }
    }

    /// Counts up to cycle `now`; true if the exception became pending on the way.
    pub fn catch_up(&mut self, now: u64) -> bool {
        if self.control & ENABLE == 0 {
            self.since = now;
            return false;
        }
        let divider = self.divider();
        let ticks = now.saturating_sub(self.since) / divider;
        self.since += ticks * divider;
        let fires = self.count_down(ticks);
        self.count_flag |= fires;
        fires && self.control & TICKINT != 0
    }

    /// Takes `ticks` steps; true if one of them went from 1 to 0.
    fn count_down(&mut self, ticks: u64) -> bool {
        let current = u64::from(self.current);
        if ticks < current {
            self.current -= ticks as u32;
            return false;
        }
        let fires = current != 0;
        let after_zero = ticks - current;
        let period = u64::from(self.reload) + 1;
        // From 0 the next tick loads RELOAD; with RELOAD = 0 the counter stays at 0 and is silent.
        self.current = match (after_zero, after_zero % period) {
            (0, _) | (_, 0) => 0,
            (_, step) => (period - step) as u32,
        };
        fires || (self.reload != 0 && after_zero >= period)
    }

    /// Cycles from `now` until the exception next becomes pending.
    pub fn cycles_to_event(&self, now: u64) -> Option<u64> {
        if self.control & (ENABLE | TICKINT) != ENABLE | TICKINT {
            return None;
        }
        let ticks = match (self.current, self.reload) {
            (0, 0) => return None,
            (0, reload) => u64::from(reload) + 1,
            (current, _) => u64::from(current),
        };
        Some((self.since + ticks * self.divider()).saturating_sub(now))
    }

    /// Reads at `offset`; a read of CSR clears COUNTFLAG.
    pub fn read(&mut self, offset: u32, now: u64) -> u32 {
        match offset {
            offset::CSR => {
                let flag = if std::mem::take(&mut self.count_flag) {
                    COUNTFLAG
                } else {
                    0
                };
                self.control | flag
            }
            offset::RVR => self.reload,
            offset::CVR => self.current_at(now),
            _ => 0,
        }
    }

    fn current_at(&self, now: u64) -> u32 {
        let mut copy = self.clone();
        copy.catch_up(now);
        copy.current
    }

    /// Writes at `offset`; the caller has caught up to `now`. Any write of CVR clears it and COUNTFLAG.
    pub fn write(&mut self, offset: u32, value: u32, now: u64) {
        match offset {
            offset::CSR => {
                self.control = value & (ENABLE | TICKINT | CLKSOURCE);
                self.since = now;
            }
            offset::RVR => self.reload = value & COUNT_MASK,
            offset::CVR => {
                self.current = 0;
                self.count_flag = false;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(reload: u32, control: u32) -> SysTick {
        let mut timer = SysTick::default();
        timer.write(offset::RVR, reload, 0);
        timer.write(offset::CVR, 0, 0);
        timer.write(offset::CSR, control, 0);
        timer
    }

    #[test]
    fn period_is_reload_plus_one() {
        let mut timer = started(99, ENABLE | TICKINT | CLKSOURCE);
        assert_eq!(timer.cycles_to_event(0), Some(100));
        assert!(!timer.catch_up(99));
        assert_eq!(timer.read(offset::CVR, 99), 1);
        assert!(timer.catch_up(100));
        assert_eq!(timer.read(offset::CVR, 100), 0);
        assert_eq!(timer.read(offset::CVR, 101), 99);
        assert_eq!(timer.cycles_to_event(100), Some(100));
        assert!(timer.catch_up(200));
    }

    #[test]
    fn count_flag_is_cleared_by_reading_it() {
        let mut timer = started(9, ENABLE | CLKSOURCE);
        assert!(!timer.catch_up(10), "no TICKINT, no exception");
        assert_eq!(timer.read(offset::CSR, 10) & COUNTFLAG, COUNTFLAG);
        assert_eq!(timer.read(offset::CSR, 10) & COUNTFLAG, 0);
    }

    #[test]
    fn writing_the_current_value_fires_nothing() {
        let mut timer = started(9, ENABLE | TICKINT | CLKSOURCE);
        assert!(!timer.catch_up(5));
        timer.write(offset::CVR, 1234, 5);
        assert_eq!(timer.read(offset::CVR, 5), 0);
        assert_eq!(timer.cycles_to_event(5), Some(10));
    }

    #[test]
    fn the_reference_clock_is_an_eighth() {
        let mut timer = started(9, ENABLE | TICKINT);
        assert_eq!(timer.cycles_to_event(0), Some(80));
        assert!(!timer.catch_up(79));
        assert!(timer.catch_up(80));
    }

    #[test]
    fn a_reload_of_zero_stops_after_the_current_round() {
        let mut timer = started(4, ENABLE | TICKINT | CLKSOURCE);
        assert!(!timer.catch_up(2));
        timer.write(offset::RVR, 0, 2);
        assert!(timer.catch_up(100));
        assert!(!timer.catch_up(1000));
        assert_eq!(timer.cycles_to_event(1000), None);
    }

    #[test]
    fn long_gaps_land_where_single_steps_do() {
        let mut stepped = started(6, ENABLE | TICKINT | CLKSOURCE);
        let mut fires = 0;
        for now in 1..=1000 {
            fires += u32::from(stepped.catch_up(now));
            let mut jumped = started(6, ENABLE | TICKINT | CLKSOURCE);
            jumped.catch_up(now);
            assert_eq!(jumped.current, stepped.current, "at {now}");
        }
        assert_eq!(fires, 1000 / 7);
    }
}
