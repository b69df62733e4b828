//! Octo- and hexadeca-SPI controller, and the window through which the core sees the chip on its pins.
//!
//! RM0477, XSPI; where its text was not at hand the OCTOSPI chapter of RM0456 (same IP) was followed:
//! - Indirect transfers start at IR, AR or DR, whichever completes the command; data pass a FIFO of 64 bytes.
//! - Automatic polling reads a register again and again until its masked value matches.
//! - In memory-mapped mode loads, stores and fetches become transactions. SR.BUSY rises at the first and stays until abort,
//!   timeout or disable (28.4.11). Registers of the transfer are read-only while BUSY.
//! - The window refuses (bus error) without clock, supply or pins, when disabled or in another mode, and beyond DCR1.DEVSIZE;
//!   it stalls if DQS is expected and the chip drives none, as when the chip is in another protocol.
//!
//! Deviations: mapped accesses take no time of their own;
//! CSBOUND, MAXTRAN, REFRESH and the wrap command are stored and have no effect; dual-memory mode is not modelled.

mod indirect;
mod polling;
pub mod registers;
pub mod transfer;
mod window;

use std::collections::VecDeque;

use self::{
    polling::Polling,
    registers::{
        BUSY, CALFCR, CR, CR_ABORT, CR_CSSEL, CR_DMAEN, CR_EN, CR_MASK, CR_TCEN, CR_WHILE_IDLE, DR,
        DR_END, FCR, FTF, FunctionalMode, Registers, SMF, SR, TCF, TEF, TOF, functional_mode,
    },
    transfer::{FIFO_BYTES, Kind, Transfer},
    window::Window,
};
use super::{
    Access, Device, Refusal, Reset, Wires,
    dma::request::Request,
    external_memory::{Answer, ExternalMemory, Frame},
    gate::Gate,
};
use crate::{bus::Width, clock::Time};

/// XSPI1 or XSPI2.
pub struct Xspi {
    index: usize,
    name: &'static str,
    gate: Gate,
    irq: usize,
    registers: Registers,
    fifo: VecDeque<u8>,
    transfer: Option<Transfer>,
    polling: Option<Polling>,
    /// A mapped access has been made since the mode was entered: BUSY.
    mapped: bool,
    /// When nCS rises for want of accesses (CR.TCEN).
    timeout: Option<Time>,
    window: Window,
    generation: u64,
}

impl Xspi {
    /// XSPI1: base 0x5200_5000, window 0x9000_0000.
    pub fn xspi1() -> Self {
        Self::new(0, "XSPI1", Gate::ahb5(5), 105)
    }

    /// XSPI2: base 0x5200_A000, window 0x7000_0000.
    pub fn xspi2() -> Self {
        Self::new(1, "XSPI2", Gate::ahb5(12), 106)
    }

    fn new(index: usize, name: &'static str, gate: Gate, irq: usize) -> Self {
        Self {
            index,
            name,
            gate,
            irq,
            registers: Registers::default(),
            fifo: VecDeque::new(),
            transfer: None,
            polling: None,
            mapped: false,
            timeout: None,
            window: Window::Unknown,
            generation: 0,
        }
    }

    /// Supply, clock and chip select of the port are there, whatever is behind them.
    fn is_connected(&self, wires: &Wires) -> bool {
        let port = wires.xspim_port(self.index);
        let pins = wires.xspim_pins[port];
        wires.xspim_supply[port] && pins.clock && pins.selects[self.select(wires)]
    }

    /// Chip select that a transaction drives.
    fn select(&self, wires: &Wires) -> usize {
        wires.xspim_select(self.index, self.registers.cr & CR_CSSEL != 0)
    }

