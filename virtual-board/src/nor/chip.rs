//! The chip: modes, registers, array and the operations that take time.
//!
//! - A command on the wrong lines, with a wrong extension byte, unknown, or (but for status, suspend and reset) sent while
//!   the chip is busy is ignored.
//! - Program turns ones to zeros only, wraps within its page of 256 bytes, and like erase needs the write enable latch.
//! - In octal DTR mode the bytes of each pair travel in the order D1, D0 (SFDP, 18th double word).
//! - A read that the chip ignores finds undriven lines. A single line keeps the level that the chip last gave it [U: ST's boot
//!   stages v1.1.0 and v1.2.0 poll WIP on one line after octal DTR is on, and go on only if they read 0]; eight are read as ones.
//! - Mode and registers survive a system reset of the microcontroller: only 66h 99h or a power cycle brings SPI back.
//!
//! Deviations: no password, lock or OTP commands; the block protection bits are stored and protect from the bottom up
//! or, with TB clear, from the top down, in powers of two of 64 KB; an erase that loses power leaves every other
//! 256 bytes of its range erased and the rest neither old nor blank (in the first 256 KB of it), a program has written half of the
//! bytes that it changes, and some bits of the next one.

mod operation;
mod output;

use std::any::Any;

use self::{
    operation::{Kind, Operation},
    output::Output,
};
use super::opcode::{self, Command, Entry};
use crate::{
    bus::Width,
    clock::Time,
    devices::external_memory::{Answer, Counters, Direction, ExternalMemory, Frame, Lines, Sparse},
    mishap::{Ambushes, Strike},
};

/// Capacity.
pub const SIZE: u32 = 128 * 1024 * 1024;
/// Largest program.
pub const PAGE: u32 = 256;
/// Manufacturer, type, density.
pub const JEDEC_ID: [u8; 3] = [0xC2, 0x81, 0x3B];

/// Status register: write in progress.
pub const WIP: u8 = 0x01;
/// Status register: write enable latch.
pub const WEL: u8 = 0x02;
/// Status register: block protection.
const BLOCK_PROTECT: u8 = 0x3C;
/// Configuration register: protected area counts from the bottom (one-time programmable in the real chip).
const TOP_BOTTOM: u8 = 0x08;
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

/// Configuration register 2 is an address space; these addresses hold something.
#[derive(Clone, Debug, Default)]
struct Configuration2 {
    /// 0x0000_0000: mode.
    mode: u8,
    /// 0x0000_0200: DQS in STR mode, pre-cycle.
    strobe: u8,
    /// 0x0000_0300: dummy cycles.
    dummies: u8,
    /// 0x0000_0500: preamble pattern.
    preamble: u8,
    /// 0x4000_0000: mode after power-on, inverted, non-volatile.
    default_mode: u8,
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

/// An MX66UW1G45G.
pub struct Nor {
    array: Sparse,
    status: u8,
    configuration: u8,
    configuration2: Configuration2,
    security: u8,
    reset_enabled: bool,
    powered_down: bool,
    operation: Option<Operation>,
    /// The page under program as it was: a power cut leaves its second half so.
    page_before: [u8; PAGE as usize],
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

impl Default for Nor {
    fn default() -> Self {
        Self::new()
    }
}

impl Nor {
    /// A blank chip, just powered.
    pub fn new() -> Self {
        Self {
            array: Sparse::new(SIZE, 0xFF),
            status: 0,
            configuration: 0,
            configuration2: Configuration2 {
                default_mode: 0xFF,
                ..Default::default()
            },
            security: 0,
            reset_enabled: false,
            powered_down: false,
            operation: None,
            page_before: [0xFF; PAGE as usize],
            suspended: None,
            transaction: Transaction::default(),
            output_level: true,
            counters: Counters::default(),
            ambushes: Ambushes::default(),
            strikes: Vec::new(),
            stuck: false,
        }
    }

    /// What lies in wait for its operations.
    pub fn ambushes_mut(&mut self) -> &mut Ambushes {
        &mut self.ambushes
    }

