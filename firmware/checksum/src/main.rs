//! CRC-32 (ISO-HDLC: polynomial 0x04C11DB7 reflected, as in zlib) of runs of memory, for a host that would otherwise read them over
//! the wire.
//!
//! The host puts these bytes anywhere in RAM, at a multiple of four, and starts the first one. There is no data: the table is made on the
//! stack, which takes less time than it would take to send it. Memory is read by aligned words where it can be, because a window answers a
//! word as fast as a byte.
//!
//! Two images are made of it. The first is called by the procedure call standard (AAPCS), with a table of 256 words: the fastest. The
//! second, by the feature `in-passing` (`in_passing.rs`), leaves the core as it was, and takes as little RAM as it can: what it takes, the
//! host has to read before and to write back behind it.

#![no_std]
#![no_main]

#[cfg(feature = "in-passing")]
mod in_passing;

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
#[cfg(not(feature = "in-passing"))]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.Checksum")]
pub unsafe extern "C" fn Checksum(
    runs: *const Run,
    count: u32,
    unit: u32,
    results: *mut u32,
) -> u32 {
    // SAFETY: by the contract of this function.
    unsafe { checksums::<256>(runs, count, unit, results) }
}

/// The same, looked up in a table of `ENTRIES`: a byte or four bits at a time.
///
/// # Safety
/// As of [`Checksum`].
#[inline(always)]
unsafe fn checksums<const ENTRIES: usize>(
    runs: *const Run,
    count: u32,
    unit: u32,
    results: *mut u32,
) -> u32 {
    let bits = ENTRIES.ilog2();
    let mut table = [const { MaybeUninit::<u32>::uninit() }; ENTRIES];
    let table = table.as_mut_ptr().cast::<u32>();
    for index in 0..ENTRIES as u32 {
        let value = (0..bits).fold(index, |value: u32, _| {
            value >> 1 ^ (POLYNOMIAL & 0u32.wrapping_sub(value & 1))
        });
        // SAFETY: an element of the table.
        unsafe { table.add(index as usize).write(value) };
    }
    // SAFETY: the index is below `ENTRIES`, and every element was written above.
    let look_up =
        |crc: u32| crc >> bits ^ unsafe { table.add(crc as usize & (ENTRIES - 1)).read() };
    let step = |crc: u32| match bits {
        8 => look_up(crc),
        _ => look_up(look_up(crc)),
    };

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
