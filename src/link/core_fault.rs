//! What a Cortex-M7 fault says of itself: CFSR, HFSR and the fault addresses (ARM ARM B3.2.15 to B3.2.19), and the faulting pc from the
//! frame that exception entry stacked (ARM ARM B1.5.6).
//!
//! Vector catch halts the core behind the stacking, before the handler's first instruction: LR holds EXC_RETURN, which says which
//! stack has the frame. The basic part of the frame comes first also when FP registers follow.

use std::fmt;

use super::{CoreRegister, Link, LinkError, RegisterAccess};
use crate::{
    fault::{Code, Explain},
    layout::Address,
    registers::{
        Register,
        debug::SCS,
        scb::{Bfar, Cfsr, Hfsr, Mmfar},
    },
};

/// Which exception was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// HardFault, number 3.
    Hard,
    /// MemManage, number 4.
    MemoryManagement,
    /// BusFault, number 5.
    Bus,
    /// UsageFault, number 6.
    Usage,
    /// The core is locked up.
    Lockup,
}

impl Exception {
    /// By the exception number in IPSR.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            3 => Some(Self::Hard),
            4 => Some(Self::MemoryManagement),
            5 => Some(Self::Bus),
            6 => Some(Self::Usage),
            _ => None,
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hard => "HardFault",
            Self::MemoryManagement => "MemManage fault",
            Self::Bus => "BusFault",
            Self::Usage => "UsageFault",
            Self::Lockup => "lockup",
        })
    }
}

/// A fault of the core, as its registers tell it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CoreFault {
    /// The exception.
    pub exception: Exception,
    /// Configurable fault status.
    pub cfsr: Cfsr,
    /// HardFault status.
    pub hfsr: Hfsr,
    /// MemManage address.
    pub mmfar: Address,
    /// BusFault address.
    pub bfar: Address,
    /// The instruction that faulted, if its frame can be read.
    pub pc: Option<Address>,
}

impl CoreFault {
    /// Reads the fault registers and the frame of a core that is halted at a fault handler's entry.
    pub fn read(link: &mut dyn Link, exception: Exception) -> Result<Self, LinkError> {
        let cfsr: Cfsr = link.peek(SCS)?;
        Ok(Self {
            exception,
            cfsr,
            hfsr: link.peek(SCS)?,
            mmfar: Address(link.peek::<Mmfar>(SCS)?.bits()),
            bfar: Address(link.peek::<Bfar>(SCS)?.bits()),
            pc: if was_stacked(cfsr) {
                stacked_pc(link)?
            } else {
                None
            },
        })
    }

    /// The fault whose handler the core is in, as the exception number in xPSR tells (ARM ARM B1.4.2); the core is halted.
    pub fn of_halted(link: &mut dyn Link) -> Result<Option<Self>, LinkError> {
        const EXCEPTION_NUMBER: u32 = 0x1FF;
        let number = link.read_register(CoreRegister::XPSR)? & EXCEPTION_NUMBER;
        Exception::from_number(number)
            .map(|exception| Self::read(link, exception))
            .transpose()
    }

    /// False if the frame that holds the pc could not be written: what lies there is something else.
    pub fn was_stacked(&self) -> bool {
        was_stacked(self.cfsr)
    }

    /// What it was before it escalated.
    pub fn origin(&self) -> Exception {
        let status = self.cfsr.bits();
        match self.exception {
            Exception::Hard if status & 0xFFFF_0000 != 0 => Exception::Usage,
            Exception::Hard if status & 0x0000_FF00 != 0 => Exception::Bus,
            Exception::Hard if status & 0x0000_00FF != 0 => Exception::MemoryManagement,
            other => other,
        }
    }