    /// The chip that a transaction selects.
    fn memory<'wires>(&self, wires: &'wires mut Wires) -> Option<&'wires mut dyn ExternalMemory> {
        if !self.is_connected(wires) {
            return None;
        }
        let select = self.select(wires);
        let socket = wires.sockets[wires.xspim_port(self.index)].as_mut()?;
        (socket.select == select).then_some(&mut *socket.memory)
    }

    /// Begins a transaction: what the controller sees of the chip that it selects.
    fn begin(&self, frame: &Frame, wires: &mut Wires) -> Answer {
        let now = wires.now;
        let pins = wires.xspim_pins[wires.xspim_port(self.index)];
        if wires.xspim_multiplexed() {
            // The other controller's window looks at the same chip.
            wires.generation += 1;
        }
        let Some(memory) = self.memory(wires) else {
            return Answer::Silent;
        };
        if !pins.carry(frame) {
            memory.select(&Frame::NOISE, now);
            return Answer::Silent;
        }
        let answer = memory.select(frame, now);
        let lines = frame.data.map_or(0, |(_, lines)| lines.count);
        match answer {
            Answer::Driven { strobe } => Answer::Driven {
                strobe: strobe && pins.strobe(lines),
            },
            Answer::Silent => answer,
        }
    }

    /// Ends a transaction.
    fn end(&self, wires: &mut Wires) {
        let now = wires.now;
        if let Some(memory) = self.memory(wires) {
            memory.deselect(now);
        }
    }

    fn clock_hz(&self, wires: &Wires) -> u64 {
        self.registers.clock_hz(wires.xspi_hz[self.index])
    }

    fn mode(&self) -> FunctionalMode {
        functional_mode(self.registers.cr)
    }

    fn enabled(&self) -> bool {
        self.registers.cr & CR_EN != 0
    }

    fn is_busy(&self) -> bool {
        self.transfer.is_some() || self.polling.is_some() || self.mapped
    }

    fn status(&self) -> u32 {
        let level = self.fifo.len();
        let threshold = self.registers.fifo_threshold();
        let reached = match self.mode() {
            FunctionalMode::IndirectWrite => FIFO_BYTES - level >= threshold,
            FunctionalMode::IndirectRead => {
                let complete = self.transfer.as_ref().is_none_or(|t| t.remaining() == 0);
                level >= threshold || complete && level > 0
            }
            FunctionalMode::Polling | FunctionalMode::MemoryMapped => false,
        };
        let busy = self.is_busy() || self.mode() == FunctionalMode::IndirectRead && level > 0;
        self.registers.flags
            | if reached { FTF } else { 0 }
            | if busy { BUSY } else { 0 }
            | (level as u32) << 8
    }

    fn drive_irq(&self, wires: &mut Wires) {
        // TEIE, TCIE, FTIE, SMIE and TOIE are in the order of their flags.
        let enabled = self.registers.cr >> 16 & 0x1F;
        let status = self.status();
        wires.set_irq(self.irq, status & enabled != 0);
        let requests = self.registers.cr & (CR_EN | CR_DMAEN) == CR_EN | CR_DMAEN;
        let awaits_data = match self.mode() {
            FunctionalMode::IndirectWrite => self.transfer.is_some(),
            _ => true,
        };
        wires.request_dma(
            Request::Xspi(self.index as u8 + 1),
            requests && awaits_data && status & FTF != 0,
        );
    }

    /// Brings everything to `wires.now`.
    fn advance(&mut self, wires: &mut Wires) {
        let now = wires.now;
        if let Some(mut transfer) = self.transfer.take() {
            let mut fifo = std::mem::take(&mut self.fifo);
            transfer.advance(&mut fifo, self.memory(wires), now);
            self.fifo = fifo;
            self.transfer = Some(transfer);
        }
        self.finish_transfer(wires);
        self.advance_polling(wires);
        let port = wires.xspim_port(self.index);
        while let Some(socket) = &mut wires.sockets[port]
            && let Some(strike) = socket.memory.take_strike()
        {
            wires.expect_strike(strike);
        }
        if self.timeout.is_some_and(|timeout| now >= timeout) {
            self.mapped = false;
            self.timeout = None;
            self.registers.flags |= TOF;
        }
        self.drive_irq(wires);
    }

    /// A mapped access: BUSY, and the timeout begins anew.
    fn note_access(&mut self, wires: &mut Wires) {
        let is_first = !std::mem::replace(&mut self.mapped, true);
        if self.registers.cr & CR_TCEN != 0 {
            let cycles = u64::from(self.registers.lptr & 0xFFFF);
            self.timeout = Some(wires.now + Time::of_cycles(cycles, self.clock_hz(wires)));
            wires.attention |= is_first;
        }
    }

    /// Ends whatever is under way; the chip is deselected in the middle of it.
    fn stop(&mut self, wires: &mut Wires) {
        if self.transfer.take().is_some() {
            self.end(wires);
        }
        self.polling = None;
        self.mapped = false;
        self.timeout = None;
        self.fifo.clear();
    }

    fn write_cr(&mut self, value: u32, wires: &mut Wires) {
        let held = if self.is_busy() { CR_WHILE_IDLE } else { 0 };
        let value = self.registers.cr & held | value & CR_MASK & !held;
        let was_busy = self.is_busy();
        self.registers.cr = value & !CR_ABORT;
        if value & CR_EN == 0 {
            self.stop(wires);
        } else if value & CR_ABORT != 0 {
            self.stop(wires);
            if was_busy {
                self.registers.flags |= TCF;
            }
        }
    }

    /// Registers of the transfer, which hold still while BUSY.
    fn write_setting(&mut self, offset: u32, value: u32, wires: &mut Wires) -> Access<()> {
        let busy = self.is_busy();
        let Some(target) = self.registers.setting(offset) else {
            return Err(Refusal::Unmodelled { reset: 0 });
        };
        if busy {
            return Ok(());
        }
        *target = value;
        self.trigger(offset, wires);
        Ok(())
    }

    fn gate_is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }
}

