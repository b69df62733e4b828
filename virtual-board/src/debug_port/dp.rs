//! The serial wire debug port, DPv2 (ADIv5.2 chapters B1, B2, B4), one SWD transfer at a time.
//!
//! AP reads are posted: a transfer returns the result of the one before it, and RDBUFF the last. An AP transfer that the bus
//! refuses sets STICKYERR; from then on the port answers FAULT to everything but DPIDR, CTRL/STAT and ABORT. While the bus does
//! not answer at all it says WAIT in the same way, until DAPABORT.
//!
//! Deviations: pushed compare and verify (TRNMODE) and the transaction counter are not implemented and read as zero; the debug and
//! system power domains acknowledge at once; an event status is never signalled.

use super::{
    Port, System,
    mem_ap::MemAp,
    wire::{Selection, Wire},
};
use crate::bus::BusError;

/// DPIDR: ARM SW-DP, DPv2.
pub const DPIDR: u32 = 0x6BA0_2477;
/// TARGETID: STMicroelectronics, part 0x485 [U: only the fields are sure].
pub const TARGETID: u32 = 0x0485_0041;
/// DLPIDR: SWD protocol version 2, instance 0.
const DLPIDR: u32 = 0x0000_0001;
/// DLCR after reset: turnaround of one cycle, bits 7:6 read as 0b01.
const DLCR: u32 = 0x0000_0040;
/// TARGETSEL compares part and designer, not the revision.
const TARGETID_COMPARED: u32 = 0x0FFF_FFFF;

/// CTRL/STAT fields (ADIv5.2 B2.2.2).
mod ctrl_stat {
    pub const OVERRUN_DETECT: u32 = 1 << 0;
    pub const STICKY_OVERRUN: u32 = 1 << 1;
    pub const STICKY_COMPARE: u32 = 1 << 4;
    pub const STICKY_ERROR: u32 = 1 << 5;
    pub const READ_OK: u32 = 1 << 6;
    pub const WRITE_DATA_ERROR: u32 = 1 << 7;
    pub const MASK_LANE: u32 = 0xF << 8;
    pub const DEBUG_POWER_REQUEST: u32 = 1 << 28;
    pub const DEBUG_POWER_ACKNOWLEDGE: u32 = 1 << 29;
    pub const SYSTEM_POWER_REQUEST: u32 = 1 << 30;
    pub const SYSTEM_POWER_ACKNOWLEDGE: u32 = 1 << 31;
    pub const WRITABLE: u32 =
        OVERRUN_DETECT | MASK_LANE | DEBUG_POWER_REQUEST | SYSTEM_POWER_REQUEST;
    pub const STICKY: u32 = STICKY_OVERRUN | STICKY_COMPARE | STICKY_ERROR | WRITE_DATA_ERROR;
}

/// ABORT fields (ADIv5.2 B2.2.1).
mod abort {
    pub const DAP_ABORT: u32 = 1 << 0;
    pub const CLEAR_COMPARE: u32 = 1 << 1;
    pub const CLEAR_ERROR: u32 = 1 << 2;
    pub const CLEAR_WRITE_DATA: u32 = 1 << 3;
    pub const CLEAR_OVERRUN: u32 = 1 << 4;
}

/// The port's answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// Done, or accepted.
    Ok,
    /// An AP transfer is still under way.
    Wait,
    /// A sticky flag is set.
    Fault,
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
#[derive(Clone, Debug)]
pub struct DebugPort {
    wire: Wire,
    select: u32,
    control: u32,
    sticky: u32,
    read_ok: bool,
    /// What RDBUFF holds: the result of the last AP read.
    buffered: u32,
    /// What RESEND repeats: the last value that an AP read or RDBUFF gave.
    resend: u32,
    /// The access port whose transfer never ends.
    stalled: bool,
    aps: [MemAp; 2],
}

impl Default for DebugPort {
    fn default() -> Self {
        Self {
            wire: Wire::default(),
            select: 0,
            control: 0,
            sticky: 0,
            read_ok: false,
            buffered: 0,
            resend: 0,
            stalled: false,
            aps: [MemAp::new(Port::SystemDebug), MemAp::new(Port::Core)],
        }
    }
}

