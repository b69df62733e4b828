//! An indirect transfer under way: bytes move between FIFO and chip at the pace of the clock on the pins.

use std::collections::VecDeque;

use crate::{
    clock::Time,
    devices::external_memory::{Answer, Direction, ExternalMemory, Frame},
};

/// Bytes that the FIFO holds.
pub const FIFO_BYTES: usize = 64;

/// What a transfer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No data phase.
    Command,
    /// Chip to FIFO.
    Read,
    /// FIFO to chip.
    Write,
}

/// A transfer between nCS falling and rising.
#[derive(Debug)]
pub struct Transfer {
    /// What it is for.
    pub kind: Kind,
    remaining: u64,
    /// When the next byte has crossed, or a command without data is done.
    next: Time,
    /// Picoseconds a byte.
    pace: Time,
    /// DQS never came, or no clock: only an abort ends it.
    hung: bool,
    swaps: bool,
    half_pair: Option<u8>,
}

/// How the controller is set for one transfer.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Clock on the pins.
    pub clock_hz: u64,
    /// DQS is used for sampling.
    pub strobe: bool,
    /// Pairs are exchanged.
    pub swaps: bool,
    /// Data bytes.
    pub length: u64,
}

impl Transfer {
    /// A transfer whose header has been answered so.
    pub fn start(frame: &Frame, setting: Setting, answer: Answer, now: Time) -> Self {
        let kind = match frame.data {
            None => Kind::Command,
            Some((Direction::Read, _)) => Kind::Read,
            Some((Direction::Write, _)) => Kind::Write,
        };
        let no_strobe = setting.strobe && answer != Answer::Driven { strobe: true };
        let pace = Time::of_cycles(frame.cycles_of_data(8), setting.clock_hz * 8);
        let header = Time::of_cycles(frame.cycles_before_data(), setting.clock_hz);
        Self {
            kind,
            remaining: if kind == Kind::Command {
                0
            } else {
                setting.length
            },
            next: now + header + if kind == Kind::Command { Time(0) } else { pace },
            pace,
            hung: setting.clock_hz == 0 || kind == Kind::Read && no_strobe,
            swaps: setting.swaps,
            half_pair: None,
        }
    }

    /// Nothing more will come by itself.
    pub fn is_hung(&self) -> bool {
        self.hung
    }

    /// All bytes have crossed.
    pub fn is_finished(&self, now: Time) -> bool {
        !self.hung && self.remaining == 0 && (self.kind != Kind::Command || now >= self.next)
    }

    /// Bytes that have yet to cross.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Moves what has crossed by `now`.
    pub fn advance(
        &mut self,
        fifo: &mut VecDeque<u8>,
        mut memory: Option<&mut dyn ExternalMemory>,
        now: Time,
    ) {
        while !self.hung && self.remaining > 0 && self.next <= now {
            let moved = match self.kind {
                Kind::Read if fifo.len() < FIFO_BYTES => {
                    fifo.push_back(self.take(reborrow(&mut memory)));
                    true
                }
                Kind::Write => match fifo.pop_front() {
                    Some(byte) => {
                        self.give(byte, reborrow(&mut memory));
                        true
                    }
                    None => false,
                },
                _ => false,
            };
            if !moved {
                break;
            }
            self.remaining -= 1;
            self.next += self.pace;
        }
    }

    /// Software moved a byte, so that the clock, which had stopped, goes on from `now`.
    pub fn wake(&mut self, now: Time) {
        self.next = self.next.max(now + self.pace);
    }

    /// The bus waits for the next byte: it comes, whatever the time.
    pub fn force(&mut self, fifo: &mut VecDeque<u8>, memory: Option<&mut dyn ExternalMemory>) {
        let at = self.next;
        self.advance(fifo, memory, at);
    }

    /// When `bytes` more bytes will have crossed, or the command is done.
    pub fn time_of(&self, bytes: u64) -> Option<Time> {
        let ahead = bytes.clamp(1, self.remaining.max(1)) - 1;
        (!self.hung).then(|| self.next + Time(self.pace.0 * ahead))
    }

    /// Sends the half of a pair that is left, at the end.
    pub fn flush(&mut self, memory: Option<&mut dyn ExternalMemory>) {
        if self.kind == Kind::Write
            && let (Some(even), Some(memory)) = (self.half_pair.take(), memory)
        {
            memory.write(&[0xFF, even]);
        }
    }

    fn take(&mut self, memory: Option<&mut dyn ExternalMemory>) -> u8 {
        let Some(memory) = memory else {
            return 0xFF;
        };
        if let Some(byte) = self.half_pair.take() {
            return byte;
        }
        let mut pair = [0; 2];
        if self.swaps {
            memory.read(&mut pair);
            self.half_pair = Some(pair[0]);
            pair[1]
        } else {
            memory.read(&mut pair[..1]);
            pair[0]
        }
    }

    fn give(&mut self, byte: u8, memory: Option<&mut dyn ExternalMemory>) {
        let Some(memory) = memory else {
            return;
        };
        if !self.swaps {
            memory.write(&[byte]);
        } else if let Some(even) = self.half_pair.take() {
            memory.write(&[byte, even]);
        } else {
            self.half_pair = Some(byte);
        }
    }
}

/// The same chip for a while.
fn reborrow<'short>(
    memory: &'short mut Option<&mut dyn ExternalMemory>,
) -> Option<&'short mut dyn ExternalMemory> {
    match memory {
        Some(memory) => Some(&mut **memory),
        None => None,
    }
}
