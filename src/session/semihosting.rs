//! Semihosting calls in a session: when the core is at one, and how it goes on behind it.
//!
//! The core halts at BKPT 0xAB, because debug is enabled, with pc at the instruction (ARM ARM C1.3). A call that is served is no stop:
//! pc is advanced and the core runs again, in the same look at it. A breakpoint of the user's on the instruction stops first, and the call
//! is served when the program goes on; a step executes the call.

use std::collections::BTreeSet;

use super::{
    Activity, Session, SessionError, registers,
    stop::{Stop, StopReason},
};
use crate::{
    fault::Fault,
    layout::Address,
    link::CoreRegister,
    semihosting::{
        Answer, CALL, Errand, Host, Memory, Operation, Options, Outcome, Output, Semihosting,
    },
};

/// Calls that are served in one look, so that the caller gets to look after its clients.
pub(super) const CALLS_A_LOOK: usize = 32;

/// Semihosting in a session: who serves it, and where calls are known to be.
#[derive(Debug, Default)]
pub(super) struct Calls {
    options: Options,
    host: Option<Semihosting>,
    /// Calls in flash: what is there stays as long as nothing is programmed and nobody resets.
    known: BTreeSet<Address>,
    /// The core is halted at a call that waits for input.
    waits: bool,
    /// It is halted at a call that a client is to serve; behind it, it does this.
    asks: Option<Activity>,
}

/// What became of a call.
enum Called {
    /// The core is behind it.
    Done,
    /// It waits for input.
    Waits,
    /// A client is to do this for it.
    Asks(Errand),
    /// The client was interrupted before it did anything.
    Interrupted,
    /// The program has ended.
    Stopped(Stop),
}

/// What the core does once a client has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// What it was told to do.
    GoesOn,
    /// It stops, as by Ctrl-C.
    Stops,
}

impl Session {
    /// Serves semihosting calls from now on. A program's calls are stops unless somebody serves them.
    ///
    /// What the program says is asked for by [`Session::take_program_output`]; its end is a stop, [`StopReason::Exited`]; for what it reads
    /// from its console see [`Session::semihosting`].
    pub fn serve_semihosting(&mut self, options: Options) -> Result<(), Fault> {
        self.calls.host = Some(Semihosting::new(&options, self.link.now())?);
        self.calls.options = options;
        Ok(())
    }

    /// Whose console and files the program has, from now on and until the client that controls leaves. Calls are served.
    pub fn serve_semihosting_by(&mut self, host: Host) -> Result<(), Fault> {
        let semihosting = match self.calls.host.take() {
            Some(semihosting) => semihosting,
            None => Semihosting::new(&self.calls.options, self.link.now())?,
        };
        self.calls.host.insert(semihosting).set_host(host);
        Ok(())
    }

    /// Whose console and files the program has, or would have.
    pub fn semihosting_host(&self) -> Host {
        let usual = self.calls.options.host;
        self.calls.host.as_ref().map_or(usual, Semihosting::host)
    }

    /// What is served, or would be.
    pub fn semihosting_options(&self) -> &Options {
        &self.calls.options
    }

    /// What the program gets for its arguments.
    pub fn set_semihosting_command_line(&mut self, command_line: String) {
        if let Some(host) = &mut self.calls.host {
            host.set_command_line(command_line.clone());
        }
        self.calls.options.command_line = command_line;
    }

    /// Somebody may type at any time, from now on: a program that reads its console waits for it.
    pub fn open_semihosting_input(&mut self) {
        self.calls.options.is_typed_into = true;
        if let Some(host) = &mut self.calls.host {
            host.open_input();
        }
    }

    /// True if the program is at a call that waits for input.
    pub fn waits_for_input(&self) -> bool {
        self.calls.waits
    }

    /// Calls are stops again; the program's files are closed.
    pub fn refuse_semihosting(&mut self) {
        self.calls.host = None;
    }

    /// Who serves semihosting calls, if anybody does: for input.
    pub fn semihosting(&mut self) -> Option<&mut Semihosting> {
        self.calls.host.as_mut()
    }

    /// What the program has said by semihosting since this was asked last. To be asked after each [`Session::poll`], resume and step.
    pub fn take_program_output(&mut self) -> Vec<Output> {
        let host = self.calls.host.as_mut();
        host.map(Semihosting::take_output).unwrap_or_default()
    }

