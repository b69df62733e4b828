//! Independent watchdog (RM0477, IWDG): a down-counter on LSI that resets the system when it is not fed, or fed too early.
//!
//! Once started, by KR or at reset by the option bit IWDG_HW, only a reset stops it. It counts whatever the core does: it stands still
//! in debug state if DBGMCU_APB4FZR says so, and in Stop and Standby if the option bits IWDG_FZ_STOP and IWDG_FZ_STBY do.
//!
//! PR, RLR, WINR and EWCR are written in one clock domain and used in another: a write is there when its flag in SR has fallen, five
//! cycles of LSI and a tick of the counter later (ST's HAL driver waits for that). Who feeds before gets the old reload value, and
//! while LSI stands still the flag never falls. Assumed: a second write before that is lost; writing WINR feeds when it takes effect.

use super::{Access, Device, LowPower, Refusal, Reset, ResetCause, Wires};
use crate::{bus::Width, clock::Time};

const KR: u32 = 0x00;
const PR: u32 = 0x04;
const SR: u32 = 0x0C;
const EWCR: u32 = 0x14;

const KEY_FEED: u32 = 0xAAAA;
const KEY_UNLOCK: u32 = 0x5555;
const KEY_START: u32 = 0xCCCC;
/// SR: started, and the early wake-up flag; PVU, RVU, WVU and EWU are bits 0 to 3.
const ONF: u32 = 1 << 8;
const EWIF: u32 = 1 << 14;
/// EWCR: the comparator, acknowledge, interrupt enable.
const EWIT: u32 = 0xFFF;
const EWIC: u32 = 1 << 14;
const EWIE: u32 = 1 << 15;
/// DBGMCU_APB4FZR.
const FREEZE_BIT: u32 = 18;
/// IWDG_IRQn.
const IRQ: usize = 3;
/// Internal low-speed oscillator.
const LSI_HZ: u64 = 32_000;
/// Its start-up, when the watchdog switches it on.
const LSI_START: Time = Time::micros(100);
/// Cycles of LSI until a write has crossed.
const CROSSING: u64 = 5;
const COUNTER_MAX: u32 = 0xFFF;

