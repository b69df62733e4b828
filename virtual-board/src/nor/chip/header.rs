//! What comes before the data: which bytes, on which lines, and the command that they make.

use super::{Mode, Nor};
use crate::{
    devices::external_memory::{Direction, Frame, Lines},
    nor::opcode::Entry,
};

/// M5 and M4 as 1 and 0: the next read comes without its opcode.
const CONTINUE_MASK: u8 = 0x30;
const CONTINUE: u8 = 0x20;
/// M4 arrives on IO0 with the seventh clock of eight: bit 1 of an opcode on one line.
const ENDS_CONTINUATION: u32 = 1 << 1;

/// A header that the chip understands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// The command.
    pub entry: Entry,
    /// Its address.
    pub address: u32,
    /// Lines of the data phase, as the chip drives or expects them.
    pub data_lines: Lines,
    /// The mode bits ask for continuation.
    pub continues: bool,
    /// Clock cycles of header bytes behind the address.
    extra_cycles: i64,
}

impl Header {
    /// `arguments` follow the opcode of `entry`.
    fn new(entry: Entry, own: Lines, arguments: &[u8]) -> Option<Self> {
        let (address, rest) = arguments.split_at_checked(entry.address_bytes.into())?;
        let address_lines = lines(entry.address_lines, own);
        let mode_bits = rest.first().filter(|_| entry.mode_byte);
        Some(Self {
            entry,
            address: address
                .iter()
                .fold(0, |address, &byte| address << 8 | u32::from(byte)),
            data_lines: lines(entry.data_lines, own),
            continues: mode_bits.is_some_and(|bits| bits & CONTINUE_MASK == CONTINUE),
            extra_cycles: rest.len() as i64 * 8 / i64::from(address_lines.bits_per_cycle()),
        })
    }

    /// The header of a read that continues `entry`: address and mode bits, no opcode.
    pub fn continued(entry: Entry, mode: Mode, frame: &Frame) -> Option<Self> {
        let own = mode.lines();
        let address_lines = lines(entry.address_lines, own);
        let (_, data) = frame.data?;
        let fits = frame.instruction.is_none()
            && frame.header().all(|phase| phase.lines == address_lines)
            && data == lines(entry.data_lines, own);
        if !fits {
            return None;
        }
        Self::new(entry, own, &frame.header_bytes())
    }

    /// Cycles between address and data that the host leaves. Header bytes beyond the address are so many more.
    pub fn dummies_given(&self, dummy_cycles: u8) -> Option<i64> {
        let given = i64::from(dummy_cycles) + self.extra_cycles;
        (given <= u8::MAX.into()).then_some(given)
    }
}

/// Lines of a phase: those of the mode unless the command says otherwise.
fn lines(count: Option<u8>, own: Lines) -> Lines {
    count.map_or(own, |count| Lines::new(count, false))
}

impl Nor {
    /// The command that bytes make in the present mode, and how many of them are its opcode.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<(Entry, usize)> {
        let commands = &self.part.commands;
        let (entry, length) = match self.mode() {
            Mode::Spi => (commands.spi(*bytes.first()?)?, 1),
            mode => {
                let (first, second) = (*bytes.first()?, *bytes.get(1)?);
                (commands.octal(first, second, mode == Mode::Dopi)?, 2)
            }
        };
        let answers = !entry.quad_enable || self.registers.quad_enabled();
        answers.then_some((entry, length))
    }

    /// True if every phase comes on the lines on which the chip listens for it. Bytes count, not the phases that a controller makes of
    /// them: an address may be sent as data.
    pub(super) fn hears(&self, frame: &Frame) -> bool {
        let own = self.mode().lines();
        let Some((entry, opcode_bytes)) = self.decode(&frame.header_bytes()) else {
            return frame.header().all(|phase| phase.lines == own) && data_fits(frame, own);
        };
        let address_lines = lines(entry.address_lines, own);
        let mut at = 0;
        let header_fits = frame.header().all(|phase| {
            let (start, end) = (at, at + usize::from(phase.length));
            at = end;
            (start >= opcode_bytes || phase.lines == own)
                && (end <= opcode_bytes || phase.lines == address_lines)
        });
        header_fits && data_fits(frame, lines(entry.data_lines, own))
    }

    /// The header of `frame`, if the chip hears and understands it.
    pub(super) fn header(&self, frame: &Frame) -> Option<Header> {
        if !self.hears(frame) {
            return None;
        }
        let bytes = frame.header_bytes();
        let (entry, opcode_bytes) = self.decode(&bytes)?;
        Header::new(entry, self.mode().lines(), bytes.get(opcode_bytes..)?)
    }

    /// Continuation ends with any transaction that does not renew it, but for an opcode on one line whose clocks leave M4 at 0.
    pub(super) fn note_continuation(&mut self, frame: &Frame) {
        let stays = frame.instruction.is_some_and(|opcode| {
            opcode.lines == Lines::SPI && opcode.value & ENDS_CONTINUATION == 0
        });
        if !stays {
            self.continued = None;
        }
    }
}

/// In double rate registers are also read at single rate: every other byte is taken.
fn data_fits(frame: &Frame, expected: Lines) -> bool {
    frame.data.is_none_or(|(direction, lines)| {
        lines.count == expected.count
            && (lines.double_rate == expected.double_rate
                || direction == Direction::Read && expected.double_rate)
    })
}