    /// The causes that the status registers name.
    fn causes(&self) -> Vec<String> {
        let mut causes: Vec<String> = self
            .usage_causes()
            .into_iter()
            .chain(self.bus_causes())
            .chain(self.memory_causes())
            .filter(|(holds, _)| *holds)
            .map(|(_, words)| words.to_owned())
            .collect();
        if self.hfsr.vector_read() {
            causes.push("the vector table could not be read".to_owned());
        }
        if self.hfsr.debug_event() {
            causes.push("a BKPT without a debugger".to_owned());
        }
        if self.cfsr.bus_address_valid() {
            causes.push(format!("bus address {}", self.bfar));
        }
        if self.cfsr.memory_address_valid() {
            causes.push(format!("MPU address {}", self.mmfar));
        }
        causes
    }

    fn usage_causes(&self) -> [(bool, &'static str); 6] {
        let cfsr = self.cfsr;
        [
            (cfsr.undefined_instruction(), "undefined instruction"),
            (
                cfsr.invalid_state(),
                "invalid state (a branch to an even address?)",
            ),
            (cfsr.invalid_return(), "invalid exception return"),
            (
                cfsr.no_coprocessor(),
                "no coprocessor (FPU not enabled in CPACR?)",
            ),
            (cfsr.unaligned(), "unaligned access"),
            (cfsr.divide_by_zero(), "division by zero"),
        ]
    }

    fn bus_causes(&self) -> [(bool, &'static str); 6] {
        let cfsr = self.cfsr;
        [
            (cfsr.instruction_bus(), "instruction fetch refused"),
            (cfsr.precise_bus(), "data access refused"),
            (
                cfsr.imprecise_bus(),
                "buffered write refused (the pc is later than the write)",
            ),
            (cfsr.bus_unstacking(), "refused while unstacking"),
            (
                cfsr.bus_stacking(),
                "refused while stacking (stack pointer?)",
            ),
            (cfsr.bus_lazy_fp(), "refused while FP state was saved"),
        ]
    }

    fn memory_causes(&self) -> [(bool, &'static str); 5] {
        let cfsr = self.cfsr;
        [
            (
                cfsr.instruction_access_violation(),
                "instruction fetch forbidden by the MPU",
            ),
            (
                cfsr.data_access_violation(),
                "data access forbidden by the MPU",
            ),
            (
                cfsr.memory_unstacking(),
                "forbidden by the MPU while unstacking",
            ),
            (
                cfsr.memory_stacking(),
                "forbidden by the MPU while stacking (stack overflow?)",
            ),
            (
                cfsr.memory_lazy_fp(),
                "forbidden by the MPU while FP state was saved",
            ),
        ]
    }
}

/// One line: the exception, where, why, the registers.
impl fmt::Display for CoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.exception)?;
        if self.origin() != self.exception {
            write!(f, " (escalated {})", self.origin())?;
        }
        match self.pc {
            Some(pc) => write!(f, " at pc {pc}")?,
            None if !was_stacked(self.cfsr) => {
                f.write_str(", pc unknown: it could not be stacked")?
            }
            None => f.write_str(", pc unknown: the stacked frame cannot be read")?,
        }
        let causes = self.causes();
        if !causes.is_empty() {
            write!(f, ": {}", causes.join(", "))?;
        }
        write!(
            f,
            " (CFSR 0x{:08x}, HFSR 0x{:08x})",
            self.cfsr.bits(),
            self.hfsr.bits()
        )
    }
}

impl Explain for CoreFault {
    fn code(&self) -> Code {
        match self.exception {
            Exception::Hard => Code::XG080,
            Exception::MemoryManagement => Code::XG081,
            Exception::Bus => Code::XG082,
            Exception::Usage => Code::XG083,
            Exception::Lockup => Code::XG084,
        }
    }
}

/// Bytes from the frame's start to the stacked pc: r0-r3, r12 and lr come first.
const STACKED_PC: u32 = 6 * 4;

/// EXC_RETURN\[2\]: the frame is on the process stack (ARM ARM B1.5.8).
const ON_PROCESS_STACK: u32 = 1 << 2;

