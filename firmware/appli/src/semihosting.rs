//! Semihosting calls (Arm IHI 0059): BKPT 0xAB with an operation in R0 and its argument in R1.

use core::{arch::asm, ffi::CStr};

const SYS_WRITE0: u32 = 0x04;
const SYS_EXIT_EXTENDED: u32 = 0x20;
const ADP_STOPPED_APPLICATION_EXIT: u32 = 0x2_0026;

/// Prints `text` on the debugger's console.
pub fn write(text: &CStr) {
    call(SYS_WRITE0, text.as_ptr() as u32);
}

/// Ends the session with `code`; comes back if the debugger does not take it.
pub fn exit(code: u32) {
    let block = [ADP_STOPPED_APPLICATION_EXIT, code];
    call(SYS_EXIT_EXTENDED, block.as_ptr() as u32);
}

fn call(operation: u32, argument: u32) -> u32 {
    let result;
    // SAFETY: without a debugger BKPT faults, which is what the caller asked for; with one, memory is only read.
    unsafe {
        asm!("bkpt #0xab", inlateout("r0") operation => result, in("r1") argument, options(nostack));
    }
    result
}
