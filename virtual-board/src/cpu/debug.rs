//! Halting debug: DHCSR, DCRSR/DCRDR, DEMCR, DFSR (ARM ARM C1.6), events, vector catch and stepping (C1.4, C1.5).
//!
//! Only the debugger controls halting; writes of DHCSR by software are ignored. A change of C_MASKINTS that is not made in
//! Debug state, or that comes with the write that leaves it, is UNPREDICTABLE in the manual: here it is ignored, so that a
//! debugger which breaks the rule shows. The registers survive a system reset, except that C_HALT and the MON_ bits are cleared.
//! As long as nRST holds the core, S_RESET_ST reads 1 each time and S_HALT 0, and C_HALT stays clear, so that only VC_CORERESET halts
//! the core as it leaves reset (ARM DDI 0337, DHCSR: "is now being reset", "always clears on a system reset", VC_CORERESET and
//! C_DEBUGEN "to halt on a reset"; that a write of C_HALT to a held core is lost is \[U\]).

use super::{
    Core, State,
    faults::LOCKUP_ADDRESS,
    nvic::{Masking, number},
    scb::hfsr,
};
/// DFSR bits: why the core entered Debug state.
pub mod dfsr {
    /// Halt request or step.
    pub const HALTED: u32 = 1 << 0;
    /// BKPT or FPB.
    pub const BKPT: u32 = 1 << 1;
    /// DWT.
    pub const DWTTRAP: u32 = 1 << 2;
    /// Vector catch.
    pub const VCATCH: u32 = 1 << 3;
}

/// DEMCR bits.
pub mod demcr {
    /// Halt at the reset vector.
    pub const VC_CORERESET: u32 = 1 << 0;
    /// MemManage.
    pub const VC_MMERR: u32 = 1 << 4;
    /// UsageFault: no coprocessor.
    pub const VC_NOCPERR: u32 = 1 << 5;
    /// UsageFault: checking errors.
    pub const VC_CHKERR: u32 = 1 << 6;
    /// UsageFault: state errors.
    pub const VC_STATERR: u32 = 1 << 7;
    /// BusFault.
    pub const VC_BUSERR: u32 = 1 << 8;
    /// Fault during exception entry or return.
    pub const VC_INTERR: u32 = 1 << 9;
    /// HardFault.
    pub const VC_HARDERR: u32 = 1 << 10;
    /// DebugMonitor enable.
    pub const MON_EN: u32 = 1 << 16;
    /// DebugMonitor pending.
    pub const MON_PEND: u32 = 1 << 17;
    /// DebugMonitor stepping.
    pub const MON_STEP: u32 = 1 << 18;
    /// DebugMonitor semaphore.
    pub const MON_REQ: u32 = 1 << 19;
    /// DWT and ITM enable.
    pub const TRCENA: u32 = 1 << 24;
    /// Everything stored in the register itself.
    pub const STORED: u32 = 0x7F1 | MON_EN | MON_STEP | MON_REQ | TRCENA;
}

const DHCSR_KEY: u32 = 0xA05F;
const C_DEBUGEN: u32 = 1 << 0;
const C_HALT: u32 = 1 << 1;
const C_STEP: u32 = 1 << 2;
const C_MASKINTS: u32 = 1 << 3;
const C_SNAPSTALL: u32 = 1 << 5;
const S_REGRDY: u32 = 1 << 16;
const S_HALT: u32 = 1 << 17;
const S_SLEEP: u32 = 1 << 18;
const S_LOCKUP: u32 = 1 << 19;
const S_RETIRE_ST: u32 = 1 << 24;
const S_RESET_ST: u32 = 1 << 25;

const DCRSR_WRITE: u32 = 1 << 16;

/// Exceptions 0..=6 can carry vector-catch bits.
const CATCHABLE: usize = number::USAGE_FAULT as usize + 1;

/// The debug registers.
#[derive(Clone, Debug)]
pub struct Debug {
    /// C_DEBUGEN, C_HALT, C_STEP, C_MASKINTS, C_SNAPSTALL.
    control: u32,
    /// DEMCR, without MON_PEND.
    monitor: u32,
    /// DFSR.
    pub(super) fault_status: u32,
    /// DCRDR.
    pub(super) transfer_data: u32,
    register_ready: bool,
    /// S_RESET_ST of a reset that is over.
    pub(super) was_reset: bool,
    /// S_RETIRE_ST.
    pub(super) retired: bool,
    /// Vector-catch bits that entry to each fault handler will be held against.
    catches: [u32; CATCHABLE],
}

