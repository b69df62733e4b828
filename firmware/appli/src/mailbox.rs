//! A mailbox in RAM: a debugger writes `argument`, then `command`; the appli serves it within a millisecond, writes `result`,
//! counts `served` and clears `command`. Commands that fault do not come back.

use board::window;
use cortex_m::{asm, peripheral::SCB};

use crate::{
    ACTIVITY, WATCH_TARGET, faults,
    observed::{Activity, get, set, ticks},
    semihosting,
};

/// The mailbox, five words.
#[repr(C)]
pub struct Mailbox {
    magic: u32,
    command: u32,
    argument: u32,
    result: u32,
    served: u32,
}

/// `MAIL`, little-endian.
const MAGIC: u32 = u32::from_le_bytes(*b"MAIL");
/// Result of a command that nobody knows.
const UNKNOWN: u32 = u32::MAX;

/// The mailbox.
#[unsafe(no_mangle)]
pub static mut MAILBOX: Mailbox = Mailbox {
    magic: MAGIC,
    command: 0,
    argument: 0,
    result: 0,
    served: 0,
};

/// Serves what lies in the mailbox, if anything does.
pub fn serve() {
    let mailbox = &raw mut MAILBOX;
    // SAFETY: fields of a static; only the debugger writes besides, and only while `command` is 0.
    let (command, argument, result, served) = unsafe {
        (
            &raw mut (*mailbox).command,
            &raw const (*mailbox).argument,
            &raw mut (*mailbox).result,
            &raw mut (*mailbox).served,
        )
    };
    let number = get(command);
    if number == 0 {
        return;
    }
    set(&raw mut ACTIVITY, Activity::Commanded(number));
    set(result, obey(number, get(argument)));
    set(served, get(served).wrapping_add(1));
    set(command, 0);
}

/// Runs command `number`. The numbers are a contract with the tests; the table in firmware/README.md repeats them.
#[inline(never)]
fn obey(number: u32, argument: u32) -> u32 {
    defmt::info!("command {=u32}, argument {=u32:#x}", number, argument);
    match number {
        1 => return !argument,
        2 => faults::hard_fault(),
        3 => return faults::bus_fault(argument),
        4 => faults::bus_fault_by_write(argument),
        5 => faults::undefined_instruction(),
        6 => return faults::divide_by_zero(),
        7 => faults::unaligned(),
        8 => faults::invalid_state(),
        9 => faults::no_coprocessor(),
        10 => faults::write_into_window(),
        11 => faults::execute_peripheral(),
        12 => return faults::stack_overflow(),
        13 => set(&raw mut WATCH_TARGET, argument),
        14 => return sleep(argument),
        15 => window::close(argument),
        16 => asm::bkpt(),
        17 => semihosting::exit(argument),
        18 => SCB::sys_reset(),
        19 => panic!("by command"),
        20 => return spin_masked(argument),
        21 => return faults::recurse(argument),
        22 => semihosting::write(c"hello from the window\n"),
        23 => faults::supervisor_call(),
        _ => return UNKNOWN,
    }
    0
}

/// Sleeps for `span` milliseconds, waking at each tick.
fn sleep(span: u32) -> u32 {
    let start = ticks();
    while ticks().wrapping_sub(start) < span {
        asm::wfi();
    }
    ticks()
}

/// Spins `turns` times with interrupts masked.
fn spin_masked(turns: u32) -> u32 {
    cortex_m::interrupt::free(|_| (0..turns).for_each(|_| asm::nop()));
    ticks()
}
