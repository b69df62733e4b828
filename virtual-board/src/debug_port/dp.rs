//! The debug port, DPv2, with its two sides: serial wire, one transfer at a time (ADIv5.2 chapters B1, B2, B4), and JTAG, one
//! edge at a time (`jtag.rs`). Both reach the same registers.
//!
//! On the serial wire AP reads are posted: a transfer returns the result of the one before it, and RDBUFF the last. An AP transfer
//! that the bus refuses sets STICKYERR; from then on the port answers FAULT to everything but DPIDR, CTRL/STAT and ABORT. While the
//! bus does not answer at all it says WAIT in the same way, until DAPABORT.

pub use super::registers::{DPIDR, TARGETID};
use super::{
    System,
    jtag::{JtagDp, Pins},
    registers::{Registers, ctrl_stat},
    wire::{Selection, Wire},
};
use crate::mishap::{Answer, Disturbances};

/// DLCR after reset: turnaround of one cycle, bits 7:6 read as 0b01.
const DLCR: u32 = 0x0000_0040;
/// TARGETSEL: a write at 0xC.
pub(super) const TARGETSEL: Register = Register::Debug(0xC);
/// TARGETSEL compares part and designer, not the revision.
const TARGETID_COMPARED: u32 = 0x0FFF_FFFF;

/// The port's answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// Done, or accepted.
    Ok,
    /// An AP transfer is still under way.
    Wait,
    /// A sticky flag is set.
    Fault,
    /// Accepted, but the parity of what was read is wrong.
    Corrupt,
    /// Nobody drives the line.
    Silent,
}

/// A register as a request addresses it: APnDP and A3:A2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// A register of the debug port at 0x0, 0x4, 0x8 or 0xC.
    Debug(u8),
    /// A register of the selected access port and bank, at 0x0, 0x4, 0x8 or 0xC.
    Access(u8),
}

/// The debug port and its access ports.
#[derive(Clone, Debug, Default)]
pub struct DebugPort {
    wire: Wire,
    registers: Registers,
    jtag: JtagDp,
    read_ok: bool,
    /// What RDBUFF holds: the result of the last AP read.
    buffered: u32,
    /// What RESEND repeats: the last value that an AP read or RDBUFF gave.
    resend: u32,
    /// The word of the write that was just accepted arrives with a wrong parity.
    corrupt: bool,
}

impl DebugPort {
    /// What it answers otherwise than it would.
    pub fn disturbances_mut(&mut self) -> &mut Disturbances {
        &mut self.registers.disturbances
    }

    /// Power goes and comes back: all is forgotten but what disturbs it from outside.
    pub fn power_cycle(&mut self) {
        let disturbances = std::mem::take(&mut self.registers.disturbances);
        *self = Self::default();
        self.registers.disturbances = disturbances;
    }

    /// Ends the transfer that was under way, if what it waited for is there.
    pub fn catch_up(&mut self, system: &mut dyn System) {
        if let Some(value) = self.registers.resume(system) {
            self.buffered = value;
            self.jtag.complete(value);
        }
    }

    /// Takes a bare bit sequence on SWDIO, lowest bit first. TDI is pulled up meanwhile.
    pub fn sequence(&mut self, count: u8, bits: u64, system: &mut dyn System) {
        for index in 0..count.min(64) {
            let mode = bits >> index & 1 == 1;
            for clock in [false, true] {
                self.drive(
                    Pins {
                        clock,
                        mode,
                        data: true,
                    },
                    system,
                );
            }
        }
    }

    /// Drives SWCLK/TCK, SWDIO/TMS and TDI. True if that ended a scan which the JTAG side acted upon.
    ///
    /// The serial wire side sees selection sequences here, and its transfers by [`Self::read`] and [`Self::write`].
    pub fn drive(&mut self, pins: Pins, system: &mut dyn System) -> bool {
        let selected = self.wire.selection() == Selection::Jtag;
        let rising = pins.clock && !self.jtag.clock();
        let acted = self.jtag.drive(pins, selected, &mut self.registers, system);
        if rising && self.wire.clock(pins.mode) {
            // A line reset returns the port to its banked register 0 and forgets a read error (ADIv5.2 B4.3.3).
            self.registers.reset_bank();
            self.read_ok = false;
        }
        acted
    }

    /// TDO: what the JTAG side shifts out, high while nobody drives it.
    pub fn data_out(&self) -> bool {
        self.wire.selection() != Selection::Jtag || self.jtag.data_out()
    }

    /// Drives nTRST low for a moment.
    pub fn reset_jtag(&mut self) {
        self.jtag.reset();
    }

