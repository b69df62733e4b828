//! Timers (RM0477, advanced, general-purpose and basic timers): an up-counter with prescaler, auto-reload, update event, and
//! compare channels, with their flags and interrupts, in virtual time.
//!
//! A channel whose CCxS says output sets its flag when the counter comes to CCRx, enabled at a pin or not.
//!
//! Deviations: capture, outputs, the preload of CCRx, channels 5 and 6, slave modes, down and centre counting, and the repetition counter are plain storage; those on
//! APB2 take the clock of those on APB1; ARR and PSC are taken over at the next update (ARPE) or, for ARR without ARPE, at
//! once; one-pulse mode stops the counter.

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::{bus::Width, clock::Time};

const CR1: u32 = 0x00;
const DIER: u32 = 0x0C;
const SR: u32 = 0x10;
const EGR: u32 = 0x14;
const CNT: u32 = 0x24;
const PSC: u32 = 0x28;
const ARR: u32 = 0x2C;
const LAST: u32 = 0x68;

/// CR1: counter enable, update disable, update request source, one-pulse mode.
const CEN: u32 = 1 << 0;
const UDIS: u32 = 1 << 1;
const URS: u32 = 1 << 2;
const OPM: u32 = 1 << 3;
/// DIER, SR and EGR: update, and compare of channels 1 to 4.
const UPDATE: u32 = 1 << 0;
const COMPARE: [u32; 4] = [1 << 1, 1 << 2, 1 << 3, 1 << 4];
/// Mode of channels 1 and 2; CCMR2 follows it.
const CCMR1: u32 = 0x18;
/// Compare value of channel 1; the others follow it.
const CCR1: u32 = 0x34;
/// TIM1 has an interrupt of its own for its channels.
const TIM1_CC_IRQ: usize = 50;

/// One timer.
pub struct Timer {
    number: u8,
    name: &'static str,
    gate: Gate,
    irq: usize,
    widest: u32,
    channels: usize,
    registers: [u32; 27],
    /// PSC takes effect at an update.
    active_prescaler: u32,
    /// Counter value when `since` was.
    counter: u32,
    since: Time,
    /// What it has been clocked by since then; 0 with its gate closed.
    clock_hz: u64,
    /// SR.
    flags: u32,
}

impl Timer {
    /// TIM1 to TIM7, TIM9, TIM12 to TIM17. Another number is TIM7.
    pub fn new(number: u8) -> Self {
        let (name, gate, irq) = match number {
            1 => ("TIM1", Gate::apb2(0), 48),
            2 => ("TIM2", Gate::apb1(0), 51),
            3 => ("TIM3", Gate::apb1(1), 52),
            4 => ("TIM4", Gate::apb1(2), 53),
            5 => ("TIM5", Gate::apb1(3), 54),
            6 => ("TIM6", Gate::apb1(4), 55),
            9 => ("TIM9", Gate::apb2(19), 57),
            12 => ("TIM12", Gate::apb1(6), 113),
            13 => ("TIM13", Gate::apb1(7), 114),
            14 => ("TIM14", Gate::apb1(8), 115),
            15 => ("TIM15", Gate::apb2(16), 116),
            16 => ("TIM16", Gate::apb2(17), 117),
            17 => ("TIM17", Gate::apb2(18), 118),
            _ => ("TIM7", Gate::apb1(5), 56),
        };
        let widest = if matches!(number, 2..=5) {
            u32::MAX
        } else {
            0xFFFF
        };
        let channels = match number {
            1..=5 => 4,
            9 | 12 | 15 => 2,
            13 | 14 | 16 | 17 => 1,
            _ => 0,
        };
        let mut registers = [0; 27];
        registers[(ARR / 4) as usize] = widest;
        Self {
            number,
            name,
            gate,
            irq,
            widest,
            channels,
            registers,
            active_prescaler: 0,
            counter: 0,
            since: Time(0),
            clock_hz: 0,
            flags: 0,
        }
    }

