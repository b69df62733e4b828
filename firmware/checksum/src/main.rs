//! CRC-32 (ISO-HDLC: polynomial 0x04C11DB7 reflected, as in zlib) of runs of memory, for a host that would otherwise read them over
//! the wire.
//!
//! The host puts these bytes anywhere in RAM, at a multiple of four, and calls the first one by the procedure call standard (AAPCS).
//! There is no data: the table of 256 words is made on the stack, which takes less time than it would take to send it. Memory is
//! read by aligned words where it can be, because a window answers a word as fast as a byte.

#![no_std]
#![no_main]

use core::{mem::MaybeUninit, panic::PanicInfo, ptr};

const POLYNOMIAL: u32 = 0xedb8_8320;

/// A run of memory.
#[repr(C)]
pub struct Run {
    address: u32,
    length: u32,
}

/// Writes to `results` the CRC of each part of `count` runs, in order, and returns how many there are. A part ends where its run ends
/// or at a multiple of `unit`, whichever comes first.
///
/// # Safety
/// The runs can be read, and `results` written for as many words as there are parts. `unit` is a power of two.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.Checksum")]
pub unsafe extern "C" fn Checksum(
    runs: *const Run,
    count: u32,
    unit: u32,
    results: *mut u32,
) -> u32 {
    let mut table = [const { MaybeUninit::<u32>::uninit() }; 256];
    let table = table.as_mut_ptr().cast::<u32>();
    for index in 0..256 {
        let value = (0..8).fold(index, |value: u32, _| {
            value >> 1 ^ (POLYNOMIAL & 0u32.wrapping_sub(value & 1))
        });
        // SAFETY: an element of the table.
        unsafe { table.add(index as usize).write(value) };
    }
    // SAFETY: the index is below 256, and every element was written above.
    let step = |crc: u32| crc >> 8 ^ unsafe { table.add((crc & 0xff) as usize).read() };

    let mut parts = 0;
    for index in 0..count {
        // SAFETY: by the contract of this function.
        let Run { address, length } = unsafe { runs.add(index as usize).read() };
        let mut at = address;
        let mut left = length;
        while left > 0 {
            let part = left.min(unit - (at & (unit - 1)));
            let end = at.wrapping_add(part);
            let mut crc = !0;
            while at != end {
                if at & 3 == 0 && end.wrapping_sub(at) >= 4 {
                    // SAFETY: by the contract of this function, and aligned.
                    crc ^=
                        unsafe { ptr::with_exposed_provenance::<u32>(at as usize).read_volatile() };
                    crc = step(step(step(step(crc))));
                    at = at.wrapping_add(4);
                } else {
                    // SAFETY: by the contract of this function.
                    crc ^= u32::from(unsafe {
                        ptr::with_exposed_provenance::<u8>(at as usize).read_volatile()
                    });
                    crc = step(crc);
                    at = at.wrapping_add(1);
                }
            }
            // SAFETY: by the contract of this function.
            unsafe { results.add(parts as usize).write_volatile(!crc) };
            parts += 1;
            left -= part;
        }
    }
    parts
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
