//! Loaders: flash routines that run in the chip's RAM, called by us through the debug port.
//!
//! The convention is that of CMSIS-Pack flash algorithms: `Init(address, clock, function)`, `EraseSector(address)`,
//! `ProgramPage(address, size, buffer)`, `UnInit(function)`; 0 in R0 is success, R9 is the base of their data, and they return to
//! a breakpoint instruction. A routine runs in a core state of our making: fresh from system reset, caches off, interrupts masked,
//! and the MPU keeps the core from reading ahead into external ranges that do not answer yet. Its buffer lies in tightly coupled
//! memory, which no cache stands before.
//!
//! Whatever happened, [`Loader::finish`] ends in a reset with the core halted: the routine has destroyed clocks, stack and RAM of
//! the program that was there.

pub mod builtin;
mod nor_reset;
mod plan;

use std::{borrow::Cow, fmt, ops::Range, time::Duration};

pub use plan::{DoesNotFit, Plan};

use crate::{
    fault::{Code, Explain},
    layout::{Address, BoardProfile, Memory},
    link::{
        CoreRegister, CoreState, HaltReason, Interrupts, Link, LinkError, RegisterAccess,
        ResetMode,
        core_fault::{CoreFault, Exception},
    },
    registers::{
        debug::{Demcr, SCS},
        flash::{FLASH, Obw1sr},
        iwdg::{FEED, IWDG, IwdgKey, IwdgPrescaler, IwdgReload, UNLOCK},
        mpu::{MpuControl, MpuRegionAttributes, MpuRegionBase, MpuRegionNumber},
    },
    window::Windows,
};

/// Initialisation starts PLLs and resets the NOR, which takes up to 100 ms each.
const INIT_LIMIT: Duration = Duration::from_secs(5);

/// Longest wait between two looks at the core.
const LONGEST_POLL: Duration = Duration::from_millis(50);

/// xPSR with nothing but the Thumb bit (ARM ARM B1.4.2).
const THUMB: u32 = 1 << 24;

/// The external ranges as MPU regions of 512 MiB: they are closed to the core while a routine runs.
const EXTERNAL_HALVES: [u32; 2] = [0x6000_0000, 0x8000_0000];

/// MPU_RASR.SIZE of 512 MiB.
const SIZE_512_MIB: u32 = 28;

/// A flash routine: its code, its entry points, and what it says of the flash it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// Its name in messages.
    pub name: String,
    /// Where the code goes.
    pub load_address: Address,
    /// Code and data.
    pub code: Vec<u8>,
    /// R9 while it runs.
    pub static_base: Address,
    /// `Init`, with the Thumb bit, as all entry points.
    pub init: Option<Address>,
    /// `UnInit`.
    pub uninit: Option<Address>,
    /// `EraseSector`.
    pub erase_sector: Address,
    /// `ProgramPage`.
    pub program_page: Address,
    /// The flash that it serves.
    pub range: Range<u64>,
    /// Largest program of a call, by its own account.
    pub page_bytes: u32,
    /// Smallest erase.
    pub sector_bytes: u32,
    /// What an erased byte reads as.
    pub erased_byte: u8,
    /// Time limit for a page.
    pub program_limit: Duration,
    /// Time limit for a sector.
    pub erase_limit: Duration,
}

/// What a routine is initialised for (CMSIS-Pack, the parameter `fnc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Erase.
    Erase = 1,
    /// Program.
    Program = 2,
    /// Verify.
    Verify = 3,
}

/// A call into a routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `Init`.
    Init,
    /// `EraseSector`.
    Erase {
        /// First address of the sector.
        sector: Address,
    },
    /// `ProgramPage`.
    Program {
        /// First address.
        address: Address,
        /// Bytes.
        length: u32,
    },
    /// `UnInit`.
    UnInit,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init => f.write_str("loader failed: its initialisation"),
            Self::Erase { sector } => write!(f, "erase failed: sector {sector}"),
            Self::Program { address, length } => {
                write!(f, "programming failed: {length} bytes at {address}")
            }
            Self::UnInit => f.write_str("loader failed: its end"),
        }
    }
}

/// What a call came to, other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The routine returned something else than 0.
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

/// A routine in the chip's RAM, ready to be called.
#[derive(Debug)]
pub struct Loader<'a> {
    algorithm: &'a Algorithm,
    plan: Plan,
    catches: Demcr,
    watchdog_runs: bool,
}

