//! Range steps: to the first instruction outside a range of addresses, without a packet an instruction.
//!
//! Plain instructions are stepped with interrupts masked. Where that would cheat the program (see `instruction.rs`) it is run, unmasked,
//! to a temporary unit; the unit is gone with the next difference.

use super::{
    Activity, MaskPolicy, Session,
    instruction::{Flow, classify},
    stop::{Stop, StopReason},
};
use crate::{
    breakpoints::Verdict, fault::Fault, layout::Address, link::HaltReason, threads::ThreadId,
};

/// Steps in one go, so that the caller gets to look after its clients.
const BURST: usize = 64;

/// What became of a range step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeStep {
    /// It is done, or something else stopped the core.
    Stopped(Stop),
    /// It goes on: [`Session::poll`] tells when it is done.
    Running,
}

/// A range step under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    start: Address,
    end: Address,
    /// Where the temporary unit is; `None` when the burst was over.
    temporary: Option<Address>,
    /// Who steps: another thread may come to the temporary unit first.
    thread: ThreadId,
}

impl Session {
    /// Steps until the pc leaves `start..end`. Like GDB's vCont;r, it executes at least one instruction.
    pub fn step_range(&mut self, start: Address, end: Address) -> Result<RangeStep, Fault> {
        self.needs_halt("a step")?;
        if self.boot_fault.is_some() {
            return self.step().map(RangeStep::Stopped);
        }
        let range = Range {
            start,
            end,
            temporary: None,
            thread: self.running_thread()?,
        };
        Ok(match self.burst(range)? {
            Some(stop) => RangeStep::Stopped(stop),
            None => RangeStep::Running,
        })
    }

    /// A range step's core is halted: at its temporary unit, or by something else.
    pub(super) fn arrived_in_range(
        &mut self,
        range: Range,
        reason: HaltReason,
    ) -> Result<Option<Stop>, Fault> {
        if !range.is_running() {
            self.activity = Activity::Halted;
            return self.burst(range);
        }
        let stop = self.stopped(reason, StopReason::Halt)?;
        let nobodys = matches!(stop.reason, StopReason::Unrequested | StopReason::Passed);
        let ours = range.temporary == Some(stop.pc) && nobodys;
        if !ours {
            return Ok(Some(stop));
        }
        if self.running_thread()? != range.thread {
            return self.let_pass(range);
        }
        if !range.contains(stop.pc) {
            return self.arrive(StopReason::Step).map(Some);
        }
        self.burst(range)
    }

    /// Another thread is at the temporary unit: it goes on past it, and the step with it.
    fn let_pass(&mut self, range: Range) -> Result<Option<Stop>, Fault> {
        let at = self.stop.pc;
        let stop = self.step_once()?;
        if stop.reason != StopReason::Step {
            return Ok(Some(stop));
        }
        self.run_to(at)?;
        self.activity = Activity::Ranging(range);
        Ok(None)
    }

    /// Steps for a while; `None` if it goes on, to a temporary unit or in the next burst.
    fn burst(&mut self, range: Range) -> Result<Option<Stop>, Fault> {
        for _ in 0..BURST {
            if let Some(target) = self.detour()? {
                self.run_to(target)?;
                self.activity = Activity::Ranging(Range {
                    temporary: Some(target),
                    ..range
                });
                return Ok(None);
            }
            let stop = self.step_instruction()?;
            let leaves = !range.contains(stop.pc);
            if stop.reason != StopReason::Step || leaves {
                self.carry_out_commands(&stop)?;
                return Ok(Some(stop));
            }
            if self.wants_stop_at(stop.pc)? {
                return Ok(Some(stop));
            }
        }
        // The core is halted and stays so until the next poll comes back here.
        self.activity = Activity::Ranging(Range {
            temporary: None,
            ..range
        });
        Ok(None)
    }

    /// A breakpoint lies where a step has led, and wants the stop.
    fn wants_stop_at(&mut self, pc: Address) -> Result<bool, Fault> {
        Ok(self.breakpoints.stops_at(pc) && self.judge(pc)? == Verdict::Stop)
    }

    /// Where the instruction at the pc has to be run to, if it must not be stepped and a unit is free.
    fn detour(&mut self) -> Result<Option<Address>, Fault> {
        if self.mask != MaskPolicy::Auto {
            return Ok(None);
        }
        let pc = self.stop.pc;
        let mut code = [0; 4];
        if self.read_memory(pc, &mut code).unwrap_or(0) < 2 {
            return Ok(None);
        }
        let target = match classify(pc, code) {
            Flow::Plain => return Ok(None),
            Flow::RunTo(target) => target,
            Flow::RunToRegister(number) => {
                Address(self.read_register(u16::from(number))? as u32 & !1)
            }
        };
        let profile = &self.settings.profile;
        let is_ram = |address| profile.ram(address).is_some();
        let free = self.breakpoints.has_room_for(target, &self.units, is_ram);
        Ok(free.then_some(target))
    }
}

impl Range {
    /// The core runs to a temporary unit; otherwise it is halted between two bursts.
    pub(super) fn is_running(&self) -> bool {
        self.temporary.is_some()
    }

    /// Where the temporary unit is.
    pub(super) fn temporary(&self) -> Option<Address> {
        self.temporary
    }

    fn contains(&self, pc: Address) -> bool {
        (self.start..self.end).contains(&pc)
    }
}
