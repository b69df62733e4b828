//! Our view of the core through a probe: run control, registers, memory, and the only wait there is.
//!
//! `probe.rs` implements it over probe-rs (the same code for all probes; an ST-LINK gets blocks by its own memory
//! commands), `fake.rs` for unit tests. Nothing above this module names probe-rs's types, and nothing above it waits
//! except through [`Link::idle`]. FPB and DWT belong to `units.rs` alone.

pub mod caches;
pub mod connect;
pub mod core_fault;
mod dap;
#[cfg(test)]
pub(crate) mod fake;
mod mem_ap;
mod port;
pub mod probe;
pub mod salvage;
pub mod severed;
pub mod trace;
pub mod units;

use std::{fmt, ops::Range, time::Duration};

use crate::{
    fault::{Code, Explain, Fault},
    layout::Address,
    registers::{
        Block as _, Register, Snapshot,
        dbgmcu::{Cr, DBGMCU},
    },
};

/// A register of the core, by its DCRSR number (ARM ARM C1.6.3; Cortex-M7 TRM).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CoreRegister(pub u8);

impl CoreRegister {
    /// Stack pointer in use.
    pub const SP: Self = Self(13);
    /// Link register.
    pub const LR: Self = Self(14);
    /// DebugReturnAddress: the next instruction.
    pub const PC: Self = Self(15);
    /// xPSR.
    pub const XPSR: Self = Self(16);
    /// Main stack pointer.
    pub const MSP: Self = Self(17);
    /// Process stack pointer.
    pub const PSP: Self = Self(18);
    /// CONTROL 31:24, FAULTMASK 23:16, BASEPRI 15:8, PRIMASK 7:0.
    pub const SPECIAL: Self = Self(20);
    /// FPSCR.
    pub const FPSCR: Self = Self(33);
    /// S0; S1 to S31 follow.
    pub const S0: Self = Self(64);
}

impl fmt::Debug for CoreRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core register {}", self.0)
    }
}

/// Why a core is in debug state, as DFSR tells (ARM ARM C1.6.1); several can hold at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HaltReason {
    /// Halt request or step.
    pub halted: bool,
    /// BKPT instruction or breakpoint unit.
    pub breakpoint: bool,
    /// Watchpoint unit.
    pub watchpoint: bool,
    /// Vector catch.
    pub vector_catch: bool,
    /// External debug request.
    pub external: bool,
}

/// What the core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreState {
    /// Executes instructions.
    Running,
    /// WFI or WFE.
    Sleeping,
    /// Locked up: a fault inside a fault handler.
    LockedUp,
    /// Debug state.
    Halted(HaltReason),
}

/// Whether a step or a run lets interrupts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// C_MASKINTS is set.
    Masked,
    /// As the program has them.
    Enabled,
}

/// How to reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetMode {
    /// System reset, then halt at the reset vector before the first instruction.
    Halt,
    /// System reset, then run.
    Run,
}

