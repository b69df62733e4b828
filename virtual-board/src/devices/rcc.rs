//! Reset and clock control (RM0477, RCC): oscillators, PLLs, gates, peripheral resets, reset flags.
//!
//! An oscillator or PLL is ready a moment after it is switched on, in virtual time; [`clocks`] computes what really runs.
//! A kernel clock whose source is stopped is 0 Hz. Peripheral resets are counted in [`Wires::reset_pulses`].
//!
//! Deviations: start-up times are round figures; clock security, interrupts and the low-power enables are plain storage;
//! switching off the clock that the core runs from is refused by holding the bit, as the real RCC does.

pub mod clocks;

use std::collections::BTreeMap;

use self::clocks::Clocks;
use super::{Access, Device, LowPower, Refusal, Reset, ResetCause, Wires, gate::APB1ENR1};
use crate::{bus::Width, clock::Time};

/// Clock control register.
pub const CR: u32 = 0x00;
/// Clock configuration register.
pub const CFGR: u32 = 0x10;
const CICR: u32 = 0x68;
/// Backup domain control.
pub const BDCR: u32 = 0x70;
/// Control and status: LSI.
pub const CSR: u32 = 0x74;
const RESETS: std::ops::RangeInclusive<u32> = 0x7C..=0xA4;
const CKPROTR: u32 = 0x100;
const RSR: u32 = 0x130;
const GATES: std::ops::RangeInclusive<u32> = 0x134..=0x158;
const LAST: u32 = 0x180;

/// CR: on bits and the ready bits above them, with start-up times.
const SOURCES: [(u32, u32, Time); 7] = [
    (0, 2, Time::micros(2)),
    (7, 8, Time::micros(2)),
    (12, 13, Time::micros(4)),
    (16, 17, Time::millis(2)),
    (24, 25, Time::micros(60)),
    (26, 27, Time::micros(60)),
    (28, 29, Time::micros(60)),
];
/// Places of HSI48 and HSE among the sources.
const HSI48: usize = 2;
const HSE: usize = 3;
const LSE_HZ: u64 = 32_768;
const LSI_HZ: u64 = 32_000;
const CR_READY: u32 = 1 << 2 | 1 << 5 | 1 << 8 | 1 << 13 | 1 << 17 | 1 << 25 | 1 << 27 | 1 << 29;
/// CFGR: switch and its status.
const CFGR_SWS: u32 = 7 << 3;
/// CFGR.SW.
const CFGR_SW: u32 = 7;
/// CR: sources that a wake-up from Stop can run from, and those that Stop switches off (HSE, PLL1 to PLL3).
const HSION: u32 = 1 << 0;
const CSION: u32 = 1 << 7;
const CR_STOPPED: u32 = 1 << 16 | 1 << 24 | 1 << 26 | 1 << 28;
/// CKPROTR: positions of the XSPI1, XSPI2 and FMC switches, read only.
const CKPROTR_WRITABLE: u32 = 3;
/// CSR.
const LSIRDY: u32 = 1 << 1;
/// APB1ENR1: the window watchdog's clock is not switched off again.
const WWDGEN: u32 = 1 << 11;
/// RSR.
const RMVF: u32 = 1 << 16;
/// Start-up of LSI and LSE.
const LOW_SPEED_START: Time = Time::micros(100);

/// Registers whose reset value is not zero.
const RESET_VALUES: [(u32, u32); 14] = [
    (CR, 0x0000_0025),
    (0x04, 0x4000_0000),
    (0x0C, 0x2000_0000),
    (0x28, 0x0202_0200),
    (0x30, 0x0101_0280),
    (0x38, 0x0101_0280),
    (0x40, 0x0101_0280),
    (0xC0, 0x0000_0101),
    (0xC4, 0x0000_0101),
    (0xC8, 0x0000_0101),
    (0x15C, 0xFFFF_FFFF),
    (0x168, 0xFFFF_FFFF),
    (0x170, 0xFFFF_FFFF),
    (0x17C, 0xFFFF_FFFF),
];

/// Base 0x5802_4400.
pub struct Rcc {
    registers: BTreeMap<u32, u32>,
    /// When each source of [`SOURCES`] is ready, while it is on.
    ready: [Option<Time>; 7],
    low_speed_ready: [Option<Time>; 2],
    reset_flags: u32,
    /// Up to when the wires have been driven.
    driven: Time,
}

