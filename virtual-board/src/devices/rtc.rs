//! Real-time clock (RM0477, RTC): calendar, two alarms and the wake-up timer, in virtual time, from the clock that RCC_BDCR selects.
//!
//! Registers other than ICSR's flags are written after the keys 0xCA and 0x53; calendar and prescalers in initialisation mode,
//! which takes two cycles of RTCCLK to begin. All of it outlives a system reset.
//!
//! Deviations: PWR's backup-domain write protection and RCC_BDCR.VSWRST are not looked at; 12-hour format, binary mode, time
//! stamps, calibration and shifts are plain storage; an alarm compares whole seconds.

mod calendar;

use self::calendar::Calendar;
use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::{bus::Width, clock::Time};

const TR: u32 = 0x00;
const DR: u32 = 0x04;
const SSR: u32 = 0x08;
const ICSR: u32 = 0x0C;
const PRER: u32 = 0x10;
const WUTR: u32 = 0x14;
const CR: u32 = 0x18;
const WPR: u32 = 0x24;
const ALRMAR: u32 = 0x40;
const ALRMBR: u32 = 0x48;
const SR: u32 = 0x50;
const MISR: u32 = 0x54;
const SCR: u32 = 0x5C;
const LAST: u32 = 0x74;

/// ICSR.
const WUTWF: u32 = 1 << 2;
const INITS: u32 = 1 << 4;
const RSF: u32 = 1 << 5;
const INITF: u32 = 1 << 6;
const INIT: u32 = 1 << 7;
/// CR: alarms, wake-up timer, and their interrupts four bits further up.
const ALRAE: u32 = 1 << 8;
const ALRBE: u32 = 1 << 9;
const WUTE: u32 = 1 << 10;
const ENABLES: u32 = ALRAE | ALRBE | WUTE;
/// SR: alarm A, alarm B, wake-up.
const WUTF: u32 = 1 << 2;
const FLAGS: u32 = 7;
const PRER_RESET: u32 = 0x007F_00FF;
/// What opens the write protection.
const KEYS: [u32; 2] = [0xCA, 0x53];
const IRQ: usize = 32;

/// Base 0x5800_4000.
pub struct Rtc {
    gate: Gate,
    /// Those that are plain storage, by offset.
    registers: [u32; 30],
    calendar: Calendar,
    /// Cycles of RTCCLK since the calendar's second began, when `since` was.
    cycles: u64,
    since: Time,
    clock_hz: u64,
    /// Keys that were given.
    keys: usize,
    /// Since when initialisation is asked for.
    initialising: Option<Time>,
    /// When the shadow registers are next synchronised.
    synchronised: Time,
    /// Cycles of RTCCLK until the wake-up timer ends.
    wake_up: u64,
    flags: u32,
}

impl Default for Rtc {
    fn default() -> Self {
        Self::new()
    }
}

impl Rtc {
    /// As after the first power-on.
    pub fn new() -> Self {
        let mut registers = [0; 30];
        registers[(PRER / 4) as usize] = PRER_RESET;
        registers[(WUTR / 4) as usize] = 0xFFFF;
        Self {
            gate: Gate::apb4(16),
            registers,
            calendar: Calendar::default(),
            cycles: 0,
            since: Time(0),
            clock_hz: 0,
            keys: 0,
            initialising: None,
            synchronised: Time(0),
            wake_up: 0,
            flags: 0,
        }
    }

    fn register(&self, offset: u32) -> u32 {
        self.registers[(offset / 4) as usize]
    }

    fn control(&self) -> u32 {
        self.register(CR)
    }

    /// Cycles of RTCCLK in a second of the calendar.
    fn second(&self) -> u64 {
        let prescaler = self.register(PRER);
        (u64::from(prescaler >> 16 & 0x7F) + 1) * (u64::from(prescaler & 0x7FFF) + 1)
    }

    /// Cycles of RTCCLK between two ends of the wake-up timer.
    fn wake_up_period(&self) -> u64 {
        let count = u64::from(self.register(WUTR) & 0xFFFF) + 1;
        match self.control() & 7 {
            divider @ 0..=3 => count * (16 >> divider),
            4 | 5 => count * self.second(),
            _ => (count + 0x1_0000) * self.second(),
        }
    }

    fn runs_calendar(&self) -> bool {
        self.initialising.is_none()
    }

    /// Two cycles of RTCCLK.
    fn latency(&self) -> Time {
        Time::of_cycles(2, self.clock_hz.max(1))
    }

    fn is_initialising(&self, now: Time) -> bool {
        self.clock_hz != 0
            && self
                .initialising
                .is_some_and(|at| now >= at + self.latency())
    }

    /// Brings everything to `wires.now`.
    fn advance(&mut self, wires: &mut Wires) {
        let cycles = (wires.now - self.since).cycles_at(self.clock_hz);
        if self.clock_hz != 0 {
            self.since += Time::of_cycles(cycles, self.clock_hz);
            self.pass(cycles);
        }
        if self.clock_hz != wires.rtc_hz {
            self.clock_hz = wires.rtc_hz;
            self.since = wires.now;
        }
        if self.clock_hz == 0 {
            self.since = wires.now;
        }
        self.drive_irq(wires);
    }

