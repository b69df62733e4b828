//! SysTick every millisecond, TIM6 every tenth of a second (RM0477, TIM6).

use board::{
    clocks::{CORE_HERTZ, TIMER_HERTZ},
    pac::{Interrupt, RCC, TIM6, interrupt},
};
use cortex_m::peripheral::{NVIC, SYST, syst::SystClkSource};
use cortex_m_rt::exception;

use crate::{
    TICKS, TIMER_EVENTS, TIMER_MEAN,
    observed::{count, get, set},
    work::ROUND_TENTHS,
};

const TIMER_STEPS_PER_SECOND: u32 = 10_000;

/// TIMER_EVENTS when the last round began.
static mut LAST_ROUND: u32 = 0;

/// Starts both.
pub fn start(systick: &mut SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CORE_HERTZ / 1_000 - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();

    RCC.apb1enr1().modify(|w| w.set_tim6en(true));
    TIM6.psc()
        .write_value((TIMER_HERTZ / TIMER_STEPS_PER_SECOND - 1) as u16);
    TIM6.arr()
        .write(|w| w.set_arr((TIMER_STEPS_PER_SECOND / 10 - 1) as u16));
    TIM6.egr().write(|w| w.set_ug(true));
    TIM6.sr().write(|w| w.set_uif(false));
    TIM6.dier().write(|w| w.set_uie(true));
    TIM6.cr1().write(|w| w.set_cen(true));
    // SAFETY: the handler below is ready for it.
    unsafe { NVIC::unmask(Interrupt::TIM6) };
}

/// True once per round.
pub fn round_is_due() -> bool {
    let events = get(&raw const TIMER_EVENTS);
    let due = events.wrapping_sub(get(&raw const LAST_ROUND)) >= ROUND_TENTHS;
    if due {
        set(&raw mut LAST_ROUND, events);
    }
    due
}

#[exception]
fn SysTick() {
    count(&raw mut TICKS);
}

#[interrupt]
fn TIM6() {
    TIM6.sr().write(|w| w.set_uif(false));
    count(&raw mut TIMER_EVENTS);
    let mean = get(&raw const TIMER_MEAN);
    set(
        &raw mut TIMER_MEAN,
        mean + (get(&raw const TICKS) as f32 - mean) * 0.125,
    );
}
