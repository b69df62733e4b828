//! Bounded waits, timed by SysTick.
//!
//! A wait polls a few times, then sleeps by WFI from tick to tick. PRIMASK stays set: a pending SysTick wakes WFI without being
//! taken (DDI 0403E B1.5.19), so no vector table is needed and a debugger that looks at the core sees it in the wait itself.

use cortex_m::{
    asm,
    peripheral::{SCB, SYST, syst::SystClkSource},
};

use stm32_metapac::common::{RW, Reg};

use crate::journal::{Cause, Failure, Journal};

const TICKS_PER_SECOND: u32 = 100_000;
const POLLS_BEFORE_SLEEP: u32 = 100;

/// A span of time in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Micros(pub u32);

impl Micros {
    /// A span of `n` milliseconds.
    pub const fn millis(n: u32) -> Self {
        Self(n * 1_000)
    }

    const fn ticks(self) -> u32 {
        self.0 / (1_000_000 / TICKS_PER_SECOND) + 1
    }
}

/// Owner of SysTick, and the only place where the bring-up waits.
pub struct Waits<'a> {
    systick: SYST,
    journal: &'a mut dyn Journal,
}

impl<'a> Waits<'a> {
    /// Masks interrupts and starts the tick for a core clock of `core_hertz`.
    pub fn new(systick: SYST, core_hertz: u32, journal: &'a mut dyn Journal) -> Self {
        cortex_m::interrupt::disable();
        let mut waits = Self { systick, journal };
        waits.systick.set_clock_source(SystClkSource::Core);
        waits.core_clock_is(core_hertz);
        waits
    }

    /// The core clock changed: the tick follows.
    pub fn core_clock_is(&mut self, core_hertz: u32) {
        self.systick.disable_counter();
        self.systick.set_reload(core_hertz / TICKS_PER_SECOND - 1);
        self.systick.clear_current();
        self.systick.enable_interrupt();
        self.systick.enable_counter();
        SCB::clear_pendst();
    }

    /// The journal that this wait writes to.
    pub fn journal(&mut self) -> &mut dyn Journal {
        self.journal
    }

    /// Polls `done` until it is true; false if `limit` passed first.
    pub fn until(&mut self, limit: Micros, mut done: impl FnMut() -> bool) -> bool {
        if (0..POLLS_BEFORE_SLEEP).any(|_| done()) {
            return true;
        }
        (0..limit.ticks()).any(|_| {
            self.sleep_one_tick();
            done()
        })
    }

    /// Waits until `register` reads as `wanted` says.
    pub fn register<T: Copy>(
        &mut self,
        register: Reg<T, RW>,
        wanted: impl Fn(T) -> bool,
        limit: Micros,
    ) -> Result<(), Failure> {
        if wanted(register.read()) {
            return Ok(());
        }
        let location = register.as_ptr() as u32;
        self.journal.waiting(location);
        if self.until(limit, || wanted(register.read())) {
            self.journal.waiting(0);
            return Ok(());
        }
        // SAFETY: the access crate makes registers at device addresses only, and all of this chip's are 32 bits wide.
        let value = unsafe { register.as_ptr().cast::<u32>().read_volatile() };
        Err(Failure {
            cause: Cause::NotReady,
            location,
            value,
        })
    }

    /// Sleeps for at least `span`.
    pub fn pause(&mut self, span: Micros) {
        for _ in 0..span.ticks() {
            self.sleep_one_tick();
        }
    }

    /// Stops the tick and leaves nothing pending.
    pub fn stop(mut self) {
        self.systick.disable_interrupt();
        self.systick.disable_counter();
        SCB::clear_pendst();
    }

    fn sleep_one_tick(&mut self) {
        while !SCB::is_pendst_pending() {
            asm::wfi();
        }
        SCB::clear_pendst();
    }
}
