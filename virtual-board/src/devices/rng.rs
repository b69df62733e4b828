//! True random number generator (RM0477, RNG): words, one after the other, while HSI48 feeds it.
//!
//! Deviations: the numbers are the same after each power-on, so that a test sees what the last one saw; a word takes 2 us \[U\]
//! whatever the noise source is told; health tests never fail. Without HSI48 there is no word, and no clock error either \[U\].

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::{bus::Width, clock::Time};

const CR: u32 = 0x00;
const SR: u32 = 0x04;
const DR: u32 = 0x08;
/// Noise source control, and health test control.
const NSCR: u32 = 0x0C;
const HTCR: u32 = 0x10;

/// CR: enable, interrupt enable, conditioning soft reset, configuration lock.
const RNGEN: u32 = 1 << 2;
const IE: u32 = 1 << 3;
const CONDRST: u32 = 1 << 30;
const CONFIGLOCK: u32 = 1 << 31;
/// CR: what CONFIGLOCK locks.
const CONFIGURATION: u32 = 0x03FF_FFA0;
/// CR after reset; HTCR after reset.
const CR_RESET: u32 = 0x0080_0D00;
const HTCR_RESET: u32 = 0x0000_72AC;
/// SR: data ready.
const DRDY: u32 = 1 << 0;
/// Time of a word.
const WORD: Time = Time::micros(2);

/// Base 0x4802_0000.
pub struct Rng {
    gate: Gate,
    control: u32,
    noise: u32,
    health: u32,
    state: u64,
    /// When the next word is there, while it is at work.
    due: Option<Time>,
}

impl Default for Rng {
    fn default() -> Self {
        Self::new()
    }
}

impl Rng {
    /// In reset state.
    pub fn new() -> Self {
        Self {
            gate: Gate::ahb3(0),
            control: CR_RESET,
            noise: 0,
            health: HTCR_RESET,
            state: 0x9E37_79B9_7F4A_7C15,
            due: None,
        }
    }

    /// xorshift64*.
    fn next(&mut self) -> u32 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    fn works(&self, wires: &Wires) -> bool {
        self.control & (RNGEN | CONDRST) == RNGEN && wires.hsi48
    }

    fn is_ready(&self, wires: &Wires) -> bool {
        self.due.is_some_and(|due| wires.now >= due)
    }

    fn advance(&mut self, wires: &mut Wires) {
        if !self.works(wires) {
            self.due = None;
        } else if self.due.is_none() {
            self.due = Some(wires.now + WORD);
        }
        let level = self.control & IE != 0 && self.is_ready(wires);
        wires.set_irq(37, level);
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.advance(wires);
        self.gate.is_open(wires)
    }
}

impl Device for Rng {
    fn name(&self) -> &str {
        "RNG"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        match offset {
            CR => Ok(self.control),
            SR => Ok(if self.is_ready(wires) { DRDY } else { 0 }),
            DR if self.is_ready(wires) => {
                self.due = None;
                wires.time_dependent = true;
                self.advance(wires);
                Ok(self.next())
            }
            DR => Ok(0),
            NSCR => Ok(self.noise),
            HTCR => Ok(self.health),
            _ => Err(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        let locked = self.control & CONFIGLOCK != 0;
        match offset {
            CR if locked => {
                let kept = CONFIGURATION | CONFIGLOCK;
                self.control = self.control & kept | value & !kept;
            }
            CR => self.control = value,
            NSCR if !locked => self.noise = value,
            HTCR if !locked => self.health = value,
            SR | DR | NSCR | HTCR => {}
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.advance(wires);
        Ok(())
    }

    fn reset(&mut self, reset: Reset, wires: &mut Wires) {
        let state = match reset {
            Reset::Power => Self::new().state,
            Reset::System => self.state,
        };
        *self = Self {
            gate: self.gate,
            state,
            ..Self::new()
        };
        wires.set_irq(37, false);
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
    fn words_come_in_time_and_only_with_a_clock() {
        let (mut rng, mut wires) = (Rng::new(), Wires::default());
        wires.gates.insert(super::super::gate::AHB3ENR, 1);
        rng.write(CR, Width::Word, RNGEN, &mut wires).unwrap();
        wires.now = Time::millis(1);
        assert_eq!(rng.read(SR, Width::Word, &mut wires), Ok(0), "no HSI48");
        wires.hsi48 = true;
        assert_eq!(rng.read(SR, Width::Word, &mut wires), Ok(0), "too early");
        let mut words = Vec::new();
        for _ in 0..3 {
            wires.now = rng.next_event().unwrap();
            assert_eq!(rng.read(SR, Width::Word, &mut wires), Ok(DRDY));
            words.push(rng.read(DR, Width::Word, &mut wires).unwrap());
            assert_eq!(rng.read(SR, Width::Word, &mut wires), Ok(0));
        }
        assert!(words[0] != words[1] && words[1] != words[2] && words[0] != 0);
    }
}
