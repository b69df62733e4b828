//! Cortex-M7 (ARMv7E-M, FPv5-D16): the core, its exceptions and its debug units.
//!
//! `run` looks at debug, exceptions and interrupts, then `execute` does one instruction. What an instruction cannot do by
//! itself (a fault, an exception return, sleep) comes back as a [`trap::Trap`], which only `exceptions` turns into state.
//! Sources: ARM DDI 0403E.e (ARMv7-M Architecture Reference Manual, "ARM ARM" below), ARM DDI 0489F (Cortex-M7 TRM).

mod cache;
pub mod coresight;
pub mod debug;
pub mod decode;
mod dsp;
pub mod dwt;
mod exceptions;
mod execute;
mod faults;
pub mod fpb;
mod fpu;
mod frames;
mod idle;
pub mod itm;
pub mod memory;
pub mod mpu;
pub mod nvic;
pub mod ppb;
pub mod registers;
mod run;
pub mod scb;
pub mod systick;
pub mod trap;
mod verdict;

use crate::bus::{Bus, BusError, Master, Width};
use ppb::Accessor;
pub(crate) use ppb::contains as is_private;

/// Why [`Core::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The cycles are used up.
    Budget,
    /// In Debug state.
    Halted,
    /// In WFI, WFE or SLEEPONEXIT, with nothing to wake it.
    Sleeping,
    /// Locked up, or hung on a bus that never answers.
    LockedUp,
    /// In a loop that repeats itself until an outside event.
    Idle,
    /// Software or the debugger asked for a reset (AIRCR).
    ResetRequested(ResetRequest),
    /// The bus wants the caller's attention.
    Attention,
}

/// What AIRCR asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetRequest {
    /// SYSRESETREQ: everything but the debug logic.
    System,
    /// VECTRESET: the core alone.
    Core,
}

/// What ends a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// WFI.
    Interrupt,
    /// WFE.
    Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Sleeping {
        wake: Wake,
    },
    /// Debug state.
    Halted,
    LockedUp,
    /// The bus stalled: only a reset helps.
    Hung,
    /// Held in reset.
    InReset,
}

/// Everything on the private peripheral bus.
#[derive(Clone, Debug)]
pub struct System {
    /// Exceptions and interrupts.
    pub nvic: nvic::Nvic,
    /// System control block.
    pub scb: scb::Scb,
    /// System timer.
    pub systick: systick::SysTick,
    /// Memory protection.
    pub mpu: mpu::Mpu,
    /// Breakpoint unit.
    pub fpb: fpb::Fpb,
    /// Watchpoint unit.
    pub dwt: dwt::Dwt,
    /// Instrumentation trace.
    pub itm: itm::Itm,
    /// Halting debug.
    pub debug: debug::Debug,
}

/// The processor.
#[derive(Clone, Debug)]
pub struct Core {
    /// The programmers' model.
    pub registers: registers::Registers,
    /// System registers and units.
    pub system: System,
    /// Cycles since power-on, executed and skipped.
    pub cycles: u64,
    /// Cycles that passed while the core was in Debug state or had no clock: its timers stand still in them.
    stopped: u64,
    state: State,
    /// The burst must end after this instruction.
    notice: bool,
    /// The bus wants the caller's attention.
    attention: bool,
    /// Address of the instruction whose access it was.
    attention_pc: u32,
    /// The instruction raised an exception of its own.
    raised: bool,
    /// A buffered store got an error response.
    imprecise: bool,
    watch_hit: bool,
    /// Left Debug state with C_STEP.
    stepping: bool,
    reset_requested: Option<ResetRequest>,
    idled: bool,
    idle: idle::Idle,
    decoded: run::DecodeCache,
    caches: cache::Caches,
    verdicts: verdict::Verdicts,
    /// Neither the MPU nor the data cache has a say in data accesses.
    data_is_plain: bool,
    /// Windows that a read ahead must not touch.
    closed_windows: u32,
    /// There is one that the MPU does not keep it from.
    looks_ahead: bool,
    fetch_grant: u32,
    fetch_faultmask: bool,
    /// The line of the instruction cache that serves the granted fetches.
    fetch_line: Option<usize>,
}

