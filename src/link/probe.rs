//! The core through a debug probe: halting debug by DHCSR, DCRSR, DCRDR, DEMCR and DFSR (ARM ARM C1.6), driven by ourselves.
//!
//! Deviation: probe-rs's own session halts the core when it attaches and again when it leaves, to clear breakpoints. Attaching must
//! not disturb a hung unit, so only the probe and its debug port are used here, never `probe_rs::Session`.
//!
//! Core registers: a transfer takes a few cycles of the core, a debug-port access hundreds. S_REGRDY is looked at for the first
//! transfer behind everything that can have changed the core's clock; then one exchange a register remains for reads, and none for writes.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    CoreRegister, CoreState, HaltReason, Interrupts, Link, LinkError, ResetMode,
    connect::connect,
    port::{Port, RESET_PULSE},
    trace::Trace,
};
use crate::{
    layout::Address,
    registers::{
        Register,
        dbgmcu::Cr,
        debug::{DEBUG_KEY, Dcrdr, Dcrsr, Demcr, Dfsr, Dhcsr, SCS},
        scb::{Aircr, VECTOR_KEY},
    },
};

/// What is kept as long as the link is there.
pub type Claim = Box<dyn Send>;

/// The clock that the target lives by: how the link waits, and how time passes.
pub trait Clock: Send {
    /// Waits.
    fn idle(&mut self, duration: Duration);

    /// The time since a moment that stays the same.
    fn now(&self) -> Duration;
}