    /// Base address of a timer.
    pub const fn base(number: u8) -> u32 {
        match number {
            1 => 0x4200_0000,
            9 => 0x4200_4C00,
            12..=14 => 0x4000_1800 + 0x400 * (number as u32 - 12),
            15..=17 => 0x4200_4000 + 0x400 * (number as u32 - 15),
            _ => 0x4000_0000 + 0x400 * (number as u32 - 2),
        }
    }

    fn control(&self) -> u32 {
        self.registers[0]
    }

    fn reload(&self) -> u32 {
        self.registers[(ARR / 4) as usize]
    }

    fn divider(&self) -> u64 {
        u64::from(self.active_prescaler) + 1
    }

    fn runs(&self) -> bool {
        self.control() & CEN != 0 && self.clock_hz != 0 && self.reload() != 0
    }

    /// Counts until the counter has wrapped.
    fn counts_to_update(&self) -> u64 {
        let period = u64::from(self.reload()) + 1;
        let counter = u64::from(self.counter);
        if counter < period {
            period - counter
        } else {
            u64::from(self.widest) + 1 - counter + period
        }
    }

    /// The channels that compare: their flag and their value.
    fn compares(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let channels = COMPARE.into_iter().zip(0u32..).take(self.channels);
        channels.filter_map(|(flag, channel)| {
            let mode = self.registers[((CCMR1 + 4 * (channel / 2)) / 4) as usize];
            let is_output = mode >> (8 * (channel % 2)) & 0b11 == 0;
            let value = self.registers[((CCR1 + 4 * channel) / 4) as usize] & self.widest;
            is_output.then_some((flag, u64::from(value)))
        })
    }

    /// The counter went through all that follows `from`, up to `to`.
    fn pass(&mut self, from: u64, to: u64) {
        let met = self
            .compares()
            .filter(|(_, value)| from < *value && *value <= to);
        self.flags |= met.fold(0, |flags, (flag, _)| flags | flag);
    }

    /// The counter went from where it is through its end to 0.
    fn pass_wrap(&mut self) {
        let (counter, reload) = (u64::from(self.counter), u64::from(self.reload()));
        if counter > reload {
            self.pass(counter, self.widest.into());
            self.pass(0, reload);
        } else {
            self.pass(counter, reload);
        }
        self.pass_zero();
    }

    fn pass_zero(&mut self) {
        let met = self.compares().filter(|(_, value)| *value == 0);
        self.flags |= met.fold(0, |flags, (flag, _)| flags | flag);
    }

    /// Counts until a channel that interrupts, and has not yet, meets its value.
    fn counts_to_compare(&self) -> Option<u64> {
        let wanted = self.registers[(DIER / 4) as usize] & !self.flags;
        let counter = u64::from(self.counter);
        let reload = u64::from(self.reload());
        self.compares()
            .filter(|(flag, value)| wanted & flag != 0 && *value <= reload)
            .map(|(_, value)| match value.checked_sub(counter) {
                Some(ahead) if ahead > 0 => ahead,
                _ => self.counts_to_update() + value,
            })
            .min()
    }

    fn time_of_counts(&self, counts: u64) -> Time {
        let cycles = counts * self.divider();
        // Rounded up, so that the count is complete when the time has come.
        Time::of_cycles(cycles, self.clock_hz) + Time(1)
    }

    /// Brings the counter to `wires.now`.
    fn advance(&mut self, wires: &mut Wires) {
        let clock = if self.gate.is_open(wires) {
            wires.timer_hz
        } else {
            0
        };
        if !self.runs() {
            self.since = wires.now;
            self.clock_hz = clock;
            return;
        }
        loop {
            let counts = (wires.now - self.since).cycles_at(self.clock_hz) / self.divider();
            let ahead = self.counts_to_update();
            if counts < ahead {
                let counter = u64::from(self.counter);
                self.pass(counter, counter + counts);
                self.counter = self.counter.wrapping_add(counts as u32);
                self.since += Time::of_cycles(counts * self.divider(), self.clock_hz);
                break;
            }
            // Whole periods at once, but for the last: the prescaler may change at the first update.
            self.since += Time::of_cycles(ahead * self.divider(), self.clock_hz);
            self.pass_wrap();
            self.counter = 0;
            self.update();
            if self.control() & CEN == 0 {
                self.since = wires.now;
                break;
            }
            self.skip_periods(wires.now);
        }
        if self.clock_hz != clock {
            self.clock_hz = clock;
            self.since = wires.now;
        }
        self.drive_irq(wires);
    }

