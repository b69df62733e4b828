//! One call into a routine: arguments in R0 to R3, LR on a breakpoint, and what it comes to.
//!
//! A call is begun and waited for apart, so that data can travel to the second buffer while it runs. Its time is what [`Link::idle`]
//! was asked to wait, so that it is the target's time on every link.

use std::{fmt, time::Duration};

use super::{Loader, LoaderError, Plan, Routine};
use crate::{
    layout::Address,
    link::{
        CoreRegister, CoreState, HaltReason, Interrupts, Link, LinkError, RegisterAccess,
        core_fault::{CoreFault, Exception},
    },
    registers::iwdg::{FEED, IWDG, IwdgKey},
    window::Windows,
};

/// Shortest and longest wait between two looks at the core.
const POLL: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(50)];

/// Between two feeds of a watchdog that option bytes started; made slow, it bites after 30 s at least (32 kHz, 4096 * 256).
const FEED_INTERVAL: Duration = Duration::from_secs(5);

/// xPSR with nothing but the Thumb bit (ARM ARM B1.4.2).
const THUMB: u32 = 1 << 24;

/// A call into a routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `Init`.
    Init,
    /// The window is mapped again after a change.
    Map,
    /// `EraseSector`, `SectorErase`.
    Erase {
        /// First address of the first sector.
        sector: Address,
    },
    /// `ProgramPage`, `Write`.
    Program {
        /// First address.
        address: Address,
        /// Bytes.
        length: u32,
    },
    /// Checksums.
    Crc {
        /// First address.
        address: Address,
        /// Bytes.
        length: u32,
    },
    /// `UnInit`.
    UnInit,
    /// Both caches are emptied.
    EmptyCaches,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init => f.write_str("loader failed: its initialisation"),
            Self::Map => f.write_str("loader failed: its mapping of the window"),
            Self::Erase { sector } => write!(f, "erase failed: sector {sector}"),
            Self::Program { address, length } => {
                write!(f, "programming failed: {length} bytes at {address}")
            }
            Self::Crc { address, length } => {
                write!(
                    f,
                    "loader failed: its checksum of {length} bytes at {address}"
                )
            }
            Self::UnInit => f.write_str("loader failed: its end"),
            Self::EmptyCaches => f.write_str("the caches could not be emptied: our routine"),
        }
    }
}

/// What a call came to, other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The routine returned something else than success.
    Reported(u32),
    /// It did not come back.
    StillBusy {
        /// The limit.
        limit: Duration,
        /// Where it was.
        pc: Address,
    },
    /// It ran into a fault.
    Crashed(Box<CoreFault>),
    /// It stopped somewhere else than at its return.
    Strayed(Address),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported(code) => write!(f, "was refused by the routine (it returned {code})"),
            Self::StillBusy { limit, pc } => {
                write!(f, "still busy after {} ms (pc {pc})", limit.as_millis())
            }
            Self::Crashed(fault) => write!(f, "crashed: {fault}"),
            Self::Strayed(pc) => write!(f, "stopped at {pc} instead of returning"),
        }
    }
}

/// A call to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub operation: Operation,
    pub entry: Address,
    pub arguments: [u32; 4],
    /// R0 when it has succeeded, if it tells by that.
    pub success: Option<u32>,
    pub limit: Duration,
}

/// A call under way: the core runs until [`Loader::wait`] has seen it return. Memory on the chip can be written meanwhile.
#[derive(Debug)]
#[must_use = "the core runs on until the call is waited for"]
pub struct Call {
    request: Request,
    waited: Duration,
    fed: Duration,
    ended: Option<Result<(), Outcome>>,
}

impl Call {
    /// Waits; the time counts against the limit.
    pub(super) fn pass(&mut self, link: &mut dyn Link, pause: Duration) -> Result<(), LinkError> {
        link.idle(pause)?;
        self.waited += pause;
        Ok(())
    }

    /// What it failed with, once it has ended.
    pub(super) fn take_failure(&mut self) -> Option<Outcome> {
        self.ended.take()?.err()
    }

    /// A part of the work is done: the limit begins anew.
    pub(super) fn has_progressed(&mut self) {
        self.waited = Duration::ZERO;
        self.fed = Duration::ZERO;
    }
}

/// Calls of one routine: what is the same in all of them.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    name: String,
    static_base: Address,
    stack_top: Address,
    breakpoint: Address,
    interrupts: Interrupts,
    watchdog_runs: bool,
}

impl Loader<'_> {
    /// Starts a call; the core runs when this returns.
    pub(super) fn begin(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        request: Request,
    ) -> Result<Call, LinkError> {
        self.caller.begin(link, windows, request)
    }

    /// Waits until the call has returned.
    pub fn wait(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        call: Call,
    ) -> Result<(), LoaderError> {
        let ended = self.caller.wait(link, windows, call);
        if let Err(LoaderError::Call { .. }) = &ended {
            self.check_stack(link)?;
        }
        ended
    }

    /// Begins a call and waits for it.
    pub(super) fn call(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        request: Request,
    ) -> Result<(), LoaderError> {
        let call = self.begin(link, windows, request)?;
        self.wait(link, windows, call)
    }

    /// True if `call` has returned, or has come to another end: [`Self::wait`] then does not wait.
    pub fn has_ended(&self, link: &mut dyn Link, call: &mut Call) -> Result<bool, LinkError> {
        self.caller.has_ended(link, call)
    }
}

impl Caller {
    /// For `routine`, placed as `plan` says.
    pub(super) fn new(routine: &Routine, plan: &Plan, watchdog_runs: bool) -> Self {
        Self {
            name: routine.name.clone(),
            static_base: routine.static_base(),
            stack_top: plan.stack_top,
            breakpoint: plan.breakpoint,
            interrupts: routine.interrupts,
            watchdog_runs,
        }
    }

