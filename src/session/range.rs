//! Range steps: to the first instruction outside a range of addresses, without a packet an instruction.
//!
//! A few plain instructions are stepped with interrupts masked. Where more are ahead, the core runs to temporary units at all places where
//! the range can be left (see `exits.rs`), still masked; a loop runs unmasked, because it may wait for what an interrupt does. Where a
//! masked step would cheat the program (see `instruction.rs`) it is run, unmasked, to where it leads. The units are gone with the next
//! difference. A handler, or another thread, that comes to one of them is let pass.

use super::{
    Activity, MaskPolicy, Session,
    exits::{Exits, Follow, IT_BLOCK, WayOut, way_out},
    instruction::{Flow, classify},
    registers::{RegisterFile, XPSR},
    stop::{Stop, StopReason},
};
use crate::{
    breakpoints::Verdict,
    fault::Fault,
    layout::Address,
    link::{HaltReason, Interrupts},
    threads::ThreadId,
};

/// Steps in one go, so that the caller gets to look after its clients.
const BURST: usize = 64;

/// A run is four exchanges, a step three.
const WORTH_A_RUN: usize = 2;

/// Longer ranges are stepped: they are no line of a program.
const LONGEST: u32 = 4096;

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
    /// Where the temporary units are; `None` when the burst was over.
    temporary: Option<Exits>,
    /// Who steps: another thread, or a handler, may come to a temporary unit first.
    thread: ThreadId,
    exception: u32,
    /// The registers that the run can change, if nothing else is (see `foresight.rs`).
    changes: Option<u32>,
}

/// A run to temporary units.
struct Run {
    exits: Exits,
    interrupts: Interrupts,
    changes: Option<u32>,
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
            exception: self.exception()?,
            changes: None,
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
        if !self.is_at_exit(range, reason)? {
            let stop = self.stopped(reason, StopReason::Halt)?;
            // A breakpoint that is no stop may lie at an exit.
            if stop.reason != StopReason::Passed || !range.temporary().contains(stop.pc) {
                return Ok(Some(stop));
            }
        }
        let stop = self.arrive(StopReason::Step)?;
        if self.exception()? != range.exception || self.running_thread()? != range.thread {
            return self.let_pass(range);
        }
        if !range.contains(stop.pc) {
            return Ok(Some(stop));
        }
        self.burst(range)
    }

    /// Nothing but a temporary unit has stopped the core.
    fn is_at_exit(&mut self, range: Range, reason: HaltReason) -> Result<bool, Fault> {
        let exits = range.temporary();
        let at_unit = reason.breakpoint;
        if reason.watchpoint || reason.vector_catch || reason.external || !at_unit {
            self.forget();
            return Ok(false);
        }
        if let Some(changes) = range.changes
            && self.arrives_as_foreseen(changes, range.exception, |pc| exits.contains(pc))?
        {
            return Ok(!self
                .breakpoints
                .stops_at(Address(self.registers.pc(self.link.as_mut())?)));
        }
        self.registers = RegisterFile::default();
        let pc = Address(self.registers.pc(self.link.as_mut())?);
        Ok(exits.contains(pc) && !self.breakpoints.stops_at(pc))
    }

    fn exception(&mut self) -> Result<u32, Fault> {
        Ok(self.registers.exception_number(self.link.as_mut())?)
    }

    /// Somebody else is at a temporary unit: he goes on past it, and the step with him.
    fn let_pass(&mut self, range: Range) -> Result<Option<Stop>, Fault> {
        let stop = self.step_once()?;
        if stop.reason != StopReason::Step {
            return Ok(Some(stop));
        }
        self.arm_requests(Some(self.stop.pc), range.temporary().iter())?;
        self.leave();
        self.link.resume_with(Interrupts::Enabled)?;
        self.activity = Activity::Ranging(range.interrupted());
        Ok(None)
    }

    /// Steps for a while; `None` if it goes on, to a temporary unit or in the next burst.
    fn burst(&mut self, range: Range) -> Result<Option<Stop>, Fault> {
        for _ in 0..BURST {
            let run = match self.detour()? {
                Some(target) => Some(Run {
                    exits: Exits::from_iter([target]),
                    interrupts: Interrupts::Enabled,
                    changes: None,
                }),
                None => self.way_out(&range)?,
            };
            if let Some(run) = run {
                self.run_to(range, &run)?;
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

    /// Off the pc, to temporary units.
    fn run_to(&mut self, range: Range, run: &Run) -> Result<(), Fault> {
        self.arm_requests(Some(self.stop.pc), run.exits.iter())?;
        self.set_off();
        if run.changes.is_none() {
            self.forget();
        }
        self.link.resume_with(run.interrupts)?;
        self.activity = Activity::Ranging(Range {
            temporary: Some(run.exits),
            changes: run.changes,
            ..range
        });
        Ok(())
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
        Ok(self.has_room_for(&[target]).then_some(target))
    }

    /// Where to run from the pc, and how, if that costs less than to step; with as many units as are free.
    fn way_out(&mut self, range: &Range) -> Result<Option<Run>, Fault> {
        let pc = self.stop.pc;
        let length = range.end.0.saturating_sub(range.start.0);
        if self.mask != MaskPolicy::Auto
            || length > LONGEST
            || !range.contains(pc)
            || self.breakpoints.stops_at(pc)
            || self.read_register(XPSR)? as u32 & IT_BLOCK != 0
        {
            return Ok(None);
        }
        let mut code = vec![0; length as usize];
        let read = self.read_memory(range.start, &mut code).unwrap_or(0);
        code.truncate(read);
        let fits = |way: &WayOut| way.nearest >= WORTH_A_RUN && self.has_room_for(&way.exits);
        let way = [Follow::Branches, Follow::Block]
            .into_iter()
            .filter_map(|follow| way_out(range.start, &code, pc, follow))
            .find(fits);
        let Some(way) = way else {
            return Ok(None);
        };
        let (interrupts, changes) = match way.loops {
            true => (Interrupts::Enabled, None),
            false => (Interrupts::Masked, self.foresee_run(&way.through)?),
        };
        Ok(Some(Run {
            exits: way.exits.into_iter().collect(),
            interrupts,
            changes,
        }))
    }

    fn has_room_for(&self, addresses: &[Address]) -> bool {
        let profile = &self.settings.profile;
        let is_ram = |address| profile.ram(address).is_some();
        self.breakpoints
            .has_room_for(addresses.iter().copied(), &self.units, is_ram)
    }
}

impl Range {
    /// The core runs to temporary units; otherwise it is halted between two bursts.
    pub(super) fn is_running(&self) -> bool {
        self.temporary.is_some()
    }

    /// Where the temporary units are.
    pub(super) fn temporary(&self) -> Exits {
        self.temporary.unwrap_or_default()
    }

    /// The same behind a halt on the way: what was foreseen does not hold any more.
    pub(super) fn interrupted(self) -> Self {
        Self {
            changes: None,
            ..self
        }
    }

    fn contains(&self, pc: Address) -> bool {
        (self.start..self.end).contains(&pc)
    }
}
