//! Exception entry and return, and the program status and stack pointers that they change (ARM ARM B1.5.6-B1.5.8, B1.4).
//!
//! Tail-chaining is visible as on a real core: a return that finds another exception waiting takes it on the frame that is
//! already there. Late arrival is visible in one place only, a fault during stacking: what wins after it gets the frame.

use super::{
    Core, State, Wake,
    debug::{demcr, dfsr},
    faults::Fault,
    memory::AccessKind,
    mpu::{Context, default_memory},
    nvic::number,
    registers::psr,
    scb::{ccr, cfsr, hfsr, scr},
};
use crate::bus::{Bus, BusError, Master, Width};

/// CONTROL.SPSEL.
const SPSEL: u8 = 1 << 1;
/// CONTROL.FPCA.
const FPCA: u8 = 1 << 2;

const INVALID_RETURN: Fault = Fault::usage(cfsr::INVPC, demcr::VC_STATERR | demcr::VC_INTERR);

/// Cycles from recognition to the first instruction of a handler, and back.
const ENTRY_CYCLES: u64 = 12;
const RETURN_CYCLES: u64 = 10;
const TAIL_CHAIN_CYCLES: u64 = 6;

impl Core {
    /// ExecutionPriority().
    #[inline]
    pub(super) fn execution_priority(&self) -> i16 {
        let registers = &self.registers;
        self.system.nvic.execution_priority(
            registers.basepri,
            registers.primask,
            registers.faultmask,
        )
    }

    /// The exception that preempts what runs now, if one does.
    pub(super) fn preempting(&self) -> Option<u16> {
        let candidate = self.system.nvic.candidate()?;
        (candidate.group < self.execution_priority()).then_some(candidate.exception)
    }

    /// Takes `exception` from running code: pushes a frame, then enters the handler.
    pub(super) fn enter_exception<B: Bus>(&mut self, bus: &mut B, exception: u16) {
        let (exc_return, pushed) = self.push_frame(bus);
        self.cycles += ENTRY_CYCLES;
        let mut exception = exception;
        if let Err(fault) = pushed {
            self.raise_derived(fault);
            if let Some(late) = self.system.nvic.candidate() {
                exception = late.exception;
            }
        }
        self.enter_handler(bus, exception, exc_return);
    }

    /// ExceptionTaken(): the frame is there. A vector that cannot be read makes a HardFault, and for HardFault and NMI
    /// themselves a lockup.
    fn enter_handler<B: Bus>(&mut self, bus: &mut B, exception: u16, exc_return: u32) {
        let vector = match self.read_vector(bus, exception) {
            Ok(vector) => vector,
            Err(BusError::Stalled) => {
                self.state = State::Hung;
                return;
            }
            Err(BusError::Refused) => return self.vector_refused(bus, exception, exc_return),
        };
        self.set_exception_number(exception);
        self.set_control(self.registers.control & !(SPSEL | FPCA));
        let registers = &mut self.registers;
        registers.r[14] = exc_return;
        registers.r[15] = vector & !1;
        registers.thumb = vector & 1 != 0;
        registers.itstate = 0;
        registers.exclusive = None;
        registers.event = true;
        self.system.nvic.activate(exception);
        self.revoke_fetch_grant();
        self.idle.spoil();
        if self.state != State::Hung {
            self.state = State::Running;
        }
        if self.system.debug.catches(exception) {
            self.enter_debug_state(dfsr::VCATCH);
        }
    }

    fn vector_refused<B: Bus>(&mut self, bus: &mut B, exception: u16, exc_return: u32) {
        self.system.scb.hard_fault_status |= hfsr::VECTTBL;
        if exception <= number::HARD_FAULT {
            self.set_exception_number(exception);
            self.system.nvic.activate(exception);
            return self.lock_up();
        }
        let catch = demcr::VC_INTERR | demcr::VC_HARDERR;
        self.pend_caught(number::HARD_FAULT, catch);
        self.enter_handler(bus, number::HARD_FAULT, exc_return);
    }

