//! What the chip drives in the data phase of a read: which bytes, from which cycle, at which pace.

use super::{JEDEC_ID, Mode, Nor, SIZE};
use crate::{
    clock::Time,
    devices::external_memory::{Frame, Lines},
    nor::{
        opcode::{Command, Dummies, Entry},
        sfdp,
    },
};

/// Where output bytes come from.
#[derive(Clone, Debug)]
enum Source {
    Array { start: u32 },
    Sfdp { start: u32 },
    Repeated(u8),
    Id,
}

/// Rate of the host's sampling against the chip's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// The host takes every byte.
    Every,
    /// The chip sends two bytes a cycle and the host samples one.
    EveryOther,
}

/// A read under way.
#[derive(Clone, Debug)]
pub(super) struct Output {
    source: Source,
    /// Bytes that the host has taken.
    position: i64,
    /// How much later than the chip the host begins to take bits.
    lag_bits: i64,
    pace: Pace,
}

impl Nor {
    /// Source and cycles of a read command; `None` if it is not one.
    fn output_of(&mut self, entry: Entry, address: u32, now: Time) -> Option<Source> {
        Some(match entry.command {
            Command::Read => Source::Array {
                start: address & (SIZE - 1),
            },
            Command::ReadSfdp => Source::Sfdp { start: address },
            Command::ReadId => Source::Id,
            Command::ReadStatus => Source::Repeated(self.status_now(now)),
            Command::ReadConfiguration => Source::Repeated(self.configuration),
            Command::ReadSecurity => Source::Repeated(self.security),
            Command::ReadConfiguration2 => Source::Repeated(
                self.configuration2_at(address)
                    .map_or(0, |register| *register),
            ),
            _ => return None,
        })
    }

    pub(super) fn cycles_expected(&self, entry: Entry, given: u8) -> Option<i64> {
        match entry.dummies {
            Dummies::Exactly(cycles) => Some(cycles.into()),
            Dummies::Configured => Some(self.read_dummies().into()),
            Dummies::AtLeast(cycles) => (given >= cycles).then_some(given.into()),
        }
    }

    fn output_byte(&self, source: &Source, index: i64) -> u8 {
        let double_rate = self.mode() == Mode::Dopi;
        let Ok(index) = u32::try_from(index) else {
            return 0xFF;
        };
        // D1 before D0.
        let swapped = if double_rate { index ^ 1 } else { index };
        match source {
            Source::Array { start } => {
                let start = if double_rate { start & !1 } else { *start };
                self.array.byte(start.wrapping_add(swapped))
            }
            Source::Sfdp { start } => {
                let start = if double_rate { start & !1 } else { *start };
                sfdp::byte(start.saturating_add(swapped))
            }
            Source::Repeated(value) => *value,
            Source::Id => JEDEC_ID[(if double_rate { index / 2 } else { index }) as usize % 3],
        }
    }

    /// Decodes the header of a read. `None`: the lines float.
    pub(super) fn begin_output(
        &mut self,
        frame: &Frame,
        lines: Lines,
        now: Time,
    ) -> Option<Output> {
        if !self.lines_fit(frame) {
            return None;
        }
        let header = frame.header_bytes();
        let (entry, opcode_bytes) = self.decode(&header)?;
        if self.powered_down || self.busy(now) && !Self::allowed_while_busy(entry.command) {
            return None;
        }
        let rest = &header[opcode_bytes..];
        let address_bytes = usize::from(entry.address_bytes);
        let address = rest
            .get(..address_bytes)?
            .iter()
            .fold(0u32, |address, &byte| address << 8 | u32::from(byte));
        let own = self.mode().lines();
        // Header bytes beyond the address are so many more cycles.
        let extra = (rest.len() - address_bytes) as u32 * 8 / own.bits_per_cycle();
        let given = u8::try_from(u32::from(frame.dummy_cycles) + extra).ok()?;
        let expected = self.cycles_expected(entry, given)?;
        let source = self.output_of(entry, address, now)?;
        self.reset_enabled = false;
        if entry.command == Command::Read {
            self.counters.reads += 1;
        }
        Some(Output {
            source,
            position: 0,
            lag_bits: (i64::from(given) - expected) * i64::from(own.bits_per_cycle()),
            pace: if own.double_rate && !lines.double_rate {
                Pace::EveryOther
            } else {
                Pace::Every
            },
        })
    }

    /// The byte that the host takes next, and the bits that lie astride if its dummy cycles are wrong.
    pub(super) fn next_output(&self, output: &mut Output) -> u8 {
        let step = if output.pace == Pace::Every { 1 } else { 2 };
        let (whole, part) = (output.lag_bits.div_euclid(8), output.lag_bits.rem_euclid(8));
        let index = output.position * step + whole;
        let high = u16::from(self.output_byte(&output.source, index));
        let low = u16::from(self.output_byte(&output.source, index + 1));
        output.position += 1;
        ((high << 8 | low) << part >> 8) as u8
    }
}
