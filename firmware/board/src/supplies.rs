//! What XSPI2 needs before it can move a bit: I/O supply, compensation cell, pins and clocks (RM0477, PWR, SBS, GPIO and RCC).
//!
//! XSPIM port 2 is PN0 to PN6 and PN8 to PN11, in a supply domain of its own that is off after reset (PWR_CSR2.EN_XSPIM2).
//! `stm32-metapac` calls the SBS by its older name, SYSCFG.

use stm32_metapac::{
    GPION, PWR, RCC, SYSCFG, XSPIM,
    gpio::vals::{Moder, Ospeedr, Ot, Pupdr},
    rcc::vals::Xspisel,
};

use crate::{
    journal::Failure,
    wait::{Micros, Waits},
};

const READY: Micros = Micros::millis(20);

/// DQS0, NCS1, IO0 to IO3, CLK, then IO4 to IO7.
const PORT_2_PINS: [usize; 11] = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11];
/// Alternate function of XSPIM port 2 on port N.
const AF_XSPIM: u8 = 9;

/// Powers and clocks XSPI2 and connects it to port 2.
pub fn start(waits: &mut Waits<'_>) -> Result<(), Failure> {
    PWR.csr2().modify(|w| w.set_en_xspim2(true));
    compensate(waits)?;
    RCC.ahb4enr().modify(|w| w.set_gpionen(true));
    for pin in PORT_2_PINS {
        connect(pin);
    }
    clock_xspi2();
    XSPIM.cr().write(|w| {
        // XSPI2 drives port 2 directly, on NCS1 whatever XSPI_CR.CSSEL says.
        w.set_cssel_ovr_en(true);
    });
    Ok(())
}

/// Starts the compensation cell of the XSPI2 pads; it runs from CSI.
fn compensate(waits: &mut Waits<'_>) -> Result<(), Failure> {
    RCC.cr().modify(|w| w.set_csion(true));
    waits.register(RCC.cr(), |cr| cr.csirdy(), READY)?;
    RCC.apb4enr().modify(|w| w.set_syscfgen(true));
    SYSCFG.cccsr().modify(|w| {
        w.set_octo2_comp_codesel(false);
        w.set_octo2_comp_en(true);
    });
    waits.register(SYSCFG.cccsr(), |cccsr| cccsr.octo2_comp_rdy(), READY)?;
    #[cfg(feature = "io-1v8")]
    SYSCFG.cccsr().modify(|w| w.set_octo2_iohslv(true));
    Ok(())
}

fn connect(pin: usize) {
    GPION
        .ospeedr()
        .modify(|w| w.set_ospeedr(pin, Ospeedr::VERY_HIGH_SPEED));
    GPION.otyper().modify(|w| w.set_ot(pin, Ot::PUSH_PULL));
    GPION.pupdr().modify(|w| w.set_pupdr(pin, Pupdr::FLOATING));
    GPION.afr(pin / 8).modify(|w| w.set_afr(pin % 8, AF_XSPIM));
    GPION.moder().modify(|w| w.set_moder(pin, Moder::ALTERNATE));
}

/// XSPI2 from PLL2 output S, with a fresh peripheral. The clock is then protected against a switch by mistake (RCC_CKPROTR).
fn clock_xspi2() {
    RCC.ckprotr().modify(|w| w.set_xspickp(false));
    // RCC_CCIPR1 of RM0477.
    RCC.ahbperckselr()
        .modify(|w| w.set_xspi2sel(Xspisel::PLL2_S));
    RCC.ahb5enr().modify(|w| {
        w.set_iomngren(true);
        w.set_xspi2en(true);
    });
    RCC.ahb5rstr().modify(|w| w.set_xspi2rst(true));
    RCC.ahb5rstr().modify(|w| w.set_xspi2rst(false));
    RCC.ckprotr().modify(|w| w.set_xspickp(true));
}
