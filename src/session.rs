//! A debug session: sole owner of the link, and the only way in for GDB, command line and scripts.
//!
//! It composes what stands to its right (units, breakpoints, windows, flash, boot stage) and keeps what is known about the halted core:
//! registers and memory are fetched once a halt and forgotten when the core runs, is reset, or a loader runs. `run.rs` has run control,
//! `memory.rs` memory, `debug_support.rs` what we change in the chip while we are attached.

pub mod registers;
pub mod stop;

mod cache;
mod debug_support;
mod effect;
mod exits;
mod fault_report;
mod foresight;
mod instruction;
mod load;
mod map;
mod memory;
mod power;
mod range;
mod reset;
mod rtt;
mod run;
mod semihosting;
mod settings;
mod sources;
mod terms;
#[cfg(test)]
mod tests;
mod threads;

use std::{collections::BTreeSet, fmt, path::PathBuf, time::Duration};

use crate::{
    breakpoints::{Breakpoints, Patching, Request, Terms},
    debug_info::DebugInfo,
    fault::{Code, Explain, Fault, Journal},
    flash,
    image::{Image, Vectors},
    layout::Address,
    link::{CoreState, Interrupts, Link, RegisterAccess, Unattended, units::Units},
    registers::rcc::{RCC, Rsr},
    rtt::Place,
    window::Windows,
};

use cache::MemoryCache;
use debug_support::DebugSupport;
pub use fault_report::FaultReport;
pub use map::{Region, RegionKind};
pub use power::{PowerSwitch, in_vain, switched_because_of};
pub use range::RangeStep;
use registers::RegisterFile;
pub use reset::{ResetKind, ResetOutcome};
pub use run::Resumed;
pub use semihosting::Behind;
pub use settings::{Leave, MaskPolicy, OnAttach, Settings};
pub use stop::{Signal, Stop, StopReason};

/// What the session itself refuses.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Only a halted core can do that.
    #[error("the core is running: {what} needs it halted")]
    Running {
        /// What was asked for.
        what: &'static str,
    },
    /// A word is wanted from where no memory is, or where it ends before the word is whole.
    #[error("no memory holds the word at {address}")]
    NoMemory {
        /// Where the word begins.
        address: Address,
    },
    /// The target description has no such register.
    #[error("there is no register {number}")]
    NoRegister {
        /// The number asked for.
        number: u16,
    },
}

impl Explain for SessionError {
    fn code(&self) -> Code {
        match self {
            Self::Running { .. } => Code::XG060,
            Self::NoMemory { .. } => Code::XG010,
            Self::NoRegister { .. } => Code::XG061,
        }
    }
}

/// What the core is doing for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Halted,
    Running,
    /// A range step is under way: the core runs to a temporary unit.
    Ranging(range::Range),
}

impl Activity {
    /// Where the temporary units are.
    fn temporary(self) -> exits::Exits {
        match self {
            Self::Ranging(range) => range.temporary(),
            Self::Halted | Self::Running => exits::Exits::default(),
        }
    }
}

/// A debug session.
pub struct Session {
    link: Box<dyn Link>,
    settings: Settings,
    units: Units,
    breakpoints: Breakpoints,
    hits: terms::Hits,
    windows: Windows,
    calls: semihosting::Calls,
    /// Of the appli and the boot stage, once it has been asked for.
    debug_info: Option<DebugInfo>,
    support: DebugSupport,
    activity: Activity,
    stop: Stop,
    registers: RegisterFile,
    memory: MemoryCache,
    known_threads: threads::Known,
    /// Cache lines that were written since the core stopped.
    written_lines: BTreeSet<u32>,
    mask: MaskPolicy,
    /// The boot stage is still to run: no patches in RAM.
    patching: Patching,
    /// What the client has written since the core last ran.
    load: load::Load,
    /// The boot stage that should be in internal flash, and whether this file has been installed.
    boot: Option<Image>,
    boot_installed: bool,
    /// The vector table that the NOR holds, from the last programming or arm.
    vectors: Option<Vectors>,
    /// RCC_RSR behind the last reset of ours: what an unexpected one adds tells its cause.
    reset_flags: Option<Rsr>,
    /// Whether anything of the appli has run since the boot stage.
    standing: flash::Standing,
    /// Why the appli could not be reached; the next resume would run into it.
    boot_fault: Option<Fault>,
    /// The stalled access that reset the chip, as long as the core has not run since.
    stalled: Option<Fault>,
    journal: Journal,
    console: Vec<String>,
    /// Switches the board off and on, if anything does.
    power: Option<Box<dyn PowerSwitch>>,
    /// It may do so by itself, once.
    may_switch_power: bool,
    /// RTT, once somebody asked for it.
    transfer: Option<rtt::Transfer>,
    rtt_place: Place,
}

