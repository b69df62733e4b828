//! Load and run: the image is copied from the window to AXI SRAM and executes there.

use cortex_m::asm;

/// AXI SRAM.
pub const DESTINATION: u32 = 0x2400_0000;
/// A fixed size, whatever the image's: nothing in the NOR says how long it is.
#[cfg(not(feature = "short-copy"))]
pub const BYTES: u32 = 0x1_0000;
/// Less than any appli of ours, for tests.
#[cfg(feature = "short-copy")]
pub const BYTES: u32 = 0x1000;

/// Copies [`BYTES`] from `source`, in the open window.
pub fn to_ram(source: u32) -> u32 {
    let (from, to) = (source as *const u32, DESTINATION as *mut u32);
    for word in 0..(BYTES / 4) as usize {
        // SAFETY: the window is mapped, and AXI SRAM from its start on belongs to the image: our stack is in DTCM.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) };
    }
    asm::dsb();
    DESTINATION
}
