//! What the chip drives in the data phase of a read: which bytes, from which cycle, at which pace.

use super::{Mode, Nor, header::Header};
use crate::{
    clock::Time,
    devices::external_memory::{Frame, Lines},
    nor::opcode::{Command, Dummies, Entry},
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
    /// Source of a read command; `None` if it is not one.
    fn output_of(&mut self, entry: Entry, address: u32, now: Time) -> Option<Source> {
        let registers = &mut self.registers;
        Some(match entry.command {
            Command::Read => Source::Array {
                start: address & (self.part.size() - 1),
            },
            Command::ReadSfdp => Source::Sfdp { start: address },
            Command::ReadId => Source::Id,
            Command::ReadStatus => Source::Repeated(self.status_now(now)),
            Command::ReadStatus2 => {
                Source::Repeated(registers.status2_with(self.suspended.is_some()))
            }
            Command::ReadStatus3 => Source::Repeated(registers.status3),
            Command::ReadConfiguration => Source::Repeated(registers.configuration),
            Command::ReadSecurity => Source::Repeated(registers.security),
            Command::ReadConfiguration2 => Source::Repeated(
                registers
                    .configuration2_at(address)
                    .map_or(0, |register| *register),
            ),
            _ => return None,
        })
    }

    /// Dummy cycles after which the chip drives its first bit; `None` if any number will do.
    pub(super) fn dummies_expected(&self, entry: Entry) -> Option<i64> {
        match entry.dummies {
            Dummies::Exactly(cycles) => Some(cycles.into()),
            Dummies::Configured => Some(self.read_dummies().into()),
            Dummies::AtLeast(_) => None,
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
                self.part.sfdp.byte(start.saturating_add(swapped))
            }
            Source::Repeated(value) => *value,
            Source::Id => {
                let index = if double_rate { index / 2 } else { index };
                self.part.jedec_id[index as usize % self.part.jedec_id.len()]
            }
        }
    }

    /// Decodes the header of a read. `None`: the lines float.
    pub(super) fn begin_output(
        &mut self,
        frame: &Frame,
        lines: Lines,
        continued: Option<Entry>,
        now: Time,
    ) -> Option<Output> {
        let header = match continued {
            Some(entry) => Header::continued(entry, self.mode(), frame),
            None => self.header(frame),
        }?;
        let entry = header.entry;
        if self.powered_down || self.busy(now) && !Self::allowed_while_busy(entry.command) {
            return None;
        }
        let given = header.dummies_given(frame.dummy_cycles)?;
        let expected = match entry.dummies {
            Dummies::AtLeast(cycles) if given < i64::from(cycles) => return None,
            _ => self.dummies_expected(entry).unwrap_or(given),
        };
        let source = self.output_of(entry, header.address, now)?;
        self.reset_enabled = false;
        self.continued = header.continues.then_some(entry);
        if entry.command == Command::Read {
            self.counters.reads += 1;
        }
        let own = header.data_lines;
        Some(Output {
            source,
            position: 0,
            lag_bits: (given - expected) * i64::from(own.bits_per_cycle()),
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