    fn read_vector<B: Bus>(&mut self, bus: &mut B, exception: u16) -> Result<u32, BusError> {
        let address = self
            .system
            .scb
            .vector_table
            .wrapping_add(4 * u32::from(exception));
        bus.at_cycle(self.cycles);
        // Vector reads follow the default map whatever the MPU says (ARM ARM B3.5.1), on the data side [U].
        let caching = self.data_caching(address, default_memory(address));
        self.read_data(bus, address, Width::Word, caching)
    }

    /// ExceptionReturn(): a branch to `exc_return` in Handler mode.
    pub(super) fn return_from_exception<B: Bus>(&mut self, bus: &mut B, exc_return: u32) {
        let returning = self.registers.ipsr;
        let nested = self.system.nvic.active_count();
        let was_active = self.system.nvic.is_active(returning);
        self.deactivate(returning);
        if !was_active || !self.return_is_valid(exc_return, nested) {
            return self.refuse_return(bus, exc_return);
        }
        if let Some(next) = self.preempting() {
            self.cycles += TAIL_CHAIN_CYCLES;
            return self.enter_handler(bus, next, exc_return);
        }
        self.cycles += RETURN_CYCLES;
        if let Err(fault) = self.unstack(bus, exc_return) {
            self.raise(fault);
            return self.take_pending_on_frame(bus, exc_return);
        }
        self.registers.exclusive = None;
        self.registers.event = true;
        self.revoke_fetch_grant();
        self.idle.spoil();
        let sleeps = self.system.scb.system_control & scr::SLEEPONEXIT != 0;
        if self.registers.ipsr == 0 && nested == 1 && sleeps {
            self.state = State::Sleeping {
                wake: Wake::Interrupt,
            };
            self.notice = true;
        }
    }

    fn return_is_valid(&self, exc_return: u32, nested: u32) -> bool {
        let base = self.system.scb.configured(ccr::NONBASETHRDENA) || nested == 1;
        match exc_return & 0xF {
            0b0001 => true,
            0b1001 | 0b1101 => base,
            _ => false,
        }
    }

    /// DeActivate(): NMI alone leaves FAULTMASK as it is.
    fn deactivate(&mut self, exception: u16) {
        self.system.nvic.deactivate(exception);
        if exception != number::NMI {
            self.registers.faultmask = false;
        }
    }

    /// An illegal return is a UsageFault that finds the frame already there.
    fn refuse_return<B: Bus>(&mut self, bus: &mut B, exc_return: u32) {
        self.raise(INVALID_RETURN);
        self.take_pending_on_frame(bus, exc_return);
    }

    fn take_pending_on_frame<B: Bus>(&mut self, bus: &mut B, exc_return: u32) {
        if self.state == State::LockedUp {
            return;
        }
        if let Some(exception) = self.preempting() {
            self.cycles += TAIL_CHAIN_CYCLES;
            self.enter_handler(bus, exception, 0xF000_0000 | exc_return);
        }
    }

    fn unstack<B: Bus>(&mut self, bus: &mut B, exc_return: u32) -> Result<(), Fault> {
        let to_thread = exc_return & 0b1000 != 0;
        let process = exc_return & 0b0100 != 0;
        let frame = if process {
            self.process_stack_pointer()
        } else {
            self.main_stack_pointer()
        };
        let context = Context {
            privileged: !to_thread || self.registers.control & 1 == 0,
            ..self.context(AccessKind::Normal)
        };
        let popped = self.pop_frame(bus, frame, exc_return, context)?;
        // The frame's IPSR must agree with the mode that EXC_RETURN asks for.
        if to_thread != (popped.exception() == 0) {
            return Err(INVALID_RETURN);
        }
        self.set_exception_number(popped.exception());
        let control = self.registers.control & !SPSEL;
        self.set_control(if process { control | SPSEL } else { control });
        self.restore_frame(&popped);
        Ok(())
    }

    /// xPSR: APSR, EPSR and IPSR together.
    pub(super) fn xpsr(&self) -> u32 {
        let registers = &self.registers;
        let it = u32::from(registers.itstate);
        registers.apsr
            | u32::from(registers.ipsr)
            | if registers.thumb { psr::T } else { 0 }
            | (it & 0b11) << 25
            | (it >> 2) << 10
    }

