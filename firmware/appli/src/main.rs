//! An appli that executes in place from the XSPI window.
//!
//! SysTick ticks every millisecond, TIM6 every tenth of a second; at each TIM6 event the main loop works one round: it blinks LD1
//! (and LD2 at every fourth round), runs a little single and double precision arithmetic, calls code in ITCM and AXI SRAM, and
//! logs over RTT by defmt. In between it sleeps by WFI. Whoever debugs it finds its state in the variables below, whose path is
//! short because they are here (`appli::COUNTER`, or plain `COUNTER` in `main`), and can send it into every kind of fault
//! through the [`mailbox`].

#![no_std]
#![no_main]

mod faults;
mod mailbox;
mod observed;
mod ram;
mod semihosting;
mod timers;
mod work;

use core::panic::PanicInfo;

use board::{leds, memory_protection};
use cortex_m::{Peripherals, asm};
use defmt_rtt as _;
use observed::{Activity, Lamp, Trouble};

/// The deepest the stack may go; below it lies a guard that the MPU watches.
const STACK_GUARD: memory_protection::Region = memory_protection::Region {
    number: memory_protection::STACK_GUARD_REGION,
    base: 0x2000_e000,
    size_log2: 8,
};

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
/// What the code in ITCM made of [`ram::TABLE`].
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

/// Called by the reset handler. Not by `#[entry]`, whose trampoline would be what `break main` finds.
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let Some(mut core) = Peripherals::take() else {
        panic!("main runs once")
    };
    ram::copy_sections();
    core.SCB.enable_icache();
    core.SCB.enable_dcache(&mut core.CPUID);
    memory_protection::guard(&core.MPU, STACK_GUARD);
    faults::enable(&mut core.SCB);
    leds::start();
    timers::start(&mut core.SYST);
    defmt::info!("appli build {=u32} runs in place", work::BUILD);

    let mut round = 0;
    loop {
        asm::wfi();
        mailbox::serve();
        if timers::round_is_due() {
            work::work(round);
            round += 1;
        }
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    defmt::error!("panicked");
    faults::stop(Trouble::Panic)
}

defmt::timestamp!("{=u32:ms}", observed::ticks());