impl Default for Debug {
    fn default() -> Self {
        Self {
            control: 0,
            monitor: 0,
            fault_status: 0,
            transfer_data: 0,
            register_ready: true,
            was_reset: true,
            retired: false,
            catches: [0; CATCHABLE],
        }
    }
}

impl Debug {
    /// System reset.
    pub(super) fn reset(&mut self) {
        self.control &= !C_HALT;
        self.monitor &= !(demcr::MON_EN | demcr::MON_STEP | demcr::MON_REQ);
        self.was_reset = true;
        self.retired = false;
        self.catches = [0; CATCHABLE];
    }

    /// C_DEBUGEN.
    pub fn is_enabled(&self) -> bool {
        self.control & C_DEBUGEN != 0
    }

    /// C_HALT and C_DEBUGEN.
    pub(super) fn halt_requested(&self) -> bool {
        self.control & (C_HALT | C_DEBUGEN) == C_HALT | C_DEBUGEN
    }

    /// True if every bit of `bits` is set in DEMCR.
    pub(super) fn monitors(&self, bits: u32) -> bool {
        self.monitor & bits == bits
    }

    /// Remembers what entry to `exception` is to be held against.
    pub(super) fn expect(&mut self, exception: u16, catch: u32) {
        if let Some(slot) = self.catches.get_mut(usize::from(exception)) {
            *slot |= catch;
        }
    }

    /// True if entry to `exception` is to be caught.
    pub(super) fn catches(&mut self, exception: u16) -> bool {
        let slot = self.catches.get_mut(usize::from(exception));
        let expected = slot.map_or(0, std::mem::take);
        self.is_enabled() && expected & self.monitor != 0
    }
}

impl Core {
    /// DHCSR. Reading clears the sticky bits, for the debugger.
    pub(super) fn read_dhcsr(&mut self, debugger: bool) -> u32 {
        self.idle.spoil();
        let debug = &mut self.system.debug;
        let mut value = debug.control;
        for (bit, set) in [
            (S_REGRDY, debug.register_ready),
            (S_HALT, self.state == State::Halted),
            (S_SLEEP, matches!(self.state, State::Sleeping { .. })),
            (S_LOCKUP, self.state == State::LockedUp),
            (S_RETIRE_ST, debug.retired),
            (S_RESET_ST, debug.was_reset || self.state == State::InReset),
        ] {
            value |= if set { bit } else { 0 };
        }
        if debugger {
            debug.retired = false;
            debug.was_reset = false;
        }
        value
    }

    /// Writes DHCSR; needs the key, and the debugger.
    pub(super) fn write_dhcsr(&mut self, value: u32, debugger: bool) {
        if !debugger || value >> 16 != DHCSR_KEY {
            return;
        }
        let halted = self.state == State::Halted;
        let debug = &mut self.system.debug;
        let before = debug.control;
        let mut control = value & (C_DEBUGEN | C_HALT | C_STEP | C_MASKINTS | C_SNAPSTALL);
        if self.state == State::InReset {
            control &= !C_HALT;
        }
        if control & C_DEBUGEN == 0 {
            control = 0;
        } else if !(halted && control & C_HALT != 0) && before & C_DEBUGEN != 0 {
            control = control & !C_MASKINTS | before & C_MASKINTS;
        }
        debug.control = control;
        self.system.nvic.set_masking(if control & C_MASKINTS != 0 {
            Masking::Interrupts
        } else {
            Masking::Off
        });
        if halted && control & C_HALT == 0 {
            self.stepping = control & C_STEP != 0;
            self.state = if self.pc() == LOCKUP_ADDRESS && self.execution_priority() < 0 {
                State::LockedUp
            } else {
                State::Running
            };
        } else if self.system.debug.halt_requested()
            && !matches!(self.state, State::Halted | State::Hung)
        {
            // Between two instructions: nothing has to be waited for.
            self.enter_debug_state(dfsr::HALTED);
        }
    }

    /// DEMCR.
    pub(super) fn read_demcr(&self) -> u32 {
        let pending = self.system.nvic.is_pending(number::DEBUG_MONITOR);
        self.system.debug.monitor | if pending { demcr::MON_PEND } else { 0 }
    }

