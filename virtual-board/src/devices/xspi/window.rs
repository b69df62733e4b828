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
    devices::external_memory::{Answer, Direction, Lines},
};

/// Bytes of a window.
const WINDOW_BYTES: u64 = 0x1000_0000;

/// What is known about the window until a register or a wire changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// To be found out.
    Unknown,
    /// Loads are plain reads of the array up to `size` bytes.
    Plain { size: u32 },
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
        self.mapped = true;
        self.last_access = wires.now;
        Ok(())
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
        let plain = self.memory.plain(&frame, wires.now);
        if let Some(Answer::Driven { strobe }) = plain
            && (strobe || !command.uses_strobe())
            && in_order
        {
            if self.registers.cr & CR_TCEN == 0 {
                let size = self.registers.device_size().min(WINDOW_BYTES);
                self.window = Window::Plain { size: size as u32 };
            }
            return Ok(self.memory.mapped_read(offset, width));
        }
        // Not what the chip expects: ask it as the wires would.
        let mut setting = self.setting(wires);
        setting.length = width.bytes().into();
        let mut transfer = Transfer::start(&frame, setting, Some(&mut self.memory), wires.now);
        if transfer.is_hung() {
            self.memory.deselect(wires.now);
            return Err(Refusal::Stall);
        }
        let mut fifo = VecDeque::new();
        transfer.advance(&mut fifo, Some(&mut self.memory), Time(u64::MAX));
        self.memory.deselect(wires.now);
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
        if self.memory.plain(&frame, wires.now).is_some() {
            self.memory.mapped_write(offset, width, value);
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
        let mut transfer = Transfer::start(&frame, setting, Some(&mut self.memory), wires.now);
        transfer.advance(&mut fifo, Some(&mut self.memory), Time(u64::MAX));
        transfer.flush(Some(&mut self.memory));
        self.memory.deselect(wires.now);
        Ok(())
    }
}