    /// Lets cycles of RTCCLK pass.
    fn pass(&mut self, cycles: u64) {
        if self.control() & WUTE != 0 {
            if cycles >= self.wake_up {
                let period = self.wake_up_period();
                self.flags |= WUTF;
                self.wake_up = period - (cycles - self.wake_up) % period;
            } else {
                self.wake_up -= cycles;
            }
        }
        if self.runs_calendar() {
            self.cycles += cycles;
            let second = self.second();
            while self.cycles >= second {
                self.cycles -= second;
                self.calendar.next_second();
                self.compare_alarms();
            }
        }
    }

    fn compare_alarms(&mut self) {
        for (enable, register, flag) in [(ALRAE, ALRMAR, 1), (ALRBE, ALRMBR, 2)] {
            if self.control() & enable != 0 && self.calendar.matches(self.register(register)) {
                self.flags |= flag;
            }
        }
    }

    /// SR as far as CR's interrupt enables let it through.
    fn masked(&self) -> u32 {
        self.flags & self.control() >> 12 & FLAGS
    }

    fn drive_irq(&self, wires: &mut Wires) {
        wires.set_irq(IRQ, self.masked() != 0);
    }

    fn status(&self, now: Time) -> u32 {
        let runs = self.clock_hz != 0;
        let initialising = self.is_initialising(now);
        let mut status = if self.control() & WUTE == 0 { WUTWF } else { 0 };
        if self.calendar.is_set() {
            status |= INITS;
        }
        if runs && self.runs_calendar() && now >= self.synchronised {
            status |= RSF;
        }
        if initialising {
            status |= INITF;
        }
        if self.initialising.is_some() {
            status |= INIT;
        }
        status
    }

    fn write_status(&mut self, value: u32, now: Time) {
        if value & RSF == 0 {
            self.synchronised = now + self.latency();
        }
        self.initialising = match (value & INIT != 0, self.initialising) {
            (false, _) => None,
            (true, at) => at.or(Some(now)),
        };
    }

    fn write_control(&mut self, value: u32) {
        let starts = value & !self.control() & WUTE != 0;
        self.registers[(CR / 4) as usize] = value;
        if starts {
            self.wake_up = self.wake_up_period();
        }
    }

    /// What the keys protect. False where no such register is.
    fn write_protected(&mut self, offset: u32, value: u32, now: Time) -> bool {
        let initialising = self.is_initialising(now);
        match offset {
            TR if initialising => {
                self.calendar.set_time(value);
                self.cycles = 0;
            }
            DR if initialising => self.calendar.set_date(value),
            PRER if initialising => self.registers[(PRER / 4) as usize] = value & 0x007F_7FFF,
            TR | DR | PRER | SSR | SR | MISR => {}
            ICSR => self.write_status(value, now),
            CR => self.write_control(value),
            WUTR if self.control() & WUTE != 0 => {}
            _ if offset <= LAST && offset.is_multiple_of(4) => {
                self.registers[(offset / 4) as usize] = value;
            }
            _ => return false,
        }
        true
    }

    fn write_key(&mut self, key: u32) {
        self.keys = match (self.keys, key) {
            (_, key) if key == KEYS[0] => 1,
            (1, key) if key == KEYS[1] => 2,
            _ => 0,
        };
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        // The reset line of the bus interface leaves the clock alone.
        self.gate.was_reset(wires);
        self.advance(wires);
        self.gate.is_open(wires)
    }
}

impl Device for Rtc {
    fn name(&self) -> &str {
        "RTC"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        Ok(match offset {
            TR | DR | SSR => {
                wires.time_dependent = self.clock_hz != 0;
                match offset {
                    TR => self.calendar.time(),
                    DR => self.calendar.date(),
                    _ => {
                        let prescaler = self.register(PRER);
                        let ticks = self.cycles / (u64::from(prescaler >> 16 & 0x7F) + 1);
                        (prescaler & 0x7FFF).saturating_sub(ticks as u32)
                    }
                }
            }
            ICSR => {
                // What it waits for has no event of its own.
                wires.time_dependent = true;
                self.status(wires.now)
            }
            SR => self.flags,
            MISR => self.masked(),
            WPR | SCR => 0,
            _ if offset <= LAST && offset.is_multiple_of(4) => self.register(offset),
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        match offset {
            WPR => self.write_key(value & 0xFF),
            SCR => self.flags &= !value,
            _ if self.keys < KEYS.len() && offset <= LAST => {}
            _ if self.write_protected(offset, value, wires.now) => {}
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.drive_irq(wires);
        wires.attention = true;
        Ok(())
    }

    fn reset(&mut self, reset: Reset, wires: &mut Wires) {
        if reset == Reset::Power {
            *self = Self {
                gate: self.gate,
                since: wires.now,
                ..Self::new()
            };
        }
        self.drive_irq(wires);
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.advance(wires);
    }

    fn next_event(&self) -> Option<Time> {
        let control = self.control() & ENABLES;
        if self.clock_hz == 0 || control == 0 {
            return None;
        }
        let mut cycles = u64::MAX;
        if control & WUTE != 0 {
            cycles = self.wake_up;
        }
        if control & (ALRAE | ALRBE) != 0 && self.runs_calendar() {
            cycles = cycles.min(self.second().saturating_sub(self.cycles));
        }
        // Rounded up, so that the cycles are over when the time has come.
        (cycles != u64::MAX).then(|| self.since + Time::of_cycles(cycles, self.clock_hz) + Time(1))
    }
}

#[cfg(test)]
mod tests;
