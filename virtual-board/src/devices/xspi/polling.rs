//! Automatic polling: a status register is read again and again until its masked value matches.

use super::{
    Wires, Xspi,
    registers::{CR_APMS, CR_PMM, SMF},
};
use crate::{
    clock::Time,
    devices::external_memory::{Answer, Direction},
};

/// Polling under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polling {
    /// When the present read is complete.
    pub(super) sample: Time,
    /// Between one sample and the next.
    period: Time,
}

impl Xspi {
    pub(super) fn start_polling(&mut self, wires: &Wires) {
        let frame = self
            .registers
            .common
            .frame(self.registers.ar, Direction::Read);
        let clock = self.clock_hz(wires);
        let bytes = u64::from(self.registers.dlr & 3) + 1;
        let cycles = frame.cycles_before_data() + frame.cycles_of_data(bytes);
        let interval = u64::from(self.registers.pir & 0xFFFF);
        let period = Time::of_cycles(cycles + interval, clock).max(Time(1));
        let reading = Time::of_cycles(cycles, clock);
        // Without a clock no sample ever comes.
        let sample = if clock == 0 {
            Time(u64::MAX)
        } else {
            wires.now + reading
        };
        self.polling = Some(Polling { sample, period });
    }

    /// One status read at `at`; `None` if the chip drove no DQS where it is needed.
    fn poll_once(&mut self, at: Time, wires: &mut Wires) -> Option<u32> {
        let frame = self
            .registers
            .common
            .frame(self.registers.ar, Direction::Read);
        let bytes = (self.registers.dlr & 3) as usize + 1;
        let now = std::mem::replace(&mut wires.now, at);
        let answer = self.begin(&frame, wires);
        wires.now = now;
        let strobe = answer == Answer::Driven { strobe: true };
        if self.registers.common.uses_strobe() && !strobe {
            return None;
        }
        let mut value = [0u8; 4];
        value[..bytes].fill(0xFF);
        // A silent chip leaves what the lines float at.
        if let Some(memory) = self.memory(wires) {
            memory.read(&mut value[..bytes]);
            memory.deselect(at);
        }
        Some(u32::from_le_bytes(value))
    }

    pub(super) fn advance_polling(&mut self, wires: &mut Wires) {
        while let Some(polling) = self.polling
            && polling.sample <= wires.now
        {
            let Some(value) = self.poll_once(polling.sample, wires) else {
                self.polling = Some(Polling {
                    sample: Time(u64::MAX),
                    ..polling
                });
                return;
            };
            let registers = &self.registers;
            let differs = (value ^ registers.psmar) & registers.psmkr;
            let matches = if registers.cr & CR_PMM != 0 {
                differs != registers.psmkr
            } else {
                differs == 0
            };
            if matches {
                self.registers.flags |= SMF;
                if self.registers.cr & CR_APMS != 0 {
                    self.polling = None;
                    return;
                }
            }
            // What the chip says while it is busy does not change: go to the first sample after that.
            let mut next = polling.sample + polling.period;
            let busy = self
                .memory(wires)
                .and_then(|memory| memory.busy_until(polling.sample));
            if let Some(ready) = busy
                && ready > next
            {
                let periods = (ready - next).0.div_ceil(polling.period.0);
                next += Time(periods * polling.period.0);
            }
            self.polling = Some(Polling {
                sample: next,
                ..polling
            });
        }
    }
}