/// This computer's.
impl Clock for Instant {
    fn idle(&mut self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

/// A core must halt, finish a step or come out of reset within this time.
const LIMIT: Duration = Duration::from_secs(1);
/// A step takes one instruction; one that takes longer sleeps.
const STEP_LIMIT: Duration = Duration::from_millis(50);
/// The first wait between two looks; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_micros(50);
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// Which probe, and how.
pub struct ProbeSettings {
    /// `VID:PID` or `VID:PID:SERIAL`; the only probe if `None`.
    pub selector: Option<String>,
    /// SWD clock in kHz.
    pub speed_khz: Option<u32>,
    /// Connect with nRST asserted.
    pub under_reset: bool,
    /// The target's clock; this computer's if `None`.
    pub clock: Option<Box<dyn Clock>>,
    /// Where exchanges are written down.
    pub trace: Option<Trace>,
    /// What keeps other processes from the probe; given back when the link goes.
    pub claim: Option<Claim>,
}

/// The core behind a probe.
pub struct ProbeLink {
    port: Port,
    clock: Box<dyn Clock>,
    /// C_MASKINTS, as last written or found.
    masked: bool,
    /// S_RESET_ST was read, and nobody has asked yet.
    reset_seen: bool,
    /// A wait has just read S_HALT: the next question for the state needs no second look.
    halted: bool,
    /// The last transfer of a core register was done when it was looked at, and the core's clock is the same since.
    quick: bool,
    /// DBGMCU_CR, if it had to be changed before the core could be reached.
    low_power_found: Option<Cr>,
    /// Goes last.
    _claim: Option<Claim>,
}

impl ProbeLink {
    /// Connects. The core goes on as it does: it is neither halted nor reset, unless it is held under reset.
    pub fn open(settings: ProbeSettings) -> Result<Self, LinkError> {
        let port = connect(&settings)?;
        let mut link = Self {
            port: Port::open(port, settings.trace)?,
            clock: settings.clock.unwrap_or_else(|| Box::new(Instant::now())),
            masked: false,
            reset_seen: false,
            halted: false,
            quick: false,
            low_power_found: None,
            _claim: settings.claim,
        };
        if settings.under_reset {
            link.leave_pin_reset()?;
        }
        let dhcsr = link.status()?;
        if !dhcsr.halted() {
            // A core that runs now may sleep before the next transfer.
            match link.port.keep_clocks() {
                Ok(found) => link.low_power_found = Some(found),
                Err(error) if dhcsr.sleeping() => return Err(error),
                Err(error) => tracing::warn!("DBGMCU behind AP0 does not answer: {error}"),
            }
        }
        link.masked = dhcsr.interrupts_masked();
        if !dhcsr.debug_enabled() {
            link.port.write_debug(SCS, control())?;
            link.port.flush_debug()?;
        }
        link.reset_seen = false;
        Ok(link)
    }

    /// DHCSR; S_RESET_ST is cleared by the read, so it is kept here.
    fn status(&mut self) -> Result<Dhcsr, LinkError> {
        let dhcsr: Dhcsr = self.port.read_debug(SCS)?;
        self.reset_seen |= dhcsr.was_reset();
        self.halted = dhcsr.halted();
        Ok(dhcsr)
    }

    /// DHCSR with the key, debug on, and C_MASKINTS as it is.
    fn control(&self) -> Dhcsr {
        control().with_interrupts_masked(self.masked)
    }

    /// Looks until `done`, with waits that grow.
    fn wait(
        &mut self,
        what: &'static str,
        limit: Duration,
        mut done: impl FnMut(Dhcsr) -> bool,
    ) -> Result<Dhcsr, LinkError> {
        let mut waited = Duration::ZERO;
        let mut next = FIRST_WAIT;
        loop {
            let dhcsr = self.status()?;
            if done(dhcsr) {
                return Ok(dhcsr);
            }
            if waited >= limit {
                return Err(LinkError::Timeout { what, limit });
            }
            self.clock.idle(next);
            waited += next;
            next = (next * 2).min(LONGEST_WAIT);
        }
    }

    fn wait_halted(&mut self, what: &'static str, limit: Duration) -> Result<(), LinkError> {
        self.wait(what, limit, Dhcsr::halted).map(drop)
    }

    fn begin_step(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.port.does("step");
        self.set_mask(interrupts)?;
        self.halted = false;
        let step = self.control().with_step_requested(true);
        self.port.write_debug(SCS, step)
    }

    /// DFSR, which is cleared as it is read.
    fn take_reason(&mut self) -> Result<HaltReason, LinkError> {
        let mut bytes = [0; 4];
        self.port.read(Dfsr::at(SCS), &mut bytes)?;
        let dfsr = Dfsr::from_bits(u32::from_le_bytes(bytes));
        if dfsr.bits() != 0 {
            self.port.write_later(Dfsr::at(SCS), &bytes)?;
        }
        Ok(HaltReason {
            halted: dfsr.halted(),
            breakpoint: dfsr.breakpoint(),
            watchpoint: dfsr.watchpoint(),
            vector_catch: dfsr.vector_catch(),
            external: dfsr.external(),
        })
    }

    /// C_MASKINTS changes only in debug state, in a write of its own (ARM ARM C1.6.2).
    fn set_mask(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        let masked = interrupts == Interrupts::Masked;
        if self.masked != masked {
            self.masked = masked;
            let halted = self.control().with_halt_requested(true);
            self.port.write_debug(SCS, halted)?;
        }
        Ok(())
    }

    fn start_transfer(&mut self, register: CoreRegister, write: bool) -> Result<(), LinkError> {
        let selector = Dcrsr::default()
            .with_selector(register.0.into())
            .with_write(write);
        self.port.write_debug(SCS, selector)
    }

    fn wait_transfer(&mut self) -> Result<(), LinkError> {
        if self.quick {
            return Ok(());
        }
        let mut looks = 0;
        self.wait("finish a register transfer", LIMIT, |dhcsr| {
            looks += 1;
            dhcsr.transfer_ready()
        })?;
        self.quick = looks == 1;
        Ok(())
    }

    /// Right behind a reset the bus may refuse for a moment: that is no failure before the limit.
    fn wait_out_of_reset(&mut self) -> Result<(), LinkError> {
        let what = "come out of reset";
        let mut waited = Duration::ZERO;
        let mut next = FIRST_WAIT;
        loop {
            match self.status() {
                Ok(_) if self.reset_seen => return Ok(()),
                Ok(_) | Err(LinkError::Refused { .. } | LinkError::Stalled { .. }) => {}
                Err(error) => return Err(error),
            }
            if waited >= LIMIT {
                return Err(LinkError::Timeout { what, limit: LIMIT });
            }
            self.clock.idle(next);
            waited += next;
            next = (next * 2).min(LONGEST_WAIT);
        }
    }

    /// What DEMCR then is.
    fn set_reset_catch(&mut self, catch: bool) -> Result<Demcr, LinkError> {
        let demcr: Demcr = self.port.read_debug(SCS)?;
        let wanted = demcr.with_catch_reset(catch);
        if wanted != demcr {
            self.port.write_debug(SCS, wanted)?;
        }
        Ok(wanted)
    }

    /// nRST goes up and the core is caught: at the reset vector where the debug registers could be reached under reset, else at once
    /// by halt requests. (On STM32H7RS AXI is not reachable under reset.)
    fn leave_pin_reset(&mut self) -> Result<(), LinkError> {
        let armed = self
            .port
            .write_debug(SCS, control())
            .and_then(|()| self.set_reset_catch(true))
            .and_then(|_| self.port.flush_debug());
        if let Err(error) = armed {
            tracing::debug!("vector catch under reset is not possible: {error}");
        }
        self.port.drive_reset(true)?;
        self.masked = false;
        self.halt_at_once()?;
        self.set_reset_catch(false)?;
        self.port.flush_debug()
    }

    /// Halt requests until one is obeyed, over refusals: the bus wakes up with the core.
    fn halt_at_once(&mut self) -> Result<(), LinkError> {
        let mut waited = Duration::ZERO;
        let mut next = FIRST_WAIT;
        loop {
            let request = control().with_halt_requested(true);
            let halted = self
                .port
                .write_debug(SCS, request)
                .and_then(|()| self.status());
            match halted {
                Ok(dhcsr) if dhcsr.halted() => return Ok(()),
                Ok(_) | Err(LinkError::Refused { .. } | LinkError::Stalled { .. }) => {}
                Err(error) => return Err(error),
            }
            if waited >= LIMIT {
                return Err(LinkError::Timeout {
                    what: "halt after nRST",
                    limit: LIMIT,
                });
            }
            self.clock.idle(next);
            waited += next;
            next = (next * 2).min(LONGEST_WAIT);
        }
    }
}

impl Link for ProbeLink {
    fn state(&mut self) -> Result<CoreState, LinkError> {
        self.port.does("state");
        let dhcsr = if std::mem::take(&mut self.halted) {
            Dhcsr::default().with_halted(true)
        } else {
            self.status()?
        };
        if dhcsr.halted() {
            return Ok(CoreState::Halted(self.take_reason()?));
        }
        Ok(if dhcsr.locked_up() {
            CoreState::LockedUp
        } else if dhcsr.sleeping() {
            CoreState::Sleeping
        } else {
            CoreState::Running
        })
    }

    fn halt(&mut self) -> Result<(), LinkError> {
        self.port.does("halt");
        let request = self.control().with_halt_requested(true);
        self.port.write_debug(SCS, request)?;
        self.wait_halted("halt", LIMIT)
    }

    fn resume_with(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.port.does("resume");
        self.set_mask(interrupts)?;
        self.halted = false;
        self.quick = false;
        self.port.write_debug(SCS, self.control())
    }

    fn step(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.begin_step(interrupts)?;
        self.wait_halted("finish a step", STEP_LIMIT)
    }

    /// DFSR was cleared with the state, so it tells by itself when the step is done: every entry into debug state sets a bit (ARM ARM C1.6.1).
    fn step_and_look(&mut self, interrupts: Interrupts) -> Result<CoreState, LinkError> {
        self.begin_step(interrupts)?;
        let reason = self.take_reason()?;
        if reason != HaltReason::default() {
            return Ok(CoreState::Halted(reason));
        }
        self.wait_halted("finish a step", STEP_LIMIT)?;
        self.state()
    }

    fn reset(&mut self, mode: ResetMode) -> Result<(), LinkError> {
        self.port.does("reset");
        self.quick = false;
        let catches = self.set_reset_catch(mode == ResetMode::Halt)?;
        // The reset ends debug state, and C_MASKINTS can be changed only there.
        if self.status()?.halted() {
            self.set_mask(Interrupts::Enabled)?;
        }
        self.reset_seen = false;
        let request = Aircr::default()
            .with_key(VECTOR_KEY)
            .with_system_reset_requested(true);
        // It travels with the first look at what comes of it.
        let request = request.bits().to_le_bytes();
        match self.port.write_later(Aircr::at(SCS), &request) {
            // The reset may take the answer with it.
            Ok(()) | Err(LinkError::Refused { .. } | LinkError::Stalled { .. }) => {}
            Err(error) => return Err(error),
        }
        self.wait_out_of_reset()?;
        self.reset_seen = false;
        match mode {
            ResetMode::Halt => {
                if !self.halted {
                    self.wait_halted("halt at the reset vector", LIMIT)?;
                }
                self.port.write_debug(SCS, catches.with_catch_reset(false))
            }
            ResetMode::Run => self.resume(),
        }
    }

    fn read_registers(
        &mut self,
        registers: &[CoreRegister],
        values: &mut [u32],
    ) -> Result<(), LinkError> {
        self.port.does("read registers");
        for (register, value) in registers.iter().zip(values) {
            self.start_transfer(*register, false)?;
            self.wait_transfer()?;
            *value = self.port.read_debug::<Dcrdr>(SCS)?.bits();
        }
        Ok(())
    }

    fn write_register(&mut self, register: CoreRegister, value: u32) -> Result<(), LinkError> {
        self.port.does("write register");
        self.port.write_debug(SCS, Dcrdr::from_bits(value))?;
        self.start_transfer(register, true)?;
        self.wait_transfer()
    }

    fn write_registers(&mut self, registers: &[(CoreRegister, u32)]) -> Result<(), LinkError> {
        self.port.does("write registers");
        for (register, value) in registers {
            self.port.write_debug(SCS, Dcrdr::from_bits(*value))?;
            self.start_transfer(*register, true)?;
            self.wait_transfer()?;
        }
        Ok(())
    }

    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), LinkError> {
        self.port.does("read memory");
        self.port.read(address, data)
    }

    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.port.does("write memory");
        self.port.write(address, data)
    }