    /// Writes DEMCR.
    pub(super) fn write_demcr(&mut self, value: u32) {
        let now = self.now();
        let debug = &mut self.system.debug;
        debug.monitor = value & demcr::STORED;
        let nvic = &mut self.system.nvic;
        nvic.set_enabled(number::DEBUG_MONITOR, value & demcr::MON_EN != 0);
        if value & demcr::MON_PEND != 0 {
            nvic.pend(number::DEBUG_MONITOR);
        } else {
            nvic.unpend(number::DEBUG_MONITOR);
        }
        self.system.dwt.set_enabled(value & demcr::TRCENA != 0, now);
    }

    /// A register transfer (ARM ARM C1.6.3). Outside Debug state nothing is transferred and S_REGRDY stays clear.
    pub(super) fn write_dcrsr(&mut self, value: u32, debugger: bool) {
        if !debugger {
            return;
        }
        let halted = self.state == State::Halted;
        self.system.debug.register_ready = halted;
        if !halted {
            return;
        }
        let selector = value & 0x7F;
        if value & DCRSR_WRITE == 0 {
            self.system.debug.transfer_data = self.debug_register(selector);
        } else {
            self.write_register(selector, self.system.debug.transfer_data);
        }
    }

    /// A register by its DCRSR number.
    pub fn debug_register(&self, selector: u32) -> u32 {
        let registers = &self.registers;
        match selector {
            0..=15 => registers.r[selector as usize],
            16 => self.xpsr(),
            17 => self.main_stack_pointer(),
            18 => self.process_stack_pointer(),
            20 => {
                u32::from(registers.control) << 24
                    | u32::from(registers.faultmask) << 16
                    | u32::from(registers.basepri) << 8
                    | u32::from(registers.primask)
            }
            33 => registers.fpscr,
            64..=95 => registers.s[selector as usize - 64],
            _ => 0,
        }
    }

    fn write_register(&mut self, selector: u32, value: u32) {
        match selector {
            13 => self.registers.r[13] = value & !3,
            15 => self.registers.r[15] = value & !1,
            0..=14 => self.registers.r[selector as usize] = value,
            16 => {
                self.set_xpsr(value);
                self.set_exception_number((value & 0x1FF) as u16);
            }
            17 => self.set_main_stack_pointer(value),
            18 => self.set_process_stack_pointer(value),
            20 => {
                let [primask, basepri, faultmask, control] = value.to_le_bytes();
                self.registers.primask = primask & 1 != 0;
                self.registers.basepri = basepri & 0xF0;
                self.registers.faultmask = faultmask & 1 != 0;
                self.set_control(control & 7);
            }
            33 => self.registers.fpscr = value & 0xF7C0_009F,
            64..=95 => self.registers.s[selector as usize - 64] = value,
            _ => {}
        }
        self.revoke_fetch_grant();
        self.notice = true;
    }

    /// Enters Debug state; `reason` is a bit of DFSR.
    pub(super) fn enter_debug_state(&mut self, reason: u32) {
        self.system.debug.fault_status |= reason;
        self.system.debug.control |= C_HALT;
        self.state = State::Halted;
        self.stepping = false;
    }

    /// BKPT, or a comparator that takes an instruction's place: without a debugger it is a DebugMonitor exception, and
    /// where that cannot be taken a HardFault (ARM ARM C1.4).
    pub(super) fn breakpoint(&mut self) {
        if self.system.debug.is_enabled() {
            self.enter_debug_state(dfsr::BKPT);
        } else if !self.pend_debug_monitor(dfsr::BKPT) {
            self.system.debug.fault_status |= dfsr::BKPT;
            self.hard_fault(hfsr::DEBUGEVT, demcr::VC_HARDERR);
        }
    }

    /// A debug event that is dropped when nobody listens (DWT).
    pub(super) fn watchpoint(&mut self) {
        if self.system.debug.is_enabled() {
            self.enter_debug_state(dfsr::DWTTRAP);
        } else {
            self.pend_debug_monitor(dfsr::DWTTRAP);
        }
    }

    /// Pends DebugMonitor if it is enabled and can preempt.
    pub(super) fn pend_debug_monitor(&mut self, reason: u32) -> bool {
        let can = self.system.debug.monitors(demcr::MON_EN)
            && self.system.nvic.group_priority(number::DEBUG_MONITOR) < self.execution_priority();
        if can {
            self.system.debug.fault_status |= reason;
            self.system.nvic.pend(number::DEBUG_MONITOR);
        }
        can
    }
}