/// What the link can fail with.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The probe is gone.
    #[error("the probe no longer answers while {doing}")]
    Lost {
        /// What was being done.
        doing: &'static str,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The target answered FAULT: nothing is there, or it refuses.
    #[error("the target refused a transfer of {length} bytes at {address}")]
    Refused {
        /// First address of the transfer.
        address: Address,
        /// Bytes.
        length: usize,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The target answered WAIT until the transfer was aborted.
    #[error("a transfer of {length} bytes at {address} stalled the bus and was aborted")]
    Stalled {
        /// First address of the transfer.
        address: Address,
        /// Bytes.
        length: usize,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was answered made no sense: a wrong parity, or no acknowledge. The debug port is synchronised again.
    #[error("the answer to a transfer of {length} bytes at {address} was garbled")]
    Garbled {
        /// First address of the transfer.
        address: Address,
        /// Bytes.
        length: usize,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The core did not do what was asked in time.
    #[error("the core did not {what} within {limit:?}")]
    Timeout {
        /// What was waited for: `halt`, `finish a register transfer`.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The access port denies access.
    #[error("access port {ap} denies access")]
    Denied {
        /// AP number.
        ap: u8,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No probe, or it cannot be opened or attached.
    #[error("cannot open probe `{selector}`")]
    Open {
        /// What was asked for.
        selector: String,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The probe is open, and no debug port behind it answers.
    #[error("nothing answers on the wire of probe `{selector}`")]
    Silent {
        /// What was asked for.
        selector: String,
        /// probe-rs's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Explain for LinkError {
    fn code(&self) -> Code {
        match self {
            Self::Lost { .. } => Code::XG001,
            Self::Refused { .. } => Code::XG002,
            Self::Open { .. } => Code::XG003,
            Self::Denied { .. } => Code::XG004,
            Self::Timeout { .. } => Code::XG005,
            Self::Stalled { .. } => Code::XG006,
            Self::Garbled { .. } => Code::XG007,
            Self::Silent { .. } => Code::XG009,
        }
    }
}

/// The private peripheral bus: SCS, FPB, DWT (ARM ARM B3.1). The core itself answers there, always.
const PRIVATE_PERIPHERALS: Range<u32> = 0xE000_0000..0xE010_0000;

/// The core and its memory. Addresses reach the bus as they are: external ranges only through `window.rs`.
pub trait Link: Send {
    /// State of the core now; one read of DHCSR (and of DFSR when halted). DFSR is cleared as it is read.
    fn state(&mut self) -> Result<CoreState, LinkError>;

    /// Asks for debug state and waits until the core is there.
    fn halt(&mut self) -> Result<(), LinkError>;

    /// Leaves debug state, at the latest with the next look or wait. C_MASKINTS is set or cleared in a write of its own before.
    fn resume_with(&mut self, interrupts: Interrupts) -> Result<(), LinkError>;

    /// Leaves debug state with interrupts as the program has them.
    fn resume(&mut self) -> Result<(), LinkError> {
        self.resume_with(Interrupts::Enabled)
    }

    /// Executes one instruction and waits for debug state.
    fn step(&mut self, interrupts: Interrupts) -> Result<(), LinkError>;

    /// The same and the state behind it, for whoever has asked for the state since the core halted.
    fn step_and_look(&mut self, interrupts: Interrupts) -> Result<CoreState, LinkError> {
        self.step(interrupts)?;
        self.state()
    }

    /// System reset. With [`ResetMode::Halt`] the core is in debug state at the reset vector on return.
    fn reset(&mut self, mode: ResetMode) -> Result<(), LinkError>;

    /// Reads core registers (halted only), in as few exchanges as the probe allows.
    fn read_registers(
        &mut self,
        registers: &[CoreRegister],
        values: &mut [u32],
    ) -> Result<(), LinkError>;

    /// Writes one core register (halted only).
    fn write_register(&mut self, register: CoreRegister, value: u32) -> Result<(), LinkError>;

    /// Writes core registers in turn (halted only), in as few exchanges as the probe allows.
    fn write_registers(&mut self, registers: &[(CoreRegister, u32)]) -> Result<(), LinkError> {
        registers
            .iter()
            .try_for_each(|(register, value)| self.write_register(*register, *value))
    }

    /// Reads `data.len()` bytes. Aligned words where address and length permit, so that registers are read whole.
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), LinkError>;

    /// Writes bytes, with the same rule of widths.
    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError>;

    /// Waits. A real probe sleeps, the virtual board advances its clock.
    fn idle(&mut self, duration: Duration) -> Result<(), LinkError>;

    /// The time since a moment that stays the same, by the clock that [`Link::idle`] waits by.
    fn now(&self) -> Duration;

    /// After [`LinkError::Stalled`]: DAP abort, then nRST with a halt at the reset vector; the target's state is lost.
    fn recover(&mut self) -> Result<(), LinkError>;

    /// True if the probe's accesses look into the core's data cache (CSW HPROT\[3\], cacheable): memory then reads as the core sees it.
    fn is_coherent(&self) -> bool;

    /// True if the core was reset since this was asked last (DHCSR.S_RESET_ST).
    fn was_reset(&mut self) -> Result<bool, LinkError>;

    /// DBGMCU_CR as it was, if it had to be changed before the core could be reached at all.
    fn low_power_found(&self) -> Option<Cr> {
        None
    }

    /// Puts DBGMCU_CR back. The core may sleep: without these bits it takes its own bus with it, so nothing is asked of it behind this.
    fn put_low_power_back(&mut self, found: Cr) -> Result<(), LinkError> {
        self.write(Cr::at(DBGMCU), &found.bits().to_le_bytes())
    }

    /// Asserts nRST, connects, releases and halts at once.
    fn reset_by_pin(&mut self) -> Result<(), LinkError>;

    /// For whom the next exchanges are: a client's packet or a command, for whoever writes them down.
    fn is_for(&mut self, _caller: &dyn fmt::Display) {}

    /// Reads one word.
    fn read_word(&mut self, address: Address) -> Result<u32, LinkError> {
        let mut bytes = [0; 4];
        self.read(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Writes one word.
    fn write_word(&mut self, address: Address, value: u32) -> Result<(), LinkError> {
        self.write(address, &value.to_le_bytes())
    }

    /// Writes words where nothing is refused, as on the private peripheral bus: done before anything that comes after it, at the latest with
    /// the next wait.
    fn post(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.write(address, data)
    }

    /// The program may have slowed the core's clock down: the next register transfer is waited for.
    fn distrust_clock(&mut self) {}

    /// Writes each value to the one register at `address`, in as few exchanges as the probe allows.
    fn write_each(&mut self, address: Address, values: &[u32]) -> Result<(), LinkError> {
        for value in values {
            self.write_word(address, *value)?;
        }
        Ok(())
    }

    /// Reads one core register.
    fn read_register(&mut self, register: CoreRegister) -> Result<u32, LinkError> {
        let mut value = [0];
        self.read_registers(&[register], &mut value)?;
        Ok(value[0])
    }
}

/// What long work is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Sectors are erased.
    Erase,
    /// Pages are programmed.
    Program,
    /// Contents are compared.
    Verify,
    /// The boot stage runs; done and total are milliseconds of its time limit.
    Boot,
}

/// How far long work is, in bytes unless [`Phase`] says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub phase: Phase,
    /// Done.
    pub done: u64,
    /// Of so much.
    pub total: u64,
}

/// Whether long work goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Finish the operation under way, then stop.
    Cancel,
}

/// Looked at between two steps of long work (sectors, pages, polls): tells progress, may serve other clients' reads through the link,
/// and decides whether to go on.
pub trait Attendant {
    /// Called between two steps; the link is idle.
    fn attend(&mut self, progress: &Progress, link: &mut dyn Link) -> Verdict;

    /// Something that whoever waits wants to know; on stderr if nobody else takes it.
    fn tell(&mut self, sentence: &str) {
        tracing::info!("{sentence}");
    }

    /// The board is switched off and on, because of `fault`, and the work begins again; `sentence` says so.
    fn power_cycles(&mut self, _fault: &Fault, sentence: &str) {
        self.tell(sentence);
    }
}

impl<A: Attendant + ?Sized> Attendant for Box<A> {
    fn attend(&mut self, progress: &Progress, link: &mut dyn Link) -> Verdict {
        (**self).attend(progress, link)
    }

    fn tell(&mut self, sentence: &str) {
        (**self).tell(sentence);
    }

    fn power_cycles(&mut self, fault: &Fault, sentence: &str) {
        (**self).power_cycles(fault, sentence);
    }
}

impl<A: Attendant + ?Sized> Attendant for &mut A {
    fn attend(&mut self, progress: &Progress, link: &mut dyn Link) -> Verdict {
        (**self).attend(progress, link)
    }

    fn tell(&mut self, sentence: &str) {
        (**self).tell(sentence);
    }

    fn power_cycles(&mut self, fault: &Fault, sentence: &str) {
        (**self).power_cycles(fault, sentence);
    }
}

/// Nobody waits: goes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Attendant for Unattended {
    fn attend(&mut self, _progress: &Progress, _link: &mut dyn Link) -> Verdict {
        Verdict::Continue
    }
}

/// Typed access to registers, for every link.
pub trait RegisterAccess {
    /// Reads a register of `block`, whole.
    fn peek<R: Register>(&mut self, block: R::Block) -> Result<R, LinkError>;

    /// Reads all registers of `block` up to `R`, in one transfer: where the words between them may be read.
    fn peek_up_to<R: Register>(&mut self, block: R::Block)
    -> Result<Snapshot<R::Block>, LinkError>;

    /// Writes a register of `block`, whole.
    fn poke<R: Register>(&mut self, block: R::Block, value: R) -> Result<(), LinkError>;
}

impl<L: Link + ?Sized> RegisterAccess for L {
    fn peek<R: Register>(&mut self, block: R::Block) -> Result<R, LinkError> {
        self.read_word(R::at(block)).map(R::from_bits)
    }

    fn peek_up_to<R: Register>(
        &mut self,
        block: R::Block,
    ) -> Result<Snapshot<R::Block>, LinkError> {
        let mut bytes = vec![0; R::OFFSET as usize + 4];
        self.read(block.base(), &mut bytes)?;
        let (words, _) = bytes.as_chunks::<4>();
        Ok(Snapshot::new(
            words.iter().map(|word| u32::from_le_bytes(*word)).collect(),
        ))
    }

    fn poke<R: Register>(&mut self, block: R::Block, value: R) -> Result<(), LinkError> {
        let address = R::at(block);
        match PRIVATE_PERIPHERALS.contains(&address.0) {
            true => self.post(address, &value.bits().to_le_bytes()),
            false => self.write_word(address, value.bits()),
        }
    }
}
