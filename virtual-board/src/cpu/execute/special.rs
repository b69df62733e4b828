//! Special registers, masks, hints, and the calls for the system (ARM ARM B5.2).

use super::Flow;
use crate::cpu::{
    Core,
    decode::Operation,
    registers::{Registers, control, psr},
    trap::Trap,
};

/// SYSm encodings (ARM ARM B5.1.1). Below 8 they are combinations of APSR, IPSR and EPSR.
mod number {
    pub const MSP: u8 = 8;
    pub const PSP: u8 = 9;
    pub const PRIMASK: u8 = 16;
    pub const BASEPRI: u8 = 17;
    pub const BASEPRI_MAX: u8 = 18;
    pub const FAULTMASK: u8 = 19;
    pub const CONTROL: u8 = 20;
}

/// APSR bits that MSR writes with mask bit 1.
const NZCVQ: u32 = psr::N | psr::Z | psr::C | psr::V | psr::Q;
/// 16 priority levels: the low 4 bits of a priority read as zero.
const PRIORITY_BITS: u8 = 0xF0;
/// Exception numbers that run at a fixed priority, where FAULTMASK cannot be set.
const NMI: u16 = 2;
const HARD_FAULT: u16 = 3;

impl Core {
    pub(super) fn system_operation(&mut self, operation: Operation) -> Result<Flow, Trap> {
        use Operation::*;
        let registers = &mut self.registers;
        Ok(match operation {
            SupervisorCall => Flow::Trap(Trap::SupervisorCall),
            Breakpoint { immediate } => return Err(Trap::Breakpoint { immediate }),
            WaitForInterrupt => Flow::Trap(Trap::WaitForInterrupt),
            WaitForEvent if !registers.event => Flow::Trap(Trap::WaitForEvent),
            WaitForEvent => {
                registers.event = false;
                Flow::Next
            }
            SendEvent => {
                registers.event = true;
                Flow::Next
            }
            ChangeState {
                disable,
                primask,
                faultmask,
            } => {
                if registers.privileged() {
                    if primask {
                        registers.primask = disable;
                    }
                    if faultmask {
                        registers.write_faultmask(disable);
                    }
                }
                Flow::Next
            }
            ReadSpecial { d, special } => {
                let value = registers.read_special(special);
                registers.set(d, value);
                Flow::Next
            }
            WriteSpecial { n, special, mask } => {
                let value = registers.get(n);
                registers.write_special(special, mask, value);
                Flow::Next
            }
            _ => return Err(Trap::Undefined),
        })
    }
}

impl Registers {
    /// True in Handler mode, and in Thread mode unless CONTROL.nPRIV is set.
    pub fn privileged(&self) -> bool {
        self.ipsr != 0 || self.control & control::UNPRIVILEGED == 0
    }

    /// True if the process stack is in use.
    pub fn uses_process_stack(&self) -> bool {
        self.ipsr == 0 && self.control & control::PROCESS_STACK != 0
    }

    /// MRS. What the mode may not see reads as zero.
    fn read_special(&self, special: u8) -> u32 {
        let privileged = self.privileged();
        match special {
            0..=7 => {
                let exception = if special & 1 != 0 {
                    self.ipsr.into()
                } else {
                    0
                };
                let flags = if special & 4 == 0 { self.apsr } else { 0 };
                exception | flags
            }
            number::CONTROL => self.control.into(),
            _ if !privileged => 0,
            number::MSP if self.uses_process_stack() => self.banked_sp,
            number::MSP => self.r[13],
            number::PSP if self.uses_process_stack() => self.r[13],
            number::PSP => self.banked_sp,
            number::PRIMASK => self.primask.into(),
            number::BASEPRI | number::BASEPRI_MAX => self.basepri.into(),
            number::FAULTMASK => self.faultmask.into(),
            _ => 0,
        }
    }

    /// MSR. What the mode may not write stays.
    fn write_special(&mut self, special: u8, mask: u8, value: u32) {
        if special < 4 {
            let nzcvq = if mask & 2 != 0 { NZCVQ } else { 0 };
            let ge = if mask & 1 != 0 { psr::GE } else { 0 };
            let written = nzcvq | ge;
            self.apsr = self.apsr & !written | value & written;
            return;
        }
        if !self.privileged() {
            return;
        }
        let priority = value as u8 & PRIORITY_BITS;
        match special {
            number::MSP | number::PSP => {
                if (special == number::PSP) == self.uses_process_stack() {
                    self.r[13] = value & !3;
                } else {
                    self.banked_sp = value & !3;
                }
            }
            number::PRIMASK => self.primask = value & 1 != 0,
            number::BASEPRI => self.basepri = priority,
            number::BASEPRI_MAX if priority == 0 => {}
            number::BASEPRI_MAX if priority < self.basepri || self.basepri == 0 => {
                self.basepri = priority;
            }
            number::FAULTMASK => self.write_faultmask(value & 1 != 0),
            number::CONTROL => self.write_control(value as u8),
            _ => {}
        }
    }

    fn write_faultmask(&mut self, masked: bool) {
        if !masked || !matches!(self.ipsr, NMI | HARD_FAULT) {
            self.faultmask = masked;
        }
    }

    /// SPSEL changes in Thread mode only; in Handler mode an exception return sets it.
    fn write_control(&mut self, value: u8) {
        let writable = if self.ipsr == 0 {
            control::UNPRIVILEGED | control::PROCESS_STACK | control::FLOAT_ACTIVE
        } else {
            control::UNPRIVILEGED | control::FLOAT_ACTIVE
        };
        let before = self.uses_process_stack();
        self.control = self.control & !writable | value & writable;
        if self.uses_process_stack() != before {
            std::mem::swap(&mut self.r[13], &mut self.banked_sp);
        }
    }
}
