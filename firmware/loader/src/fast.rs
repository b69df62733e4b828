//! The fast path: many CRCs in one call, and a queue of erases and programs that the host fills while they are carried out.

use core::{hint, slice};

use board::journal::Failure;

use crate::{FAILURE, SUCCESS, answer, chip, crc::crc32, kept};

/// Entries of [`FastMailbox`]: what the host can be ahead by.
const ENTRIES: usize = 32;

/// An erase of 4 KiB, or 64 KiB.
const ERASE_SECTOR: u32 = 1;
const ERASE_BLOCK: u32 = 2;

/// One piece of work.
#[repr(C)]
pub struct Entry {
    /// 0: program; 1: erase 4 KiB; 2: erase 64 KiB.
    work: u32,
    /// Window address; of the first byte, or of the sector or block.
    address: u32,
    /// Bytes to program.
    length: u32,
    /// Where they lie: in AXI SRAM or DTCM.
    data: *const u8,
}

/// What host and loader share while [`FastProgram`] runs.
#[repr(C)]
pub struct FastMailbox {
    /// Entries that the host has filled since the beginning; written behind the entries themselves.
    ready: u32,
    /// The host sets 1 when there will be no more.
    stop: u32,
    /// Entries done since the beginning: they and their data are the host's again.
    done: u32,
    /// Used in turn.
    entries: [Entry; ENTRIES],
}

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

/// Does the entries of the mailbox in turn until the host says stop and none is left, or one fails. Erases are entries like programs,
/// so that the host fills its buffers while they last.
///
/// # Safety
/// `mailbox` is valid until this returns, and so is the data of each entry until it is done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FastProgram(mailbox: *mut FastMailbox) -> u32 {
    let mut done = 0;
    loop {
        // SAFETY: by the contract of this function; the host changes words behind our back, so each access is volatile. `stop` is
        // read before `ready`: the host writes it last.
        let (stop, ready) = unsafe {
            (
                (&raw const (*mailbox).stop).read_volatile(),
                (&raw const (*mailbox).ready).read_volatile(),
            )
        };
        if ready == done {
            if stop != 0 {
                return SUCCESS;
            }
            hint::spin_loop();
            continue;
        }
        // SAFETY: the entry is ready, so the host leaves it alone.
        let entry = unsafe {
            let entries = (&raw const (*mailbox).entries).cast::<Entry>();
            entries.add(done as usize % ENTRIES).read_volatile()
        };
        // SAFETY: by the contract of this function.
        if answer(unsafe { carry_out(&entry) }) == FAILURE {
            return FAILURE;
        }
        done = done.wrapping_add(1);
        // SAFETY: as above.
        unsafe { (&raw mut (*mailbox).done).write_volatile(done) };
    }
}

/// # Safety
/// The data of a program is valid.
unsafe fn carry_out(entry: &Entry) -> Result<(), Failure> {
    match entry.work {
        ERASE_SECTOR => chip::erase_sector(entry.address),
        ERASE_BLOCK => chip::erase_block(entry.address),
        _ => {
            // SAFETY: by the contract of this function.
            let bytes = unsafe { slice::from_raw_parts(entry.data, entry.length as usize) };
            chip::program(entry.address, bytes)
        }
    }
}
