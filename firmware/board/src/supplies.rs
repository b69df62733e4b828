//! What the controller needs before it can move a bit: I/O supply, compensation cell, pins and clocks (RM0477, PWR, SBS, GPIO and RCC).
//!
//! Port 2 is PN0 to PN6 and PN8 to PN11; of port 1 a quad NOR takes PO0, PO4 and PP0 to PP3. Each port is in a supply domain of its own
//! that is off after reset (PWR_CSR2.EN_XSPIM1 and EN_XSPIM2).
//! `stm32-metapac` calls the SBS by its older name, SYSCFG.

use stm32_metapac::{
    GPION, GPIOO, GPIOP, PWR, RCC, SYSCFG, XSPIM,
    gpio::{
        Gpio,
        vals::{Moder, Ospeedr, Ot, Pupdr},
    },
    rcc::vals::Xspisel,
};

use crate::{
    journal::Failure,
    wait::{Micros, Waits},
    wiring::{ON_PORT_1, SWAPPED, XSPI1_SERVES},
};

const READY: Micros = Micros::millis(20);

/// Port 2 on port N: DQS0, NCS1, IO0 to IO3, CLK, then IO4 to IO7.
const PORT_2_PINS: [usize; 11] = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11];
/// Port 1 on port O: NCS1 and CLK; on port P: IO0 to IO3.
const PORT_1_CONTROL_PINS: [usize; 2] = [0, 4];
const PORT_1_DATA_PINS: [usize; 4] = [0, 1, 2, 3];
/// Alternate function of both.
const AF_XSPIM: u8 = 9;

/// Powers and clocks the controller and connects it to its port.
pub fn start(waits: &mut Waits<'_>) -> Result<(), Failure> {
    PWR.csr2().modify(|w| {
        if ON_PORT_1 {
            w.set_en_xspim1(true);
        } else {
            w.set_en_xspim2(true);
        }
    });
    compensate(waits)?;
    if ON_PORT_1 {
        RCC.ahb4enr().modify(|w| {
            w.set_gpiooen(true);
            w.set_gpiopen(true);
        });
        connect(GPIOO, &PORT_1_CONTROL_PINS);
        connect(GPIOP, &PORT_1_DATA_PINS);
    } else {
        RCC.ahb4enr().modify(|w| w.set_gpionen(true));
        connect(GPION, &PORT_2_PINS);
    }
    clock_controller();
    XSPIM.cr().write(|w| {
        w.set_mode(SWAPPED);
        // NCS1 whatever XSPI_CR.CSSEL says.
        w.set_cssel_ovr_en(true);
    });
    Ok(())
}

/// Starts the compensation cell of the port's pads; it runs from CSI.
fn compensate(waits: &mut Waits<'_>) -> Result<(), Failure> {
    RCC.cr().modify(|w| w.set_csion(true));
    waits.register(RCC.cr(), |cr| cr.csirdy(), READY)?;
    RCC.apb4enr().modify(|w| w.set_syscfgen(true));
    if ON_PORT_1 {
        SYSCFG.cccsr().modify(|w| {
            w.set_octo1_comp_codesel(false);
            w.set_octo1_comp_en(true);
        });
        return waits.register(SYSCFG.cccsr(), |cccsr| cccsr.octo1_comp_rdy(), READY);
    }
    SYSCFG.cccsr().modify(|w| {
        w.set_octo2_comp_codesel(false);
        w.set_octo2_comp_en(true);
    });
    waits.register(SYSCFG.cccsr(), |cccsr| cccsr.octo2_comp_rdy(), READY)?;
    #[cfg(feature = "io-1v8")]
    SYSCFG.cccsr().modify(|w| w.set_octo2_iohslv(true));
    Ok(())
}

fn connect(port: Gpio, pins: &[usize]) {
    for &pin in pins {
        port.ospeedr()
            .modify(|w| w.set_ospeedr(pin, Ospeedr::VERY_HIGH_SPEED));
        port.otyper().modify(|w| w.set_ot(pin, Ot::PUSH_PULL));
        port.pupdr().modify(|w| w.set_pupdr(pin, Pupdr::FLOATING));
        port.afr(pin / 8).modify(|w| w.set_afr(pin % 8, AF_XSPIM));
        port.moder().modify(|w| w.set_moder(pin, Moder::ALTERNATE));
    }
}

/// The controller from PLL2 output S, with a fresh peripheral. The clock is then protected against a switch by mistake (RCC_CKPROTR).
fn clock_controller() {
    RCC.ckprotr().modify(|w| w.set_xspickp(false));
    // RCC_CCIPR1 of RM0477.
    RCC.ahbperckselr().modify(|w| {
        if XSPI1_SERVES {
            w.set_xspi1sel(Xspisel::PLL2_S);
        } else {
            w.set_xspi2sel(Xspisel::PLL2_S);
        }
    });
    RCC.ahb5enr().modify(|w| {
        w.set_iomngren(true);
        if XSPI1_SERVES {
            w.set_xspi1en(true);
        } else {
            w.set_xspi2en(true);
        }
    });
    for level in [true, false] {
        RCC.ahb5rstr().modify(|w| {
            if XSPI1_SERVES {
                w.set_xspi1rst(level);
            } else {
                w.set_xspi2rst(level);
            }
        });
    }
    RCC.ckprotr().modify(|w| w.set_xspickp(true));
}
