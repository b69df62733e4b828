//! Private peripheral bus, 0xE000_0000-0xE00F_FFFF: which unit answers which address, and to whom (ARM ARM B3.1, B3.2).
//!
//! Unprivileged code gets a bus error, except for the ITM's stimulus ports and, with CCR.USERSETMPEND, STIR. The debugger
//! gets everything, needs no unlocking, and alone may halt. Units have word registers: a narrower read takes its lanes from
//! the word; a narrower write merges into it, or for write-one registers leaves the other lanes zero. Unused offsets of a
//! unit read as zero and ignore writes; where there is no unit, the access is refused.

use super::{
    Core, ResetRequest,
    cache::Operation,
    coresight::{self, Lock},
    itm::Itm,
    nvic::number,
    scb,
};
use crate::bus::{Bus, BusError, Width};

/// Addresses in the system control space (ARM ARM B3.2.2, ARM DDI 0489 table 3-1).
#[allow(missing_docs)]
pub mod address {
    pub const ICTR: u32 = 0xE000_E004;
    pub const ACTLR: u32 = 0xE000_E008;
    pub const SYST: u32 = 0xE000_E010;
    pub const NVIC_ISER: u32 = 0xE000_E100;
    pub const NVIC_ICER: u32 = 0xE000_E180;
    pub const NVIC_ISPR: u32 = 0xE000_E200;
    pub const NVIC_ICPR: u32 = 0xE000_E280;
    pub const NVIC_IABR: u32 = 0xE000_E300;
    pub const NVIC_IPR: u32 = 0xE000_E400;
    pub const CPUID: u32 = 0xE000_ED00;
    pub const ICSR: u32 = 0xE000_ED04;
    pub const VTOR: u32 = 0xE000_ED08;
    pub const AIRCR: u32 = 0xE000_ED0C;
    pub const SCR: u32 = 0xE000_ED10;
    pub const CCR: u32 = 0xE000_ED14;
    pub const SHPR1: u32 = 0xE000_ED18;
    pub const SHPR3: u32 = 0xE000_ED20;
    pub const SHCSR: u32 = 0xE000_ED24;
    pub const CFSR: u32 = 0xE000_ED28;
    pub const HFSR: u32 = 0xE000_ED2C;
    pub const DFSR: u32 = 0xE000_ED30;
    pub const MMFAR: u32 = 0xE000_ED34;
    pub const BFAR: u32 = 0xE000_ED38;
    pub const CCSIDR: u32 = 0xE000_ED80;
    pub const CSSELR: u32 = 0xE000_ED84;
    pub const CPACR: u32 = 0xE000_ED88;
    pub const MPU: u32 = 0xE000_ED90;
    pub const DHCSR: u32 = 0xE000_EDF0;
    pub const DCRSR: u32 = 0xE000_EDF4;
    pub const DCRDR: u32 = 0xE000_EDF8;
    pub const DEMCR: u32 = 0xE000_EDFC;
    pub const STIR: u32 = 0xE000_EF00;
    pub const FPCCR: u32 = 0xE000_EF34;
    pub const FPCAR: u32 = 0xE000_EF38;
    pub const FPDSCR: u32 = 0xE000_EF3C;
    pub const ITCMCR: u32 = 0xE000_EF90;
    pub const DTCMCR: u32 = 0xE000_EF94;
    pub const AHBPCR: u32 = 0xE000_EF98;
    pub const CACR: u32 = 0xE000_EF9C;
    pub const AHBSCR: u32 = 0xE000_EFA0;
}
use address as at;

/// Who accesses the PPB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accessor {
    /// Privileged software.
    Privileged,
    /// Unprivileged software.
    Unprivileged,
    /// The AHB-AP.
    Debugger,
}

const ITM: u32 = 0xE000_0000;
const DWT: u32 = 0xE000_1000;
const FPB: u32 = 0xE000_2000;
const SCS: u32 = 0xE000_E000;

const AIRCR_KEY: u32 = 0x05FA;
const AIRCR_VECTRESET: u32 = 1 << 0;
const AIRCR_VECTCLRACTIVE: u32 = 1 << 1;
const AIRCR_SYSRESETREQ: u32 = 1 << 2;

/// True if `address` never leaves the core.
#[inline]
pub(crate) fn contains(address: u32) -> bool {
    address >> 20 == 0xE00
}

