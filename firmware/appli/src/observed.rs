//! What a debugger looks at: statics with plain names and plain types, one shape of each kind.
//!
//! They are `static mut` so that GDB prints a number as a number; every access goes through the volatile helpers here, so that a
//! watchpoint sees each write and the compiler drops none.

use core::ptr;

/// What the appli is at.
#[derive(Clone, Copy)]
#[repr(C, u32)]
#[expect(dead_code, reason = "the debugger reads the payloads")]
pub enum Activity {
    /// Nothing yet.
    Starting,
    /// Working a round.
    Working {
        /// Which.
        round: u32,
    },
    /// Serving a mailbox command.
    Commanded(u32),
}

/// What went wrong; the names are the architecture's.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Trouble {
    None,
    HardFault,
    MemoryManagement,
    BusFault,
    UsageFault,
    Panic,
}

/// One LED as a debugger sees it.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "the debugger reads all of it")]
pub struct Lamp {
    /// Pin of port O.
    pub pin: u8,
    /// Last state that was written.
    pub lit: bool,
    /// Toggles so far.
    pub toggles: u32,
}

/// Rounds that the main loop has worked.
#[unsafe(no_mangle)]
pub static mut COUNTER: u32 = 0;
/// Milliseconds since start, by SysTick.
#[unsafe(no_mangle)]
pub static mut TICKS: u32 = 0;
/// Interrupts of TIM6.
#[unsafe(no_mangle)]
pub static mut TIMER_EVENTS: u32 = 0;
/// A mean that the TIM6 handler keeps in single precision, so that it stacks floating-point context.
#[unsafe(no_mangle)]
pub static mut TIMER_MEAN: f32 = 0.0;
/// Toggles of both LEDs.
#[unsafe(no_mangle)]
pub static mut LED_TOGGLES: u32 = 0;
/// LD1 and LD2.
#[unsafe(no_mangle)]
pub static mut LAMPS: [Lamp; 2] = [
    Lamp {
        pin: 1,
        lit: false,
        toggles: 0,
    },
    Lamp {
        pin: 5,
        lit: false,
        toggles: 0,
    },
];
/// Sum of 1/n^2 over the rounds, in double precision; tends to pi^2/6.
#[unsafe(no_mangle)]
pub static mut FPU_SUM: f64 = 0.0;
/// The last term of [`FPU_SUM`], in single precision.
#[unsafe(no_mangle)]
pub static mut FPU_TERM: f32 = 0.0;
/// What the code in ITCM made of [`crate::ram::TABLE`].
#[unsafe(no_mangle)]
pub static mut ITCM_SUM: u32 = 0;
/// What the code in AXI SRAM made of the round's number.
#[unsafe(no_mangle)]
pub static mut AXISRAM_MIX: u32 = 0;
/// Written by the mailbox command `Watch` only.
#[unsafe(no_mangle)]
pub static mut WATCH_TARGET: u32 = 0;
/// Served by the SVC handler.
#[unsafe(no_mangle)]
pub static mut SUPERVISOR_CALLS: u32 = 0;
/// What the appli is at.
#[unsafe(no_mangle)]
pub static mut ACTIVITY: Activity = Activity::Starting;
/// What went wrong, if anything did.
#[unsafe(no_mangle)]
pub static mut TROUBLE: Trouble = Trouble::None;

/// Reads an observed variable.
pub fn get<T: Copy>(variable: *const T) -> T {
    // SAFETY: the pointer is to a static of this module; one core, and each variable has one writer.
    unsafe { ptr::read_volatile(variable) }
}

/// Writes an observed variable.
pub fn set<T>(variable: *mut T, value: T) {
    // SAFETY: as for `get`.
    unsafe { ptr::write_volatile(variable, value) }
}

/// Adds one to an observed counter.
pub fn count(counter: *mut u32) {
    set(counter, get(counter).wrapping_add(1));
}

/// Milliseconds since start.
pub fn ticks() -> u32 {
    get(&raw const TICKS)
}
