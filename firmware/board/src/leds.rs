//! LEDs of the DK: LD1 on PO1, LD2 on PO5, lit when the pin is high.
//!
//! Ports O and P are pads of XSPIM port 1 and take its supply, which is off after reset (RM0477, PWR_CSR2.EN_XSPIM1).

use stm32_metapac::{
    GPIOO, PWR, RCC,
    gpio::vals::{Moder, Odr},
};

/// A user LED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// LD1, PO1.
    Ld1,
    /// LD2, PO5.
    Ld2,
}

impl Led {
    /// Pin of port O.
    pub const fn pin(self) -> usize {
        match self {
            Self::Ld1 => 1,
            Self::Ld2 => 5,
        }
    }

    /// True if the pin is driven high.
    pub fn is_lit(self) -> bool {
        GPIOO.odr().read().odr(self.pin()) == Odr::HIGH
    }

    /// Drives the pin, by BSRR: one write, safe against interrupts.
    pub fn set(self, lit: bool) {
        GPIOO.bsrr().write(|w| {
            if lit {
                w.set_bs(self.pin(), true)
            } else {
                w.set_br(self.pin(), true)
            }
        });
    }
}

/// Supplies and clocks port O and makes both pins outputs, dark.
pub fn start() {
    PWR.csr2().modify(|w| w.set_en_xspim1(true));
    RCC.ahb4enr().modify(|w| w.set_gpiooen(true));
    for led in [Led::Ld1, Led::Ld2] {
        led.set(false);
        GPIOO
            .moder()
            .modify(|w| w.set_moder(led.pin(), Moder::OUTPUT));
    }
}
