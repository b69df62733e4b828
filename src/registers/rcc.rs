//! Reset and clock control (RM0477, RCC): what a window needs to be clocked, and why the chip was reset.

use super::{Register as _, block, register};

block! {
    /// Reset and clock control.
    pub struct Rcc {
        /// The only one.
        RCC = 0x5802_4400,
    }
}

register! {
    /// RCC control register (RM0477, RCC_CR).
    pub struct RccCr(u32) at Rcc + 0x000 {
        /// PLL2ON.
        pub pll2_on: 26,
        /// PLL2RDY.
        pub pll2_ready: 27,
    }
}

register! {
    /// PLL configuration register (RM0477, RCC_PLLCFGR): outputs of PLL2.
    pub struct PllCfgr(u32) at Rcc + 0x02C {
        /// PLL2SEN.
        pub pll2_s_enabled: 19,
        /// PLL2TEN.
        pub pll2_t_enabled: 20,
    }
}

register! {
    /// Kernel clock selection (RM0477, RCC_CCIPR1).
    pub struct CcipR1(u32) at Rcc + 0x04C {
        /// XSPI1SEL: 0 HCLK5, 1 PLL2 S, 2 PLL2 T.
        pub xspi1_source: 4..=5,
        /// XSPI2SEL.
        pub xspi2_source: 6..=7,
    }
}

register! {
    /// Clock protection (RM0477, RCC_CKPROTR): the kernel clock that is in use, whatever is selected.
    pub struct Ckprotr(u32) at Rcc + 0x100 {
        /// XSPICKP: a source that stops is replaced by HCLK / 4.
        pub xspi_protected: 0,
        /// XSPI1SWP: 4 is the recovery clock.
        pub xspi1_position: 4..=6,
        /// XSPI2SWP.
        pub xspi2_position: 8..=10,
    }
}

register! {
    /// Reset status (RM0477, RCC_RSR): what reset the chip since RMVF was written.
    pub struct Rsr(u32) at Rcc + 0x130 {
        /// RMVF: a 1 written clears the flags.
        pub remove_flags: 16,
        /// OBLRSTF: option bytes were loaded.
        pub option_bytes: 17,
        /// BORRSTF: brown-out.
        pub brown_out: 21,
        /// PINRSTF: nRST.
        pub pin: 22,
        /// PORRSTF: power-on.
        pub power_on: 23,
        /// SFTRSTF: system reset by the core or the debugger.
        pub software: 24,
        /// IWDGRSTF: independent watchdog.
        pub independent_watchdog: 26,
        /// WWDGRSTF: window watchdog.
        pub window_watchdog: 28,
        /// LPWRRSTF: Stop or Standby entered against the option bytes.
        pub low_power: 30,
    }
}

register! {
    /// AHB5 peripheral clocks (RM0477, RCC_AHB5ENR).
    pub struct Ahb5Enr(u32) at Rcc + 0x134 {
        /// XSPI1EN.
        pub xspi1: 5,
        /// XSPI2EN.
        pub xspi2: 12,
        /// XSPIMEN.
        pub xspim: 14,
    }
}

/// What RCC_RSR tells of a reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// A flag was added.
    Known(&'static str),
    /// No flag was added: it was one of the causes whose flags were set before.
    Again(Vec<&'static str>),
}

impl std::fmt::Display for ResetCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Known(cause) => write!(f, "by {cause}"),
            Self::Again(causes) => write!(
                f,
                "RCC_RSR has no new flag, so by one of these again: {}",
                causes.join(", ")
            ),
        }
    }
}

impl Rsr {
    /// What reset the chip since RCC_RSR read as `before`. The flags add up until the program removes them, and PINRSTF comes with
    /// every reset, because the chip drives its own nRST.
    pub fn cause_since(self, before: Self) -> ResetCause {
        let new = Self::from_bits(self.bits() & !before.bits());
        match new.causes().next() {
            Some(cause) => ResetCause::Known(cause),
            // A loss of power would have cleared the others.
            None => ResetCause::Again(
                self.with_power_on(false)
                    .with_brown_out(false)
                    .causes()
                    .collect(),
            ),
        }
    }

    /// The watchdog that has reset the chip since the flags were removed, if one has.
    pub fn watchdog(self) -> Option<&'static str> {
        match (self.independent_watchdog(), self.window_watchdog()) {
            (true, _) => Some("independent watchdog"),
            (false, true) => Some("window watchdog"),
            (false, false) => None,
        }
    }

    fn causes(self) -> impl Iterator<Item = &'static str> {
        let causes = [
            (self.independent_watchdog(), "the independent watchdog"),
            (self.window_watchdog(), "the window watchdog"),
            (
                self.low_power(),
                "an entry into Stop or Standby that the option bytes forbid",
            ),
            (self.option_bytes(), "a load of option bytes"),
            (self.software(), "the program itself (SYSRESETREQ)"),
            (self.power_on(), "a power-on"),
            (self.brown_out(), "a supply dip"),
            (self.pin(), "nRST: the reset button, or whatever drives it"),
        ];
        causes
            .into_iter()
            .filter_map(|(set, cause)| set.then_some(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_added_tells_the_reset() {
        let ours = Rsr::default().with_software(true).with_pin(true);
        let bitten = ours.with_independent_watchdog(true);
        assert_eq!(
            bitten.cause_since(ours),
            ResetCause::Known("the independent watchdog")
        );
    }

    #[test]
    fn a_repeated_cause_is_one_of_those_that_were_there() {
        let bitten = Rsr::default()
            .with_independent_watchdog(true)
            .with_power_on(true)
            .with_pin(true);
        assert_eq!(
            bitten.cause_since(bitten).to_string(),
            "RCC_RSR has no new flag, so by one of these again: the independent watchdog, nRST: the reset button, or whatever drives it"
        );
    }
}
