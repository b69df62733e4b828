//! Stack frames: pushing on exception entry, popping on return, and the lazy half that waits for an FP instruction
//! (ARM ARM B1.5.6-B1.5.8).
//!
//! Only registers that the manual calls UNKNOWN differ from a real core: they keep their values here.

use super::{
    Core,
    debug::demcr,
    faults::Fault,
    fpu::fpscr,
    memory::AccessKind,
    mpu::Context,
    nvic::{HARD_FAULT_PRIORITY, number},
    scb::{cfsr, fpccr},
    trap::Trap,
};
use crate::bus::{Bus, BusError, Width};

const BASIC_FRAME: u32 = 0x20;
const EXTENDED_FRAME: u32 = 0x68;
/// CONTROL.FPCA.
const FPCA: u8 = 1 << 2;
/// EXC_RETURN bit 4: the frame has no FP part.
const RETURN_BASIC: u32 = 1 << 4;
/// xPSR bit 9 in the frame: the stack pointer was lowered by 4 to align it.
const FRAME_ALIGNED: u32 = 1 << 9;
/// FPDSCR's bits in FPSCR.
const FPSCR_DEFAULTED: u32 = 0x07C0_0000;

/// Why a stack access failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Mpu,
    Bus,
}

impl Refused {
    fn fault(self, mpu: u32, bus: u32) -> Fault {
        match self {
            Self::Mpu => Fault::memory(mpu, demcr::VC_INTERR),
            Self::Bus => Fault::bus(bus, demcr::VC_INTERR),
        }
    }
}

impl Core {
    /// PushStack(): the frame on the active stack, and EXC_RETURN. The stack pointer moves even if the frame could not be
    /// written.
    pub(super) fn push_frame<B: Bus>(&mut self, bus: &mut B) -> (u32, Result<(), Fault>) {
        let extended = self.registers.control & FPCA != 0;
        let size = if extended {
            EXTENDED_FRAME
        } else {
            BASIC_FRAME
        };
        let stack_pointer = self.registers.r[13];
        let frame = stack_pointer.wrapping_sub(size) & !7;
        let aligned = if stack_pointer & 4 != 0 {
            FRAME_ALIGNED
        } else {
            0
        };
        self.registers.r[13] = frame;
        let r = &self.registers.r;
        let words = [
            r[0],
            r[1],
            r[2],
            r[3],
            r[12],
            r[14],
            r[15],
            self.xpsr() & !FRAME_ALIGNED | aligned,
        ];
        let context = self.context(AccessKind::Normal);
        let mut written = self.write_stack(bus, frame, &words, context);
        let mut denied = Ok(());
        if extended {
            if self.system.scb.fp_context_control & fpccr::LSPEN != 0 {
                self.allocate_fp_frame(frame.wrapping_add(BASIC_FRAME));
            } else if self.fp_allowed() {
                written = written.and_then(|()| {
                    self.write_fp_frame(bus, frame.wrapping_add(BASIC_FRAME), context)
                });
            } else {
                denied = Err(Fault::usage(
                    cfsr::NOCP,
                    demcr::VC_NOCPERR | demcr::VC_INTERR,
                ));
            }
        }
        let handler = self.registers.ipsr != 0;
        let kind = match (handler, self.registers.uses_process_stack()) {
            (true, _) => 0xFFFF_FFE1,
            (false, false) => 0xFFFF_FFE9,
            (false, true) => 0xFFFF_FFED,
        };
        let exc_return = kind | if extended { 0 } else { RETURN_BASIC };
        let result = written
            .map_err(|refused| refused.fault(cfsr::MSTKERR, cfsr::STKERR))
            .and(denied);
        (exc_return, result)
    }