    fn skip_periods(&mut self, now: Time) {
        let period = (u64::from(self.reload()) + 1) * self.divider();
        let periods = (now - self.since).cycles_at(self.clock_hz) / period;
        if periods > 1 {
            self.pass(0, self.reload().into());
        }
        self.since += Time::of_cycles(periods.saturating_sub(1) * period, self.clock_hz);
    }

    fn update(&mut self) {
        if self.control() & UDIS == 0 {
            self.active_prescaler = self.registers[(PSC / 4) as usize] & 0xFFFF;
            self.flags |= UPDATE;
        }
        if self.control() & OPM != 0 {
            self.registers[0] &= !CEN;
        }
    }

    /// EGR: events by software.
    fn generate(&mut self, events: u32, now: Time) {
        let channels = COMPARE.into_iter().take(self.channels);
        self.flags |= channels.fold(0, |all, flag| all | flag) & events;
        if events & UPDATE == 0 {
            return;
        }
        self.counter = 0;
        self.since = now;
        let before = self.flags & UPDATE;
        self.update();
        if self.control() & URS != 0 {
            self.flags = self.flags & !UPDATE | before;
        }
    }

    fn drive_irq(&self, wires: &mut Wires) {
        let pending = self.flags & self.registers[(DIER / 4) as usize];
        if self.number == 1 {
            wires.set_irq(self.irq, pending & UPDATE != 0);
            wires.set_irq(TIM1_CC_IRQ, pending & !UPDATE != 0);
        } else {
            wires.set_irq(self.irq, pending != 0);
        }
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.advance(wires);
        self.gate.is_open(wires)
    }
}