impl<'a> Loader<'a> {
    /// Resets the chip, makes the core's state and loads the routine. `program_bytes` is what one call may program at most.
    pub fn start(
        link: &mut dyn Link,
        windows: &mut Windows,
        algorithm: &'a Algorithm,
        profile: &BoardProfile,
        program_bytes: Option<u32>,
    ) -> Result<Self, LoaderError> {
        let plan = Plan::new(algorithm, profile, program_bytes)?;
        link.reset(ResetMode::Halt)?;
        windows.forget();
        let catches: Demcr = link.peek(SCS)?;
        let loader = Self {
            algorithm,
            plan,
            catches,
            watchdog_runs: !link.peek::<Obw1sr>(FLASH)?.software_watchdog(),
        };
        loader.make_core_state(link)?;
        link.write(algorithm.load_address, &loader.plan.image(algorithm))?;
        Ok(loader)
    }

    /// Most bytes that one call of [`Self::program`] takes.
    pub fn program_bytes(&self) -> u32 {
        self.plan.buffer_bytes
    }

    /// Granularity of programs.
    pub fn page_bytes(&self) -> u32 {
        self.algorithm.page_bytes
    }

    /// Calls `Init`; ST's routines leave the window mapped after it.
    pub fn init(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        function: Function,
    ) -> Result<(), LoaderError> {
        let Some(entry) = self.algorithm.init else {
            return Ok(());
        };
        let base = self.algorithm.range.start as u32;
        self.call(
            link,
            windows,
            Operation::Init,
            entry,
            [base, 0, function as u32],
            INIT_LIMIT,
        )
    }

    /// Erases the sector that begins at `sector`.
    pub fn erase(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        sector: Address,
    ) -> Result<(), LoaderError> {
        let operation = Operation::Erase { sector };
        let entry = self.algorithm.erase_sector;
        self.call(
            link,
            windows,
            operation,
            entry,
            [sector.0, 0, 0],
            self.algorithm.erase_limit,
        )
    }

    /// Programs `data`, at most [`Self::program_bytes`], at `address`.
    pub fn program(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        address: Address,
        data: &[u8],
    ) -> Result<(), LoaderError> {
        let length = data.len() as u32;
        let pages = length.div_ceil(self.algorithm.page_bytes).max(1);
        link.write(self.plan.buffer, data)?;
        self.call(
            link,
            windows,
            Operation::Program { address, length },
            self.algorithm.program_page,
            [address.0, length, self.plan.buffer.0],
            self.algorithm.program_limit * pages,
        )
    }

    /// Lets the routine clean up, brings the NOR back into its power-on protocol if it served one, then resets the chip with the core
    /// halted. Says nothing of a routine that cannot clean up: the reset undoes what it left.
    pub fn finish(mut self, link: &mut dyn Link, windows: &mut Windows) -> Result<(), LoaderError> {
        if let Some(entry) = self.algorithm.uninit
            && matches!(link.state()?, CoreState::Halted(_))
        {
            let function = [Function::Verify as u32, 0, 0];
            let ended = self.call(
                link,
                windows,
                Operation::UnInit,
                entry,
                function,
                INIT_LIMIT,
            );
            if let Err(error) = ended {
                tracing::warn!("{error}");
            }
        }
        link.poke(SCS, self.catches)?;
        let base = Address(self.algorithm.range.start as u32);
        if let Some(window) = windows
            .find(base)
            .filter(|window| window.memory == Memory::Nor)
            && !nor_reset::reset_nor(link, window)?
        {
            tracing::warn!(
                "the NOR behind {window} could not be reset: a boot stage may not find it"
            );
        }
        link.reset(ResetMode::Halt)?;
        windows.forget();
        Ok(())
    }

    /// MPU over the external ranges, interrupts masked, every fault caught, and a watchdog that option bytes started made slow.
    fn make_core_state(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        for (region, base) in (0..).zip(EXTERNAL_HALVES) {
            link.poke(SCS, MpuRegionNumber::default().with_region(region))?;
            link.poke(SCS, MpuRegionBase::from_address(base))?;
            let closed = MpuRegionAttributes::default()
                .with_enabled(true)
                .with_size(SIZE_512_MIB)
                .with_execute_never(true);
            link.poke(SCS, closed)?;
        }
        link.poke(
            SCS,
            MpuControl::default()
                .with_enabled(true)
                .with_default_map(true),
        )?;
        let primask = 1;
        link.write_register(CoreRegister::SPECIAL, primask)?;
        let every_fault = self
            .catches
            .with_catch_hard_fault(true)
            .with_catch_bus(true)
            .with_catch_memory_management(true)
            .with_catch_state(true)
            .with_catch_check(true)
            .with_catch_no_coprocessor(true)
            .with_catch_exception_entry(true);
        link.poke(SCS, every_fault)?;
        if self.watchdog_runs {
            link.poke(IWDG, IwdgKey::default().with_key(UNLOCK))?;
            link.poke(IWDG, IwdgPrescaler::default().with_divider(6))?;
            link.poke(IWDG, IwdgReload::default().with_value(u32::MAX))?;
        }
        Ok(())
    }

