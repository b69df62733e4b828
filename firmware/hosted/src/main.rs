//! A program that lives by its debugger (Arm, "Semihosting for AArch32 and AArch64"): it greets on the console, says what it was given for
//! arguments, writes a file and reads it back, asks its console for a line, and ends with a code.
//!
//! 0 is the end of a run in which everything was served; 1 if no file could be opened; 2 if what was read is not what was written.

#![no_std]
#![no_main]

use core::{arch::asm, panic::PanicInfo};

use cortex_m::asm;
use cortex_m_rt::entry;

/// Operations and fopen's modes, as the specification numbers them.
const OPEN: u32 = 0x01;
const CLOSE: u32 = 0x02;
const WRITE: u32 = 0x05;
const READ: u32 = 0x06;
const SEEK: u32 = 0x0A;
const COMMAND_LINE: u32 = 0x15;
const EXIT_EXTENDED: u32 = 0x20;
const READ_MODE: u32 = 0;
const WRITE_MODE: u32 = 4;
const WRITE_AND_READ_MODE: u32 = 6;

/// ADP_Stopped_ApplicationExit.
const APPLICATION_EXIT: u32 = 0x2_0026;
/// What an operation that fails returns.
const FAILED: u32 = u32::MAX;

const LOG: &[u8] = b"written by the program\n";

#[entry]
fn main() -> ! {
    let out = open(b":tt", WRITE_MODE);
    write(out, b"hello by semihosting\n");
    let mut words = [0; 80];
    let mut block = [words.as_mut_ptr() as u32, words.len() as u32];
    if call(COMMAND_LINE, block.as_mut_ptr() as u32) == 0 {
        write(out, b"arguments: ");
        write(out, words.get(..block[1] as usize).unwrap_or_default());
        write(out, b"\n");
    }
    let input = open(b":tt", READ_MODE);
    let line = read(input, &mut words);
    if line > 0 {
        write(out, b"typed: ");
        write(out, words.get(..line).unwrap_or_default());
    }
    let code = keep_a_log();
    exit(code);
    loop {
        asm::wfi();
    }
}

/// Writes a file and reads it back.
#[inline(never)]
fn keep_a_log() -> u32 {
    let file = open(b"log.txt", WRITE_AND_READ_MODE);
    if file == FAILED {
        return 1;
    }
    write(file, LOG);
    call_with(SEEK, &[file, 0]);
    let mut back = [0; 64];
    let length = read(file, &mut back);
    call_with(CLOSE, &[file]);
    match back.get(..length) {
        Some(read) if read == LOG => 0,
        _ => 2,
    }
}

fn open(name: &[u8], mode: u32) -> u32 {
    call_with(OPEN, &[name.as_ptr() as u32, mode, name.len() as u32])
}

fn write(handle: u32, bytes: &[u8]) {
    call_with(WRITE, &[handle, bytes.as_ptr() as u32, bytes.len() as u32]);
}

/// How many bytes came.
fn read(handle: u32, buffer: &mut [u8]) -> usize {
    let length = buffer.len() as u32;
    let missing = call_with(READ, &[handle, buffer.as_mut_ptr() as u32, length]);
    length.saturating_sub(missing) as usize
}

fn exit(code: u32) {
    call_with(EXIT_EXTENDED, &[APPLICATION_EXIT, code]);
}

fn call_with(operation: u32, block: &[u32]) -> u32 {
    call(operation, block.as_ptr() as u32)
}

#[inline(never)]
fn call(operation: u32, parameter: u32) -> u32 {
    let result;
    // SAFETY: the debugger reads and writes only what the parameter points to, which outlives the call.
    unsafe {
        asm!("bkpt #0xab", inlateout("r0") operation => result, in("r1") parameter, options(nostack));
    }
    result
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(101);
    loop {
        asm::wfi();
    }
}
