//! What we change in the chip while we are attached: vector catch, debug in low-power modes, frozen watchdogs.
//!
//! DBGMCU at 0x5C001004 keeps the core's clock in Sleep, Stop and Standby (RM0477, DBGMCU), or the first WFI would take the debug port
//! with it; the freeze bits keep a watchdog from resetting a halted core. A bit that does not read back is a warning, not an error.
//! All of it is put back at the end.

use crate::{
    link::{Link, LinkError, RegisterAccess},
    registers::{
        Register,
        dbgmcu::{Apb1Freeze, Apb4Freeze, Cr, DBGMCU},
        debug::{DEBUG_KEY, Demcr, Dhcsr, SCS},
    },
};

/// What was found, to be put back.
#[derive(Debug)]
pub(super) struct DebugSupport {
    low_power: Cr,
    window_watchdog: Apb1Freeze,
    independent_watchdog: Apb4Freeze,
    exceptions: Demcr,
    catches_faults: bool,
}

impl DebugSupport {
    /// Saves what is there and switches debug support on.
    pub(super) fn enable(link: &mut dyn Link) -> Result<Self, LinkError> {
        let mut support = Self {
            low_power: match link.low_power_found() {
                Some(found) => found,
                None => link.peek(DBGMCU)?,
            },
            window_watchdog: link.peek(DBGMCU)?,
            independent_watchdog: link.peek(DBGMCU)?,
            exceptions: link.peek(SCS)?,
            catches_faults: false,
        };
        let (low_power, window, independent) = support.wanted();
        write_checked(link, low_power)?;
        write_checked(link, window)?;
        write_checked(link, independent)?;
        support.catch(link, support.exceptions, true)?;
        Ok(support)
    }

    /// Sets the bits in DBGMCU again, after a reset that may have cleared them: that they can be set was seen before.
    pub(super) fn apply(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        let (low_power, window, independent) = self.wanted();
        post(link, low_power)?;
        post(link, window)?;
        post(link, independent)
    }

    fn wanted(&self) -> (Cr, Apb1Freeze, Apb4Freeze) {
        (
            self.low_power
                .with_sleep(true)
                .with_stop(true)
                .with_standby(true),
            self.window_watchdog.with_window_watchdog(true),
            self.independent_watchdog.with_independent_watchdog(true),
        )
    }

    pub(super) fn catches_faults(&self) -> bool {
        self.catches_faults
    }

    /// Vector catch on every fault, or on none.
    pub(super) fn set_catch_faults(
        &mut self,
        link: &mut dyn Link,
        catch: bool,
    ) -> Result<(), LinkError> {
        let demcr: Demcr = link.peek(SCS)?;
        self.catch(link, demcr, catch)
    }

    fn catch(&mut self, link: &mut dyn Link, demcr: Demcr, catch: bool) -> Result<(), LinkError> {
        link.poke(SCS, with_faults(demcr, catch))?;
        self.catches_faults = catch;
        Ok(())
    }

    /// Puts back what was found, but for the clocks of a core that sleeps: it must stay within reach until it has been left.
    pub(super) fn restore(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        link.poke(SCS, self.exceptions)?;
        link.poke(DBGMCU, self.window_watchdog)?;
        link.poke(DBGMCU, self.independent_watchdog)
    }

    /// The last thing that is done: a core that sleeps may be out of reach behind it.
    pub(super) fn let_sleep(&self, link: &mut dyn Link) -> Result<(), LinkError> {
        link.put_low_power_back(self.low_power)
    }
}

/// Switches halting debug off: the core can no longer be stopped by what we left behind.
pub(super) fn disable(link: &mut dyn Link) -> Result<(), LinkError> {
    link.poke(SCS, Dhcsr::default().with_key(DEBUG_KEY))
}

fn with_faults(demcr: Demcr, catch: bool) -> Demcr {
    demcr
        .with_catch_memory_management(catch)
        .with_catch_no_coprocessor(catch)
        .with_catch_check(catch)
        .with_catch_state(catch)
        .with_catch_bus(catch)
        .with_catch_exception_entry(catch)
        .with_catch_hard_fault(catch)
}

/// DBGMCU refuses nothing.
fn post<R>(link: &mut dyn Link, wanted: R) -> Result<(), LinkError>
where
    R: Register<Block = crate::registers::dbgmcu::Dbgmcu>,
{
    link.post(R::at(DBGMCU), &wanted.bits().to_le_bytes())
}

fn write_checked<R>(link: &mut dyn Link, wanted: R) -> Result<(), LinkError>
where
    R: Register<Block = crate::registers::dbgmcu::Dbgmcu>,
{
    post(link, wanted)?;
    let found: R = link.peek(DBGMCU)?;
    if found.bits() & wanted.bits() != wanted.bits() {
        tracing::warn!(
            "DBGMCU {} reads back 0x{:08x} where 0x{:08x} was written: low-power modes or watchdogs may cut debugging off",
            R::NAME,
            found.bits(),
            wanted.bits()
        );
    }
    Ok(())
}