impl Default for Core {
    fn default() -> Self {
        Self::new()
    }
}

impl Core {
    /// The state at power-on; nothing runs before [`Core::reset`].
    pub fn new() -> Self {
        Self {
            registers: registers::Registers::default(),
            system: System {
                nvic: nvic::Nvic::new(),
                scb: scb::Scb::new(0),
                systick: systick::SysTick::default(),
                mpu: mpu::Mpu::default(),
                fpb: fpb::Fpb::default(),
                dwt: dwt::Dwt::default(),
                itm: itm::Itm::default(),
                debug: debug::Debug::default(),
            },
            cycles: 0,
            stopped: 0,
            state: State::InReset,
            notice: false,
            attention: false,
            attention_pc: 0,
            raised: false,
            imprecise: false,
            watch_hit: false,
            stepping: false,
            reset_requested: None,
            idled: false,
            idle: idle::Idle::default(),
            decoded: run::DecodeCache::default(),
            caches: cache::Caches::default(),
            verdicts: verdict::Verdicts::default(),
            data_is_plain: true,
            closed_windows: 0,
            looks_ahead: false,
            fetch_grant: 0b10,
            fetch_faultmask: false,
            fetch_line: None,
        }
    }

    /// Sizes of ITCM and DTCM until the next reset, for ITCMCR and DTCMCR.
    pub fn set_tcm_sizes(&mut self, itcm_bytes: u32, dtcm_bytes: u32) {
        self.system.scb.set_tcm_sizes(itcm_bytes, dtcm_bytes);
    }

    /// System reset with the vector table at `vector_base`, and the start of execution.
    pub fn reset<B: Bus>(&mut self, bus: &mut B, vector_base: u32) {
        self.hold_in_reset(vector_base);
        self.state = State::Running;
        self.take_reset(bus);
        let debug = &self.system.debug;
        if debug.is_enabled()
            && debug.monitors(debug::demcr::VC_CORERESET)
            && self.state == State::Running
        {
            self.enter_debug_state(debug::dfsr::VCATCH);
        }
    }

    /// System reset that lasts until [`Core::reset`]. Debug logic, FPB, DWT and ITM survive it and can be set meanwhile; so do the
    /// contents of the caches, which are off then.
    pub fn hold_in_reset(&mut self, vector_base: u32) {
        let registers = &mut self.registers;
        *registers = registers::Registers {
            r: registers.r,
            s: registers.s,
            ..registers::Registers::default()
        };
        registers.r[14] = u32::MAX;
        self.system.nvic.reset();
        self.system.scb = scb::Scb::new(vector_base);
        self.system.systick = systick::SysTick::default();
        self.system.mpu = mpu::Mpu::default();
        self.system.debug.reset();
        self.forget_verdicts();
        self.state = State::InReset;
        self.stepping = false;
        self.imprecise = false;
        self.watch_hit = false;
        self.attention = false;
        self.reset_requested = None;
    }

    /// The core's own time: its timers stand still in Debug state.
    fn now(&self) -> u64 {
        self.cycles - self.stopped
    }

    /// Lets SysTick count up to now.
    fn catch_up_timer(&mut self) {
        let now = self.now();
        if self.system.systick.catch_up(now) {
            self.system.nvic.pend(nvic::number::SYS_TICK);
        }
    }

    /// Cycles until SysTick, the only unit in here that acts by itself, next fires.
    pub fn cycles_to_event(&self) -> Option<u64> {
        if self.is_halted() {
            return None;
        }
        self.system.systick.cycles_to_event(self.now())
    }