    /// Calls `entry` with arguments in R0 to R2 and waits until it has returned.
    fn call(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        operation: Operation,
        entry: Address,
        arguments: [u32; 3],
        limit: Duration,
    ) -> Result<(), LoaderError> {
        windows.forget();
        if self.watchdog_runs {
            link.poke(IWDG, IwdgKey::default().with_key(FEED))?;
        }
        for (number, value) in (0..).zip(arguments) {
            link.write_register(CoreRegister(number), value)?;
        }
        let frame = [
            (CoreRegister(9), self.algorithm.static_base.0),
            (CoreRegister::SP, self.plan.stack_top.0),
            (CoreRegister::LR, self.plan.breakpoint.0 | 1),
            (CoreRegister::PC, entry.0 & !1),
            (CoreRegister::XPSR, THUMB),
        ];
        for (register, value) in frame {
            link.write_register(register, value)?;
        }
        link.resume_with(Interrupts::Masked)?;
        let outcome = self.wait(link, limit)?;
        windows.forget();
        match outcome {
            None => Ok(()),
            Some(outcome) => Err(LoaderError::Call {
                loader: self.algorithm.name.clone(),
                operation,
                outcome,
            }),
        }
    }

    /// Waits for the return. The time is what [`Link::idle`] was asked to wait, so that it is the target's time on every link.
    fn wait(&self, link: &mut dyn Link, limit: Duration) -> Result<Option<Outcome>, LinkError> {
        let mut waited = Duration::ZERO;
        loop {
            match link.state()? {
                CoreState::Halted(reason) => return self.returned(link, reason),
                CoreState::LockedUp => {
                    link.halt()?;
                    let fault = CoreFault::read(link, Exception::Lockup)?;
                    return Ok(Some(Outcome::Crashed(Box::new(fault))));
                }
                CoreState::Running | CoreState::Sleeping if waited >= limit => {
                    link.halt()?;
                    let pc = Address(link.read_register(CoreRegister::PC)?);
                    return Ok(Some(Outcome::StillBusy { limit, pc }));
                }
                CoreState::Running | CoreState::Sleeping => {}
            }
            let pause = (waited / 8).clamp(Duration::from_millis(1), LONGEST_POLL);
            link.idle(pause)?;
            waited += pause;
        }
    }

    fn returned(
        &self,
        link: &mut dyn Link,
        reason: HaltReason,
    ) -> Result<Option<Outcome>, LinkError> {
        if reason.vector_catch
            && let Some(fault) = CoreFault::of_halted(link)?
        {
            return Ok(Some(Outcome::Crashed(Box::new(fault))));
        }
        let mut values = [0; 2];
        link.read_registers(&[CoreRegister(0), CoreRegister::PC], &mut values)?;
        let [result, pc] = values;
        Ok(match (pc == self.plan.breakpoint.0, result) {
            (true, 0) => None,
            (true, code) => Some(Outcome::Reported(code)),
            (false, _) => Some(Outcome::Strayed(Address(pc))),
        })
    }
}

/// Why a loader did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum LoaderError {
    /// probe-rs ships no such routine for the chip.
    #[error("no flash routine `{name}` is known for {chip}")]
    Unknown {
        /// The routine, as the profile names it.
        name: String,
        /// The chip.
        chip: String,
    },
    /// It says nothing of where it was linked, or of its sectors.
    #[error("flash routine `{name}` cannot be used: it states no {lacks}")]
    Incomplete {
        /// The routine.
        name: String,
        /// What is missing.
        lacks: &'static str,
    },
    /// Not enough RAM.
    #[error(transparent)]
    DoesNotFit(#[from] DoesNotFit),
    /// A call failed.
    #[error("{operation} {outcome}")]
    Call {
        /// The routine.
        loader: String,
        /// Which call.
        operation: Operation,
        /// What it came to.
        outcome: Outcome,
    },
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Explain for LoaderError {
    fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } | Self::Incomplete { .. } | Self::DoesNotFit(_) => Code::XG034,
            Self::Call { operation, .. } => match operation {
                Operation::Init | Operation::UnInit => Code::XG033,
                Operation::Erase { .. } => Code::XG030,
                Operation::Program { .. } => Code::XG031,
            },
            Self::Link(link) => link.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Link(link) => link.remedy(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
