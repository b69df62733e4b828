//! Loaders: flash routines that run in the chip's RAM, called by us through the debug port.
//!
//! A [`Routine`] says what lies where, how it is called and which flash it serves; `builtin.rs`, `stldr.rs`, `flm.rs` and `own.rs` make one. It runs
//! in a core state of our making: fresh from system reset, caches off, interrupts masked, and the MPU keeps the core from reading
//! ahead into external ranges that do not answer yet. [`Plan`] decides where its stack and its two buffers lie.
//!
//! Whatever happened, [`Loader::finish`] ends in a reset with the core halted: the routine has destroyed clocks, stack and RAM of
//! the program that was there.

pub mod builtin;
mod caches;
mod call;
mod checksum;
mod choice;
mod core_state;
mod description;
mod elf;
mod error;
mod file_error;
mod flm;
mod interlude;
mod nor_reset;
mod own;
mod plan;
mod queue;
mod routine;
mod stldr;

use std::{ops::Range, time::Duration};

pub use call::{Call, Operation, Outcome};
pub use checksum::checksums_in_place;
pub use choice::{Choice, from_bytes};
pub use description::Description;
pub use error::{Act, LoaderError, Rescue};
pub use file_error::LoaderFileError;
pub use interlude::checksums_in_passing;
pub use plan::{DoesNotFit, Plan};
pub use queue::{Queue, Work};
pub use routine::{
    Cmsis, Convention, Fast, Geometry, Limits, Origin, Routine, SectorRun, Segment, St,
};

use call::{Caller, Request};

use crate::{
    layout::{Address, BoardProfile, Memory},
    link::{CoreState, Link, LinkError, RegisterAccess, ResetMode},
    registers::debug::{Demcr, SCS},
    window::Windows,
};

/// Mapping the window takes no longer.
const MAP_LIMIT: Duration = Duration::from_secs(1);

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

/// One of the two buffers that a routine programs from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Buffer {
    /// The first.
    #[default]
    First,
    /// The second.
    Second,
}

impl Buffer {
    /// The one that is filled while this one is programmed.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// A routine in the chip's RAM, ready to be called.
#[derive(Debug)]
pub struct Loader<'a> {
    routine: &'a Routine,
    plan: Plan,
    caller: Caller,
    catches: Demcr,
    /// Something was erased or programmed.
    has_changed: bool,
}

impl<'a> Loader<'a> {
    /// Resets the chip, makes the core's state and loads the routine. `program_bytes` is what one call may program at most.
    pub fn start(
        link: &mut dyn Link,
        windows: &mut Windows,
        routine: &'a Routine,
        profile: &BoardProfile,
        program_bytes: Option<u32>,
    ) -> Result<Self, LoaderError> {
        let plan = match link.is_coherent() {
            true => Plan::new(routine, profile, program_bytes)?,
            false => Plan::past_caches(routine, profile, program_bytes)?,
        };
        link.reset(ResetMode::Halt)?;
        windows.forget();
        let catches: Demcr = link.peek(SCS)?;
        let watchdog_runs = core_state::is_watchdog_on(link)?;
        core_state::close_external_ranges(link)?;
        core_state::mask_and_catch(link, catches)?;
        if watchdog_runs {
            core_state::slow_watchdog(link)?;
        }
        let caller = Caller::new(routine, &plan, watchdog_runs);
        let loader = Self {
            routine,
            plan,
            caller,
            catches,
            has_changed: false,
        };
        for segment in &routine.segments {
            let mut data = segment.data.clone();
            data.resize(data.len() + segment.zeros as usize, 0);
            link.write(segment.address, &data)?;
        }
        for (address, data) in loader.plan.additions() {
            link.write(address, data)?;
        }
        if routine.origin == Origin::File {
            // One that enables the data cache as it finds it would meet the lines of the program before, or those of power-on.
            caches::discard(&loader.caller, loader.plan.buffers[0], link, windows)?;
        }
        Ok(loader)
    }