    /// The core is halted by a BKPT at `pc`: true if that is a call.
    pub(super) fn is_call(&mut self, pc: Address) -> Result<bool, Fault> {
        if self.calls.known.contains(&pc) {
            return Ok(true);
        }
        let mut code = [0; CALL.len()];
        // Where the code cannot be read, it is no call.
        let read = self.read_memory(pc, &mut code).unwrap_or(0);
        let is_call = read == code.len() && code == CALL;
        if is_call && self.settings.profile.ram(pc).is_none() {
            self.calls.known.insert(pc);
        }
        Ok(is_call)
    }

    /// The program's flash may be another, or it begins again.
    pub(super) fn forget_calls(&mut self) {
        self.calls.known.clear();
        self.calls.waits = false;
        self.calls.asks = None;
        if let Some(host) = &mut self.calls.host {
            host.restart(self.link.now());
        }
    }

    /// A halt or a step ends the waiting: the call is made again when the program goes on.
    pub(super) fn stop_waiting(&mut self) {
        self.calls.waits = false;
    }

    /// The call that waited, if its input has come.
    pub(super) fn call_again(&mut self) -> Result<Option<Stop>, Fault> {
        let has_input = self.calls.host.as_ref().is_none_or(Semihosting::has_input);
        if !has_input {
            return Ok(None);
        }
        self.calls.waits = false;
        // Only who polls saw it run: the core stands at its call.
        let activity = std::mem::replace(&mut self.activity, Activity::Halted);
        let stop = self.arrive_at_call()?;
        self.pass_call(stop, activity)
    }

    /// True if calls are served.
    pub fn serves_semihosting(&self) -> bool {
        self.calls.host.is_some()
    }

    /// What a call that nobody serves looks like.
    pub(super) fn arrive_at_call(&mut self) -> Result<Stop, Fault> {
        let number = self.read_register(0)? as u32;
        self.arrive(StopReason::SemihostingCall)?;
        if !self.serves_semihosting() {
            let name = match Operation::from_number(number) {
                Some(operation) => operation.to_string(),
                None => format!("operation 0x{number:x}"),
            };
            self.stop.console.push(format!(
                "semihosting call {name}, which nobody serves: `monitor semihosting on` does; going on passes it over"
            ));
        }
        Ok(self.stop.clone())
    }

    /// Serves the call that the core is halted at.
    fn serve_call(&mut self) -> Result<Called, Fault> {
        let registers = self.registers([0, 1, registers::PC])?;
        let [operation, parameter, pc] =
            [0, 1, registers::PC].map(|number| registers.known(number).unwrap_or_default());
        let Some(mut host) = self.calls.host.take() else {
            return Ok(Called::Done);
        };
        let now = self.link.now();
        let outcome = host.serve(operation, parameter, now, &mut Halted(self));
        self.calls.host = Some(host);
        self.called(outcome?, pc)
    }

    /// The core is at `pc`.
    fn called(&mut self, outcome: Outcome, pc: u32) -> Result<Called, Fault> {
        match outcome {
            Outcome::Returns(value) => {
                let behind = pc.wrapping_add(CALL.len() as u32);
                let changed = [(CoreRegister(0), value), (CoreRegister::PC, behind)];
                self.link.write_registers(&changed)?;
                self.registers.forget(1 | 1 << registers::PC);
                self.stop.pc = Address(behind);
                Ok(Called::Done)
            }
            Outcome::Waits => {
                self.calls.waits = true;
                Ok(Called::Waits)
            }
            Outcome::Asks(errand) => Ok(Called::Asks(errand)),
            Outcome::Interrupted => Ok(Called::Interrupted),
            Outcome::Exits(exit) => {
                self.arrive(StopReason::Exited(exit))?;
                let code = exit.code;
                self.stop.console.push(match exit.is_wanted() {
                    true => format!("the program ended with code {code} (semihosting exit)"),
                    false => format!(
                        "the program ended with reason 0x{:x}, code {code} (semihosting exit)",
                        exit.reason
                    ),
                });
                Ok(Called::Stopped(self.stop.clone()))
            }
        }
    }

    /// A client has done what a call asked for, or was interrupted; see [`StopReason::ClientCall`]. The stop, if there is one now: it may
    /// be the next errand of the same call.
    pub fn client_answered(
        &mut self,
        answer: Answer,
        behind: Behind,
    ) -> Result<Option<Stop>, Fault> {
        let Some(activity) = self.calls.asks.take() else {
            return Ok(None);
        };
        if self.note_unexpected_reset()? {
            // There is no call any more.
            self.forget();
            self.activity = Activity::Running;
            return match (behind, activity) {
                (Behind::GoesOn, Activity::Running | Activity::Ranging(_)) => Ok(None),
                _ => self.halt().map(Some),
            };
        }
        let Some(mut host) = self.calls.host.take() else {
            return Ok(None);
        };
        let outcome = host.answer(answer, &mut Halted(self));
        self.calls.host = Some(host);
        let pc = self.stop.pc;
        match (self.called(outcome?, pc.0)?, behind) {
            (Called::Interrupted, Behind::GoesOn) => {
                let stop = self.arrive_at_call()?;
                self.pass_call(stop, activity)
            }
            (Called::Done, Behind::Stops) => self.arrive(StopReason::Halt).map(Some),
            (called, _) => self.go_on(called, activity),
        }
    }

