//! The chip: modes, registers, array and the operations that take time.
//!
//! - A command on the wrong lines, with a wrong extension byte, unknown, or (but for status, suspend and reset) sent while
//!   the chip is busy is ignored.
//! - Program turns ones to zeros only, wraps within its page, and like erase needs the write enable latch.
//! - In octal DTR mode the bytes of each pair travel in the order D1, D0 (SFDP, 18th double word).
//! - A read that the chip ignores finds undriven lines. A single line keeps the level that the chip last gave it [U: ST's boot
//!   stages v1.1.0 and v1.2.0 poll WIP on one line after octal DTR is on, and go on only if they read 0]; eight are read as ones.
//! - Mode and registers survive a system reset of the microcontroller: only 66h 99h or a power cycle brings SPI back.
//!
//! - A quad part answers four lines only with QE set. After a read whose mode bits M5 and M4 were 1 and 0 it takes the next address
//!   without an opcode, also after a system reset; eight clocks with M4 at 1, as in FFh or 66h, end that.
//!
//! Deviations: no password, lock or OTP commands; an erase that loses power leaves every other page of its range erased and the rest
//! neither old nor blank (in the first 256 KB of it), a program has written half of the bytes that it changes, and some bits of the
//! next one.

mod header;
mod operation;
mod output;
mod protection;
mod registers;

use self::{
    operation::{Kind, Operation},
    output::Output,
    registers::Registers,
};
use super::{
    Part,
    opcode::{Command, Entry},
};
use crate::{
    bus::Width,
    clock::Time,
    devices::external_memory::{Answer, Counters, Direction, ExternalMemory, Frame, Lines, Sparse},
    mishap::{Ambushes, Strike},
};

/// Status register: write in progress.
pub const WIP: u8 = 0x01;
/// Status register: write enable latch.
pub const WEL: u8 = 0x02;
/// Security register: a program is suspended.
const PROGRAM_SUSPENDED: u8 = 0x04;
/// Security register: an erase is suspended.
const ERASE_SUSPENDED: u8 = 0x08;
/// Security register: the last program failed.
pub const P_FAIL: u8 = 0x20;
/// Security register: the last erase failed.
pub const E_FAIL: u8 = 0x40;
/// How far ahead a chip that never gets ready says that it will be busy.
const STUCK_FOR_NOW: Time = Time::millis(100);

/// Protocol that the chip expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One line.
    Spi,
    /// Eight lines, single rate.
    Sopi,
    /// Eight lines, double rate.
    Dopi,
}

impl Mode {
    /// Lines of every phase.
    pub const fn lines(self) -> Lines {
        match self {
            Self::Spi => Lines::SPI,
            Self::Sopi => Lines::OCTAL,
            Self::Dopi => Lines::OCTAL_DTR,
        }
    }
}

/// What is going on between `select` and `deselect`.
#[derive(Clone, Debug)]
enum Transaction {
    /// Not selected, or nothing understood: what the host reads from undriven lines.
    Ignored { floating: u8 },
    /// Bytes come out.
    Output(Output),
    /// Bytes go in until nCS rises: header and data as the chip hears them.
    Input(Vec<u8>),
}

impl Default for Transaction {
    fn default() -> Self {
        Self::Ignored { floating: 0xFF }
    }
}

/// A NOR.
pub struct Nor {
    part: Part,
    array: Sparse,
    registers: Registers,
    reset_enabled: bool,
    powered_down: bool,
    /// The command that the next address continues.
    continued: Option<Entry>,
    operation: Option<Operation>,
    /// The page under program as it was: a power cut leaves its second half so.
    page_before: Vec<u8>,
    suspended: Option<(Operation, Time)>,
    transaction: Transaction,
    /// Level of SO, the output of the single-line mode, as last driven.
    output_level: bool,
    counters: Counters,
    ambushes: Ambushes,
    /// Events that wait for the middle of the operation under way.
    strikes: Vec<Strike>,
    /// The operation under way never ends; not even a reset does.
    stuck: bool,
}

impl Nor {
    /// A blank chip, just powered.
    pub fn new(part: Part) -> Self {
        Self {
            array: Sparse::new(part.size(), 0xFF),
            registers: Registers::new(&part),
            reset_enabled: false,
            powered_down: false,
            continued: None,
            operation: None,
            page_before: vec![0xFF; part.page() as usize],
            suspended: None,
            transaction: Transaction::default(),
            output_level: true,
            counters: Counters::default(),
            ambushes: Ambushes::default(),
            strikes: Vec::new(),
            stuck: false,
            part,
        }
    }

    /// What lies in wait for its operations.
    pub fn ambushes_mut(&mut self) -> &mut Ambushes {
        &mut self.ambushes
    }

    /// Which part it is.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Protocol that the chip expects now.
    pub fn mode(&self) -> Mode {
        match self.registers.configuration2.mode & 3 {
            1 => Mode::Sopi,
            2 => Mode::Dopi,
            _ => Mode::Spi,
        }
    }

    /// Dummy cycles of an octal array read, as configuration register 2 has them at 0x300.
    pub fn read_dummies(&self) -> u8 {
        20 - 2 * (self.registers.configuration2.dummies & 7)
    }

