//! The run loop: debug, reset, time and exceptions between instructions; fetch, decode and execute in bursts.
//!
//! One instruction takes one cycle. Whatever changes what the loop must look at (a private-bus write, a fault, an interrupt
//! line, a watchpoint) raises `notice`, which ends the burst; otherwise a burst runs to the next timer event or the end of
//! the budget.

use super::{
    Core, Outcome, State, System, Wake,
    debug::{demcr, dfsr},
    decode::{Instruction, decode, is_wide},
    nvic::number,
    trap::Trap,
};
use crate::bus::Bus;

/// Entries of the decode cache: a power of two.
const CACHE_ENTRIES: usize = 1 << 14;

/// Decoded instructions by address, each valid only for the raw halfwords it was decoded from: what is fetched is always
/// read, so code that changes is never executed stale.
#[derive(Clone, Debug)]
pub(super) struct DecodeCache(Box<[(u32, Instruction)]>);

impl Default for DecodeCache {
    fn default() -> Self {
        // Raw 0 is MOVS R0, R0.
        Self(vec![(0, decode(0, 0)); CACHE_ENTRIES].into_boxed_slice())
    }
}

impl DecodeCache {
    /// The instruction at `address`, which is `first` and, if it is a wide one, `second`.
    #[inline]
    pub(super) fn get(&mut self, address: u32, first: u16, second: u16) -> Instruction {
        let raw = u32::from(first) << 16 | u32::from(second);
        let entry = &mut self.0[(address >> 1) as usize % CACHE_ENTRIES];
        if entry.0 != raw {
            *entry = (raw, decode(first, second));
        }
        entry.1
    }
}

impl Core {
    /// Runs until `budget` cycles are used or something happens that only the caller can go on from.
    pub fn run<B: Bus>(&mut self, bus: &mut B, budget: u64) -> Outcome {
        let end = self.cycles.saturating_add(budget);
        self.idle.restart();
        self.revoke_fetch_grant();
        self.attention = false;
        self.closed_windows = bus.closed_windows();
        self.decide_to_look_ahead();
        loop {
            if let Some(outcome) = self.look_up(bus, end) {
                return outcome;
            }
            self.burst(bus, end);
            if std::mem::take(&mut self.idled) {
                return Outcome::Idle;
            }
        }
    }

    /// Everything that is decided between instructions; `None` if the core goes on executing.
    fn look_up<B: Bus>(&mut self, bus: &mut B, end: u64) -> Option<Outcome> {
        self.notice = false;
        self.catch_up_timer();
        if self.system.nvic.take_newly_pended() {
            self.signal_pending();
        }
        if std::mem::take(&mut self.imprecise) {
            self.raise_imprecise();
        }
        if let Some(request) = self.reset_requested.take() {
            return Some(Outcome::ResetRequested(request));
        }
        if std::mem::take(&mut self.watch_hit) {
            self.watchpoint();
        }
        if matches!(self.state, State::Hung | State::InReset) {
            return Some(Outcome::LockedUp);
        }
        if self.system.debug.halt_requested() && self.state != State::Halted {
            self.enter_debug_state(dfsr::HALTED);
        }
        if self.state == State::Halted {
            return Some(Outcome::Halted);
        }
        if std::mem::take(&mut self.attention) {
            return Some(Outcome::Attention);
        }
        self.wake_up();
        if let Some(exception) = self.preempting() {
            return self.preempt(bus, exception);
        }
        match self.state {
            State::Sleeping { .. } => return Some(Outcome::Sleeping),
            State::LockedUp => return Some(Outcome::LockedUp),
            _ => {}
        }
        (self.cycles >= end).then_some(Outcome::Budget)
    }

    /// Takes `exception`; a step that ends in a handler's first instruction is a whole step.
    fn preempt<B: Bus>(&mut self, bus: &mut B, exception: u16) -> Option<Outcome> {
        self.enter_exception(bus, exception);
        if self.state == State::Running && self.stepping {
            self.enter_debug_state(dfsr::HALTED);
        }
        self.notice = true;
        match self.state {
            State::Halted => Some(Outcome::Halted),
            _ => None,
        }
    }

    fn wake_up(&mut self) {
        if let State::Sleeping { wake } = self.state
            && self.wakes(wake)
        {
            self.state = State::Running;
        }
    }