    /// Protocol that the chip expects now.
    pub fn mode(&self) -> Mode {
        match self.configuration2.mode & 3 {
            1 => Mode::Sopi,
            2 => Mode::Dopi,
            _ => Mode::Spi,
        }
    }

    /// Dummy cycles of an octal array read, as configuration register 2 has them at 0x300.
    pub fn read_dummies(&self) -> u8 {
        20 - 2 * (self.configuration2.dummies & 7)
    }

    /// Puts the chip into a mode, as firmware that ran before would have left it: for tests.
    pub fn set_mode(&mut self, mode: Mode) {
        self.configuration2.mode = match mode {
            Mode::Spi => 0,
            Mode::Sopi => 1,
            Mode::Dopi => 2,
        };
    }

    /// Makes the next erases and programs of protected blocks fail: for tests (same bits as WRSR writes).
    pub fn set_block_protection(&mut self, bits: u8) {
        self.status = self.status & !BLOCK_PROTECT | bits << 2 & BLOCK_PROTECT;
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
            Mode::Sopi => self.configuration2.strobe & 2 != 0,
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
            self.status &= !WEL;
        }
    }

    fn return_to_power_on(&mut self) {
        let default_mode = self.configuration2.default_mode;
        self.configuration2 = Configuration2 {
            mode: !default_mode & 3,
            default_mode,
            ..Default::default()
        };
        self.status &= BLOCK_PROTECT;
        self.configuration &= TOP_BOTTOM;
        self.security = 0;
        self.reset_enabled = false;
        self.powered_down = false;
        self.transaction = Transaction::default();
    }

    /// What the header's lines and first bytes say in the present mode.
    fn decode(&self, header: &[u8]) -> Option<(Entry, usize)> {
        match self.mode() {
            Mode::Spi => Some((opcode::spi(*header.first()?)?, 1)),
            mode => {
                let entry = opcode::octal(*header.first()?, *header.get(1)?, mode == Mode::Dopi)?;
                Some((entry, 2))
            }
        }
    }

    fn lines_fit(&self, frame: &Frame) -> bool {
        let expected = self.mode().lines();
        let header_fits = frame.header().all(|phase| phase.lines == expected);
        let data_fits = frame.data.is_none_or(|(direction, lines)| {
            lines.count == expected.count
                && (lines.double_rate == expected.double_rate
                    || direction == Direction::Read && expected.double_rate)
        });
        header_fits && data_fits
    }

    fn status_now(&self, now: Time) -> u8 {
        self.status | if self.busy(now) { WIP } else { 0 }
    }

    fn configuration2_at(&mut self, address: u32) -> Option<&mut u8> {
        let registers = &mut self.configuration2;
        match address {
            0x0000_0000 => Some(&mut registers.mode),
            0x0000_0200 => Some(&mut registers.strobe),
            0x0000_0300 => Some(&mut registers.dummies),
            0x0000_0500 => Some(&mut registers.preamble),
            0x4000_0000 => Some(&mut registers.default_mode),
            _ => None,
        }
    }
}

impl ExternalMemory for Nor {
    fn name(&self) -> &str {
        "MX66UW1G45G"
    }

    fn size(&self) -> u32 {
        SIZE
    }

    fn select(&mut self, frame: &Frame, now: Time) -> Answer {
        self.settle(now);
        self.transaction = Transaction::default();
        if let Some((Direction::Read, lines)) = frame.data {
            let Some(output) = self.begin_output(frame, lines, now) else {
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
        if self.lines_fit(frame) {
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
        let header = frame.header_bytes();
        let (entry, opcode_bytes) = self.decode(&header)?;
        let plain = entry.command == Command::Read
            && lines == self.mode().lines()
            && self.lines_fit(frame)
            && header.len() == opcode_bytes + usize::from(entry.address_bytes)
            && self.cycles_expected(entry, frame.dummy_cycles) == Some(frame.dummy_cycles.into())
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

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

#[cfg(test)]
mod tests;
