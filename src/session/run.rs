//! Run control: halt, resume, step, and what a halt turns out to be.

use super::{
    Activity, Session,
    registers::RegisterFile,
    semihosting::CALLS_A_LOOK,
    stop::{Stop, StopReason},
};
use crate::{
    breakpoints::{Kind, Patching, Verdict},
    fault::{Code, Explain, Fault},
    layout::Address,
    link::{
        CoreState, HaltReason, LinkError, RegisterAccess,
        core_fault::{CoreFault, Exception},
        units::{Watch, Watched},
    },
    registers::rcc::{RCC, ResetCause, Rsr},
};

/// What became of a resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// The core runs; [`Session::poll`] tells when it stops.
    Running,
    /// It stopped while it was stepped off a breakpoint.
    Stopped(Stop),
    /// It was not resumed, and this says why.
    Refused(Stop),
}

/// The core was reset while it ran, and nobody here asked for it.
#[derive(Debug, thiserror::Error)]
#[error("the core was reset while the program ran: {cause}")]
struct UnexpectedReset {
    /// What RCC_RSR says.
    cause: ResetCause,
}

impl Explain for UnexpectedReset {
    fn code(&self) -> Code {
        Code::XG085
    }
}

impl Session {
    /// Halts the core. Where it halts because of something else at the same moment, that is the stop.
    pub fn halt(&mut self) -> Result<Stop, Fault> {
        if let StopReason::ClientCall(_) = self.stop.reason
            && self.is_halted()
        {
            self.stop_asking();
            return self.arrive(StopReason::Halt);
        }
        if self.is_halted() {
            return Ok(self.stop.clone());
        }
        if self.waits_for_input() {
            self.stop_waiting();
            return self.arrive(StopReason::Halt);
        }
        // A run that was foreseen has not come to its end.
        self.forget();
        self.forget_returns();
        let before = self.link.state()?;
        self.halt_from(before)
    }

    /// The same where the core's state has just been read.
    pub(super) fn halt_from(&mut self, before: CoreState) -> Result<Stop, Fault> {
        if self.is_halted() {
            return Ok(self.stop.clone());
        }
        self.link.halt()?;
        let stop = match (before, self.link.state()?) {
            (CoreState::LockedUp, _) => self.faulted(Exception::Lockup),
            (CoreState::Halted(reason), _) => self.stopped(reason, StopReason::Halt),
            (_, CoreState::Halted(reason)) => self.stopped(reason, StopReason::Halt),
            _ => self.arrive(StopReason::Halt),
        }?;
        match stop.reason {
            // It is served when the program goes on.
            StopReason::SemihostingCall if self.serves_semihosting() => {}
            StopReason::Passed => return self.halt_behind_breakpoint(),
            _ => return Ok(stop),
        }
        self.arrive(StopReason::Halt)
    }

    /// Lets the program go on, past a breakpoint at the pc.
    pub fn resume(&mut self) -> Result<Resumed, Fault> {
        if !self.is_halted() {
            return Ok(Resumed::Running);
        }
        if let Some(stop) = self.boot_stop() {
            return Ok(Resumed::Refused(stop));
        }
        self.stop_asking();
        self.pass_program_breakpoint()?;
        self.note_returns()?;
        if self.breakpoints.stops_at(self.stop.pc) {
            let stop = self.step_once()?;
            if stop.reason != StopReason::Step {
                self.runs_behind_call();
                return Ok(Resumed::Stopped(stop));
            }
        }
        self.arm_requests(None, None)?;
        self.leave();
        self.link.resume_with(self.run_interrupts())?;
        self.activity = Activity::Running;
        Ok(Resumed::Running)
    }

    /// Looks whether a running core has stopped; a range step goes on from here.
    pub fn poll(&mut self) -> Result<Option<Stop>, Fault> {
        if self.is_halted() {
            return Ok(Some(self.stop.clone()));
        }
        for _ in 0..CALLS_A_LOOK {
            if self.waits_for_input() {
                return self.call_again();
            }
            let activity = self.activity;
            let Some(stop) = self.look()? else {
                return Ok(None);
            };
            let Some(stop) = self.pass_breakpoint(stop, activity)? else {
                return Ok(None);
            };
            if let Some(stop) = self.pass_call(stop, activity)? {
                return Ok(Some(stop));
            }
        }
        Ok(None)
    }

