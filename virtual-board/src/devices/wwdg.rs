//! System window watchdog (RM0477, WWDG): a 7-bit down-counter on PCLK1 / 4096 that resets the system when it falls below 0x40, and
//! when it is refreshed above the window or with a value below 0x40.
//!
//! Once enabled only a reset stops it, and its clock gate stays open. It stands still in debug state if DBGMCU_APB1FZR says so, and in
//! Stop, where PCLK1 stands still. At 0x40 it can interrupt (early wake-up).
//! The counter runs freely while the watchdog is disabled, as in ST's other families \[U\].

use super::{Access, Device, Refusal, Reset, ResetCause, Wires, gate::Gate};
use crate::{bus::Width, clock::Time};

const CR: u32 = 0x00;
const CFR: u32 = 0x04;
const SR: u32 = 0x08;

/// CR: counter and activation.
const COUNTER: u32 = 0x7F;
const WDGA: u32 = 1 << 7;
/// CFR: window, early wake-up interrupt, timer base.
const WINDOW: u32 = 0x7F;
const EWI: u32 = 1 << 9;
const WDGTB: u32 = 7 << 11;
/// SR.
const EWIF: u32 = 1 << 0;
/// The last value before the bite.
const LAST: u32 = 0x40;
/// PCLK1 cycles of a tick at timer base 0.
const PRESCALER: u64 = 4096;
/// WWDG_IRQn.
const IRQ: usize = 4;
/// RCC_APB1ENR1.WWDGEN and DBGMCU_APB1FZR.
pub const BIT: u32 = 11;

/// Base 0x4000_2C00.
pub struct Wwdg {
    gate: Gate,
    enabled: bool,
    configuration: u32,
    flag: bool,
    /// The counter when `since` was.
    counter: u32,
    since: Time,
    /// PCLK1 as it was then, 0 while the clock stands still.
    clock_hz: u64,
    seen: Time,
}

impl Default for Wwdg {
    fn default() -> Self {
        Self::new()
    }
}

impl Wwdg {
    /// In reset state.
    pub fn new() -> Self {
        Self {
            gate: Gate::apb1(BIT),
            enabled: false,
            configuration: WINDOW,
            flag: false,
            counter: COUNTER,
            since: Time(0),
            clock_hz: 0,
            seen: Time(0),
        }
    }

    fn divider(&self) -> u64 {
        PRESCALER << ((self.configuration & WDGTB) >> 11)
    }

    fn span(&self, ticks: u32) -> Time {
        // Rounded up, so that the tick is complete when the time has come.
        Time::of_cycles(u64::from(ticks) * self.divider(), self.clock_hz) + Time(1)
    }

    /// Ticks until the counter is at `value`, which it is not yet.
    fn ticks_to(&self, value: u32) -> Option<u32> {
        self.counter.checked_sub(value).filter(|ticks| *ticks > 0)
    }

    fn advance(&mut self, wires: &mut Wires) {
        let passed = wires.now - self.seen;
        self.seen = wires.now;
        if wires.core_halted && wires.frozen_apb1 >> BIT & 1 == 1 {
            self.since += passed;
        } else if self.clock_hz != 0 {
            self.count(wires);
        }
        let clock = if self.gate.is_open(wires) {
            wires.pclk1_hz
        } else {
            0
        };
        if clock != self.clock_hz {
            (self.clock_hz, self.since) = (clock, wires.now);
        }
        wires.set_irq(IRQ, self.flag && self.configuration & EWI != 0);
    }

    fn count(&mut self, wires: &mut Wires) {
        let ticks = (wires.now - self.since).cycles_at(self.clock_hz) / self.divider();
        self.since += Time::of_cycles(ticks * self.divider(), self.clock_hz);
        if self.enabled {
            let before = self.counter;
            self.counter = before.saturating_sub(ticks.min(COUNTER.into()) as u32);
            self.flag |= before > LAST && self.counter <= LAST;
            if self.counter < LAST {
                self.bite(wires);
            }
        } else {
            self.counter = self
                .counter
                .wrapping_sub((ticks & u64::from(COUNTER)) as u32)
                & COUNTER;
        }
    }

    fn bite(&mut self, wires: &mut Wires) {
        self.enabled = false;
        wires.request_reset(ResetCause::WindowWatchdog);
    }

    fn refresh(&mut self, value: u32, wires: &mut Wires) {
        let too_early = self.enabled && self.counter > self.configuration & WINDOW;
        self.enabled |= value & WDGA != 0;
        (self.counter, self.since) = (value & COUNTER, wires.now);
        if too_early || self.enabled && self.counter < LAST {
            self.bite(wires);
        }
    }

    fn configure(&mut self, value: u32, wires: &Wires) {
        // The interrupt cannot be disabled again.
        let interrupt = (value | self.configuration) & EWI;
        self.configuration = value & (WINDOW | WDGTB) | interrupt;
        self.since = wires.now;
    }
}