impl Default for Rcc {
    fn default() -> Self {
        Self::new()
    }
}

impl Rcc {
    /// In power-on state. `reset` or the first `tick` drives the wires.
    pub fn new() -> Self {
        Self {
            registers: RESET_VALUES.into(),
            ready: [Some(Time(0)), None, None, None, None, None, None],
            low_speed_ready: [None; 2],
            reset_flags: ResetCause::Power.flags(),
            driven: Time(0),
        }
    }

    fn register(&self, offset: u32) -> u32 {
        self.registers.get(&offset).copied().unwrap_or(0)
    }

    fn is_ready(&self, source: usize, now: Time) -> bool {
        self.ready[source].is_some_and(|at| now >= at)
    }

    fn clocks(&self, now: Time) -> Clocks<'_> {
        Clocks {
            registers: &self.registers,
            ready: std::array::from_fn(|i| self.is_ready(i, now)),
        }
    }

    fn drive(&mut self, wires: &mut Wires) {
        self.driven = wires.now;
        let clocks = self.clocks(wires.now);
        let stopped = matches!(wires.low_power, LowPower::Stop | LowPower::Standby);
        let after = if stopped && !wires.keeps_clocks() {
            // The core's is what its skipped time is counted in.
            (clocks.core(), 0, 0, 0, [0; 2])
        } else {
            (
                clocks.core(),
                clocks.hclk(),
                clocks.timer(),
                clocks.apb1(),
                [clocks.xspi(0), clocks.xspi(1)],
            )
        };
        wires.lsi_since = self.low_speed_ready[0];
        let rtc_hz = self.rtc(wires.now);
        let hsi48 = self.is_ready(HSI48, wires.now);
        if (wires.rtc_hz, wires.hsi48) != (rtc_hz, hsi48) {
            (wires.rtc_hz, wires.hsi48) = (rtc_hz, hsi48);
            wires.clocks_changed = true;
            wires.attention = true;
        }
        let before = (
            wires.core_hz,
            wires.hclk_hz,
            wires.timer_hz,
            wires.pclk1_hz,
            wires.xspi_hz,
        );
        if before != after {
            (
                wires.core_hz,
                wires.hclk_hz,
                wires.timer_hz,
                wires.pclk1_hz,
                wires.xspi_hz,
            ) = after;
            wires.generation += 1;
            wires.clocks_changed = true;
            wires.attention = true;
        }
    }

    /// RTC clock: BDCR.RTCEN and RTCSEL; HSE is divided by CFGR.RTCPRE.
    fn rtc(&self, now: Time) -> u64 {
        let backup = self.register(BDCR);
        let low_speed = |which: usize| self.low_speed_ready[which].is_some_and(|at| now >= at);
        match (backup >> 15 & 1, backup >> 8 & 3) {
            (1, 1) if low_speed(1) => LSE_HZ,
            (1, 2) if low_speed(0) => LSI_HZ,
            (1, 3) if self.is_ready(HSE, now) => {
                let divider = self.register(CFGR) >> 8 & 0x3F;
                clocks::HSE_HZ / u64::from(divider.max(1))
            }
            _ => 0,
        }
    }

    /// Stop: HSE and the PLLs go off; the system runs from HSI or CSI when it is over (CFGR.STOPWUCK).
    pub fn enter_stop(&mut self, wires: &mut Wires) {
        let source = self.register(CFGR) >> 6 & 1;
        self.registers
            .insert(CFGR, self.register(CFGR) & !CFGR_SW | source);
        let on = if source == 1 { CSION } else { HSION };
        self.write_cr(self.register(CR) & !CR_STOPPED | on, wires.now);
        self.ready[source as usize] = Some(wires.now);
        self.drive(wires);
    }

    /// Stop is over.
    pub fn leave_stop(&mut self, wires: &mut Wires) {
        self.drive(wires);
    }

    fn cr_now(&self, now: Time) -> u32 {
        let hsi_divider_settled = 1 << 5;
        SOURCES.iter().enumerate().fold(
            self.register(CR) & !CR_READY | hsi_divider_settled,
            |value, (source, (_, ready, _))| value | u32::from(self.is_ready(source, now)) << ready,
        )
    }

    fn write_cr(&mut self, value: u32, now: Time) {
        let in_use = self.clocks(now).sources_of_core();
        let mut value = value & !CR_READY;
        for (source, (on, _, start)) in SOURCES.iter().enumerate() {
            if in_use[source] {
                value |= 1 << on;
            }
            let is_on = value >> on & 1 == 1;
            self.ready[source] = match (is_on, self.ready[source]) {
                (false, _) => None,
                (true, Some(at)) => Some(at),
                (true, None) => Some(now + *start),
            };
        }
        self.registers.insert(CR, value);
    }

    fn low_speed_now(&self, which: usize, ready_bit: u32, now: Time) -> u32 {
        let ready = self.low_speed_ready[which].is_some_and(|at| now >= at);
        u32::from(ready) << ready_bit
    }

    fn write_low_speed(&mut self, which: usize, value: u32, now: Time) {
        self.low_speed_ready[which] = match (value & 1, self.low_speed_ready[which]) {
            (0, _) => None,
            (_, Some(at)) => Some(at),
            (_, None) => Some(now + LOW_SPEED_START),
        };
    }

    fn write_reset_register(&mut self, offset: u32, value: u32, wires: &mut Wires) {
        let rising = value & !self.register(offset);
        for bit in (0..32).filter(|bit| rising >> bit & 1 == 1) {
            *wires.reset_pulses.entry((offset, bit)).or_default() += 1;
        }
        if rising != 0 {
            wires.generation += 1;
        }
        self.registers.insert(offset, value);
    }

    fn drive_gates(&self, wires: &mut Wires) {
        for offset in GATES.step_by(4) {
            wires.gates.insert(offset, self.register(offset));
        }
        wires.generation += 1;
        wires.clocks_changed = true;
    }
}

