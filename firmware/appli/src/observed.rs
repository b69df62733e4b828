//! Types of what a debugger looks at, one shape of each kind, and the only access to it.
//!
//! The variables themselves are `static mut` at the root of the crate, so that GDB prints a number as a number. Every access goes
//! through the volatile helpers here, so that a watchpoint sees each write and the compiler drops none.

use core::ptr;

use crate::TICKS;

/// What the appli is at.
#[derive(Clone, Copy)]
#[repr(C, u32)]
pub enum Activity {
    /// Nothing yet.
    Starting,
    /// Working a round.
    Working {
        /// Which.
        round: u32,
    },
    /// Serving a mailbox command.
    Commanded(u32),
}

/// What went wrong; the names are the architecture's.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Trouble {
    None,
    HardFault,
    MemoryManagement,
    BusFault,
    UsageFault,
    Panic,
}

/// One LED as a debugger sees it.
#[derive(Clone, Copy)]
pub struct Lamp {
    /// Pin of port O.
    pub pin: u8,
    /// Last state that was written.
    pub lit: bool,
    /// Toggles so far.
    pub toggles: u32,
}

/// Reads an observed variable.
pub fn get<T: Copy>(variable: *const T) -> T {
    // SAFETY: the pointer is to a static of this crate; one core, and each variable has one writer.
    unsafe { ptr::read_volatile(variable) }
}

/// Writes an observed variable.
pub fn set<T>(variable: *mut T, value: T) {
    // SAFETY: as for `get`.
    unsafe { ptr::write_volatile(variable, value) }
}

/// Adds one to an observed counter.
pub fn count(counter: *mut u32) {
    set(counter, get(counter).wrapping_add(1));
}

/// Milliseconds since start.
pub fn ticks() -> u32 {
    get(&raw const TICKS)
}
