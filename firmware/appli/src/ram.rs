//! Code and data outside the window: ITCM and AXI SRAM, copied at start-up; and what only a debugger loads.
//!
//! What runs while the window is closed is not here but in [`board::window`]: this crate is not optimised, so that a debugger sees
//! everything, and even a volatile access is then a call to code in the window.

use core::ptr;

use cortex_m::asm;

unsafe extern "C" {
    static mut __itcm_start: u32;
    static __itcm_end: u32;
    static __itcm_source: u32;
    static mut __axisram_start: u32;
    static __axisram_end: u32;
    static __axisram_source: u32;
}

/// A table in AXI SRAM, initialised from the window.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".axisram.data")]
pub static mut TABLE: [u32; 8] = [2, 3, 5, 7, 11, 13, 17, 19];

/// A table that a debugger loads straight into AXI SRAM; the window holds no copy.
#[cfg(feature = "ram-section")]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".loaded.data")]
pub static mut LOADED: [u32; 64] = {
    let mut table = [0; 64];
    let mut index = 0;
    while index < table.len() {
        table[index] = 0x5a00_0000 + index as u32;
        index += 1;
    }
    table
};

/// Entries of [`LOADED`] that hold what the debugger should have loaded; 64 if all is well.
#[cfg(feature = "ram-section")]
#[unsafe(no_mangle)]
pub static mut LOADED_RIGHT: u32 = 0;

/// Copies both sections to where they run. Call it before anything that lives there.
pub fn copy_sections() {
    // SAFETY: the linker script aligns source, start and end to words and reserves the room.
    unsafe {
        copy(
            &raw const __itcm_source,
            &raw mut __itcm_start,
            &raw const __itcm_end,
        );
        copy(
            &raw const __axisram_source,
            &raw mut __axisram_start,
            &raw const __axisram_end,
        );
    }
    asm::dsb();
    asm::isb();
}

/// Word by word: ITCM takes no narrower writes without a read of its ECC.
///
/// # Safety
/// `start..end` is writable and as long as what lies at `source`; all are word aligned.
unsafe fn copy(source: *const u32, start: *mut u32, end: *const u32) {
    let words = (end as usize - start as usize) / size_of::<u32>();
    for word in 0..words {
        // SAFETY: by the contract of this function.
        unsafe { ptr::write_volatile(start.add(word), ptr::read_volatile(source.add(word))) };
    }
}

/// Sums [`TABLE`], in ITCM.
#[unsafe(link_section = ".itcm.sum")]
#[inline(never)]
pub fn sum_in_itcm() -> u32 {
    let mut sum = 0u32;
    let mut index = 0;
    while index < 8 {
        // SAFETY: one core, and nobody writes the table.
        let prime = unsafe { TABLE[index] };
        sum = sum.wrapping_add(prime);
        index += 1;
    }
    sum
}

/// Mixes `value`, in AXI SRAM.
#[unsafe(link_section = ".axisram.mix")]
#[inline(never)]
pub fn mix_in_axisram(value: u32) -> u32 {
    (value ^ value >> 15)
        .wrapping_mul(0x2c1b_3c6d)
        .rotate_left(7)
}

/// Counts the right entries of [`LOADED`].
#[cfg(feature = "ram-section")]
pub fn check_loaded() {
    let table = (&raw const LOADED).cast::<u32>();
    let right = (0..64).filter(|index| {
        crate::observed::get(table.wrapping_add(*index as usize)) == 0x5a00_0000 + index
    });
    crate::observed::set(&raw mut LOADED_RIGHT, right.count() as u32);
}