    /// Sets APSR and EPSR from an xPSR value; the exception number is set apart.
    pub(super) fn set_xpsr(&mut self, value: u32) {
        let registers = &mut self.registers;
        registers.apsr = value & (psr::N | psr::Z | psr::C | psr::V | psr::Q | psr::GE);
        registers.thumb = value & psr::T != 0;
        registers.itstate = ((value >> 25 & 0b11) | (value >> 10 & 0x3F) << 2) as u8;
    }

    /// MSP, banked or not.
    pub(super) fn main_stack_pointer(&self) -> u32 {
        if self.registers.uses_process_stack() {
            self.registers.banked_sp
        } else {
            self.registers.r[13]
        }
    }

    /// PSP, banked or not.
    pub(super) fn process_stack_pointer(&self) -> u32 {
        if self.registers.uses_process_stack() {
            self.registers.r[13]
        } else {
            self.registers.banked_sp
        }
    }

    pub(super) fn set_main_stack_pointer(&mut self, value: u32) {
        let slot = if self.registers.uses_process_stack() {
            &mut self.registers.banked_sp
        } else {
            &mut self.registers.r[13]
        };
        *slot = value & !3;
    }

    pub(super) fn set_process_stack_pointer(&mut self, value: u32) {
        let slot = if self.registers.uses_process_stack() {
            &mut self.registers.r[13]
        } else {
            &mut self.registers.banked_sp
        };
        *slot = value & !3;
    }

    /// Sets IPSR, and with it the mode; the stack pointers follow.
    pub(super) fn set_exception_number(&mut self, exception: u16) {
        self.with_stack_switch(|core| core.registers.ipsr = exception);
    }

    /// Sets CONTROL; the stack pointers follow.
    pub(super) fn set_control(&mut self, control: u8) {
        self.with_stack_switch(|core| core.registers.control = control);
    }

    fn with_stack_switch(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.registers.uses_process_stack();
        change(self);
        if self.registers.uses_process_stack() != before {
            let registers = &mut self.registers;
            std::mem::swap(&mut registers.r[13], &mut registers.banked_sp);
        }
    }

    /// True if a sleeping core has a reason to go on: WFI looks past PRIMASK, WFE at the event register too.
    pub(super) fn wakes(&mut self, wake: Wake) -> bool {
        let nvic = &self.system.nvic;
        let unmasked =
            nvic.execution_priority(self.registers.basepri, false, self.registers.faultmask);
        let interrupted = nvic
            .candidate()
            .is_some_and(|candidate| candidate.group < unmasked);
        match wake {
            Wake::Interrupt => interrupted,
            Wake::Event => std::mem::take(&mut self.registers.event) || self.preempting().is_some(),
        }
    }

    /// SCR.SEVONPEND: anything newly pending is an event, enabled or not.
    pub(super) fn signal_pending(&mut self) {
        if self.system.scb.system_control & scr::SEVONPEND != 0 {
            self.registers.event = true;
        }
    }

    /// The reset vector: stack pointer and first instruction (ARM ARM B1.5.5).
    pub(super) fn take_reset<B: Bus>(&mut self, bus: &mut B) {
        let table = self.system.scb.vector_table;
        let vectors = bus.read(table, Width::Word, Master::Data).and_then(|sp| {
            Ok((
                sp,
                bus.read(table.wrapping_add(4), Width::Word, Master::Data)?,
            ))
        });
        match vectors {
            Ok((stack_pointer, entry)) => {
                self.registers.r[13] = stack_pointer & !3;
                self.registers.r[15] = entry & !1;
                self.registers.thumb = entry & 1 != 0;
            }
            Err(BusError::Stalled) => self.state = State::Hung,
            Err(BusError::Refused) => {
                self.system.scb.hard_fault_status |= hfsr::VECTTBL;
                self.registers.ipsr = number::HARD_FAULT;
                self.system.nvic.activate(number::HARD_FAULT);
                self.lock_up();
            }
        }
    }
}