impl Core {
    /// Reads `width` bytes at `address`, which is aligned to it.
    pub(crate) fn ppb_read(
        &mut self,
        address: u32,
        width: Width,
        accessor: Accessor,
    ) -> Result<u32, BusError> {
        if accessor == Accessor::Unprivileged && !unprivileged_may_read(address) {
            return Err(BusError::Refused);
        }
        let word = self.ppb_read_word(address & !3, accessor)?;
        let lane = 8 * (address & 3);
        Ok(word >> lane & u32::MAX >> (32 - 8 * width.bytes()))
    }

    /// Writes `width` bytes at `address`, which is aligned to it.
    pub(crate) fn ppb_write<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
        accessor: Accessor,
    ) -> Result<(), BusError> {
        if accessor == Accessor::Unprivileged && !self.unprivileged_may_write(address) {
            return Err(BusError::Refused);
        }
        self.notice = true;
        let base = address & !3;
        if width == Width::Word {
            return self.ppb_write_word(bus, base, value, accessor);
        }
        let lane = 8 * (address & 3);
        let mask = (u32::MAX >> (32 - 8 * width.bytes())) << lane;
        let others = if is_write_one(base) {
            0
        } else {
            self.ppb_read_word(base, accessor)? & !mask
        };
        self.ppb_write_word(bus, base, others | value << lane & mask, accessor)
    }

    fn unprivileged_may_write(&self, address: u32) -> bool {
        unprivileged_may_read(address)
            || address & !3 == at::STIR && self.system.scb.configured(scb::ccr::USERSETMPEND)
    }

    fn ppb_read_word(&mut self, address: u32, accessor: Accessor) -> Result<u32, BusError> {
        let offset = address & 0xFFF;
        let now = self.now();
        let debugger = accessor == Accessor::Debugger;
        let unit = address & !0xFFF;
        if matches!(unit, ITM | DWT | FPB) && offset == Lock::STATUS && debugger {
            return Ok(0);
        }
        match unit {
            ITM => Ok(self.system.itm.read(offset)),
            DWT => {
                self.idle.spoil();
                Ok(match offset {
                    super::dwt::PCSR if self.is_halted() => u32::MAX,
                    super::dwt::PCSR => self.pc(),
                    _ => self.system.dwt.read(offset, now),
                })
            }
            FPB => Ok(self.system.fpb.read(offset)),
            SCS => Ok(self.scs_read(address, debugger)),
            _ => coresight::read(address).ok_or(BusError::Refused),
        }
    }

    fn ppb_write_word<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        value: u32,
        accessor: Accessor,
    ) -> Result<(), BusError> {
        let offset = address & 0xFFF;
        let now = self.now();
        let system = &mut self.system;
        let lock = match address & !0xFFF {
            ITM => system.itm.lock(),
            DWT => system.dwt.lock(),
            FPB => system.fpb.lock(),
            SCS => {
                self.scs_write(bus, address, value, accessor == Accessor::Debugger);
                return Ok(());
            }
            // Components with nothing but an identity ignore writes.
            _ => {
                return coresight::read(address)
                    .map(|_| ())
                    .ok_or(BusError::Refused);
            }
        };
        if accessor != Accessor::Debugger {
            if offset == Lock::ACCESS {
                lock.write(value);
                return Ok(());
            }
            if lock.is_locked() {
                return Ok(());
            }
        }
        match address & !0xFFF {
            ITM => system.itm.write(offset, value),
            DWT => system.dwt.write(offset, value, now),
            _ => system.fpb.write(offset, value),
        }
        Ok(())
    }

    fn scs_read(&mut self, address: u32, debugger: bool) -> u32 {
        let now = self.now();
        let word = |base: u32| (address - base) as usize / 4;
        let nvic = &self.system.nvic;
        match address {
            at::ICTR => super::nvic::EXTERNAL_INTERRUPTS as u32 / 32 - 1,
            at::SYST..=0xE000_E01C => {
                self.catch_up_timer();
                self.idle.spoil();
                self.system.systick.read(address - at::SYST, now)
            }
            at::NVIC_ISER..=0xE000_E17F => nvic.enables(word(at::NVIC_ISER)),
            at::NVIC_ICER..=0xE000_E1FF => nvic.enables(word(at::NVIC_ICER)),
            at::NVIC_ISPR..=0xE000_E27F => nvic.pendings(word(at::NVIC_ISPR)),
            at::NVIC_ICPR..=0xE000_E2FF => nvic.pendings(word(at::NVIC_ICPR)),
            at::NVIC_IABR..=0xE000_E37F => nvic.actives(word(at::NVIC_IABR)),
            at::NVIC_IPR..=0xE000_E7EF => {
                scb::read_priorities(nvic, number::EXTERNAL + (address - at::NVIC_IPR) as u16)
            }
            at::ICSR => scb::read_icsr(nvic, self.registers.ipsr),
            at::DFSR => self.system.debug.fault_status,
            at::MPU..=0xE000_EDB8 => self.system.mpu.read(address - at::MPU),
            at::DHCSR => self.read_dhcsr(debugger),
            at::DCRDR => self.system.debug.transfer_data,
            at::DEMCR => self.read_demcr(),
            0xE000_EFBC..=0xE000_EFFF => coresight::SCS.read(address & 0xFFF),
            _ => self.system.scb.read(address, nvic).unwrap_or(0),
        }
    }

    fn scs_write<B: Bus>(&mut self, bus: &mut B, address: u32, value: u32, debugger: bool) {
        if let Some(operation) = Operation::at(address) {
            return self.maintain(bus, operation, value);
        }
        let now = self.now();
        let word = |base: u32| (address - base) as usize / 4;
        let system = &mut self.system;
        match address {
            at::SYST..=0xE000_E01C => {
                self.catch_up_timer();
                self.system.systick.write(address - at::SYST, value, now);
            }
            at::NVIC_ISER..=0xE000_E17F => system.nvic.enable(word(at::NVIC_ISER), value),
            at::NVIC_ICER..=0xE000_E1FF => system.nvic.disable(word(at::NVIC_ICER), value),
            at::NVIC_ISPR..=0xE000_E27F => system.nvic.pend_external(word(at::NVIC_ISPR), value),
            at::NVIC_ICPR..=0xE000_E2FF => system.nvic.unpend_external(word(at::NVIC_ICPR), value),
            at::NVIC_IPR..=0xE000_E7EF => {
                let first = number::EXTERNAL + (address - at::NVIC_IPR) as u16;
                scb::write_priorities(&mut system.nvic, first, value);
            }
            at::AIRCR => self.write_aircr(value),
            at::DFSR => system.debug.fault_status &= !value,
            at::MPU..=0xE000_EDB8 => {
                system.mpu.write(address - at::MPU, value);
                self.forget_verdicts();
            }
            at::CCR | at::CACR => {
                system.scb.write(address, value, &mut system.nvic);
                self.forget_verdicts();
            }
            at::DHCSR => self.write_dhcsr(value, debugger),
            at::DCRSR => self.write_dcrsr(value, debugger),
            at::DCRDR => system.debug.transfer_data = value,
            at::DEMCR => self.write_demcr(value),
            at::STIR => {
                let interrupt = value & 0x1FF;
                system
                    .nvic
                    .pend_external(interrupt as usize / 32, 1 << (interrupt % 32));
            }
            _ => system.scb.write(address, value, &mut system.nvic),
        }
    }

    /// AIRCR (ARM ARM B3.2.6). VECTCLRACTIVE works only from Debug state.
    ///
    /// VECTRESET resets the core and leaves the devices as they are (what else it resets is IMPLEMENTATION DEFINED; nothing, as on
    /// ARM's other ARMv7-M cores \[U\]). From a running core it is UNPREDICTABLE; OpenOCD's `reset run` relies on it, so it works here.
    fn write_aircr(&mut self, value: u32) {
        if value >> 16 != AIRCR_KEY {
            return;
        }
        self.system
            .nvic
            .set_priority_grouping((value >> 8 & 7) as u8);
        if self.is_halted() && value & AIRCR_VECTCLRACTIVE != 0 {
            self.system.nvic.clear_active();
            self.set_exception_number(0);
        }
        if value & AIRCR_SYSRESETREQ != 0 {
            self.reset_requested = Some(ResetRequest::System);
        } else if value & AIRCR_VECTRESET != 0 {
            self.reset_requested = Some(ResetRequest::Core);
        }
    }
}

fn unprivileged_may_read(address: u32) -> bool {
    address & !0xFFF == ITM && Itm::is_stimulus(address & 0xFFF)
}

/// Registers where a zero changes nothing.
fn is_write_one(address: u32) -> bool {
    matches!(address, at::NVIC_ISER..=0xE000_E2FF | at::CFSR..=at::DFSR)
}