impl Device for Wwdg {
    fn name(&self) -> &str {
        "WWDG"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        self.advance(wires);
        match offset {
            CR | CFR | SR if !self.gate.is_open(wires) => Ok(0),
            CR => {
                wires.time_dependent = true;
                Ok(self.counter | if self.enabled { WDGA } else { 0 })
            }
            CFR => Ok(self.configuration),
            SR => Ok(self.flag.into()),
            _ => Err(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        self.advance(wires);
        match offset {
            CR | CFR | SR if !self.gate.is_open(wires) => {}
            CR => self.refresh(value, wires),
            CFR => self.configure(value, wires),
            SR => self.flag &= value & EWIF != 0,
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        wires.set_irq(IRQ, self.flag && self.configuration & EWI != 0);
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        wires.set_irq(IRQ, false);
        *self = Self {
            gate: self.gate,
            since: wires.now,
            seen: wires.now,
            ..Self::new()
        };
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.advance(wires);
    }

    fn next_event(&self) -> Option<Time> {
        if !self.enabled || self.clock_hz == 0 {
            return None;
        }
        let ticks = self.ticks_to(LAST).unwrap_or(self.counter + 1 - LAST);
        Some(self.since + self.span(ticks))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{gate::APB1ENR1, testing::pass},
        *,
    };

    /// PCLK1 of 4.096 MHz: a tick is 1 ms.
    fn clocked() -> (Wwdg, Wires) {
        let (mut dog, mut wires) = (Wwdg::new(), Wires::default());
        wires.pclk1_hz = 4_096_000;
        wires.gates.insert(APB1ENR1, 1 << BIT);
        dog.tick(&mut wires);
        (dog, wires)
    }

    fn write(dog: &mut Wwdg, wires: &mut Wires, offset: u32, value: u32) {
        dog.write(offset, Width::Word, value, wires).unwrap();
    }

    fn bitten(wires: &Wires) -> bool {
        wires.reset_request && wires.reset_cause == ResetCause::WindowWatchdog
    }

    /// Refreshed between 0x50 and 0x40: well. Before, after, or with too small a value: a reset.
    #[test]
    fn only_a_refresh_within_the_window_is_right() {
        let cases = [
            (Time::millis(20), 0x60, false),
            (Time::millis(5), 0x60, true),
            (Time::millis(40), 0x60, true),
            (Time::millis(20), 0x3F, true),
        ];
        for (after, value, bites) in cases {
            let (mut dog, mut wires) = clocked();
            write(&mut dog, &mut wires, CFR, 0x50);
            write(&mut dog, &mut wires, CR, WDGA | 0x60);
            pass(&mut dog, &mut wires, after);
            write(&mut dog, &mut wires, CR, value);
            assert_eq!(bitten(&wires), bites, "{value:#x} after {after:?}");
        }
    }

    #[test]
    fn it_warns_one_tick_before_it_bites() {
        let (mut dog, mut wires) = clocked();
        write(&mut dog, &mut wires, CFR, EWI | WINDOW);
        write(&mut dog, &mut wires, CR, WDGA | 0x42);
        pass(&mut dog, &mut wires, Time::micros(2_500));
        assert_eq!(wires.irq[0] >> IRQ & 1, 1);
        assert!(!bitten(&wires));
        write(&mut dog, &mut wires, SR, 0);
        assert_eq!(wires.irq[0] >> IRQ & 1, 0);
        pass(&mut dog, &mut wires, Time::millis(1));
        assert!(bitten(&wires));
    }

    #[test]
    fn frozen_only_in_debug_state_with_its_bit() {
        for (halted, freeze, bites) in [
            (true, 1 << BIT, false),
            (true, 0, true),
            (false, 1 << BIT, true),
        ] {
            let (mut dog, mut wires) = clocked();
            write(&mut dog, &mut wires, CR, WDGA | 0x42);
            (wires.core_halted, wires.frozen_apb1) = (halted, freeze);
            pass(&mut dog, &mut wires, Time::millis(50));
            assert_eq!(bitten(&wires), bites);
        }
    }

    #[test]
    fn without_its_clock_it_takes_nothing() {
        let (mut dog, mut wires) = (Wwdg::new(), Wires::default());
        write(&mut dog, &mut wires, CR, WDGA);
        assert!(!bitten(&wires));
        assert_eq!(dog.read(CR, Width::Word, &mut wires), Ok(0));
    }

    #[test]
    fn disabled_it_counts_and_does_not_bite() {
        let (mut dog, mut wires) = clocked();
        pass(&mut dog, &mut wires, Time::millis(200));
        assert!(!bitten(&wires));
        assert_ne!(dog.read(CR, Width::Word, &mut wires), Ok(COUNTER));
    }
}
