//! One round of work: a call chain worth a backtrace (`main`, `work`, `blink`, `toggle`), and arithmetic worth stepping.
//!
//! The functions keep their plain names as symbols, so that `break toggle` works as well as `break appli::work::toggle`.

use board::leds::Led;

use crate::{
    ACTIVITY, AXISRAM_MIX, COUNTER, FPU_SUM, FPU_TERM, ITCM_SUM, LAMPS, LED_TOGGLES,
    observed::{Activity, Lamp, count, get, set},
    ram,
};

/// Number of this build; what `older` differs in, with [`ROUND_TENTHS`].
#[cfg(not(feature = "older"))]
pub const BUILD: u32 = 2;
/// Number of this build.
#[cfg(feature = "older")]
pub const BUILD: u32 = 1;

/// Tenths of a second from round to round.
pub const ROUND_TENTHS: u32 = if BUILD == 1 { 2 } else { 1 };

/// LD2 toggles at every so many rounds.
const ROUNDS_PER_LD2: u32 = 4;

/// Works round number `round`.
#[unsafe(no_mangle)]
#[inline(never)]
pub fn work(round: u32) {
    set(&raw mut ACTIVITY, Activity::Working { round });
    blink(round);
    let sum = accumulate(round);
    set(&raw mut ITCM_SUM, ram::sum_in_itcm());
    set(&raw mut AXISRAM_MIX, ram::mix_in_axisram(round));
    #[cfg(feature = "ram-section")]
    ram::check_loaded();
    count(&raw mut COUNTER);
    defmt::info!("round {=u32}, sum {=f64}", round, sum);
}

/// Toggles LD1, and LD2 when its turn comes.
#[unsafe(no_mangle)]
#[inline(never)]
fn blink(round: u32) {
    toggle(Led::Ld1, 0);
    if round % ROUNDS_PER_LD2 == ROUNDS_PER_LD2 - 1 {
        toggle(Led::Ld2, 1);
    }
}

/// Toggles `led` and keeps the account of lamp number `lamp`.
#[unsafe(no_mangle)]
#[inline(never)]
fn toggle(led: Led, lamp: usize) {
    let lit = !led.is_lit();
    led.set(lit);
    let entry = (&raw mut LAMPS).cast::<Lamp>().wrapping_add(lamp);
    let before = get(entry);
    set(
        entry,
        Lamp {
            pin: before.pin,
            lit,
            toggles: before.toggles + 1,
        },
    );
    count(&raw mut LED_TOGGLES);
}

/// Adds the next term of the series to [`FPU_SUM`].
#[unsafe(no_mangle)]
#[inline(never)]
fn accumulate(round: u32) -> f64 {
    let n = round as f32 + 1.0;
    let term = 1.0 / (n * n);
    set(&raw mut FPU_TERM, term);
    let n = f64::from(round) + 1.0;
    let sum = get(&raw const FPU_SUM) + 1.0 / (n * n);
    set(&raw mut FPU_SUM, sum);
    sum
}