    /// Lets `cycles` pass without executing, after an outcome that says nothing is executed or nothing new happens.
    ///
    /// After [`Outcome::Idle`] only whole rounds of the loop pass, so that the core stands where it would have stood;
    /// the rest is for `run`. Returns the cycles that passed.
    pub fn skip(&mut self, cycles: u64) -> u64 {
        let cycles = if self.state == State::Running {
            self.idle.whole_rounds(cycles)
        } else {
            cycles
        };
        self.cycles += cycles;
        if self.is_halted() {
            self.stopped += cycles;
        }
        self.catch_up_timer();
        cycles
    }

    /// Lets `cycles` pass in which the core's clock, and with it SysTick, stands still.
    pub fn stand_still(&mut self, cycles: u64) {
        self.cycles += cycles;
        self.stopped += cycles;
    }

    /// SCR.SLEEPDEEP.
    pub fn sleeps_deeply(&self) -> bool {
        self.system.scb.system_control & scb::scr::SLEEPDEEP != 0
    }

    /// Recognising idle loops, on by default, changes no result; a test can switch it off to see that.
    pub fn detect_idle_loops(&mut self, enabled: bool) {
        self.idle.enable(enabled);
    }

    /// Drives the external interrupt lines.
    pub fn set_irq_lines(&mut self, lines: [u64; 4]) {
        self.system.nvic.set_lines(lines);
    }

    /// A read of the AHB-AP past the caches (HPROT\[3\] clear). `address` is aligned to `width`.
    pub fn debug_read<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
    ) -> Result<u32, BusError> {
        if ppb::contains(address) {
            return self.ppb_read(address, width, Accessor::Debugger);
        }
        bus.read(address, width, Master::Debug)
    }

    /// A cacheable read of the AHB-AP (HPROT\[3\] set): the data cache is looked up, the instruction cache never.
    ///
    /// That HPROT decides so is what users of this chip and of others with this core saw: a debugger that leaves the bit clear
    /// finds stale variables where one that sets it finds those of the core. That a miss allocates no line, and that the
    /// memory attributes have no say, is assumed \[U\].
    pub fn debug_read_cacheable<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
    ) -> Result<u32, BusError> {
        match self.debug_read_line(address, width) {
            Some(value) => Ok(value),
            None => self.debug_read(bus, address, width),
        }
    }

    /// A cacheable write of the AHB-AP (HPROT\[3\] set). In write-back memory a line that holds the address takes it all: memory
    /// has it when the line is cleaned \[U\].
    pub fn debug_write_cacheable<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
    ) -> Result<(), BusError> {
        if self.debug_write_line(address, width, value) {
            return Ok(());
        }
        self.debug_write(bus, address, width, value)
    }

    /// A write of the AHB-AP past the caches (HPROT\[3\] clear). `address` is aligned to `width`.
    pub fn debug_write<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
    ) -> Result<(), BusError> {
        if ppb::contains(address) {
            return self.ppb_write(bus, address, width, value, Accessor::Debugger);
        }
        bus.write(address, width, value, Master::Debug)
    }

    /// CCR.DIV_0_TRP.
    pub(crate) fn divide_by_zero_traps(&self) -> bool {
        self.system.scb.configured(scb::ccr::DIV_0_TRP)
    }

    /// Address of the instruction whose access last called for the caller's attention.
    pub fn attention_pc(&self) -> u32 {
        self.attention_pc
    }

    /// In Debug state.
    pub fn is_halted(&self) -> bool {
        self.state == State::Halted
    }

    /// In WFI, WFE or SLEEPONEXIT.
    pub fn is_sleeping(&self) -> bool {
        matches!(self.state, State::Sleeping { .. })
    }

    /// Held in reset.
    pub fn is_in_reset(&self) -> bool {
        self.state == State::InReset
    }

    /// Locked up, or hung on the bus.
    pub fn is_locked_up(&self) -> bool {
        matches!(self.state, State::LockedUp | State::Hung)
    }

    /// Address of the next instruction.
    pub fn pc(&self) -> u32 {
        self.registers.r[15]
    }
}
