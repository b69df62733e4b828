//! Sleep, Stop and Standby (RM0477, PWR, low-power modes; DBGMCU_CR): what stands still while the core sleeps, and what is left for the
//! debugger.
//!
//! WFI and WFE stop the core's clock (Sleep); with SCR.SLEEPDEEP every clock but the low-speed ones (Stop), or with PWR_CSR3.PDDS too the
//! supply of the core domain (Standby). An interrupt ends Sleep and Stop; Stop ends on HSI or CSI with the PLLs off. Standby ends with a
//! reset, by nRST or a watchdog, and RAM is lost. Each of three bits of DBGMCU_CR keeps the clocks of one mode, and the supply, for the
//! debugger; the mode then ends as it would without.
//!
//! Without the bit, assumed from what debuggers meet on other parts of ST's: in Sleep AP1 gives no answer (WAIT) for anything behind the
//! bus matrix, memory and DBGMCU, while the core's own debug registers and AP0 answer, so that a halt is heard; in Stop neither access
//! port answers; in Standby the debug port itself is silent, and has forgotten everything afterwards. A transfer that waits is done when
//! the clock is back.
//! Deviations: whatever raises an interrupt line ends Stop, without EXTI; wake-up pins are not modelled, and the RTC does not end
//! Standby; DBGMCU keeps its bits over Standby \[U\].

use super::{chip::Chip, wiring};
use crate::{
    cpu::{Core, is_private},
    debug_port::Port,
    devices::{LowPower, ResetCause, flash::Flash, pwr::Pwr, rcc::Rcc},
};

impl Chip {
    /// The core domain has no supply.
    pub fn is_off(&self) -> bool {
        self.off
    }

    /// True once after the debug port has lost its supply.
    pub fn take_port_loss(&mut self) -> bool {
        std::mem::take(&mut self.port_lost)
    }

    /// True if there is no clock for an access to `address` by this access port.
    pub(super) fn is_unclocked(&self, port: Port, address: u32) -> bool {
        let stands_still = match self.map.wires.low_power {
            LowPower::Run => false,
            LowPower::Sleep => port == Port::Core && !is_private(address),
            LowPower::Stop | LowPower::Standby => true,
        };
        stands_still && !self.map.wires.keeps_clocks()
    }

    /// The mode that the core's state, SCR and PWR ask for.
    fn wanted_mode(&self) -> LowPower {
        if self.off {
            LowPower::Standby
        } else if !self.core.is_sleeping() {
            LowPower::Run
        } else if !self.core.sleeps_deeply() {
            LowPower::Sleep
        } else if self.map.wires.power_down_deepsleep {
            LowPower::Standby
        } else {
            LowPower::Stop
        }
    }

    /// Enters or leaves a mode, if the core has just begun or ended to sleep.
    pub(super) fn follow_low_power(&mut self) {
        let (before, mode) = (self.map.wires.low_power, self.wanted_mode());
        if before == mode {
            return;
        }
        let is_deep = |mode| matches!(mode, LowPower::Stop | LowPower::Standby);
        if !is_deep(before) && !is_deep(mode) {
            self.map.wires.low_power = mode;
            return;
        }
        // What stands still from now on has counted until now.
        self.map.synchronise(self.now, self.core.cycles);
        self.map.tick_all();
        if is_deep(mode) && self.is_forbidden(mode) {
            self.reset(ResetCause::LowPower);
            return;
        }
        self.map.wires.low_power = mode;
        if is_deep(mode) {
            self.map
                .with_device(wiring::PWR, |pwr: &mut Pwr, _| pwr.note(mode));
            self.map.with_device(wiring::RCC, Rcc::enter_stop);
            self.off = mode == LowPower::Standby && !self.map.wires.keeps_clocks();
            self.port_lost |= self.off;
        } else {
            self.map.with_device(wiring::RCC, Rcc::leave_stop);
        }
        if before == LowPower::Standby && mode == LowPower::Run && !self.core.is_halted() {
            self.reset(ResetCause::Standby);
        }
    }

    /// NRST_STOP and NRST_STBY: entering the mode resets the chip instead.
    fn is_forbidden(&self, mode: LowPower) -> bool {
        let flash: Option<&Flash> = self.map.device(wiring::FLASH);
        flash.is_some_and(|flash| flash.options().resets_instead_of(mode))
    }

    /// The core domain gets its supply back, for the reset that ends Standby.
    pub(super) fn supply_core_domain(&mut self) {
        if std::mem::take(&mut self.off) {
            self.core = Core::new();
            self.map.lose_memory();
        }
        self.map.wires.low_power = LowPower::Run;
    }
}