impl Device for Timer {
    fn name(&self) -> &str {
        self.name
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        Ok(match offset {
            SR => self.flags,
            EGR => 0,
            CNT => {
                wires.time_dependent = self.runs();
                self.counter
            }
            CR1..LAST if offset.is_multiple_of(4) => self.registers[(offset / 4) as usize],
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        match offset {
            SR => self.flags &= value,
            EGR => self.generate(value, wires.now),
            CNT => {
                self.counter = value & self.widest;
                self.since = wires.now;
            }
            ARR => self.registers[(ARR / 4) as usize] = value & self.widest,
            CR1..LAST if offset.is_multiple_of(4) => self.registers[(offset / 4) as usize] = value,
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.drive_irq(wires);
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        *self = Self {
            gate: self.gate,
            ..Self::new(self.number)
        };
        self.since = wires.now;
        self.drive_irq(wires);
    }

    fn tick(&mut self, wires: &mut Wires) {
        if self.control() & CEN != 0 {
            self.advance(wires);
        }
    }

    fn next_event(&self) -> Option<Time> {
        let update = self.counts_to_update();
        let counts = self
            .counts_to_compare()
            .map_or(update, |compare| compare.min(update));
        self.runs()
            .then(|| self.since + self.time_of_counts(counts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running_at(hertz: u64) -> Wires {
        let mut wires = Wires {
            timer_hz: hertz,
            ..Default::default()
        };
        wires.gates.insert(super::super::gate::APB1ENR1, u32::MAX);
        wires
    }

    #[test]
    fn updates_come_every_period_and_interrupt() {
        let (mut timer, mut wires) = (Timer::new(6), running_at(300_000_000));
        // 1 MHz, every millisecond.
        timer.write(PSC, Width::Word, 299, &mut wires).unwrap();
        timer.write(ARR, Width::Word, 999, &mut wires).unwrap();
        timer.write(EGR, Width::Word, 1, &mut wires).unwrap();
        timer.write(SR, Width::Word, 0, &mut wires).unwrap();
        timer.write(DIER, Width::Word, 1, &mut wires).unwrap();
        timer.write(CR1, Width::Word, CEN, &mut wires).unwrap();
        let due = timer.next_event().unwrap();
        assert_eq!(due.as_micros(), 1000);
        wires.now = Time::micros(500);
        assert_eq!(timer.read(CNT, Width::Word, &mut wires), Ok(500));
        assert!(wires.time_dependent);
        wires.now = due;
        timer.tick(&mut wires);
        assert_eq!(wires.irq[0] >> 55 & 1, 1);
        timer.write(SR, Width::Word, 0, &mut wires).unwrap();
        assert_eq!(wires.irq[0], 0);
        // Long sleeps lose no phase.
        wires.now = Time::micros(1_000_250);
        assert_eq!(timer.read(CNT, Width::Word, &mut wires), Ok(250));
    }

    #[test]
    fn each_has_its_place_gate_and_interrupt() {
        for (number, base, gate, irq) in [
            (1, 0x4200_0000, super::super::gate::APB2ENR, 48),
            (7, 0x4000_1400, super::super::gate::APB1ENR1, 56),
            (14, 0x4000_2000, super::super::gate::APB1ENR1, 115),
            (17, 0x4200_4800, super::super::gate::APB2ENR, 118),
        ] {
            assert_eq!(Timer::base(number), base);
            let (mut timer, mut wires) = (Timer::new(number), Wires::default());
            wires.timer_hz = 1_000_000;
            wires.gates.insert(gate, u32::MAX);
            timer.write(ARR, Width::Word, 9, &mut wires).unwrap();
            timer.write(DIER, Width::Word, 1, &mut wires).unwrap();
            timer.write(CR1, Width::Word, CEN, &mut wires).unwrap();
            wires.now = Time::micros(50);
            timer.tick(&mut wires);
            assert_eq!(wires.irq[irq / 64] >> (irq % 64), 1, "TIM{number}");
        }
    }

    #[test]
    fn a_channel_interrupts_where_the_counter_meets_its_value_and_again_a_period_later() {
        let (mut timer, mut wires) = (Timer::new(2), running_at(1_000_000));
        let ccr2 = CCR1 + 4;
        timer.write(ARR, Width::Word, 999, &mut wires).unwrap();
        timer.write(ccr2, Width::Word, 300, &mut wires).unwrap();
        timer
            .write(DIER, Width::Word, COMPARE[1], &mut wires)
            .unwrap();
        timer.write(CR1, Width::Word, CEN, &mut wires).unwrap();
        for due in [300, 1300] {
            while timer.next_event().unwrap() < Time::micros(due) {
                wires.now = timer.next_event().unwrap();
                timer.tick(&mut wires);
                assert_eq!(wires.irq[0], 0, "only the update comes before");
            }
            wires.now = timer.next_event().unwrap();
            assert_eq!(wires.now.as_micros(), due);
            timer.tick(&mut wires);
            assert_eq!(wires.irq[0] >> 51 & 1, 1);
            timer
                .write(SR, Width::Word, !COMPARE[1], &mut wires)
                .unwrap();
            assert_eq!(wires.irq[0], 0);
        }
        // An input captures, which is not modelled: it meets nothing.
        timer.write(CCMR1, Width::Word, 1 << 8, &mut wires).unwrap();
        wires.now = Time::micros(2_500);
        timer.tick(&mut wires);
        assert_eq!(wires.irq[0], 0);
    }

    #[test]
    fn one_pulse_stops() {
        let (mut timer, mut wires) = (Timer::new(2), running_at(1_000_000));
        timer.write(ARR, Width::Word, 9, &mut wires).unwrap();
        timer
            .write(CR1, Width::Word, CEN | OPM, &mut wires)
            .unwrap();
        wires.now = Time::micros(50);
        assert_eq!(timer.read(CR1, Width::Word, &mut wires), Ok(OPM));
        assert_eq!(
            timer.read(SR, Width::Word, &mut wires).unwrap() & UPDATE,
            UPDATE
        );
        assert_eq!(timer.next_event(), None);
    }
}
