//! An appli that executes in place from the XSPI window.
//!
//! SysTick ticks every millisecond, TIM6 every tenth of a second; at each TIM6 event the main loop works one round: it blinks LD1
//! (and LD2 at every fourth round), runs a little single and double precision arithmetic, calls code in ITCM and AXI SRAM, and
//! logs over RTT by defmt. In between it sleeps by WFI. Whoever debugs it finds its state in [`observed`] and can send it into
//! every kind of fault through the mailbox in [`mailbox`].

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
use cortex_m_rt::entry;
use defmt_rtt as _;

/// The deepest the stack may go; below it lies a guard that the MPU watches.
const STACK_GUARD: memory_protection::Region = memory_protection::Region {
    number: memory_protection::STACK_GUARD_REGION,
    base: 0x2000_e000,
    size_log2: 8,
};

#[entry]
fn main() -> ! {
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
    faults::stop(observed::Trouble::Panic)
}

defmt::timestamp!("{=u32:ms}", observed::ticks());