impl Session {
    /// Takes the core as it is: neither halts nor resets it, but for what `settings.on_attach` says.
    pub fn open(mut link: Box<dyn Link>, mut settings: Settings) -> Result<Self, Fault> {
        let units = Units::discover(link.as_mut())?;
        let support = DebugSupport::enable(link.as_mut())?;
        map::apply_shares(link.as_mut(), &mut settings.profile)?;
        let boot = settings.boot.as_ref().map(Image::open).transpose()?;
        let mut windows = Windows::new(&settings.profile);
        if settings.live_window {
            windows.allow_live_reads();
        }
        let mut known_threads = threads::Known::default();
        if let Some(path) = &settings.appli {
            let image = Image::open(path)?;
            known_threads = threads::Known::of(&image);
            windows.set_image(Some(image));
        }
        let mut session = Self {
            link,
            settings,
            units,
            breakpoints: Breakpoints::default(),
            hits: terms::Hits::default(),
            windows,
            calls: semihosting::Calls::default(),
            debug_info: None,
            support,
            activity: Activity::Running,
            stop: Stop {
                reason: StopReason::Halt,
                pc: Address(0),
                console: Vec::new(),
            },
            registers: RegisterFile::default(),
            memory: MemoryCache::default(),
            known_threads,
            written_lines: BTreeSet::new(),
            mask: MaskPolicy::default(),
            patching: Patching::Allowed,
            load: load::Load::default(),
            boot,
            boot_installed: false,
            vectors: None,
            reset_flags: None,
            standing: flash::Standing::Anywhere,
            boot_fault: None,
            stalled: None,
            journal: Journal::default(),
            console: Vec::new(),
            power: None,
            may_switch_power: false,
            transfer: None,
            rtt_place: Place::default(),
        };
        session.attach()?;
        Ok(session)
    }

    fn attach(&mut self) -> Result<(), Fault> {
        self.tell_unfinished()?;
        self.reset_flags = Some(self.link.peek(RCC)?);
        self.link.was_reset()?;
        let state = self.link.state()?;
        if let CoreState::Halted(_) = state {
            self.arrive(StopReason::Halt)?;
        }
        if self.settings.under_reset {
            self.patching = Patching::Forbidden;
            self.stop.reason = StopReason::Reset;
        }
        match self.settings.on_attach {
            OnAttach::Halt => drop(self.halt_from(state)?),
            OnAttach::Arm => drop(self.reset(ResetKind::Arm, &mut Unattended)?),
            OnAttach::Run => {}
        }
        Ok(())
    }

    /// The last one who programmed this board did not come to the end.
    fn tell_unfinished(&mut self) -> Result<(), Fault> {
        let Some(folder) = self.settings.flash_journal.as_deref() else {
            return Ok(());
        };
        let board = &self.settings.profile.name;
        for unfinished in flash::unfinished(self.link.as_mut(), board, folder)? {
            let fault = Fault::from(unfinished);
            self.console.push(fault.one_line());
            self.journal.record_shown(fault);
        }
        Ok(())
    }

    /// What the session was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// True if the core is in debug state; then registers and memory can be asked for.
    pub fn is_halted(&self) -> bool {
        self.activity == Activity::Halted
    }