    /// PopStack() from the active stack. On a fault no register has changed.
    pub(super) fn pop_frame<B: Bus>(
        &mut self,
        bus: &mut B,
        frame: u32,
        exc_return: u32,
        context: Context,
    ) -> Result<PoppedFrame, Fault> {
        let unstacking = |refused: Refused| refused.fault(cfsr::MUNSTKERR, cfsr::UNSTKERR);
        let extended = exc_return & RETURN_BASIC == 0;
        let mut words = [0; 8];
        self.read_stack(bus, frame, &mut words, context)
            .map_err(unstacking)?;
        let mut fp = None;
        if extended && self.system.scb.fp_context_control & fpccr::LSPACT == 0 {
            if !self.fp_allowed() {
                return Err(Fault::usage(
                    cfsr::NOCP,
                    demcr::VC_NOCPERR | demcr::VC_INTERR,
                ));
            }
            let mut values = [0; 17];
            self.read_stack(bus, frame.wrapping_add(BASIC_FRAME), &mut values, context)
                .map_err(unstacking)?;
            fp = Some(values);
        }
        let size = if extended {
            EXTENDED_FRAME
        } else {
            BASIC_FRAME
        };
        let realigned = if words[7] & FRAME_ALIGNED != 0 { 4 } else { 0 };
        Ok(PoppedFrame {
            words,
            fp,
            extended,
            stack_pointer: frame.wrapping_add(size) | realigned,
        })
    }

    /// Writes what [`Core::pop_frame`] found into the registers; mode and stack are already those returned to.
    pub(super) fn restore_frame(&mut self, frame: &PoppedFrame) {
        let [r0, r1, r2, r3, r12, lr, pc, xpsr] = frame.words;
        let registers = &mut self.registers;
        registers.r[..4].copy_from_slice(&[r0, r1, r2, r3]);
        registers.r[12] = r12;
        registers.r[13] = frame.stack_pointer;
        registers.r[14] = lr;
        registers.r[15] = pc & !1;
        if let Some(values) = &frame.fp {
            registers.s[..16].copy_from_slice(&values[..16]);
            registers.fpscr = values[16] & fpscr::WRITABLE;
        }
        registers.control &= !FPCA;
        if frame.extended {
            registers.control |= FPCA;
            self.system.scb.fp_context_control &= !fpccr::LSPACT;
        }
        self.set_xpsr(xpsr);
    }

    /// UpdateFPCCR(): remembers where the FP frame goes and what may happen on the way.
    fn allocate_fp_frame(&mut self, address: u32) {
        let priority = self.execution_priority();
        let nvic = &self.system.nvic;
        let ready =
            |exception| nvic.is_enabled(exception) && nvic.group_priority(exception) < priority;
        let mut control = self.system.scb.fp_context_control & (fpccr::ASPEN | fpccr::LSPEN);
        for (bit, set) in [
            (fpccr::LSPACT, true),
            (fpccr::USER, !self.registers.privileged()),
            (fpccr::THREAD, self.registers.ipsr == 0),
            (fpccr::HFRDY, priority > HARD_FAULT_PRIORITY),
            (fpccr::MMRDY, ready(number::MEM_MANAGE)),
            (fpccr::BFRDY, ready(number::BUS_FAULT)),
            (fpccr::MONRDY, ready(number::DEBUG_MONITOR)),
        ] {
            control |= if set { bit } else { 0 };
        }
        self.system.scb.fp_context_control = control;
        self.system.scb.fp_context_address = address & !7;
    }

    /// ExecuteFPCheck(): an FP instruction is about to execute.
    #[inline]
    pub(crate) fn fpu_access<B: Bus>(&mut self, bus: &mut B) -> Result<(), Trap> {
        if !self.fp_allowed() {
            return Err(Trap::NoCoprocessor);
        }
        let control = self.system.scb.fp_context_control;
        if control & fpccr::LSPACT != 0 {
            self.preserve_fp_state(bus)?;
        }
        if control & fpccr::ASPEN != 0 && self.registers.control & FPCA == 0 {
            let default = self.system.scb.fp_default_status;
            self.registers.fpscr = self.registers.fpscr & !FPSCR_DEFAULTED | default;
            self.registers.control |= FPCA;
        }
        Ok(())
    }