    /// Executes until the budget ends, the timer fires or something wants attention.
    fn burst<B: Bus>(&mut self, bus: &mut B, end: u64) {
        if self.notice || self.state != State::Running {
            return;
        }
        self.raised = false;
        let mut limit = match self.cycles_to_event() {
            Some(cycles) => end.min(self.cycles + cycles),
            None => end,
        };
        let monitor_steps = self.monitor_steps();
        if self.stepping || monitor_steps {
            limit = limit.min(self.cycles + 1);
        }
        let masks = self.masks();
        let waiting = self.system.nvic.candidate().is_some();
        while self.cycles < limit {
            self.step_one(bus);
            if self.notice || waiting && self.masks() != masks {
                break;
            }
        }
        if monitor_steps && self.state == State::Running {
            self.pend_debug_monitor(dfsr::HALTED);
        }
        if self.stepping {
            self.finish_step(bus);
        }
    }

    /// PRIMASK, FAULTMASK and BASEPRI: a change may let a waiting exception through.
    fn masks(&self) -> (bool, bool, u8) {
        let registers = &self.registers;
        (registers.primask, registers.faultmask, registers.basepri)
    }

    /// DebugMonitor steps code that it could preempt (ARM ARM C1.5.4).
    fn monitor_steps(&self) -> bool {
        let System { debug, nvic, .. } = &self.system;
        !debug.is_enabled()
            && debug.monitors(demcr::MON_EN | demcr::MON_STEP)
            && nvic.group_priority(number::DEBUG_MONITOR) < self.execution_priority()
    }

    /// The stepped instruction is over: an exception that it raised is entered, then the core halts.
    fn finish_step<B: Bus>(&mut self, bus: &mut B) {
        self.notice = true;
        if std::mem::take(&mut self.raised)
            && self.state == State::Running
            && let Some(exception) = self.preempting()
        {
            self.enter_exception(bus, exception);
        }
        if self.state != State::Halted && self.state != State::Hung {
            self.enter_debug_state(dfsr::HALTED);
        }
    }

    #[inline]
    fn step_one<B: Bus>(&mut self, bus: &mut B) {
        let address = self.registers.r[15];
        if self.system.fpb.hits(address) {
            self.notice = true;
            self.breakpoint();
            return;
        }
        let watched = self.system.dwt.watches_pc() && self.system.dwt.executes(address);
        let result = match self.fetch(bus, address) {
            Ok(instruction) => self.execute(bus, instruction),
            Err(trap) => Err(trap),
        };
        self.cycles += 1;
        if watched {
            self.watch_hit = true;
            self.notice = true;
        }
        match result {
            Ok(()) => {
                self.system.debug.retired = true;
                let backward = self.registers.r[15] <= address;
                if backward && self.idle.branched(address, &self.registers, self.cycles) {
                    self.idled = true;
                    self.notice = true;
                }
            }
            Err(trap) => self.take_trap(bus, trap),
        }
    }

    #[inline]
    fn fetch<B: Bus>(&mut self, bus: &mut B, address: u32) -> Result<Instruction, Trap> {
        if !self.registers.thumb {
            return Err(Trap::InvalidState);
        }
        let first = self.fetch_half(bus, address)?;
        let second = if is_wide(first) {
            self.fetch_half(bus, address.wrapping_add(2))?
        } else {
            0
        };
        Ok(self.decoded.get(address, first, second))
    }

    /// An instruction that did not simply complete.
    #[cold]
    fn take_trap<B: Bus>(&mut self, bus: &mut B, trap: Trap) {
        self.notice = true;
        match trap {
            Trap::SupervisorCall => {
                let priority = self.execution_priority();
                self.raise_at(number::SV_CALL, 0, priority);
            }
            Trap::Breakpoint { .. } => self.breakpoint(),
            Trap::ExceptionReturn { value } => self.return_from_exception(bus, value),
            Trap::WaitForInterrupt => self.sleep(Wake::Interrupt),
            Trap::WaitForEvent => self.sleep(Wake::Event),
            Trap::Stalled => self.state = State::Hung,
            Trap::Abandoned => {}
            _ => {
                if let Some(fault) = self.fault_of(trap) {
                    self.raise(fault);
                }
            }
        }
    }

    /// A stepped WFI or WFE completes at once.
    fn sleep(&mut self, wake: Wake) {
        self.system.debug.retired = true;
        if !self.stepping {
            self.state = State::Sleeping { wake };
        }
    }
}