    /// One look at a running core.
    fn look(&mut self) -> Result<Option<Stop>, Fault> {
        let state = self.link.state()?;
        if self.note_unexpected_reset()? {
            self.forget();
        }
        match (state, self.activity) {
            (CoreState::Running | CoreState::Sleeping, _) => Ok(None),
            (CoreState::LockedUp, _) => self.halt().map(Some),
            (CoreState::Halted(reason), Activity::Ranging(range)) => {
                self.arrived_in_range(range, reason)
            }
            (CoreState::Halted(reason), _) => self.stopped(reason, StopReason::Halt).map(Some),
        }
    }

    /// Executes one instruction.
    pub fn step(&mut self) -> Result<Stop, Fault> {
        let stop = self.step_instruction()?;
        self.carry_out_commands(&stop)?;
        Ok(stop)
    }

    /// The same, without what breakpoints do where it leads.
    pub(super) fn step_instruction(&mut self) -> Result<Stop, Fault> {
        self.needs_halt("a step")?;
        if let Some(stop) = self.boot_stop() {
            return Ok(stop);
        }
        self.stop_asking();
        if self.pass_program_breakpoint()? {
            return self.arrive(StopReason::Step);
        }
        self.step_once()
    }

    /// One instruction, also when a unit or a patch sits at the pc.
    pub(super) fn step_once(&mut self) -> Result<Stop, Fault> {
        self.note_step();
        let foreseen = self.foresee()?;
        self.arm_for_step()?;
        self.set_off();
        let stepped = self.link.step(self.step_interrupts());
        self.activity = Activity::Running;
        if self.note_unexpected_reset()? {
            self.forget();
            return self.halt();
        }
        match (stepped, foreseen) {
            (Ok(()), Some(foreseen)) => self.arrive_as_foreseen(&foreseen),
            (Ok(()), None) => self.arrive_by_step(),
            (Err(error), _) => self.after_failed_step(error),
        }
    }

    /// The core has not come back from a step in time, or the link failed.
    pub(super) fn after_failed_step(&mut self, error: LinkError) -> Result<Stop, Fault> {
        if let LinkError::Timeout { .. } = error {
            // WFI with nothing to wake it: the step ends where the core sleeps.
            self.link.halt()?;
            return self.arrive_by_step();
        }
        self.forget();
        Err(error.into())
    }

    /// A step has led nobody knows where: everything is looked at again.
    pub(super) fn arrive_by_step(&mut self) -> Result<Stop, Fault> {
        let state = self.link.state()?;
        self.arrive_in(state)
    }

    /// The same, when the core's state has been read.
    pub(super) fn arrive_in(&mut self, state: CoreState) -> Result<Stop, Fault> {
        self.forget();
        match state {
            CoreState::Halted(reason) => {
                let stop = self.stopped(reason, StopReason::Step)?;
                match stop.reason {
                    StopReason::Passed => self.arrive(StopReason::Step),
                    _ => self.step_over_call(stop),
                }
            }
            CoreState::LockedUp | CoreState::Running | CoreState::Sleeping => self.halt(),
        }
    }

    /// Units and patches as the requests want them, by difference.
    pub(super) fn arm_requests(
        &mut self,
        spare: Option<Address>,
        extra: impl IntoIterator<Item = Address>,
    ) -> Result<(), Fault> {
        let profile = &self.settings.profile;
        let left_out = self.breakpoints.arm(
            self.link.as_mut(),
            &mut self.units,
            |address| profile.ram(address).is_some(),
            self.patching,
            spare,
            extra,
        )?;
        for address in left_out {
            self.console.push(format!(
                "breakpoint at {address} waits: all units are taken, and RAM is not patched before the boot stage has run"
            ));
        }
        Ok(self.publish_writes()?)
    }

    fn arm_for_step(&mut self) -> Result<(), Fault> {
        let profile = &self.settings.profile;
        self.breakpoints.arm_for_step(
            self.link.as_mut(),
            &mut self.units,
            |address| profile.ram(address).is_some(),
            self.stop.pc,
        )?;
        Ok(self.publish_writes()?)
    }