    /// The last halt.
    pub fn last_stop(&self) -> &Stop {
        &self.stop
    }

    /// For whom the next exchanges with the probe are, where they are written down.
    pub fn is_for(&mut self, caller: &dyn fmt::Display) {
        self.link.is_for(caller);
    }

    /// Waits.
    pub fn idle(&mut self, duration: Duration) -> Result<(), Fault> {
        Ok(self.link.idle(duration)?)
    }

    /// When interrupts are masked.
    pub fn mask_policy(&self) -> MaskPolicy {
        self.mask
    }

    /// Sets when interrupts are masked; holds from the next step or resume.
    pub fn set_mask_policy(&mut self, policy: MaskPolicy) {
        self.mask = policy;
    }

    /// Whether faults stop the core.
    pub fn catches_faults(&self) -> bool {
        self.support.catches_faults()
    }

    /// Sets whether faults stop the core.
    pub fn set_catch_faults(&mut self, catch: bool) -> Result<(), Fault> {
        Ok(self.support.set_catch_faults(self.link.as_mut(), catch)?)
    }

    /// Registers of the integer half with those of `numbers` among them, each fetched once a halt; see [`RegisterFile`] for the numbers.
    pub fn registers(
        &mut self,
        numbers: impl IntoIterator<Item = u16>,
    ) -> Result<&RegisterFile, Fault> {
        self.needs_halt("reading registers")?;
        self.registers.fetch(self.link.as_mut(), numbers)?;
        Ok(&self.registers)
    }

    /// A register by its number in the target description.
    pub fn read_register(&mut self, number: u16) -> Result<u64, Fault> {
        self.needs_halt("reading registers")?;
        let value = self.registers.get(self.link.as_mut(), number)?;
        Ok(value.ok_or(SessionError::NoRegister { number })?)
    }

    /// Writes a register. xPSR keeps the core's exception number and Thumb bit.
    pub fn write_register(&mut self, number: u16, value: u64) -> Result<(), Fault> {
        self.needs_halt("writing registers")?;
        if !self.registers.set(self.link.as_mut(), number, value)? {
            return Err(SessionError::NoRegister { number }.into());
        }
        let pc = Address(self.registers.pc(self.link.as_mut())?);
        if pc != self.stop.pc && self.stop.reason.is_at_a_bkpt() {
            // Whatever is there now has not been executed.
            self.stop.reason = StopReason::Halt;
        }
        self.stop.pc = pc;
        self.known_threads.forget();
        Ok(())
    }

    /// Keeps a breakpoint or watchpoint; it takes effect at the next resume. No transfer is made.
    pub fn insert(&mut self, request: Request) -> Result<(), Fault> {
        let profile = &self.settings.profile;
        let is_ram = |address| profile.ram(address).is_some();
        self.breakpoints.insert(request, &self.units, is_ram)?;
        self.breakpoints.set_terms(request, Terms::default());
        Ok(())
    }

    /// Forgets a breakpoint or watchpoint; one that is not there is as good as removed.
    pub fn remove(&mut self, request: Request) {
        self.breakpoints.remove(request);
    }

    /// What the client wants stopped at.
    pub fn requests(&self) -> &[Request] {
        self.breakpoints.requests()
    }

    /// The client has left: its breakpoints and what it had not finished go with it, the core does what it was told last.
    pub fn client_left(&mut self) {
        self.breakpoints.remove_all();
        self.drop_load();
        if let Err(fault) = self.take_back_calls().and_then(|()| self.let_go()) {
            self.journal.record(fault);
        }
    }

    /// A running core must not stop at what nobody waits for any more.
    fn let_go(&mut self) -> Result<(), Fault> {
        match self.activity {
            Activity::Halted => return Ok(()),
            Activity::Running => {}
            Activity::Ranging(range) if range.is_running() => {
                self.forget();
                self.activity = Activity::Running;
            }
            Activity::Ranging(_) => {
                self.activity = Activity::Halted;
                self.resume()?;
            }
        }
        Ok(self.breakpoints.park(self.link.as_mut(), &mut self.units)?)
    }