    /// For a routine of ours without data of its own.
    pub(super) fn bare(name: &str, plan: &Plan, watchdog_runs: bool) -> Self {
        Self {
            name: name.to_owned(),
            static_base: Address(0),
            stack_top: plan.stack_top,
            breakpoint: plan.breakpoint,
            interrupts: Interrupts::Masked,
            watchdog_runs,
        }
    }

    /// For a routine that ends at its own `breakpoint` and takes nothing from the registers.
    pub(super) fn ending(name: &str, breakpoint: Address, watchdog_runs: bool) -> Self {
        Self {
            name: name.to_owned(),
            static_base: Address(0),
            stack_top: Address(0),
            breakpoint,
            interrupts: Interrupts::Masked,
            watchdog_runs,
        }
    }

    /// Starts a call; the core runs when this returns.
    pub(super) fn begin(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        request: Request,
    ) -> Result<Call, LinkError> {
        let [first, second, third, fourth] = request.arguments;
        let registers = [
            (CoreRegister(0), first),
            (CoreRegister(1), second),
            (CoreRegister(2), third),
            (CoreRegister(3), fourth),
            (CoreRegister(9), self.static_base.0),
            (CoreRegister::SP, self.stack_top.0),
            (CoreRegister::LR, self.breakpoint.0 | 1),
            (CoreRegister::PC, request.entry.0 & !1),
            (CoreRegister::XPSR, THUMB),
        ];
        self.begin_with(link, windows, request, &registers)
    }

    /// The same with these registers.
    pub(super) fn begin_with(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        request: Request,
        registers: &[(CoreRegister, u32)],
    ) -> Result<Call, LinkError> {
        windows.forget();
        self.feed(link)?;
        link.write_registers(registers)?;
        link.resume_with(self.interrupts)?;
        Ok(Call {
            request,
            waited: Duration::ZERO,
            fed: Duration::ZERO,
            ended: None,
        })
    }

    /// Waits until the call has returned.
    pub(super) fn wait(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        mut call: Call,
    ) -> Result<(), LoaderError> {
        let outcome = loop {
            self.has_ended(link, &mut call)?;
            if let Some(outcome) = call.ended.take() {
                break outcome;
            }
            let pause = (call.waited / 8).clamp(POLL[0], POLL[1]);
            call.pass(link, pause)?;
            if call.waited - call.fed >= FEED_INTERVAL {
                call.fed = call.waited;
                self.feed(link)?;
            }
        };
        windows.forget();
        outcome.map_err(|outcome| self.failed(&call.request, outcome))
    }

    /// What the routine told in its own way, where that is no success.
    pub(super) fn reported(&self, request: &Request, code: u32) -> LoaderError {
        self.failed(request, Outcome::Reported(code))
    }

    fn failed(&self, request: &Request, outcome: Outcome) -> LoaderError {
        LoaderError::Call {
            loader: self.name.clone(),
            operation: request.operation,
            outcome,
        }
    }

    /// Begins a call and waits for it.
    pub(super) fn call(
        &self,
        link: &mut dyn Link,
        windows: &mut Windows,
        request: Request,
    ) -> Result<(), LoaderError> {
        let call = self.begin(link, windows, request)?;
        self.wait(link, windows, call)
    }

    /// True if `call` has returned, or has come to another end: [`Self::wait`] then does not wait.
    pub(super) fn has_ended(
        &self,
        link: &mut dyn Link,
        call: &mut Call,
    ) -> Result<bool, LinkError> {
        if call.ended.is_none() {
            call.ended = self.look(link, call)?;
        }
        Ok(call.ended.is_some())
    }

    /// What the call has come to by now.
    fn look(
        &self,
        link: &mut dyn Link,
        call: &Call,
    ) -> Result<Option<Result<(), Outcome>>, LinkError> {
        let limit = call.request.limit;
        match link.state()? {
            CoreState::Halted(reason) => self.returned(link, reason, &call.request).map(Some),
            CoreState::LockedUp => {
                link.halt()?;
                let fault = CoreFault::read(link, Exception::Lockup)?;
                Ok(Some(Err(Outcome::Crashed(Box::new(fault)))))
            }
            CoreState::Running | CoreState::Sleeping if call.waited >= limit => {
                link.halt()?;
                let pc = Address(link.read_register(CoreRegister::PC)?);
                Ok(Some(Err(Outcome::StillBusy { limit, pc })))
            }
            CoreState::Running | CoreState::Sleeping => Ok(None),
        }
    }

    fn returned(
        &self,
        link: &mut dyn Link,
        reason: HaltReason,
        request: &Request,
    ) -> Result<Result<(), Outcome>, LinkError> {
        if reason.vector_catch
            && let Some(fault) = CoreFault::of_halted(link)?
        {
            return Ok(Err(Outcome::Crashed(Box::new(fault))));
        }
        let pc = link.read_register(CoreRegister::PC)?;
        if pc != self.breakpoint.0 {
            return Ok(Err(Outcome::Strayed(Address(pc))));
        }
        let Some(success) = request.success else {
            return Ok(Ok(()));
        };
        let result = link.read_register(CoreRegister(0))?;
        Ok(match result == success {
            true => Ok(()),
            false => Err(Outcome::Reported(result)),
        })
    }

    /// Feeds a watchdog that option bytes started.
    pub(super) fn feed(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        if self.watchdog_runs {
            link.poke(IWDG, IwdgKey::default().with_key(FEED))?;
        }
        Ok(())
    }
}
