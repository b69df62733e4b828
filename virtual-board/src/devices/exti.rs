//! Extended interrupts and events (RM0477, EXTI): lines 0 to 15 from pins, each with an interrupt of its own, and the masks of
//! the lines that come from other peripherals.
//!
//! A rising or falling edge on the pin that SBS_EXTICR selects, or a bit in SWIER, makes a line pending; an unmasked one
//! interrupts until software clears it.
//!
//! Deviations: SBS selecting another pin is no edge, whatever the two levels; direct lines are masks without effect, and their
//! peripherals interrupt by themselves; events do not wake the core.

use super::{Access, Device, Refusal, Reset, Wires};
use crate::bus::Width;

const RTSR1: u32 = 0x00;
const FTSR1: u32 = 0x04;
const SWIER1: u32 = 0x08;
const RTSR2: u32 = 0x20;
const FTSR2: u32 = 0x24;
const SWIER2: u32 = 0x28;
const IMR1: u32 = 0x80;
const EMR1: u32 = 0x84;
const PR1: u32 = 0x88;
const IMR2: u32 = 0x90;
const EMR2: u32 = 0x94;
const PR2: u32 = 0x98;
const IMR3: u32 = 0xA0;
const EMR3: u32 = 0xA4;

/// Lines 0 to 15 have the interrupts from 16 on.
const FIRST_IRQ: usize = 16;

/// Registers of the lines 0 to 31, or 32 to 63.
#[derive(Clone, Copy, Default)]
struct Bank {
    rising: u32,
    falling: u32,
    interrupts: u32,
    events: u32,
    pending: u32,
}

/// Base 0x5800_0000.
#[derive(Default)]
pub struct Exti {
    banks: [Bank; 2],
    third: [u32; 2],
}

impl Exti {
    /// With every line masked.
    pub fn new() -> Self {
        Self::default()
    }

    fn drive_irqs(&self, wires: &mut Wires) {
        let bank = &self.banks[0];
        for line in 0..16 {
            let level = bank.pending & bank.interrupts & 1 << line != 0;
            wires.set_irq(FIRST_IRQ + line, level);
        }
    }
}

impl Device for Exti {
    fn name(&self) -> &str {
        "EXTI"
    }

    fn read(&mut self, offset: u32, _width: Width, _wires: &mut Wires) -> Access<u32> {
        let [first, second] = &self.banks;
        Ok(match offset {
            RTSR1 => first.rising,
            RTSR2 => second.rising,
            FTSR1 => first.falling,
            FTSR2 => second.falling,
            SWIER1 | SWIER2 => 0,
            IMR1 => first.interrupts,
            IMR2 => second.interrupts,
            EMR1 => first.events,
            EMR2 => second.events,
            PR1 => first.pending,
            PR2 => second.pending,
            IMR3 => self.third[0],
            EMR3 => self.third[1],
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        let [first, second] = &mut self.banks;
        match offset {
            RTSR1 => first.rising = value,
            RTSR2 => second.rising = value,
            FTSR1 => first.falling = value,
            FTSR2 => second.falling = value,
            SWIER1 => first.pending |= value,
            SWIER2 => second.pending |= value,
            IMR1 => first.interrupts = value,
            IMR2 => second.interrupts = value,
            EMR1 => first.events = value,
            EMR2 => second.events = value,
            PR1 => first.pending &= !value,
            PR2 => second.pending &= !value,
            IMR3 => self.third[0] = value,
            EMR3 => self.third[1] = value,
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.drive_irqs(wires);
        Ok(())
    }

    fn pins_changed(&mut self, wires: &mut Wires) {
        let bank = &mut self.banks[0];
        bank.pending |= bank.rising & u32::from(wires.risen);
        bank.pending |= bank.falling & u32::from(wires.fallen);
        self.drive_irqs(wires);
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        *self = Self::new();
        self.drive_irqs(wires);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_interrupts_only_as_told_and_until_it_is_cleared() {
        let (mut exti, mut wires) = (Exti::new(), Wires::default());
        let line = 13;
        let set = |exti: &mut Exti, wires: &mut Wires, offset, value| {
            exti.write(offset, Width::Word, value, wires).unwrap();
        };
        let edge = |exti: &mut Exti, wires: &mut Wires, rising, falling| {
            (wires.risen, wires.fallen) = (rising, falling);
            exti.pins_changed(wires);
        };
        edge(&mut exti, &mut wires, 1 << line, 0);
        assert_eq!(exti.read(PR1, Width::Word, &mut wires), Ok(0));
        set(&mut exti, &mut wires, RTSR1, 1 << line);
        edge(&mut exti, &mut wires, 0, 1 << line);
        assert_eq!(exti.read(PR1, Width::Word, &mut wires), Ok(0));
        edge(&mut exti, &mut wires, 1 << line, 0);
        assert_eq!(wires.irq[0], 0, "masked");
        set(&mut exti, &mut wires, IMR1, 1 << line);
        assert_eq!(wires.irq[0], 1 << (16 + line));
        set(&mut exti, &mut wires, PR1, 1 << line);
        assert_eq!(wires.irq[0], 0);
        set(&mut exti, &mut wires, SWIER1, 1 << line);
        assert_eq!(wires.irq[0], 1 << (16 + line));
    }
}