/// EXC_RETURN values have 0xF in bits 31:28 and ones down to bit 5.
const EXCEPTION_RETURN: u32 = 0xFFFF_FFE0;

/// A frame that met a fault itself holds whatever was in the stack before (ARM ARM B1.5.14, derived exceptions).
fn was_stacked(cfsr: Cfsr) -> bool {
    !cfsr.memory_stacking() && !cfsr.bus_stacking()
}

fn stacked_pc(link: &mut dyn Link) -> Result<Option<Address>, LinkError> {
    let mut values = [0; 3];
    link.read_registers(
        &[CoreRegister::LR, CoreRegister::MSP, CoreRegister::PSP],
        &mut values,
    )?;
    let [lr, msp, psp] = values;
    if lr & EXCEPTION_RETURN != EXCEPTION_RETURN {
        return Ok(None);
    }
    let frame = if lr & ON_PROCESS_STACK != 0 { psp } else { msp };
    let Some(slot) = Address(frame & !3).checked_add(STACKED_PC) else {
        return Ok(None);
    };
    if !is_stack(slot) {
        return Ok(None);
    }
    match link.read_word(slot) {
        Ok(pc) => Ok(Some(Address(pc & !1))),
        Err(LinkError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// On-chip RAM: a stack pointer gone astray may point into a window, which must not be touched unseen.
fn is_stack(address: Address) -> bool {
    address.0 < 0x6000_0000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fake::FakeLink;

    fn faulted(cfsr: u32, hfsr: u32, lr: u32) -> FakeLink {
        let mut link = FakeLink::new();
        link.set_system(0xE000_ED28, cfsr);
        link.set_system(0xE000_ED2C, hfsr);
        link.set_system(0xE000_ED38, 0x9000_0000);
        link.registers.insert(14, lr);
        link.registers.insert(17, 0x2000_0100);
        link.registers.insert(18, 0x2000_0200);
        link.with_memory(0x2000_0118, &0x7001_2345u32.to_le_bytes())
            .with_memory(0x2000_0218, &0x7000_0777u32.to_le_bytes())
    }

    #[test]
    fn an_escalated_bus_fault_names_the_address_and_the_pc() {
        let mut link = faulted(0x0000_8200, 0x4000_0000, 0xFFFF_FFF9);
        let fault = CoreFault::read(&mut link, Exception::Hard).unwrap();
        assert_eq!(fault.origin(), Exception::Bus);
        assert_eq!(
            fault.to_string(),
            "HardFault (escalated BusFault) at pc 0x70012344: data access refused, bus address 0x90000000 \
             (CFSR 0x00008200, HFSR 0x40000000)"
        );
    }

    #[test]
    fn exc_return_says_which_stack_has_the_frame() {
        let mut link = faulted(0x0001_0000, 0, 0xFFFF_FFED);
        let fault = CoreFault::read(&mut link, Exception::Usage).unwrap();
        assert_eq!(fault.pc, Some(Address(0x7000_0776)));
        assert_eq!(fault.origin(), Exception::Usage);
    }

    #[test]
    fn a_stack_in_a_window_or_nowhere_is_not_read() {
        for stack in [0x7000_0000, 0x5000_0000] {
            let mut link = faulted(0x02, 0, 0xFFFF_FFF9);
            link.registers.insert(17, stack);
            let fault = CoreFault::read(&mut link, Exception::MemoryManagement).unwrap();
            assert_eq!(fault.pc, None);
            assert_eq!(fault.origin(), Exception::MemoryManagement);
        }
    }

    #[test]
    fn a_frame_that_could_not_be_stacked_names_no_pc() {
        let mut link = faulted(0x0000_0092, 0x4000_0000, 0xFFFF_FFF9);
        let fault = CoreFault::read(&mut link, Exception::Hard).unwrap();
        assert_eq!(fault.pc, None);
        assert!(
            fault
                .to_string()
                .contains("pc unknown: it could not be stacked"),
            "{fault}"
        );
    }
}