    fn write_each(&mut self, address: Address, values: &[u32]) -> Result<(), LinkError> {
        self.port.does("write each");
        self.port.write_each(address, values)
    }

    fn post(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.port.does("write register of the core");
        self.port.write_later(address, data)
    }

    fn distrust_clock(&mut self) {
        self.quick = false;
    }

    fn idle(&mut self, duration: Duration) -> Result<(), LinkError> {
        self.port.flush_debug()?;
        self.clock.idle(duration);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn recover(&mut self) -> Result<(), LinkError> {
        self.port.does("recover");
        self.port.abort()?;
        self.reset_by_pin()
    }

    fn reset_by_pin(&mut self) -> Result<(), LinkError> {
        self.port.does("reset by pin");
        self.quick = false;
        self.port.drive_reset(false)?;
        self.clock.idle(RESET_PULSE);
        self.leave_pin_reset()?;
        self.reset_seen = false;
        Ok(())
    }

    fn is_for(&mut self, caller: &dyn fmt::Display) {
        self.port.is_for(caller);
    }

    fn is_coherent(&self) -> bool {
        self.port.is_coherent()
    }

    fn low_power_found(&self) -> Option<Cr> {
        self.low_power_found
    }

    fn put_low_power_back(&mut self, found: Cr) -> Result<(), LinkError> {
        self.port.does("put low-power bits back");
        self.port.put_clocks_back(found)
    }

    fn was_reset(&mut self) -> Result<bool, LinkError> {
        Ok(std::mem::take(&mut self.reset_seen))
    }
}

/// DHCSR with the key and debug on.
fn control() -> Dhcsr {
    Dhcsr::default()
        .with_key(DEBUG_KEY)
        .with_debug_enabled(true)
}