impl Device for Xspi {
    fn name(&self) -> &str {
        self.name
    }

    fn takes_narrow_reads(&self, offset: u32) -> bool {
        (DR..=DR_END).contains(&offset)
    }

    fn read(&mut self, offset: u32, width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.gate_is_open(wires) {
            return Ok(0);
        }
        self.advance(wires);
        let value = match offset {
            CR => self.registers.cr,
            SR => self.status(),
            DR..=DR_END => {
                let value = self.read_dr(width, wires)?;
                // The FIFO gives up what is read: a loop that drains equal data is no idle loop.
                wires.time_dependent = true;
                self.drive_irq(wires);
                value
            }
            FCR | CALFCR => 0,
            _ => match self.registers.setting(offset) {
                Some(register) => *register,
                None => return Err(Refusal::Unmodelled { reset: 0 }),
            },
        };
        Ok(value)
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.gate_is_open(wires) {
            return Ok(());
        }
        self.window = Window::Unknown;
        self.advance(wires);
        match offset {
            CR => self.write_cr(value, wires),
            SR | CALFCR => {}
            FCR => self.registers.flags &= !(value & (TEF | TCF | SMF | TOF)),
            DR..=DR_END => self.write_dr(width, value, wires)?,
            _ => self.write_setting(offset, value, wires)?,
        }
        self.advance(wires);
        Ok(())
    }

    /// A controller that is enabled for indirect transfers or polling does not answer a read of its window that nobody waits for: the
    /// bus hangs, as users of the same speculation with QUADSPI saw. That this controller does the same is assumed \[U\]. Where it is off,
    /// without a clock or without supply, the answer is an error, which nobody sees.
    fn read_ahead(&mut self, offset: u32, wires: &mut Wires) -> Access<()> {
        if self.mode() == FunctionalMode::MemoryMapped {
            return self.read_window(offset & !3, Width::Word, wires).map(drop);
        }
        if self.enabled() && self.gate_is_open(wires) && self.clock_hz(wires) != 0 {
            return Err(Refusal::Stall);
        }
        Err(Refusal::Error)
    }

    fn is_closed(&self) -> bool {
        !matches!(self.window, Window::Plain { .. })
    }

    fn read_memory(&mut self, offset: u32, width: Width, wires: &mut Wires) -> Access<u32> {
        if let Window::Plain { size, port } = self.window
            && self.generation == wires.generation
            && offset < size
            && let Some(socket) = &wires.sockets[port]
        {
            return Ok(socket.memory.mapped_read(offset, width));
        }
        self.read_window(offset, width, wires)
    }

    fn write_memory(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        wires: &mut Wires,
    ) -> Access<()> {
        self.write_window(offset, width, value, wires)
    }

    fn reset(&mut self, reset: Reset, wires: &mut Wires) {
        // Without power a command on its way is not carried out; a system reset merely lets nCS rise.
        if reset == Reset::Power {
            let now = wires.now;
            if let Some(socket) = &mut wires.sockets[self.index] {
                socket.memory.power_cycle(now);
            }
        }
        self.stop(wires);
        self.registers = Registers::default();
        self.window = Window::Unknown;
        self.drive_irq(wires);
    }

    fn tick(&mut self, wires: &mut Wires) {
        if self.transfer.is_some() || self.polling.is_some() || self.mapped {
            self.advance(wires);
        }
    }

    fn next_event(&self) -> Option<Time> {
        if let Some(polling) = self.polling {
            return Some(polling.sample).filter(|&sample| sample != Time(u64::MAX));
        }
        let Some(transfer) = &self.transfer else {
            return self.timeout;
        };
        match transfer.kind {
            Kind::Command => transfer.time_of(1),
            Kind::Write if self.fifo.is_empty() => None,
            Kind::Write => transfer.time_of(self.fifo.len() as u64),
            Kind::Read => {
                let missing = self
                    .registers
                    .fifo_threshold()
                    .saturating_sub(self.fifo.len());
                let room = (FIFO_BYTES - self.fifo.len()) as u64;
                match missing {
                    0 if transfer.remaining() > room => None,
                    0 => transfer.time_of(transfer.remaining()),
                    _ => transfer.time_of(missing as u64),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
