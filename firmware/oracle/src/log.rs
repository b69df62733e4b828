//! The log: records of three words (name, its length, value). Names are addresses in the program, the same on every core.
//!
//! A scenario begins with a record whose length has bit 31 set; its value is zero. The log only grows; a full log ends the run.

use core::{
    ptr::{addr_of, addr_of_mut},
    slice,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

const CAPACITY: usize = 96 * 1024;
const NEW_SCENARIO: u32 = 1 << 31;

static mut WORDS: [u32; CAPACITY] = [0; CAPACITY];
static LENGTH: AtomicUsize = AtomicUsize::new(0);

fn record(name: &'static str, mark: u32, value: u32) {
    let at = LENGTH.load(Relaxed);
    assert!(at + 3 <= CAPACITY);
    let words = [name.as_ptr() as u32, name.len() as u32 | mark, value];
    for (place, word) in (at..).zip(words) {
        // SAFETY: in bounds; a handler that interrupts us writes records only where LENGTH says, and no scenario logs with
        // an interrupt under way.
        unsafe {
            addr_of_mut!(WORDS)
                .cast::<u32>()
                .add(place)
                .write_volatile(word)
        };
    }
    LENGTH.store(at + 3, Relaxed);
}

/// A scenario begins.
pub fn scenario(name: &'static str) {
    record(name, NEW_SCENARIO, 0);
}

/// Something that a scenario saw.
pub fn note(name: &'static str, value: u32) {
    record(name, 0, value);
}

/// Everything so far.
pub fn words() -> &'static [u32] {
    // SAFETY: the scenarios are over, nobody writes any more.
    unsafe { slice::from_raw_parts(addr_of!(WORDS).cast(), LENGTH.load(Relaxed)) }
}
