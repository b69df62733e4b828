//! The hexadeca PSRAM of the board: AP Memory APS256XX, 32 MiB, on port 1.
//!
//! From the register map that ST's board support package publishes: commands are one byte on eight lines, single rate;
//! addresses four bytes and data double rate. Mode registers are read and written on eight lines, the array on eight, or on
//! sixteen once MR8 bit 6 is set. Memory reads are accompanied by DQS.
//!
//! Deviations: latencies are not enforced (DQS tells the controller when data come); row boundaries and refresh are not
//! modelled; what was never written reads as [`UNDEFINED`].

use super::external_memory::{Answer, Counters, Direction, ExternalMemory, Frame, Lines, Sparse};
use crate::{bus::Width, clock::Time};

/// Name of the part.
pub const NAME: &str = "APS256XX";
/// Capacity.
pub const SIZE: u32 = 32 * 1024 * 1024;
/// What cells hold that nobody wrote since power came.
pub const UNDEFINED: u8 = 0xA5;

/// Wrapped and linear burst reads, burst writes, mode register access, reset.
const READ: u8 = 0x00;
const READ_LINEAR: u8 = 0x20;
const WRITE: u8 = 0x80;
const WRITE_LINEAR: u8 = 0xA0;
const READ_REGISTER: u8 = 0x40;
const WRITE_REGISTER: u8 = 0xC0;
const RESET: u8 = 0xFF;

/// MR8: sixteen data lines.
const MR8_X16: u8 = 1 << 6;
/// After power-on: MR0 to MR8 (MR1 vendor 0x0D, MR2 good die, generation 3, 256 Mbit).
const MODE_REGISTERS: [u8; 9] = [0x30, 0x0D, 0xD7, 0, 0x20, 0, 0, 0, 0x05];

/// What goes on between `select` and `deselect`.
#[derive(Clone, Copy, Debug)]
enum Transaction {
    Ignored,
    Reading { at: u32 },
    Writing { at: u32 },
    ReadingRegister { number: u32 },
    WritingRegister { number: u32 },
    Resetting,
}

/// An APS256XX.
pub struct Psram {
    array: Sparse,
    mode: [u8; 9],
    transaction: Transaction,
    counters: Counters,
}

impl Default for Psram {
    fn default() -> Self {
        Self::new()
    }
}

impl Psram {
    /// Just powered.
    pub fn new() -> Self {
        Self {
            array: Sparse::new(SIZE, UNDEFINED),
            mode: MODE_REGISTERS,
            transaction: Transaction::Ignored,
            counters: Counters::default(),
        }
    }

    fn array_lines(&self) -> Lines {
        if self.mode[8] & MR8_X16 != 0 {
            Lines::HEXADECA_DTR
        } else {
            Lines::OCTAL_DTR
        }
    }

    fn decode(&self, frame: &Frame) -> Option<Transaction> {
        let instruction = frame.instruction.filter(|i| i.lines == Lines::OCTAL)?;
        // With an address of double rate the opcode is followed by a don't-care byte on some controllers: the first counts.
        let opcode = instruction.bytes().next()?;
        if opcode == RESET {
            return Some(Transaction::Resetting);
        }
        let address = frame
            .address
            .filter(|a| a.lines == Lines::OCTAL_DTR && a.length == 4)?;
        let at = address.value;
        let (direction, lines) = frame.data?;
        let transaction = match (opcode, direction) {
            (READ | READ_LINEAR, Direction::Read) => Transaction::Reading { at },
            (WRITE | WRITE_LINEAR, Direction::Write) => Transaction::Writing { at },
            (READ_REGISTER, Direction::Read) => Transaction::ReadingRegister { number: at },
            (WRITE_REGISTER, Direction::Write) => Transaction::WritingRegister { number: at },
            _ => return None,
        };
        let expected = match transaction {
            Transaction::Reading { .. } | Transaction::Writing { .. } => self.array_lines(),
            _ => Lines::OCTAL_DTR,
        };
        (lines == expected).then_some(transaction)
    }

    fn register(&self, number: u32) -> u8 {
        self.mode.get(number as usize).copied().unwrap_or(0)
    }

    fn write_register(&mut self, number: u32, value: u8) {
        // MR1 and MR2 identify the part.
        if !matches!(number, 1 | 2)
            && let Some(register) = self.mode.get_mut(number as usize)
        {
            *register = value;
        }
    }
}

impl ExternalMemory for Psram {
    fn name(&self) -> &str {
        NAME
    }

    fn size(&self) -> u32 {
        SIZE
    }

    fn select(&mut self, frame: &Frame, _now: Time) -> Answer {
        let Some(transaction) = self.decode(frame) else {
            self.transaction = Transaction::Ignored;
            self.counters.ignored += 1;
            return Answer::Silent;
        };
        self.transaction = transaction;
        match transaction {
            Transaction::Reading { .. } => {
                self.counters.reads += 1;
                Answer::Driven { strobe: true }
            }
            Transaction::ReadingRegister { .. } => Answer::Driven { strobe: true },
            _ => Answer::Silent,
        }
    }

    fn read(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = match &mut self.transaction {
                Transaction::Reading { at } => {
                    *at = at.wrapping_add(1);
                    self.array.byte(at.wrapping_sub(1))
                }
                Transaction::ReadingRegister { number } => {
                    let now = *number;
                    *number += 1;
                    self.register(now)
                }
                _ => 0xFF,
            };
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match self.transaction {
                Transaction::Writing { at } => {
                    self.array.set(at, byte);
                    self.counters.programmed_bytes += 1;
                    self.transaction = Transaction::Writing {
                        at: at.wrapping_add(1),
                    };
                }
                // The register takes the first byte; the second, which double rate brings with it, is not used.
                Transaction::WritingRegister { number } => {
                    self.write_register(number, byte);
                    self.transaction = Transaction::Ignored;
                }
                _ => {}
            }
        }
    }

    fn deselect(&mut self, _now: Time) {
        if matches!(self.transaction, Transaction::Resetting) {
            self.mode = MODE_REGISTERS;
        }
        self.transaction = Transaction::Ignored;
    }

    fn plain(&self, frame: &Frame, _now: Time) -> Option<Answer> {
        match self.decode(frame)? {
            Transaction::Reading { .. } | Transaction::Writing { .. } => {
                Some(Answer::Driven { strobe: true })
            }
            _ => None,
        }
    }

    #[inline]
    fn mapped_read(&self, offset: u32, width: Width) -> u32 {
        self.array.value(offset, width)
    }

    fn mapped_write(&mut self, offset: u32, width: Width, value: u32) {
        let bytes = value.to_le_bytes();
        self.array.store(offset, &bytes[..width.bytes() as usize]);
    }

    fn busy_until(&self, _now: Time) -> Option<Time> {
        None
    }

    fn power_cycle(&mut self, _now: Time) {
        self.array = Sparse::new(SIZE, UNDEFINED);
        self.mode = MODE_REGISTERS;
        self.transaction = Transaction::Ignored;
    }

    fn contents(&self) -> &Sparse {
        &self.array
    }

    fn contents_mut(&mut self) -> &mut Sparse {
        &mut self.array
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