    /// Faults that a client could not show.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Keeps lines for the next moment at which somebody takes console text.
    pub fn notice(&mut self, lines: impl IntoIterator<Item = String>) {
        self.console.extend(lines);
    }

    /// Lines for the next moment at which GDB takes console text.
    pub fn take_console(&mut self) -> Vec<String> {
        std::mem::take(&mut self.console)
    }

    /// Leaves the target as it was found, but for what it does now.
    pub fn close(mut self, leave: Leave) -> Result<(), Fault> {
        let was_running = !self.is_halted();
        if was_running && leave == Leave::Halted {
            self.halt()?;
        }
        self.rtt_stop()?;
        self.breakpoints.remove_all();
        self.breakpoints.park(self.link.as_mut(), &mut self.units)?;
        self.support.restore(self.link.as_mut())?;
        if leave == Leave::Running {
            if !was_running {
                self.link.resume()?;
            }
            debug_support::disable(self.link.as_mut())?;
        }
        Ok(self.support.let_sleep(self.link.as_mut())?)
    }

    fn needs_halt(&self, what: &'static str) -> Result<(), SessionError> {
        if self.is_halted() {
            Ok(())
        } else {
            Err(SessionError::Running { what })
        }
    }

    /// The core runs now: nothing that was fetched holds.
    fn leave(&mut self) {
        self.set_off();
        self.forget();
    }

    /// The program goes on: what was written to RAM is its own.
    fn set_off(&mut self) {
        self.stalled = None;
        self.load.forget_ram();
        self.standing = flash::Standing::Anywhere;
    }

    /// The core has run, was reset or is about to: nothing that was fetched holds.
    fn forget(&mut self) {
        self.registers = RegisterFile::default();
        self.memory.clear();
        self.known_threads.forget();
        self.written_lines.clear();
        self.windows.forget();
        self.link.distrust_clock();
    }

    /// The link had to pull nRST: the core is halted at the reset vector.
    fn was_recovered(&mut self) -> Result<(), Fault> {
        self.breakpoints.forget_patches();
        self.wipe_rtt()?;
        self.settle_after_reset(StopReason::Reset)
    }

    /// The appli that is debugged.
    pub fn set_appli(&mut self, path: PathBuf) -> Result<(), Fault> {
        self.use_image(Image::open(&path)?);
        self.settings.appli = Some(path);
        Ok(())
    }

    fn use_image(&mut self, image: Image) {
        self.known_threads = threads::Known::of(&image);
        self.windows.set_image(Some(image));
        self.debug_info = None;
    }

    /// The appli that is debugged, as it was read last.
    pub fn appli(&self) -> Option<&Image> {
        self.windows.image()
    }

    /// The boot stage that should be in internal flash.
    pub fn boot_image(&self) -> Option<&Image> {
        self.boot.as_ref()
    }

    /// Reads the appli again if its file has changed; a file that cannot be read (it is just being linked) is told, and the old one kept.
    fn refresh_appli(&mut self) {
        let Some(path) = &self.settings.appli else {
            return;
        };
        if !self.windows.image().is_some_and(Image::is_stale) {
            return;
        }
        match Image::open(path) {
            Ok(image) => self.use_image(image),
            Err(error) => self.journal.record(error.into()),
        }
    }

    /// Whether a step masks interrupts.
    fn step_interrupts(&self) -> Interrupts {
        match self.mask {
            MaskPolicy::Auto | MaskPolicy::On | MaskPolicy::StepOnly => Interrupts::Masked,
            MaskPolicy::Off => Interrupts::Enabled,
        }
    }

    /// Whether a run masks interrupts.
    fn run_interrupts(&self) -> Interrupts {
        match self.mask {
            MaskPolicy::On => Interrupts::Masked,
            MaskPolicy::Auto | MaskPolicy::Off | MaskPolicy::StepOnly => Interrupts::Enabled,
        }
    }
}