    /// What the halt turns out to be; `otherwise` when the hardware gives no reason of its own.
    pub(super) fn stopped(
        &mut self,
        reason: HaltReason,
        otherwise: StopReason,
    ) -> Result<Stop, Fault> {
        self.registers = RegisterFile::default();
        self.activity = Activity::Halted;
        if reason.vector_catch {
            let number = self.registers.exception_number(self.link.as_mut())?;
            return match Exception::from_number(number) {
                Some(exception) => self.faulted(exception),
                None => self.arrive(StopReason::Reset),
            };
        }
        if reason.watchpoint
            && let Some(watch) = self.units.matched_watch(self.link.as_mut())?
        {
            return self.arrive(watchpoint(watch));
        }
        if reason.breakpoint {
            let pc = Address(self.registers.pc(self.link.as_mut())?);
            // A step spares the unit at its own instruction: what stops it there is the instruction itself.
            let executed = otherwise == StopReason::Step && pc == self.stop.pc;
            if self.breakpoints.stops_at(pc) && !executed {
                let reason = match self.judge(pc)? {
                    Verdict::Stop => StopReason::Breakpoint,
                    Verdict::Pass => StopReason::Passed,
                };
                return self.arrive(reason);
            }
            if self.is_call(pc)? {
                return self.arrive_at_call();
            }
            return self.arrive(StopReason::Unrequested);
        }
        self.arrive(otherwise)
    }

    /// Writes down a halt.
    pub(super) fn arrive(&mut self, reason: StopReason) -> Result<Stop, Fault> {
        self.activity = Activity::Halted;
        let pc = Address(self.registers.pc(self.link.as_mut())?);
        if pc.is_external() {
            // Past the boot stage: RAM is the appli's from now on.
            self.patching = Patching::Allowed;
        }
        self.stop = Stop {
            reason,
            pc,
            console: Vec::new(),
        };
        Ok(self.stop.clone())
    }

    fn faulted(&mut self, exception: Exception) -> Result<Stop, Fault> {
        let fault = CoreFault::read(self.link.as_mut(), exception)?;
        let line = fault.to_string();
        self.journal.record_shown(fault.clone().into());
        self.arrive(StopReason::Fault(Box::new(fault)))?;
        self.stop.console.push(line);
        Ok(self.stop.clone())
    }

    /// The fault of an arm that failed, told once: who resumes again wants to see it run.
    fn boot_stop(&mut self) -> Option<Stop> {
        let fault = self.boot_fault.take()?;
        self.stop = Stop {
            console: fault.to_string().lines().map(str::to_owned).collect(),
            reason: StopReason::Boot(Box::new(fault)),
            pc: self.stop.pc,
        };
        Some(self.stop.clone())
    }

    /// A BKPT of the program itself would stop at every resume: it is passed over, as if it had been executed.
    fn pass_program_breakpoint(&mut self) -> Result<bool, Fault> {
        let pc = self.stop.pc;
        let was_executed = match self.stop.reason {
            StopReason::Unrequested | StopReason::Exited(_) => true,
            // One that is served now is made again.
            StopReason::SemihostingCall => !self.serves_semihosting(),
            _ => false,
        };
        if !was_executed {
            return Ok(false);
        }
        let mut code = [0; 2];
        // Where the code cannot be read, there is nothing to pass over.
        let read = self.read_memory(pc, &mut code).unwrap_or(0);
        if read == code.len() && code[1] == 0xBE {
            self.write_register(super::registers::PC, u64::from(pc.0) + 2)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Tells a reset that nobody here asked for; true if there was one.
    pub(super) fn note_unexpected_reset(&mut self) -> Result<bool, Fault> {
        if !self.link.was_reset()? {
            return Ok(false);
        }
        let flags: Rsr = self.link.peek(RCC)?;
        let before = self.reset_flags.replace(flags).unwrap_or_default();
        let fault = Fault::from(UnexpectedReset {
            cause: flags.cause_since(before),
        });
        self.console.push(fault.one_line());
        self.journal.record_shown(fault);
        self.units.verify(self.link.as_mut())?;
        self.support.apply(self.link.as_mut())?;
        self.breakpoints.forget_patches();
        self.forget_rtt();
        self.forget_calls();
        self.patching = Patching::Forbidden;
        self.arm_requests(None, None)?;
        Ok(true)
    }
}

fn watchpoint(watch: Watch) -> StopReason {
    StopReason::Watchpoint {
        kind: match watch.accesses {
            Watched::Read => Kind::Read,
            Watched::Write => Kind::Write,
            Watched::Access => Kind::Access,
        },
        address: watch.address,
    }
}