    /// CPACR.CP10: 0 denied, 1 privileged only, 3 full access.
    pub(super) fn fp_allowed(&self) -> bool {
        match self.system.scb.coprocessor_access >> 20 & 3 {
            3 => true,
            1 => self.registers.privileged(),
            _ => false,
        }
    }

    /// PreserveFPState(): fills the frame that waits at FPCAR, with the rights of the code it belongs to.
    #[cold]
    fn preserve_fp_state<B: Bus>(&mut self, bus: &mut B) -> Result<(), Trap> {
        self.idle.spoil();
        let control = self.system.scb.fp_context_control;
        let context = Context {
            privileged: control & fpccr::USER == 0,
            negative_priority: control & fpccr::HFRDY == 0,
        };
        let address = self.system.scb.fp_context_address;
        if let Err(refused) = self.write_fp_frame(bus, address, context) {
            let fault = refused.fault(cfsr::MLSPERR, cfsr::LSPERR);
            self.raise_lazy(fault)?;
        }
        self.system.scb.fp_context_control &= !fpccr::LSPACT;
        Ok(())
    }

    /// A fault of lazy preservation is judged by what was ready when the frame was allocated; the instruction goes on only
    /// if the exception has to wait.
    fn raise_lazy(&mut self, fault: Fault) -> Result<(), Trap> {
        self.system.scb.fault_status |= fault.status;
        let control = self.system.scb.fp_context_control;
        let ready = match fault.exception {
            number::MEM_MANAGE => fpccr::MMRDY,
            _ => fpccr::BFRDY,
        };
        let exception = if control & ready != 0 {
            self.pend_caught(fault.exception, fault.catch);
            fault.exception
        } else if control & fpccr::HFRDY != 0 {
            self.system.scb.hard_fault_status |= super::scb::hfsr::FORCED;
            self.pend_caught(number::HARD_FAULT, demcr::VC_HARDERR | fault.catch);
            number::HARD_FAULT
        } else {
            self.lock_up();
            return Err(Trap::Abandoned);
        };
        if self.system.nvic.group_priority(exception) < self.execution_priority() {
            return Err(Trap::Abandoned);
        }
        Ok(())
    }

    fn write_fp_frame<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        context: Context,
    ) -> Result<(), Refused> {
        let mut words = [0; 17];
        words[..16].copy_from_slice(&self.registers.s[..16]);
        words[16] = self.registers.fpscr;
        self.write_stack(bus, address, &words, context)
    }

    fn write_stack<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        words: &[u32],
        context: Context,
    ) -> Result<(), Refused> {
        bus.at_cycle(self.cycles);
        for (address, &word) in (address..).step_by(4).zip(words) {
            let verdict = self.verdict(address, context);
            if !verdict.write {
                return Err(Refused::Mpu);
            }
            let result = self.write_data(bus, address, Width::Word, word, verdict.data);
            self.stack_response(result)?;
        }
        Ok(())
    }

    fn read_stack<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        words: &mut [u32],
        context: Context,
    ) -> Result<(), Refused> {
        bus.at_cycle(self.cycles);
        for (address, word) in (address..).step_by(4).zip(words) {
            let verdict = self.verdict(address, context);
            if !verdict.read {
                return Err(Refused::Mpu);
            }
            let result = self.read_data(bus, address, Width::Word, verdict.data);
            *word = self.stack_response(result)?;
        }
        Ok(())
    }

    fn stack_response<T>(&mut self, result: Result<T, BusError>) -> Result<T, Refused> {
        result.map_err(|error| {
            if error == BusError::Stalled {
                self.state = super::State::Hung;
            }
            Refused::Bus
        })
    }
}

/// What an exception return found on the stack.
#[derive(Clone, Debug)]
pub(super) struct PoppedFrame {
    pub(super) words: [u32; 8],
    fp: Option<[u32; 17]>,
    extended: bool,
    stack_pointer: u32,
}

impl PoppedFrame {
    /// Exception number in the stacked xPSR.
    pub(super) fn exception(&self) -> u16 {
        (self.words[7] & 0x1FF) as u16
    }
}