impl DebugPort {
    /// Takes a bare bit sequence on SWDIO, lowest bit first.
    pub fn sequence(&mut self, count: u8, bits: u64) {
        if self.wire.sequence(count, bits) {
            // A line reset returns the port to its banked register 0 and forgets a read error (ADIv5.2 B4.3.3).
            self.select &= !0xF;
            self.read_ok = false;
        }
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
                Ok(DPIDR)
            }
            Register::Debug(4) if self.select & 0xF == 0 => Ok(self.status()),
            Register::Debug(4) => {
                self.check()?;
                Ok(match self.select & 0xF {
                    1 => DLCR,
                    2 => TARGETID,
                    3 => DLPIDR,
                    // EVENTSTAT (4) and the reserved banks.
                    _ => 0,
                })
            }
            Register::Debug(8) => {
                self.check()?;
                Ok(self.resend)
            }
            Register::Debug(_) => {
                self.check()?;
                self.resend = self.buffered;
                self.read_ok = true;
                Ok(self.resend)
            }
            Register::Access(address) => {
                self.check()?;
                let previous = self.buffered;
                let result = self.access_read(address, system);
                self.buffered = self.settle(result).unwrap_or(0);
                self.resend = previous;
                self.read_ok = true;
                Ok(previous)
            }
        }
    }

    /// One write transfer. `Ok` means accepted: a failure of an AP write shows at the next transfer.
    pub fn write(
        &mut self,
        register: Register,
        value: u32,
        system: &mut dyn System,
    ) -> Result<(), Acknowledge> {
        if register == Register::Debug(0xC) {
            return self.select_target(value);
        }
        self.accepts_write(register)?;
        match register {
            Register::Debug(0) => self.abort(value),
            Register::Debug(4) => {
                if self.select & 0xF == 0 {
                    self.control = value & ctrl_stat::WRITABLE;
                }
            }
            Register::Debug(_) => self.select = value & 0xFF00_00FF,
            Register::Access(address) => {
                let result = self.access_write(address, value, system);
                let _ = self.settle(result);
            }
        }
        Ok(())
    }

    /// The answer to the request of a write, before the word is there. ABORT is never refused, TARGETSEL never acknowledged.
    pub fn accepts_write(&mut self, register: Register) -> Result<(), Acknowledge> {
        match register {
            Register::Debug(0xC) => Err(Acknowledge::Silent),
            _ if !self.listens(false) => Err(Acknowledge::Silent),
            Register::Debug(0) => Ok(()),
            _ => self.check(),
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
        self.control & ctrl_stat::OVERRUN_DETECT != 0
    }

    /// A word arrived with a wrong parity: it is dropped (CTRL/STAT.WDATAERR).
    pub(super) fn refuse_data(&mut self) {
        self.sticky |= ctrl_stat::WRITE_DATA_ERROR;
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
    fn select_target(&mut self, value: u32) -> Result<(), Acknowledge> {
        // The right one changes nothing: DPIDR must still be read, and that read synchronises.
        let ours = (value ^ TARGETID) & TARGETID_COMPARED == 0;
        if self.wire.selection() == Selection::LineReset && !ours {
            self.wire.deselect();
        }
        Err(Acknowledge::Silent)
    }

    /// FAULT while a sticky flag is set, WAIT while a transfer is under way.
    fn check(&mut self) -> Result<(), Acknowledge> {
        let refusal = if self.stalled {
            Acknowledge::Wait
        } else if self.sticky != 0 {
            Acknowledge::Fault
        } else {
            return Ok(());
        };
        self.read_ok = false;
        if self.control & ctrl_stat::OVERRUN_DETECT != 0 {
            self.sticky |= ctrl_stat::STICKY_OVERRUN;
        }
        Err(refusal)
    }

    fn status(&self) -> u32 {
        let mut value = self.control | self.sticky;
        if self.read_ok {
            value |= ctrl_stat::READ_OK;
        }
        if self.control & ctrl_stat::DEBUG_POWER_REQUEST != 0 {
            value |= ctrl_stat::DEBUG_POWER_ACKNOWLEDGE;
        }
        if self.control & ctrl_stat::SYSTEM_POWER_REQUEST != 0 {
            value |= ctrl_stat::SYSTEM_POWER_ACKNOWLEDGE;
        }
        value
    }

    fn abort(&mut self, value: u32) {
        for (bit, flag) in [
            (abort::CLEAR_COMPARE, ctrl_stat::STICKY_COMPARE),
            (abort::CLEAR_ERROR, ctrl_stat::STICKY_ERROR),
            (abort::CLEAR_WRITE_DATA, ctrl_stat::WRITE_DATA_ERROR),
            (abort::CLEAR_OVERRUN, ctrl_stat::STICKY_OVERRUN),
        ] {
            if value & bit != 0 {
                self.sticky &= !flag;
            }
        }
        if value & abort::DAP_ABORT != 0 {
            self.stalled = false;
            self.aps.iter_mut().for_each(MemAp::abort);
        }
        debug_assert_eq!(self.sticky & !ctrl_stat::STICKY, 0);
    }

    /// The selected access port's register address, or nothing while the debug domain has no power.
    fn selected(&self, address: u8) -> Result<(usize, u8), BusError> {
        if self.control & ctrl_stat::DEBUG_POWER_REQUEST == 0 {
            return Err(BusError::Refused);
        }
        let ap = (self.select >> 24) as usize;
        Ok((ap, self.select as u8 & 0xF0 | address & 0xC))
    }

    fn access_read(&mut self, address: u8, system: &mut dyn System) -> Result<u32, BusError> {
        let (ap, register) = self.selected(address)?;
        match self.aps.get_mut(ap) {
            Some(ap) => ap.read(register, system),
            // An absent AP reads as zero (ADIv5.2 B1.4.2).
            None => Ok(0),
        }
    }

    fn access_write(
        &mut self,
        address: u8,
        value: u32,
        system: &mut dyn System,
    ) -> Result<(), BusError> {
        let (ap, register) = self.selected(address)?;
        match self.aps.get_mut(ap) {
            Some(ap) => ap.write(register, value, system),
            None => Ok(()),
        }
    }

    /// Keeps what an AP transfer came to.
    fn settle<T>(&mut self, result: Result<T, BusError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(BusError::Refused) => {
                self.sticky |= ctrl_stat::STICKY_ERROR;
                None
            }
            Err(BusError::Stalled) => {
                self.stalled = true;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