/// A register that is used in LSI's domain.
#[derive(Clone, Copy)]
struct Crossing {
    used: u32,
    next: u32,
    state: Update,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Update {
    Done,
    /// LSI stands still.
    Waiting,
    Due(Time),
}

impl Crossing {
    const fn new(used: u32) -> Self {
        Self {
            used,
            next: used,
            state: Update::Done,
        }
    }
}

/// PR, RLR, WINR and EWCR in [`Iwdg::registers`]: the order of their flags in SR.
const PRESCALER: usize = 0;
const RELOAD: usize = 1;
const WINDOW: usize = 2;
const EARLY: usize = 3;
/// Their offsets and the bits that they keep.
const REGISTERS: [(u32, u32); 4] = [
    (PR, 0xF),
    (0x08, COUNTER_MAX),
    (0x10, COUNTER_MAX),
    (EWCR, EWIE | EWIT),
];

/// Base 0x5800_4800.
pub struct Iwdg {
    registers: [Crossing; 4],
    unlocked: bool,
    running: bool,
    /// What it counted down from, and when that was.
    counter: u32,
    since: Time,
    /// The early wake-up of this round is over.
    warned: bool,
    flag: bool,
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
            registers: [
                Crossing::new(0),
                Crossing::new(COUNTER_MAX),
                Crossing::new(COUNTER_MAX),
                Crossing::new(0),
            ],
            unlocked: false,
            running: false,
            counter: COUNTER_MAX,
            since: Time(0),
            warned: false,
            flag: false,
            seen: Time(0),
        }
    }

    /// Starts it, as KR does, or option bit IWDG_HW at reset.
    pub fn start(&mut self, wires: &mut Wires) {
        if self.running {
            return;
        }
        self.running = true;
        wires.lsi_forced = true;
        self.counter = COUNTER_MAX;
        self.since = match wires.lsi_since {
            Some(since) => since.max(wires.now),
            None => wires.now + LSI_START,
        };
        self.schedule(wires);
    }

    fn tick_span(&self, ticks: u64) -> Time {
        let divider = 4u64 << self.registers[PRESCALER].used.min(8);
        Time::of_cycles(ticks * divider, LSI_HZ)
    }

    /// The counter at `now`, which is no later than when it bites.
    fn count(&self, now: Time) -> u32 {
        let ticks = (now - self.since).0 / self.tick_span(1).0;
        self.counter.saturating_sub(ticks as u32)
    }

    /// Gives a date to what waits for LSI.
    fn schedule(&mut self, wires: &Wires) {
        let runs_from = match (self.running, wires.lsi_since) {
            (true, _) => self.since,
            (false, Some(since)) => since,
            (false, None) => return,
        };
        let due = runs_from.max(wires.now) + Time::of_cycles(CROSSING, LSI_HZ) + self.tick_span(1);
        for register in &mut self.registers {
            if register.state == Update::Waiting {
                register.state = Update::Due(due);
            }
        }
    }

    fn bites_at(&self) -> Option<Time> {
        let ticks = u64::from(self.counter) + 1;
        self.running.then(|| self.since + self.tick_span(ticks))
    }

    /// When the counter is one below EWIT.
    fn warns_at(&self) -> Option<Time> {
        let threshold = (self.registers[EARLY].used & EWIT).checked_sub(1)?;
        let ticks = self.counter.checked_sub(threshold)?;
        (self.running && !self.warned).then(|| self.since + self.tick_span(ticks.into()))
    }

    fn crosses_at(&self) -> Option<Time> {
        let dates = self
            .registers
            .iter()
            .filter_map(|register| match register.state {
                Update::Due(at) => Some(at),
                _ => None,
            });
        dates.min()
    }

    fn is_frozen(&self, wires: &Wires) -> bool {
        let halted = wires.core_halted && wires.frozen_apb4 >> FREEZE_BIT & 1 == 1;
        halted
            || match wires.low_power {
                LowPower::Stop => wires.watchdog_options.frozen_in_stop,
                LowPower::Standby => wires.watchdog_options.frozen_in_standby,
                LowPower::Run | LowPower::Sleep => false,
            }
    }

    fn advance(&mut self, wires: &mut Wires) {
        let passed = wires.now - self.seen;
        self.seen = wires.now;
        if self.running && self.is_frozen(wires) {
            self.since += passed;
        }
        self.schedule(wires);
        while let Some(at) = self.next_event().filter(|at| *at <= wires.now) {
            self.act(at, wires);
        }
    }

    /// What is due at `at`.
    fn act(&mut self, at: Time, wires: &mut Wires) {
        if self.crosses_at() == Some(at) {
            self.cross(at);
        } else if self.warns_at() == Some(at) {
            self.warned = true;
            self.flag = true;
        } else {
            self.bite(wires);
        }
        self.drive_irq(wires);
    }

    fn cross(&mut self, at: Time) {
        let count = self.count(at);
        for index in 0..self.registers.len() {
            let register = &mut self.registers[index];
            if register.state != Update::Due(at) {
                continue;
            }
            register.state = Update::Done;
            register.used = register.next;
            if index == PRESCALER {
                (self.counter, self.since) = (count, self.since.max(at));
            }
            if index == WINDOW && self.running {
                self.reload(at);
            }
        }
    }

    fn reload(&mut self, at: Time) {
        self.counter = self.registers[RELOAD].used;
        self.since = self.since.max(at);
        self.warned = false;
    }

    /// Feeding above the window bites.
    fn feed(&mut self, wires: &mut Wires) {
        if self.count(wires.now) > self.registers[WINDOW].used {
            self.bite(wires);
        } else {
            self.reload(wires.now);
        }
    }

    fn bite(&mut self, wires: &mut Wires) {
        self.running = false;
        wires.request_reset(ResetCause::Watchdog);
    }

    fn drive_irq(&self, wires: &mut Wires) {
        let enabled = self.registers[EARLY].used & EWIE != 0;
        wires.set_irq(IRQ, self.flag && enabled);
    }

    fn status(&self) -> u32 {
        let crossing = self.registers.iter().enumerate();
        let updates = crossing.fold(0, |bits, (index, register)| {
            bits | u32::from(register.state != Update::Done) << index
        });
        let started = if self.running { ONF } else { 0 };
        updates | started | if self.flag { EWIF } else { 0 }
    }

    fn write_key(&mut self, value: u32, wires: &mut Wires) {
        self.unlocked = value == KEY_UNLOCK;
        match value {
            KEY_START => self.start(wires),
            KEY_FEED if self.running => self.feed(wires),
            _ => {}
        }
    }

    fn write_crossing(&mut self, index: usize, value: u32, wires: &mut Wires) {
        if !self.unlocked {
            return;
        }
        if index == EARLY && value & EWIC != 0 {
            self.flag = false;
            self.drive_irq(wires);
        }
        let register = &mut self.registers[index];
        if register.state == Update::Done {
            register.next = value & REGISTERS[index].1;
            register.state = Update::Waiting;
            self.schedule(wires);
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
            KR => Ok(0),
            SR => Ok(self.status()),
            _ => match REGISTERS.iter().position(|(at, _)| *at == offset) {
                Some(index) => Ok(self.registers[index].used),
                None => Err(Refusal::Unmodelled { reset: 0 }),
            },
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        self.advance(wires);
        match offset {
            KR => self.write_key(value, wires),
            SR => {}
            _ => match REGISTERS.iter().position(|(at, _)| *at == offset) {
                Some(index) => self.write_crossing(index, value, wires),
                None => return Err(Refusal::Unmodelled { reset: 0 }),
            },
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        wires.lsi_forced = false;
        wires.set_irq(IRQ, false);
        *self = Self {
            seen: wires.now,
            ..Self::new()
        };
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.advance(wires);
    }

    fn next_event(&self) -> Option<Time> {
        let events = [self.crosses_at(), self.warns_at(), self.bites_at()];
        events.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
