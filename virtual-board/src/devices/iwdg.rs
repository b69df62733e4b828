//! Independent watchdog (RM0477, IWDG): a down-counter on LSI that resets the system when it is not fed.
//!
//! Once started only a reset stops it. It stands still while the core is halted if DBGMCU_APB4FZR says so.
//! Deviations: no window, no early wake-up; prescaler and reload take effect at once; the hardware option is the board's.

use super::{Access, Device, Refusal, Reset, ResetCause, Wires};
use crate::{bus::Width, clock::Time};

const KR: u32 = 0x00;
const PR: u32 = 0x04;
const RLR: u32 = 0x08;
const SR: u32 = 0x0C;
const WINR: u32 = 0x10;
const EWCR: u32 = 0x14;

const KEY_FEED: u32 = 0xAAAA;
const KEY_UNLOCK: u32 = 0x5555;
const KEY_START: u32 = 0xCCCC;
/// SR: started.
const ONF: u32 = 1 << 8;
/// DBGMCU_APB4FZR.
const FREEZE_BIT: u32 = 18;
/// Internal low-speed oscillator.
const LSI_HZ: u64 = 32_000;
const RELOAD_MASK: u32 = 0xFFF;

/// Base 0x5800_4800.
pub struct Iwdg {
    prescaler: u32,
    reload: u32,
    unlocked: bool,
    /// When it bites, while it runs.
    due: Option<Time>,
    /// Last moment looked at, to tell how long it has been frozen.
    seen: Time,
}

impl Default for Iwdg {
    fn default() -> Self {
        Self::new()
    }
}

impl Iwdg {
    /// Stopped.
    pub fn new() -> Self {
        Self {
            prescaler: 0,
            reload: RELOAD_MASK,
            unlocked: false,
            due: None,
            seen: Time(0),
        }
    }

    /// Starts it at reset, as option bit IWDG_HW does.
    pub fn start(&mut self, wires: &Wires) {
        self.feed(wires.now);
    }

    fn feed(&mut self, now: Time) {
        let divider = 4u64 << self.prescaler.min(8);
        let cycles = (u64::from(self.reload) + 1) * divider;
        self.due = Some(now + Time::of_cycles(cycles, LSI_HZ));
        self.seen = now;
    }

    fn advance(&mut self, wires: &mut Wires) {
        let passed = wires.now - self.seen;
        self.seen = wires.now;
        let Some(due) = &mut self.due else {
            return;
        };
        if wires.core_halted && wires.frozen_apb4 >> FREEZE_BIT & 1 == 1 {
            *due += passed;
        } else if wires.now >= *due {
            self.due = None;
            wires.reset_cause = ResetCause::Watchdog;
            wires.reset_request = true;
            wires.attention = true;
        }
    }
}

impl Device for Iwdg {
    fn name(&self) -> &str {
        "IWDG"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        self.advance(wires);
        match offset {
            KR | EWCR => Ok(0),
            PR => Ok(self.prescaler),
            RLR | WINR => Ok(self.reload),
            SR => Ok(if self.due.is_some() { ONF } else { 0 }),
            _ => Err(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        self.advance(wires);
        match offset {
            KR => {
                self.unlocked = value == KEY_UNLOCK;
                match value {
                    KEY_START => self.feed(wires.now),
                    KEY_FEED if self.due.is_some() => self.feed(wires.now),
                    _ => {}
                }
            }
            PR if self.unlocked => self.prescaler = value & 0xF,
            RLR if self.unlocked => self.reload = value & RELOAD_MASK,
            PR | RLR | SR | WINR | EWCR => {}
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        *self = Self {
            seen: wires.now,
            ..Self::new()
        };
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.advance(wires);
    }

    fn next_event(&self) -> Option<Time> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bites_unless_fed_or_frozen() {
        let (mut dog, mut wires) = (Iwdg::new(), Wires::default());
        dog.write(KR, Width::Word, KEY_UNLOCK, &mut wires).unwrap();
        dog.write(RLR, Width::Word, 7, &mut wires).unwrap();
        dog.write(KR, Width::Word, KEY_START, &mut wires).unwrap();
        assert_eq!(dog.next_event(), Some(Time::millis(1)));
        wires.now = Time::micros(900);
        dog.write(KR, Width::Word, KEY_FEED, &mut wires).unwrap();
        (wires.core_halted, wires.frozen_apb4) = (true, 1 << FREEZE_BIT);
        wires.now = Time::millis(500);
        dog.tick(&mut wires);
        assert!(!wires.reset_request);
        wires.core_halted = false;
        wires.now = dog.next_event().unwrap();
        dog.tick(&mut wires);
        assert!(wires.reset_request);
        assert_eq!(wires.reset_cause, ResetCause::Watchdog);
    }
}
