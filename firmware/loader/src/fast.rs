//! The fast path: many CRCs in one call, and programming from two buffers while the host fills the other one.

use core::{hint, slice};

use crate::{FAILURE, SUCCESS, answer, chip, crc::crc32, kept};

/// A buffer of [`FastMailbox`].
#[repr(C)]
pub struct Slot {
    /// 0: empty, the host may fill it. 1: full, the loader programs it and sets 0. The host writes this word last.
    state: u32,
    /// Window address; erased.
    address: u32,
    /// Bytes.
    length: u32,
    /// Where the bytes lie: in AXI SRAM or DTCM.
    data: *const u8,
}

/// What host and loader share while [`FastProgram`] runs.
#[repr(C)]
pub struct FastMailbox {
    /// The host sets 1 when it has filled its last slot.
    stop: u32,
    /// Slots programmed so far.
    done: u32,
    /// Used in turn, the first one first.
    slots: [Slot; 2],
}

const FULL: u32 = 1;
const EMPTY: u32 = 0;

/// CRC-32 of each of `count` runs of `unit` bytes from `address` on, into `results`.
///
/// # Safety
/// `results` is writable for `count` words.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FastCrc(address: u32, unit: u32, count: u32, results: *mut u32) -> u32 {
    let Some(length) = unit.checked_mul(count).filter(|_| unit > 0) else {
        return FAILURE;
    };
    let Ok(stored) = kept(chip::window(address, length as usize)) else {
        return FAILURE;
    };
    // SAFETY: by the contract of this function.
    let results = unsafe { slice::from_raw_parts_mut(results, count as usize) };
    for (result, run) in results.iter_mut().zip(stored.chunks(unit as usize)) {
        *result = crc32(run);
    }
    SUCCESS
}

/// Programs slots in turn until the host says stop and none is full, or one fails.
///
/// # Safety
/// `mailbox` is valid until this returns, and so is the data of each slot while it is full.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FastProgram(mailbox: *mut FastMailbox) -> u32 {
    let mut turn = 0;
    loop {
        // SAFETY: by the contract of this function; the host changes words behind our back, so each access is volatile.
        let (slot, stop) = unsafe {
            (
                &raw mut (*mailbox).slots[turn],
                (&raw const (*mailbox).stop).read_volatile(),
            )
        };
        // SAFETY: as above.
        if unsafe { (&raw const (*slot).state).read_volatile() } != FULL {
            if stop != 0 {
                return SUCCESS;
            }
            hint::spin_loop();
            continue;
        }
        // SAFETY: the slot is full, so the host leaves it and its data alone.
        let (address, bytes) = unsafe {
            (
                (*slot).address,
                slice::from_raw_parts((*slot).data, (*slot).length as usize),
            )
        };
        if answer(chip::program(address, bytes)) == FAILURE {
            return FAILURE;
        }
        // SAFETY: as above.
        unsafe {
            (&raw mut (*mailbox).done).write_volatile((*mailbox).done + 1);
            (&raw mut (*slot).state).write_volatile(EMPTY);
        }
        turn ^= 1;
    }
}
