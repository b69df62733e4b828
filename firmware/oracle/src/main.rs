//! Runs scenarios on a Cortex-M7 and writes down what the core did: a log of words that another Cortex-M7, or a model of one,
//! must write too.
//!
//! Each scenario provokes exceptions; the one handler of them all ([`handler`]) logs what it finds, and [`log`] keeps it. When all
//! have run, the log goes out by semihosting (SYS_WRITE to `:tt`, then SYS_EXIT). Nothing depends on the number of cycles that
//! an instruction takes, and nothing but memory, the core and its private peripherals is used. Where an address must have no
//! memory, [`system::HOLE`] is taken.
//! Sections are those of the ARM ARM, DDI 0403E.

#![no_std]
#![no_main]

mod handler;
mod log;
mod scenarios;
mod system;

use core::{
    arch::{asm, global_asm},
    panic::PanicInfo,
};

global_asm!(
    ".section .vector_table, \"a\"",
    ".global VECTORS",
    "VECTORS:",
    ".word STACK_TOP",
    ".word reset",
    ".rept 46", // exceptions 2 to 15, external interrupts 0 to 31
    ".word any_exception",
    ".endr",
    ".text",
    ".thumb",
    ".global reset",
    ".thumb_func",
    "reset:",
    "bl main",
    "b .",
);

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    for group in scenarios::ALL {
        for scenario in *group {
            system::restore();
            handler::expect_nothing_special();
            log::scenario(scenario.name);
            (scenario.run)();
        }
    }
    finish()
}

/// Semihosting operations (Arm's semihosting specification, 6).
mod semihosting {
    pub const OPEN: u32 = 0x01;
    pub const WRITE: u32 = 0x05;
    pub const EXIT: u32 = 0x18;
    /// The file `:tt` opened with this mode is the standard output.
    pub const MODE_WRITE: u32 = 4;
    pub const APPLICATION_EXIT: u32 = 0x2_0026;
    pub const RUN_TIME_ERROR: u32 = 0x2_0023;
}

/// Hands `argument` to the debugger: an address, or a number for EXIT.
fn call_host(operation: u32, argument: u32) -> u32 {
    let result;
    // SAFETY: the host reads the argument block and sets r0.
    unsafe { asm!("bkpt 0xAB", inlateout("r0") operation => result, in("r1") argument) };
    result
}

fn finish() -> ! {
    system::restore();
    log::scenario("end");
    send_log();
    exit(semihosting::APPLICATION_EXIT)
}

fn exit(reason: u32) -> ! {
    loop {
        call_host(semihosting::EXIT, reason);
    }
}

fn send_log() {
    let name = c":tt";
    let open = [name.as_ptr() as u32, semihosting::MODE_WRITE, 3];
    let file = call_host(semihosting::OPEN, open.as_ptr() as u32);
    let words = log::words();
    let write = [file, words.as_ptr() as u32, 4 * words.len() as u32];
    call_host(semihosting::WRITE, write.as_ptr() as u32);
}

/// A log without its end shows how far the run came.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    send_log();
    exit(semihosting::RUN_TIME_ERROR)
}
