//! What the serial wire and the JTAG side of the debug port share (ADIv5.2 chapters B1 and B2): SELECT, CTRL/STAT with its sticky
//! flags, ABORT, and the access ports behind them.
//!
//! Deviations: pushed compare and verify (TRNMODE) and the transaction counter are not implemented and read as zero; the debug and
//! system power domains acknowledge at once; an event status is never signalled.

use super::{Acknowledge, Port, System, mem_ap::MemAp};
use crate::{bus::BusError, mishap::Disturbances};

/// DPIDR: ARM debug port, DPv2. It is the same on both sides, the JTAG IDCODE is not.
pub const DPIDR: u32 = 0x6BA0_2477;
/// TARGETID: STMicroelectronics, part 0x485 [U: only the fields are sure].
pub const TARGETID: u32 = 0x0485_0041;
/// DLPIDR: SWD protocol version 2, instance 0.
const DLPIDR: u32 = 0x0000_0001;

/// CTRL/STAT fields (ADIv5.2 B2.2.2).
pub mod ctrl_stat {
    /// A WAIT or FAULT sets STICKYORUN.
    pub const OVERRUN_DETECT: u32 = 1 << 0;
    /// STICKYORUN.
    pub const STICKY_OVERRUN: u32 = 1 << 1;
    /// STICKYCMP.
    pub const STICKY_COMPARE: u32 = 1 << 4;
    /// STICKYERR: the bus refused an access.
    pub const STICKY_ERROR: u32 = 1 << 5;
    /// READOK, of the serial wire side alone.
    pub const READ_OK: u32 = 1 << 6;
    /// WDATAERR, of the serial wire side alone.
    pub const WRITE_DATA_ERROR: u32 = 1 << 7;
    /// MASKLANE.
    pub const MASK_LANE: u32 = 0xF << 8;
    /// CDBGPWRUPREQ.
    pub const DEBUG_POWER_REQUEST: u32 = 1 << 28;
    /// CDBGPWRUPACK.
    pub const DEBUG_POWER_ACKNOWLEDGE: u32 = 1 << 29;
    /// CSYSPWRUPREQ.
    pub const SYSTEM_POWER_REQUEST: u32 = 1 << 30;
    /// CSYSPWRUPACK.
    pub const SYSTEM_POWER_ACKNOWLEDGE: u32 = 1 << 31;
    /// What a write of the register changes.
    pub const WRITABLE: u32 =
        OVERRUN_DETECT | MASK_LANE | DEBUG_POWER_REQUEST | SYSTEM_POWER_REQUEST;
    /// All flags that stay until they are cleared.
    pub const STICKY: u32 = STICKY_OVERRUN | STICKY_COMPARE | STICKY_ERROR | WRITE_DATA_ERROR;
}

/// ABORT fields (ADIv5.2 B2.2.1).
pub mod abort {
    /// DAPABORT.
    pub const DAP_ABORT: u32 = 1 << 0;
    /// STKCMPCLR.
    pub const CLEAR_COMPARE: u32 = 1 << 1;
    /// STKERRCLR.
    pub const CLEAR_ERROR: u32 = 1 << 2;
    /// WDERRCLR.
    pub const CLEAR_WRITE_DATA: u32 = 1 << 3;
    /// ORUNERRCLR.
    pub const CLEAR_OVERRUN: u32 = 1 << 4;
}

/// An access to a register of the selected access port.
#[derive(Clone, Copy, Debug)]
enum Transfer {
    Read(u8),
    Write(u8, u32),
}

/// The registers of the debug port and its access ports.
#[derive(Clone, Debug)]
pub struct Registers {
    /// SELECT.
    pub select: u32,
    /// What the port answers otherwise than it would.
    pub disturbances: Disturbances,
    control: u32,
    sticky: u32,
    /// The transfer of an access port that has not ended.
    stalled: Option<Transfer>,
    aps: [MemAp; 2],
}

impl Default for Registers {
    fn default() -> Self {
        Self {
            select: 0,
            disturbances: Disturbances::default(),
            control: 0,
            sticky: 0,
            stalled: None,
            aps: [MemAp::new(Port::SystemDebug), MemAp::new(Port::Core)],
        }
    }
}

impl Registers {
    /// Which register is at 0x4 (SELECT.DPBANKSEL).
    pub fn bank(&self) -> u32 {
        self.select & 0xF
    }

    /// Writes SELECT.
    pub fn set_select(&mut self, value: u32) {
        self.select = value & 0xFF00_00FF;
    }

    /// Returns to the banked register 0.
    pub fn reset_bank(&mut self) {
        self.select &= !0xF;
    }

    /// What the port has against a transfer: WAIT while one is under way, FAULT while a sticky flag is set.
    pub fn refusal(&self) -> Option<Acknowledge> {
        if self.stalled.is_some() {
            Some(Acknowledge::Wait)
        } else if self.sticky != 0 {
            Some(Acknowledge::Fault)
        } else {
            None
        }
    }

