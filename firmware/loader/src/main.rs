//! External loader for the NOR of the STM32H7S78-DK, or with feature `quad` for a quad NOR on port 1.
//!
//! A host puts it into DTCM, sets a stack and calls the functions below by the procedure call standard (AAPCS: arguments in R0 to R3,
//! LR on a breakpoint). The interface is that of ST's `.stldr` files (UM2237): 1 is success, 0 failure, `Verify` returns 0 or the
//! failing address. [`storage::StorageInfo`] describes the chip. Beside it there is a fast path ([`fast`]) for hosts that know us.
//!
//! The core must come from a system reset; [`Init`] does the rest, and leaves the window mapped. After `Write` and the erases
//! it is not mapped; `Verify`, `Read`, `CheckSum` and `FastCrc` map it again. Caches stay off and interrupts masked. Waits sleep by WFI,
//! so `Init` keeps the debug port alive in sleep (DBGMCU_CR); the host must not set C_MASKINTS while it runs us.
//!
//! ST's own `SectorErase` takes the start of the last sector as `end`, and so do we: a sector is erased if it begins at or below `end`.

#![no_std]
#![no_main]

mod chip;
mod crc;
mod fast;
mod storage;

use core::{panic::PanicInfo, slice};

use board::journal::{Cause, Failure};

const SUCCESS: u32 = 1;
const FAILURE: u32 = 0;

/// Cause, location and value of the last failure (see `board::journal`), for a host that wants to say why. Zeros: none.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data.last_failure")]
pub static mut LastFailure: [u32; 3] = [0; 3];

/// Brings the board up and maps the window.
#[unsafe(no_mangle)]
pub extern "C" fn Init() -> u32 {
    answer(chip::start())
}

/// Programs `size` bytes from `buffer` at `address`. What it covers must be erased.
///
/// # Safety
/// `buffer` is readable for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Write(address: u32, size: u32, buffer: *const u8) -> u32 {
    // SAFETY: by the contract of this function.
    let bytes = unsafe { slice::from_raw_parts(buffer, size as usize) };
    answer(chip::program(address, bytes))
}

/// Erases every 4 KiB sector that begins in `start..=end`; whole 64 KiB blocks at once.
#[unsafe(no_mangle)]
pub extern "C" fn SectorErase(start: u32, end: u32) -> u32 {
    answer(chip::erase(start, end))
}

/// Erases the chip: minutes.
#[unsafe(no_mangle)]
pub extern "C" fn MassErase(_parallelism: u32) -> u32 {
    answer(chip::erase_all())
}

/// Compares `words` words at `memory` with those at `ram`. Low word: 0, or the first address that differs. High word: the byte sum of
/// what lies at `memory`, without `misalignment & 15` bytes at its beginning and `misalignment >> 16 & 15` at its end.
///
/// # Safety
/// `ram` is readable for `words` words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Verify(memory: u32, ram: *const u8, words: u32, misalignment: u32) -> u64 {
    let length = words as usize * size_of::<u32>();
    let Ok(stored) = kept(chip::window(memory, length)) else {
        return memory.into();
    };
    // SAFETY: by the contract of this function.
    let expected = unsafe { slice::from_raw_parts(ram, length) };
    let head = (misalignment & 15) as usize;
    let tail = (misalignment >> 16 & 15) as usize;
    let summed = stored.get(head..length.saturating_sub(tail)).unwrap_or(&[]);
    let failing = stored
        .iter()
        .zip(expected)
        .position(|(one, other)| one != other);
    let low = failing.map_or(0, |offset| memory.wrapping_add(offset as u32));
    u64::from(byte_sum(summed, 0)) << 32 | u64::from(low)
}

/// Copies `size` bytes from `address` to `buffer`.
///
/// # Safety
/// `buffer` is writable for `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn Read(address: u32, size: u32, buffer: *mut u8) -> u32 {
    let Ok(stored) = kept(chip::window(address, size as usize)) else {
        return FAILURE;
    };
    // SAFETY: by the contract of this function.
    unsafe { slice::from_raw_parts_mut(buffer, size as usize) }.copy_from_slice(stored);
    SUCCESS
}

/// Sum of the bytes in `start..start + size`, added to `initial`.
#[unsafe(no_mangle)]
pub extern "C" fn CheckSum(start: u32, size: u32, initial: u32) -> u32 {
    kept(chip::window(start, size as usize)).map_or(initial, |stored| byte_sum(stored, initial))
}

fn byte_sum(bytes: &[u8], initial: u32) -> u32 {
    bytes
        .iter()
        .fold(initial, |sum, byte| sum.wrapping_add((*byte).into()))
}

fn answer(outcome: Result<(), Failure>) -> u32 {
    if kept(outcome).is_ok() {
        SUCCESS
    } else {
        FAILURE
    }
}

/// Keeps a failure for the host.
fn kept<T>(outcome: Result<T, Failure>) -> Result<T, Failure> {
    if let Err(failure) = &outcome {
        let facts = [failure.cause as u32, failure.location, failure.value];
        // SAFETY: one core, interrupts masked; the host reads it only between calls.
        unsafe { (&raw mut LastFailure).write_volatile(facts) };
    }
    outcome
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    let _: Result<(), _> = kept(Err(Failure {
        cause: Cause::Panic,
        location: 0,
        value: 0,
    }));
    loop {
        cortex_m::asm::bkpt();
    }
}