    /// Puts the chip into a mode, as firmware that ran before would have left it: for tests.
    pub fn set_mode(&mut self, mode: Mode) {
        self.registers.configuration2.mode = match mode {
            Mode::Spi => 0,
            Mode::Sopi => 1,
            Mode::Dopi => 2,
        };
    }

    /// Makes the next erases and programs of protected blocks fail: for tests (same bits as WRSR writes).
    pub fn set_block_protection(&mut self, bits: u8) {
        self.registers.set_block_protection(bits);
    }

    /// Keeps the chip busy until then, as worn cells would: for tests.
    pub fn keep_busy(&mut self, until: Time) {
        self.operation = Some(Operation {
            kind: Kind::Register,
            start: 0,
            length: 0,
            until,
        });
    }

    /// DQS: always in DTR, in octal STR only if configuration register 2 says so at 0x200 (DOS).
    fn drives_strobe(&self) -> bool {
        match self.mode() {
            Mode::Spi => false,
            Mode::Sopi => self.registers.configuration2.strobe & 2 != 0,
            Mode::Dopi => true,
        }
    }

    fn busy(&self, now: Time) -> bool {
        let under_way = |operation: Operation| now < operation.until;
        self.stuck || self.operation.is_some_and(under_way)
    }

    /// Ends what is due.
    fn settle(&mut self, now: Time) {
        if let Some(operation) = self.operation
            && now >= operation.until
            && !self.stuck
        {
            self.operation = None;
            self.registers.status &= !WEL;
        }
    }

    fn return_to_power_on(&mut self) {
        self.registers.return_to_power_on();
        self.reset_enabled = false;
        self.powered_down = false;
        self.continued = None;
        self.transaction = Transaction::default();
    }

    fn status_now(&self, now: Time) -> u8 {
        self.registers.status | if self.busy(now) { WIP } else { 0 }
    }
}

impl ExternalMemory for Nor {
    fn name(&self) -> &str {
        &self.part.name
    }

    fn size(&self) -> u32 {
        self.part.size()
    }

    fn select(&mut self, frame: &Frame, now: Time) -> Answer {
        self.settle(now);
        self.transaction = Transaction::default();
        let continued = self.continued;
        self.note_continuation(frame);
        if let Some((Direction::Read, lines)) = frame.data {
            let Some(output) = self.begin_output(frame, lines, continued, now) else {
                self.counters.ignored += 1;
                if lines.count == 1 && !self.output_level {
                    self.transaction = Transaction::Ignored { floating: 0x00 };
                }
                return Answer::Silent;
            };
            self.transaction = Transaction::Output(output);
            return Answer::Driven {
                strobe: self.drives_strobe(),
            };
        }
        if continued.is_none() && self.hears(frame) {
            self.transaction = Transaction::Input(frame.header_bytes());
        } else {
            self.counters.ignored += 1;
        }
        Answer::Silent
    }

    fn read(&mut self, bytes: &mut [u8]) {
        let mut output = match &self.transaction {
            Transaction::Output(output) => output.clone(),
            Transaction::Ignored { floating } => return bytes.fill(*floating),
            Transaction::Input(_) => return bytes.fill(0xFF),
        };
        for byte in bytes {
            *byte = self.next_output(&mut output);
            self.output_level = *byte & 1 == 1;
        }
        self.transaction = Transaction::Output(output);
    }

    fn write(&mut self, data: &[u8]) {
        if let Transaction::Input(bytes) = &mut self.transaction {
            bytes.extend_from_slice(data);
        }
    }

    fn deselect(&mut self, now: Time) {
        self.settle(now);
        if let Transaction::Input(bytes) = std::mem::take(&mut self.transaction)
            && self.execute(&bytes, now).is_none()
        {
            self.counters.ignored += 1;
        }
    }

    fn plain(&self, frame: &Frame, now: Time) -> Option<Answer> {
        let (Direction::Read, lines) = frame.data? else {
            return None;
        };
        if self.continued.is_some() {
            return None;
        }
        let header = self.header(frame)?;
        let plain = header.entry.command == Command::Read
            && lines == header.data_lines
            && !header.continues
            && header.dummies_given(frame.dummy_cycles) == self.dummies_expected(header.entry)
            && !self.busy(now)
            && !self.powered_down;
        plain.then_some(Answer::Driven {
            strobe: self.drives_strobe(),
        })
    }

    #[inline]
    fn mapped_read(&self, offset: u32, width: Width) -> u32 {
        self.array.value(offset, width)
    }

    fn mapped_write(&mut self, _offset: u32, _width: Width, _value: u32) {
        self.counters.ignored += 1;
    }

    fn busy_until(&self, now: Time) -> Option<Time> {
        if self.stuck {
            return Some(now + STUCK_FOR_NOW);
        }
        self.operation
            .map(|operation| operation.until)
            .filter(|&until| now < until)
    }

    fn power_cycle(&mut self, now: Time) {
        if let Some(operation) = self.operation.take()
            && (self.stuck || now < operation.until)
        {
            self.spoil(operation);
        }
        if let Some((operation, _)) = self.suspended.take() {
            self.spoil(operation);
        }
        self.stuck = false;
        self.strikes.clear();
        self.return_to_power_on();
    }

    fn take_strike(&mut self) -> Option<Strike> {
        self.strikes.pop()
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

#[cfg(test)]
mod tests;
