//! The memory-mapped window: loads, stores and fetches become transactions.
//!
//! An access that the chip answers with its array as it stands is remembered as such, and the next ones go straight to the
//! array, until a register or a wire changes. Any other is carried out on the lines as it is set.

use std::collections::VecDeque;

use super::{
    Access, Refusal, Wires, Xspi,
    registers::{CR_TCEN, FunctionalMode, TEF},
    transfer::{Setting, Transfer},
};
use crate::{
    bus::Width,
    clock::Time,
    devices::external_memory::{Answer, Direction, ExternalMemory, Frame, Lines},
};

/// Bytes of a window.
const WINDOW_BYTES: u64 = 0x1000_0000;

/// What is known about the window until a register or a wire changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// To be found out.
    Unknown,
    /// Loads are plain reads of the array of the chip on `port` up to `size` bytes.
    Plain { size: u32, port: usize },
}

impl Xspi {
    /// The reasons for which the window refuses, whatever the chip would say.
    fn check_window(&mut self, offset: u32, width: Width, wires: &mut Wires) -> Access<()> {
        let open = self.gate_is_open(wires)
            && self.enabled()
            && self.mode() == FunctionalMode::MemoryMapped
            && self.clock_hz(wires) != 0
            && self.is_connected(wires);
        if !open {
            return Err(Refusal::Error);
        }
        if u64::from(offset) + u64::from(width.bytes()) > self.registers.device_size() {
            self.registers.flags |= TEF;
            self.drive_irq(wires);
            return Err(Refusal::Error);
        }
        self.advance(wires);
        self.note_access(wires);
        Ok(())
    }

    /// The chip, if it takes `frame` for a plain access of its array and the pins carry all of it.
    fn plain_memory<'wires>(
        &self,
        frame: &Frame,
        strobe_needed: bool,
        wires: &'wires mut Wires,
    ) -> Option<&'wires mut dyn ExternalMemory> {
        let now = wires.now;
        let pins = wires.xspim_pins[wires.xspim_port(self.index)];
        let lines = frame.data.map_or(0, |(_, lines)| lines.count);
        let memory = self.memory(wires)?;
        let Answer::Driven { strobe } = memory.plain(frame, now)? else {
            return None;
        };
        let complete = pins.carry(frame) && (!strobe_needed || strobe && pins.strobe(lines));
        complete.then_some(memory)
    }

    pub(super) fn read_window(
        &mut self,
        offset: u32,
        width: Width,
        wires: &mut Wires,
    ) -> Access<u32> {
        self.generation = wires.generation;
        self.check_window(offset, width, wires)?;
        let command = self.registers.common;
        let frame = command.frame(offset, Direction::Read);
        let in_order = self.registers.swaps_pairs(command.data_lines())
            || command.data_lines() != Some(Lines::OCTAL_DTR);
        if in_order && let Some(memory) = self.plain_memory(&frame, command.uses_strobe(), wires) {
            let value = memory.mapped_read(offset, width);
            if self.registers.cr & CR_TCEN == 0 {
                let size = self.registers.device_size().min(WINDOW_BYTES) as u32;
                let port = wires.xspim_port(self.index);
                self.window = Window::Plain { size, port };
            }
            return Ok(value);
        }
        // Not what the chip expects: ask it as the wires would.
        let mut setting = self.setting(wires);
        setting.length = width.bytes().into();
        let answer = self.begin(&frame, wires);
        let mut transfer = Transfer::start(&frame, setting, answer, wires.now);
        if transfer.is_hung() {
            self.end(wires);
            return Err(Refusal::Stall);
        }
        let mut fifo = VecDeque::new();
        transfer.advance(&mut fifo, self.memory(wires), Time(u64::MAX));
        self.end(wires);
        let value = fifo
            .into_iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u32::from(byte));
        Ok(value)
    }

    pub(super) fn write_window(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        wires: &mut Wires,
    ) -> Access<()> {
        self.check_window(offset, width, wires)?;
        let command = self.registers.write;
        let frame = command.frame(offset, Direction::Write);
        if let Some(memory) = self.plain_memory(&frame, false, wires) {
            memory.mapped_write(offset, width, value);
            return Ok(());
        }
        self.window = Window::Unknown;
        let setting = Setting {
            strobe: false,
            swaps: self.registers.swaps_pairs(command.data_lines()),
            length: width.bytes().into(),
            ..self.setting(wires)
        };
        let mut fifo: VecDeque<u8> = value
            .to_le_bytes()
            .into_iter()
            .take(width.bytes() as usize)
            .collect();
        let answer = self.begin(&frame, wires);
        let mut transfer = Transfer::start(&frame, setting, answer, wires.now);
        transfer.advance(&mut fifo, self.memory(wires), Time(u64::MAX));
        transfer.flush(self.memory(wires));
        self.end(wires);
        Ok(())
    }
}