    /// The routine.
    pub fn routine(&self) -> &'a Routine {
        self.routine
    }

    /// Most bytes that one call of [`Self::program`] takes.
    pub fn program_bytes(&self) -> u32 {
        self.plan.buffer_bytes
    }

    /// Granularity of programs.
    pub fn page_bytes(&self) -> u32 {
        self.routine.flash.page_bytes
    }

    /// Calls `Init`. ST's routines leave the window mapped after it.
    pub fn init(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        function: Function,
    ) -> Result<(), LoaderError> {
        let base = self.routine.flash.range.start as u32;
        let (entry, arguments) = match &self.routine.convention {
            Convention::Cmsis(cmsis) => match cmsis.init {
                Some(entry) => (entry, [base, 0, function as u32, 0]),
                None => return Ok(()),
            },
            Convention::St(st) => (st.init, [0; 4]),
        };
        let request = self.request(Operation::Init, entry, arguments, self.routine.limits.init);
        self.call(link, windows, request)?;
        self.check_stack(link)
    }

    /// Fails if the routine has written below its stack: what it does from then on is not what its code says.
    fn check_stack(&self, link: &mut dyn Link) -> Result<(), LoaderError> {
        match self.plan.is_overrun(link)? {
            true => Err(LoaderError::StackOverrun {
                loader: self.routine.name.clone(),
                bytes: self.plan.stack_top.0 - self.plan.stack_bottom.0,
            }),
            false => Ok(()),
        }
    }

    /// Maps the window again: after a change it is not.
    pub fn map(&mut self, link: &mut dyn Link, windows: &mut Windows) -> Result<(), LoaderError> {
        let Some(fast) = self.routine.fast() else {
            return self.init(link, windows, Function::Verify);
        };
        let base = self.routine.flash.range.start as u32;
        let result = self.plan.buffers[0].0;
        let arguments = [base, self.page_bytes(), 1, result];
        let request = self.request(Operation::Map, fast.crc, arguments, MAP_LIMIT);
        self.call(link, windows, request)
    }

    /// Erases the sectors in `range`, which begins and ends with one.
    pub fn erase(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        range: &Range<u64>,
    ) -> Result<(), LoaderError> {
        let mut at = range.start;
        while at < range.end {
            let (call, next) = self.begin_erase(link, windows, &(at..range.end))?;
            self.wait(link, windows, call)?;
            at = next;
        }
        Ok(())
    }

    /// Begins to erase from the start of `range` on: as much of it as one call takes. Where the rest begins is returned as well.
    pub fn begin_erase(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        range: &Range<u64>,
    ) -> Result<(Call, u64), LoaderError> {
        let sector = Address(range.start as u32);
        let operation = Operation::Erase { sector };
        let flash = &self.routine.flash;
        let behind = |address: u64| {
            let sector = flash.sector(Address(address as u32));
            sector.map_or(range.end, |sector| sector.end)
        };
        let limits = &self.routine.limits;
        let (request, next) = match &self.routine.convention {
            Convention::Cmsis(cmsis) => {
                let arguments = [sector.0, 0, 0, 0];
                let limit = limits.call + limits.erase;
                let request = self.request(operation, cmsis.erase_sector, arguments, limit);
                (request, behind(range.start))
            }
            Convention::St(st) => {
                // The start of the last sector, not its end: old loaders would erase the one behind it as well.
                let last = flash.sector(Address((range.end - 1) as u32));
                let last = last.map_or(range.start, |last| last.start.max(range.start));
                let mut sectors = 1;
                let mut at = behind(range.start);
                while at < range.end {
                    sectors += 1;
                    at = behind(at);
                }
                let arguments = [sector.0, last as u32, 0, 0];
                let limit = limits.call + limits.erase * sectors;
                let request = self.request(operation, st.sector_erase, arguments, limit);
                (request, range.end)
            }
        };
        self.has_changed = true;
        Ok((self.begin(link, windows, request)?, next))
    }

    /// Puts data, at most [`Self::program_bytes`], into a buffer. The core may run a call that programs from the other one.
    pub fn fill(
        &mut self,
        link: &mut dyn Link,
        buffer: Buffer,
        data: &[u8],
    ) -> Result<(), LinkError> {
        link.write(self.buffer(buffer), data)
    }

    /// Begins to program `length` bytes of a buffer at `address`.
    pub fn begin_program(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        buffer: Buffer,
        address: Address,
        length: u32,
    ) -> Result<Call, LoaderError> {
        let entry = match &self.routine.convention {
            Convention::Cmsis(cmsis) => cmsis.program_page,
            Convention::St(st) => st.write,
        };
        let operation = Operation::Program { address, length };
        let arguments = [address.0, length, self.buffer(buffer).0, 0];
        let pages = length.div_ceil(self.page_bytes()).max(1);
        let limits = &self.routine.limits;
        let limit = limits.call + limits.program * pages;
        self.has_changed = true;
        let request = self.request(operation, entry, arguments, limit);
        Ok(self.begin(link, windows, request)?)
    }

    /// Programs `data`, at most [`Self::program_bytes`], at `address`.
    pub fn program(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
        address: Address,
        data: &[u8],
    ) -> Result<(), LoaderError> {
        self.fill(link, Buffer::First, data)?;
        let length = data.len() as u32;
        let call = self.begin_program(link, windows, Buffer::First, address, length)?;
        self.wait(link, windows, call)
    }

    /// Lets the routine clean up, brings the NOR back into its power-on protocol if it served one, then resets the chip with the core
    /// halted. Says nothing of a routine that cannot clean up: the reset undoes what it left.
    pub fn finish(mut self, link: &mut dyn Link, windows: &mut Windows) -> Result<(), LoaderError> {
        let is_halted = matches!(link.state()?, CoreState::Halted(_));
        let stack = match is_halted {
            true => self.check_stack(link),
            false => Ok(()),
        };
        if let Convention::Cmsis(cmsis) = &self.routine.convention
            && let Some(entry) = cmsis.uninit
            && is_halted
        {
            let arguments = [Function::Verify as u32, 0, 0, 0];
            let limit = self.routine.limits.init;
            let request = self.request(Operation::UnInit, entry, arguments, limit);
            if let Err(error) = self.call(link, windows, request) {
                tracing::warn!("{error}");
            }
        }
        if is_halted
            && self.has_changed
            && let Err(error) = caches::discard(&self.caller, self.plan.buffers[0], link, windows)
        {
            tracing::warn!("{error}");
        }
        link.poke(SCS, self.catches)?;
        let base = Address(self.routine.flash.range.start as u32);
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
        stack
    }

    /// A call that succeeds as the routine's convention says.
    fn request(
        &self,
        operation: Operation,
        entry: Address,
        arguments: [u32; 4],
        limit: Duration,
    ) -> Request {
        let success = match self.routine.convention {
            Convention::Cmsis(_) => 0,
            Convention::St(_) => 1,
        };
        Request {
            operation,
            entry,
            arguments,
            success: Some(success),
            limit,
        }
    }

    fn buffer(&self, buffer: Buffer) -> Address {
        let [first, second] = self.plan.buffers;
        match buffer {
            Buffer::First => first,
            Buffer::Second => second,
        }
    }
}

#[cfg(test)]
mod crafted;
#[cfg(test)]
mod files_tests;
#[cfg(test)]
mod tests;