    /// CTRL/STAT.ORUNDETECT.
    pub fn detects_overrun(&self) -> bool {
        self.control & ctrl_stat::OVERRUN_DETECT != 0
    }

    /// A transfer was refused: an overrun, if the host asked to be told.
    pub fn note_overrun(&mut self) {
        if self.detects_overrun() {
            self.set_sticky(ctrl_stat::STICKY_OVERRUN);
        }
    }

    /// CTRL/STAT without READOK.
    pub fn status(&self) -> u32 {
        let mut value = self.control | self.sticky;
        if self.control & ctrl_stat::DEBUG_POWER_REQUEST != 0 {
            value |= ctrl_stat::DEBUG_POWER_ACKNOWLEDGE;
        }
        if self.control & ctrl_stat::SYSTEM_POWER_REQUEST != 0 {
            value |= ctrl_stat::SYSTEM_POWER_ACKNOWLEDGE;
        }
        value
    }

    /// The register at 0x4 in the banks from 2 up, which both sides have: TARGETID, DLPIDR, EVENTSTAT and the reserved ones.
    pub fn banked(&self) -> u32 {
        match self.bank() {
            2 => TARGETID,
            3 => DLPIDR,
            _ => 0,
        }
    }

    /// Writes CTRL/STAT if bank 0 is selected. The sticky flags are another matter on each side.
    pub fn set_control(&mut self, value: u32) {
        if self.bank() == 0 {
            self.control = value & ctrl_stat::WRITABLE;
        }
    }

    /// Sets these sticky flags.
    pub fn set_sticky(&mut self, flags: u32) {
        self.sticky |= flags & ctrl_stat::STICKY;
    }

    /// Clears these sticky flags.
    pub fn clear_sticky(&mut self, flags: u32) {
        self.sticky &= !(flags & ctrl_stat::STICKY);
    }

    /// Writes ABORT.
    pub fn abort(&mut self, value: u32) {
        for (bit, flag) in [
            (abort::CLEAR_COMPARE, ctrl_stat::STICKY_COMPARE),
            (abort::CLEAR_ERROR, ctrl_stat::STICKY_ERROR),
            (abort::CLEAR_WRITE_DATA, ctrl_stat::WRITE_DATA_ERROR),
            (abort::CLEAR_OVERRUN, ctrl_stat::STICKY_OVERRUN),
        ] {
            if value & bit != 0 {
                self.clear_sticky(flag);
            }
        }
        if value & abort::DAP_ABORT != 0 {
            self.stalled = None;
            self.disturbances.abort();
            self.aps.iter_mut().for_each(MemAp::abort);
        }
    }

    /// The selected access port's register address, or nothing while the debug domain has no power.
    fn selected(&self, address: u8) -> Result<(usize, u8), BusError> {
        if self.control & ctrl_stat::DEBUG_POWER_REQUEST == 0 {
            return Err(BusError::Refused);
        }
        let ap = (self.select >> 24) as usize;
        Ok((ap, self.select as u8 & 0xF0 | address & 0xC))
    }

    /// Reads a register of the selected access port; zero if that failed, which the flags tell.
    pub fn access_read(&mut self, address: u8, system: &mut dyn System) -> u32 {
        let result = self.selected(address).and_then(|(ap, register)| {
            match self.aps.get_mut(ap) {
                Some(ap) => ap.read(register, system),
                // An absent AP reads as zero (ADIv5.2 B1.4.2).
                None => Ok(0),
            }
        });
        self.settle(result, Transfer::Read(address)).unwrap_or(0)
    }

    /// Writes a register of the selected access port.
    pub fn access_write(&mut self, address: u8, value: u32, system: &mut dyn System) {
        let result = self
            .selected(address)
            .and_then(|(ap, register)| match self.aps.get_mut(ap) {
                Some(ap) => ap.write(register, value, system),
                None => Ok(()),
            });
        self.settle(result, Transfer::Write(address, value));
    }

    /// The transfer that has not ended may end now. What it read.
    pub fn resume(&mut self, system: &mut dyn System) -> Option<u32> {
        match self.stalled.take()? {
            Transfer::Read(address) => {
                let value = self.access_read(address, system);
                self.stalled.is_none().then_some(value)
            }
            Transfer::Write(address, value) => {
                self.access_write(address, value, system);
                None
            }
        }
    }

    /// Keeps what an AP transfer came to.
    fn settle<T>(&mut self, result: Result<T, BusError>, transfer: Transfer) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(BusError::Refused) => {
                self.set_sticky(ctrl_stat::STICKY_ERROR);
                None
            }
            Err(BusError::Stalled) => {
                self.stalled = Some(transfer);
                None
            }
        }
    }
}
