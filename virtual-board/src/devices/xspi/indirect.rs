//! Indirect transfers: which register write starts one, and how software moves its data.

use super::{
    Access, Refusal, Wires, Xspi,
    registers::{AR, FunctionalMode, TCF, TEF},
    transfer::{FIFO_BYTES, Kind, Setting, Transfer},
};
use crate::{bus::Width, devices::external_memory::Direction};

impl Xspi {
    pub(super) fn setting(&self, wires: &Wires) -> Setting {
        let registers = &self.registers;
        let size = registers.device_size();
        let length = match registers.dlr {
            u32::MAX => size.saturating_sub(registers.ar.into()),
            length => u64::from(length) + 1,
        };
        Setting {
            clock_hz: self.clock_hz(wires),
            strobe: registers.common.uses_strobe(),
            swaps: registers.swaps_pairs(registers.common.data_lines()),
            length,
        }
    }

    /// An address or a length that the device does not have raises TEF.
    fn is_out_of_device(&self) -> bool {
        let registers = &self.registers;
        if !registers.common.has_address() {
            return false;
        }
        let length = match registers.dlr {
            _ if registers.common.data_lines().is_none() => 1,
            u32::MAX => 1,
            length => u64::from(length) + 1,
        };
        // Register spaces lie outside the array: only what starts inside must also end inside.
        let start = u64::from(registers.ar);
        start < registers.device_size() && start + length > registers.device_size()
    }

    /// IR, AR or DR completed the command.
    pub(super) fn start(&mut self, wires: &mut Wires) {
        if !self.enabled() || self.is_busy() {
            return;
        }
        if self.is_out_of_device() {
            self.registers.flags |= TEF;
            return;
        }
        self.fifo.clear();
        if self.mode() == FunctionalMode::Polling {
            self.start_polling(wires);
            return;
        }
        let direction = match self.mode() {
            FunctionalMode::IndirectRead => Direction::Read,
            _ => Direction::Write,
        };
        let frame = self.registers.common.frame(self.registers.ar, direction);
        let setting = self.setting(wires);
        let answer = self.begin(&frame, wires);
        self.transfer = Some(Transfer::start(&frame, setting, answer, wires.now));
    }

    pub(super) fn trigger(&mut self, offset: u32, wires: &mut Wires) {
        const IR: u32 = 0x110;
        let command = &self.registers.common;
        let completes = match offset {
            IR => !command.has_address(),
            AR => command.has_address(),
            _ => false,
        };
        let data_wait = command.data_lines().is_some();
        match self.mode() {
            FunctionalMode::IndirectWrite if completes && !data_wait => self.start(wires),
            FunctionalMode::IndirectRead | FunctionalMode::Polling if completes => {
                self.start(wires);
            }
            _ => {}
        }
    }

    pub(super) fn finish_transfer(&mut self, wires: &mut Wires) {
        if self
            .transfer
            .as_ref()
            .is_some_and(|transfer| transfer.is_finished(wires.now))
            && let Some(mut transfer) = self.transfer.take()
        {
            transfer.flush(self.memory(wires));
            self.end(wires);
            self.registers.flags |= TCF;
        }
    }

    /// The bus waits for the next byte of the transfer, whatever the time.
    fn force(&mut self, wires: &mut Wires) {
        if let Some(mut transfer) = self.transfer.take() {
            let mut fifo = std::mem::take(&mut self.fifo);
            transfer.force(&mut fifo, self.memory(wires));
            self.fifo = fifo;
            self.transfer = Some(transfer);
        }
    }

    pub(super) fn write_dr(&mut self, width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if self.mode() != FunctionalMode::IndirectWrite {
            return Ok(());
        }
        if self.transfer.is_none() {
            if self.registers.common.data_lines().is_none() {
                return Ok(());
            }
            self.start(wires);
        }
        for byte in value.to_le_bytes().into_iter().take(width.bytes() as usize) {
            let is_full = self.fifo.len() == FIFO_BYTES;
            if is_full && self.transfer.as_ref().is_some_and(Transfer::is_hung) {
                return Err(Refusal::Stall);
            }
            if is_full {
                self.force(wires);
            }
            let Some(transfer) = &mut self.transfer else {
                return Ok(());
            };
            if self.fifo.is_empty() {
                transfer.wake(wires.now);
            }
            if (self.fifo.len() as u64) < transfer.remaining() {
                self.fifo.push_back(byte);
            }
        }
        Ok(())
    }

    pub(super) fn read_dr(&mut self, width: Width, wires: &mut Wires) -> Access<u32> {
        let mut value = [0; 4];
        for byte in value.iter_mut().take(width.bytes() as usize) {
            if self.fifo.is_empty()
                && let Some(transfer) = &self.transfer
                && transfer.kind == Kind::Read
            {
                if transfer.is_hung() {
                    return Err(Refusal::Stall);
                }
                self.force(wires);
            }
            let was_full = self.fifo.len() == FIFO_BYTES;
            *byte = self.fifo.pop_front().unwrap_or(0);
            if was_full && let Some(transfer) = &mut self.transfer {
                transfer.wake(wires.now);
            }
        }
        self.finish_transfer(wires);
        Ok(u32::from_le_bytes(value))
    }
}