    /// One read transfer.
    pub fn read(
        &mut self,
        register: Register,
        system: &mut dyn System,
    ) -> Result<u32, Acknowledge> {
        if !self.listens(matches!(register, Register::Debug(0))) {
            return Err(Acknowledge::Silent);
        }
        match register {
            Register::Debug(0) => {
                self.wire.synchronised();
                return Ok(DPIDR);
            }
            Register::Debug(4) if self.registers.bank() == 0 => return Ok(self.status()),
            _ => {}
        }
        let answer = self.check(register);
        if let Err(refusal) = answer
            && refusal != Acknowledge::Corrupt
        {
            return Err(refusal);
        }
        let value = match register {
            Register::Debug(4) if self.registers.bank() == 1 => DLCR,
            Register::Debug(4) => self.registers.banked(),
            Register::Debug(8) => self.resend,
            Register::Debug(_) => {
                self.resend = self.buffered;
                self.read_ok = true;
                self.resend
            }
            Register::Access(address) => {
                let previous = self.buffered;
                self.buffered = self.registers.access_read(address, system);
                self.resend = previous;
                self.read_ok = true;
                previous
            }
        };
        answer.map(|()| value)
    }

    /// One write transfer. `Ok` means accepted: a failure of an AP write shows at the next transfer.
    pub fn write(
        &mut self,
        register: Register,
        value: u32,
        system: &mut dyn System,
    ) -> Result<(), Acknowledge> {
        let answer = self.accepts_write(register);
        if answer.is_ok() || register == TARGETSEL {
            self.store(register, value, system);
        }
        answer
    }

    /// The word of a write that was accepted, or of TARGETSEL, is there.
    pub(super) fn store(&mut self, register: Register, value: u32, system: &mut dyn System) {
        if std::mem::take(&mut self.corrupt) {
            self.refuse_data();
            return;
        }
        match register {
            Register::Debug(0) => self.registers.abort(value),
            Register::Debug(4) => self.registers.set_control(value),
            TARGETSEL => self.select_target(value),
            Register::Debug(_) => self.registers.set_select(value),
            Register::Access(address) => self.registers.access_write(address, value, system),
        }
    }

    /// The answer to the request of a write, before the word is there. ABORT is never refused, TARGETSEL never acknowledged.
    pub fn accepts_write(&mut self, register: Register) -> Result<(), Acknowledge> {
        match register {
            TARGETSEL => Err(Acknowledge::Silent),
            _ if !self.listens(false) => Err(Acknowledge::Silent),
            Register::Debug(0) => Ok(()),
            _ => match self.check(register) {
                Err(Acknowledge::Corrupt) => {
                    self.corrupt = true;
                    Ok(())
                }
                answer => answer,
            },
        }
    }

    /// True if a one on the line would start a request.
    pub(super) fn awaits_request(&self) -> bool {
        let selection = self.wire.selection();
        matches!(selection, Selection::Selected | Selection::LineReset) && self.wire.is_low()
    }

    /// A request that is none: deaf until a line reset.
    pub(super) fn lose_synchronisation(&mut self) {
        if matches!(
            self.wire.selection(),
            Selection::Selected | Selection::LineReset
        ) {
            self.wire.lose_synchronisation();
        }
    }

    /// CTRL/STAT.ORUNDETECT: a refused transfer has its data phase all the same.
    pub(super) fn detects_overrun(&self) -> bool {
        self.registers.detects_overrun()
    }

    /// A word arrived with a wrong parity: it is dropped (CTRL/STAT.WDATAERR).
    pub(super) fn refuse_data(&mut self) {
        self.registers.set_sticky(ctrl_stat::WRITE_DATA_ERROR);
    }

    /// True if the port hears a request; one that comes too early costs the synchronisation.
    fn listens(&mut self, identification: bool) -> bool {
        match self.wire.selection() {
            Selection::Selected => true,
            Selection::LineReset if identification => true,
            Selection::LineReset => {
                self.wire.lose_synchronisation();
                false
            }
            _ => false,
        }
    }

    /// TARGETSEL, which no target acknowledges.
    fn select_target(&mut self, value: u32) {
        // The right one changes nothing: DPIDR must still be read, and that read synchronises.
        let ours = (value ^ TARGETID) & TARGETID_COMPARED == 0;
        if self.wire.selection() == Selection::LineReset && !ours {
            self.wire.deselect();
        }
    }

    /// FAULT while a sticky flag is set, WAIT while a transfer is under way, or whatever a mishap has it answer.
    fn check(&mut self, register: Register) -> Result<(), Acknowledge> {
        let refusal = match self.registers.refusal() {
            Some(refusal) => refusal,
            None => match self.disturbed(register) {
                Some(answer) => answer,
                None => return Ok(()),
            },
        };
        self.read_ok = false;
        if matches!(refusal, Acknowledge::Wait | Acknowledge::Fault) {
            self.registers.note_overrun();
        }
        Err(refusal)
    }

    fn disturbed(&mut self, register: Register) -> Option<Acknowledge> {
        let access = matches!(register, Register::Access(_));
        Some(match self.registers.disturbances.next(access)? {
            Answer::Wait => Acknowledge::Wait,
            Answer::Fault => {
                self.registers.set_sticky(ctrl_stat::STICKY_ERROR);
                Acknowledge::Fault
            }
            Answer::Parity => Acknowledge::Corrupt,
            Answer::Silence => {
                self.wire.lose_synchronisation();
                Acknowledge::Silent
            }
        })
    }

    fn status(&self) -> u32 {
        let read_ok = if self.read_ok { ctrl_stat::READ_OK } else { 0 };
        self.registers.status() | read_ok
    }
}

#[cfg(test)]
mod tests;