impl Device for Rcc {
    fn name(&self) -> &str {
        "RCC"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        self.drive(wires);
        let now = wires.now;
        Ok(match offset {
            CR => self.cr_now(now),
            CFGR => {
                let status = self.clocks(now).switch() << 3;
                self.register(CFGR) & !CFGR_SWS | status
            }
            BDCR => self.register(BDCR) | self.low_speed_now(1, 1, now),
            CSR => {
                let forced = if wires.lsi_forced { LSIRDY } else { 0 };
                self.register(CSR) | self.low_speed_now(0, 1, now) | forced
            }
            CKPROTR => {
                let clocks = self.clocks(now);
                self.register(CKPROTR)
                    | clocks.switch_position(0) << 4
                    | clocks.switch_position(1) << 8
            }
            RSR => self.reset_flags,
            _ if offset <= LAST && offset.is_multiple_of(4) => self.register(offset),
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        match offset {
            CR => self.write_cr(value, wires.now),
            CFGR => {
                self.registers.insert(CFGR, value & !CFGR_SWS);
            }
            BDCR => {
                self.write_low_speed(1, value, wires.now);
                self.registers.insert(BDCR, value & !2);
            }
            CSR => {
                self.write_low_speed(0, value, wires.now);
                self.registers.insert(CSR, value & !2);
            }
            CICR => {}
            CKPROTR => {
                self.registers.insert(CKPROTR, value & CKPROTR_WRITABLE);
            }
            RSR => {
                if value & RMVF != 0 {
                    self.reset_flags = 0;
                }
            }
            _ if RESETS.contains(&offset) => self.write_reset_register(offset, value, wires),
            _ if GATES.contains(&offset) => {
                let kept = self.register(offset) & if offset == APB1ENR1 { WWDGEN } else { 0 };
                self.registers.insert(offset, value | kept);
                self.drive_gates(wires);
            }
            _ if offset <= LAST && offset.is_multiple_of(4) => {
                self.registers.insert(offset, value);
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.drive(wires);
        Ok(())
    }

    fn reset(&mut self, reset: Reset, wires: &mut Wires) {
        let flags = match reset {
            Reset::Power => ResetCause::Power.flags(),
            Reset::System => self.reset_flags | wires.reset_cause.flags(),
        };
        let backup = self.register(BDCR);
        *self = Self {
            reset_flags: flags,
            ..Self::new()
        };
        self.ready[0] = Some(wires.now);
        if reset == Reset::System {
            self.registers.insert(BDCR, backup);
            self.write_low_speed(1, backup, wires.now);
        }
        self.drive_gates(wires);
        self.drive(wires);
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.drive(wires);
    }

    fn next_event(&self) -> Option<Time> {
        let pending = self.ready.iter().chain(&self.low_speed_ready).flatten();
        pending.copied().filter(|&at| at > self.driven).min()
    }
}

#[cfg(test)]
mod tests;