    /// What the core does behind a call that a client is to serve, and that was met by a step of ours.
    pub(super) fn runs_behind_call(&mut self) {
        if let Some(behind) = &mut self.calls.asks {
            *behind = Activity::Running;
        }
    }

    /// Nobody waits for a client any more: the call is made again when the program goes on.
    pub(super) fn stop_asking(&mut self) {
        self.calls.asks = None;
    }

    /// The client that controlled has gone: who serves is who served before it came, also the call that is under way.
    pub(super) fn take_back_calls(&mut self) -> Result<(), Fault> {
        let usual = self.calls.options.host;
        if let Some(host) = &mut self.calls.host {
            // Whatever it had open has gone with it.
            host.set_host(Host::Ours);
            host.set_host(usual);
        }
        match self.calls.asks.take() {
            Some(behind @ (Activity::Running | Activity::Ranging(_))) => {
                let stop = self.arrive_at_call()?;
                self.pass_call(stop, behind).map(drop)
            }
            Some(Activity::Halted) | None => Ok(()),
        }
    }

    /// The core goes on with what it did, to the temporary units if a range step is under way; whoever polls looks at it next.
    pub(super) fn run_on(&mut self, activity: Activity) -> Result<(), Fault> {
        self.arm_requests(None, activity.temporary().iter())?;
        self.leave();
        let interrupts = self.run_interrupts();
        self.link.resume_with(interrupts)?;
        self.activity = match activity {
            Activity::Ranging(range) => Activity::Ranging(range.interrupted()),
            other => other,
        };
        Ok(())
    }

    /// A stop at a call that is served is none: `None` if the core goes on with what it did (`activity`), or waits for input.
    pub(super) fn pass_call(
        &mut self,
        stop: Stop,
        activity: Activity,
    ) -> Result<Option<Stop>, Fault> {
        if stop.reason != StopReason::SemihostingCall || !self.serves_semihosting() {
            return Ok(Some(stop));
        }
        let called = self.serve_call()?;
        self.go_on(called, activity)
    }

    /// Behind a call the core does what it was told, unless that was a step; the stop, if there is one.
    fn go_on(&mut self, called: Called, activity: Activity) -> Result<Option<Stop>, Fault> {
        match (called, activity) {
            (Called::Stopped(stop), _) => return Ok(Some(stop)),
            (Called::Interrupted, _) => return self.arrive(StopReason::Halt).map(Some),
            (Called::Asks(errand), _) => {
                let stop = self.arrive(StopReason::ClientCall(Box::new(errand)))?;
                self.calls.asks = Some(activity);
                return Ok(Some(stop));
            }
            (Called::Waits, Activity::Halted) => {
                self.stop_waiting();
                return self.arrive(StopReason::Step).map(Some);
            }
            (Called::Done, Activity::Halted) => return self.arrive(StopReason::Step).map(Some),
            (Called::Waits, _) => self.activity = activity,
            (Called::Done, _) => self.run_on(activity)?,
        }
        Ok(None)
    }

    /// A step that executed a call is done behind it.
    pub(super) fn step_over_call(&mut self, stop: Stop) -> Result<Stop, Fault> {
        let passed = self.pass_call(stop, Activity::Halted)?;
        Ok(passed.unwrap_or_else(|| self.stop.clone()))
    }
}

/// Memory of the session's halted core, for the program's pointers: RAM, flash and windows, and no register that changes by being read.
struct Halted<'a>(&'a mut Session);

impl Halted<'_> {
    fn check(&self, address: Address) -> Result<(), Fault> {
        if self.0.is_plain_memory(address) || address.is_external() {
            return Ok(());
        }
        Err(SessionError::NoMemory { address }.into())
    }
}

impl Memory for Halted<'_> {
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault> {
        self.check(address)?;
        let mut done = 0;
        while done < data.len() {
            let at = Address(address.0.wrapping_add(done as u32));
            match self.0.read_memory(at, &mut data[done..])? {
                0 => return Err(SessionError::NoMemory { address: at }.into()),
                read => done += read,
            }
        }
        Ok(())
    }

    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), Fault> {
        self.check(address)?;
        self.0.write_memory(address, data)
    }
}
