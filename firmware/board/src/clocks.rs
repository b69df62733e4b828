//! Core and XSPI clocks (RM0477, RCC and PWR).
//!
//! Everything starts from HSI (64 MHz), which runs after reset and needs no crystal: PLL1 makes 600 MHz for the core, PLL2 200 MHz
//! for the XSPI kernel. Supply and voltage scale come first, because 600 MHz needs VOS high.

use stm32_metapac::{
    FLASH, PWR, RCC,
    pwr::vals::Vos,
    rcc::vals::{Hpre, Plldiv, Plldivst, Pllm, Plln, Pllrge, Pllsrc, Pllvcosel, Ppre, Sw},
};

use crate::{
    journal::Failure,
    wait::{Micros, Waits},
};

/// Core clock after reset.
pub const HSI_HERTZ: u32 = 64_000_000;
/// Core clock after [`start`].
pub const CORE_HERTZ: u32 = 600_000_000;
/// Kernel clock of the APB1 timers after [`start`]: HCLK (300 MHz) / 2, doubled by the timer prescaler rule.
pub const TIMER_HERTZ: u32 = 300_000_000;

const READY: Micros = Micros::millis(20);

const PLL1: usize = 0;
const PLL2: usize = 1;

/// Flash wait states and write delay for 300 MHz AXI at VOS high (RM0477, FLASH_ACR).
const FLASH_LATENCY: u8 = 7;
const FLASH_WRITE_DELAY: u8 = 3;

/// Brings the core to 600 MHz and starts PLL2. Does nothing twice: a core that already runs from PLL1 is left alone, so that a
/// loader can be started on a board whose boot stage has run.
pub fn start(waits: &mut Waits<'_>) -> Result<(), Failure> {
    if RCC.cfgr().read().sws() == Sw::PLL1_P {
        waits.core_clock_is(CORE_HERTZ);
        return Ok(());
    }
    supply_the_core(waits)?;
    configure_plls();
    start_pll(waits, PLL1)?;
    start_pll(waits, PLL2)?;
    divide_buses();
    switch_to_pll1(waits)
}

/// The DK feeds VCORE from the internal step-down converter alone.
fn supply_the_core(waits: &mut Waits<'_>) -> Result<(), Failure> {
    PWR.csr2().modify(|w| {
        w.set_bypass(false);
        w.set_ldoen(false);
        w.set_sden(true);
    });
    waits.register(PWR.sr1(), |sr1| sr1.actvosrdy(), READY)?;
    PWR.csr4().modify(|w| w.set_vos(Vos::HIGH));
    waits.register(PWR.csr4(), |csr4| csr4.vosrdy(), READY)
}

/// PLL1: 64 MHz / 32 * 300 / 1 = 600 MHz. PLL2: 64 MHz / 4 * 25 / 2 = 200 MHz on output S.
fn configure_plls() {
    RCC.cr().modify(|w| {
        w.set_pllon(PLL1, false);
        w.set_pllon(PLL2, false);
    });
    RCC.pllckselr().modify(|w| {
        w.set_pllsrc(Pllsrc::HSI);
        w.set_divm(PLL1, Pllm::DIV32);
        w.set_divm(PLL2, Pllm::DIV4);
    });
    RCC.plldivr(PLL1).write(|w| {
        w.set_plln(Plln::MUL300);
        w.set_pllp(Plldiv::DIV1);
        w.set_pllq(Plldiv::DIV2);
        w.set_pllr(Plldiv::DIV2);
    });
    RCC.plldivr(PLL2).write(|w| {
        w.set_plln(Plln::MUL25);
        w.set_pllp(Plldiv::DIV2);
        w.set_pllq(Plldiv::DIV2);
        w.set_pllr(Plldiv::DIV2);
    });
    RCC.plldivr2(PLL2).write(|w| {
        w.set_plls(Plldivst::DIV2);
        w.set_pllt(Plldivst::DIV2);
    });
    RCC.pllcfgr().modify(|w| {
        w.set_pllrge(PLL1, Pllrge::RANGE2);
        w.set_pllvcosel(PLL1, Pllvcosel::WIDE_VCO);
        w.set_divpen(PLL1, true);
        w.set_pllrge(PLL2, Pllrge::RANGE8);
        w.set_pllvcosel(PLL2, Pllvcosel::WIDE_VCO);
        w.set_divsen(PLL2, true);
    });
}

fn start_pll(waits: &mut Waits<'_>, pll: usize) -> Result<(), Failure> {
    RCC.cr().modify(|w| w.set_pllon(pll, true));
    waits.register(RCC.cr(), |cr| cr.pllrdy(pll), READY)
}

/// AXI and AHB at 300 MHz, every APB at 150 MHz; flash wait states before the clock rises.
fn divide_buses() {
    FLASH.acr().modify(|w| {
        w.set_latency(FLASH_LATENCY);
        w.set_wrhighfreq(FLASH_WRITE_DELAY);
    });
    RCC.apbcfgr().modify(|w| {
        w.set_ppre1(Ppre::DIV2);
        w.set_ppre2(Ppre::DIV2);
        w.set_ppre4(Ppre::DIV2);
        w.set_ppre5(Ppre::DIV2);
    });
    RCC.bmcfgr().modify(|w| w.set_bmpre(Hpre::DIV2));
    RCC.cdcfgr().modify(|w| w.set_cpre(Hpre::DIV1));
}

fn switch_to_pll1(waits: &mut Waits<'_>) -> Result<(), Failure> {
    RCC.cfgr().modify(|w| w.set_sw(Sw::PLL1_P));
    waits.register(RCC.cfgr(), |cfgr| cfgr.sws() == Sw::PLL1_P, READY)?;
    waits.core_clock_is(CORE_HERTZ);
    Ok(())
}
