//! The image: where it lies, its vector table, and the way into it.

use cortex_m::{asm, peripheral::SCB, register::control};

/// Where the image lies in the window.
#[cfg(not(feature = "other-slot"))]
pub const STORED: u32 = board::nor::WINDOW_BASE;
/// The second slot, for tests of a boot stage that starts another image than the one being debugged.
#[cfg(feature = "other-slot")]
pub const STORED: u32 = board::nor::WINDOW_BASE + 0x2_0000;

/// Where its code runs, and how much room there is.
#[cfg(not(feature = "lrun"))]
const RUNS: (u32, u32) = (board::nor::WINDOW_BASE, board::nor::CAPACITY);
/// AXI SRAM.
#[cfg(feature = "lrun")]
const RUNS: (u32, u32) = (crate::copy::DESTINATION, crate::copy::BYTES);

/// The other controller's window, where a board may have PSRAM.
const PSRAM: (u32, u32) = if board::wiring::XSPI1_SERVES {
    (0x7000_0000, 0x7200_0000)
} else {
    (0x9000_0000, 0x9200_0000)
};
/// Where a stack may begin (the address itself is one past its top): DTCM, AXI SRAM, AHB SRAM, PSRAM.
const STACKS: [(u32, u32); 4] = [
    (0x2000_0000, 0x2003_0000),
    (0x2400_0000, 0x2407_2000),
    (0x3000_0000, 0x3000_8000),
    PSRAM,
];

/// First two words of a vector table.
pub struct Image {
    base: u32,
    /// Initial MSP.
    pub stack_pointer: u32,
    /// Reset handler, with the Thumb bit.
    pub reset_vector: u32,
}

impl Image {
    /// Reads the vector table at `base`, in the open window or in RAM.
    pub fn read(base: u32) -> Self {
        let table = base as *const u32;
        // SAFETY: the window is mapped and the MPU lets reads through; RAM always does.
        let (stack_pointer, reset_vector) =
            unsafe { (table.read_volatile(), table.add(1).read_volatile()) };
        Self {
            base,
            stack_pointer,
            reset_vector,
        }
    }

    /// True if the stack is in RAM and word aligned, and the reset handler is Thumb code where the image runs. An erased NOR is neither.
    pub fn is_plausible(&self) -> bool {
        let stack = self.stack_pointer.is_multiple_of(4)
            && STACKS
                .iter()
                .any(|(low, high)| (low + 4..=*high).contains(&self.stack_pointer));
        let (start, bytes) = RUNS;
        let code = start..start + bytes;
        stack && self.reset_vector & 1 == 1 && code.contains(&self.reset_vector)
    }

    /// Leaves for the image with the core as a reset leaves it, but for clocks, MPU and window.
    pub fn start(&self, scb: &mut SCB) -> ! {
        scb.invalidate_icache();
        // SAFETY: nobody relies on the old table, stack or floating-point context any more; the image was found plausible.
        unsafe {
            scb.vtor.write(self.base);
            control::write(control::Control::from_bits(0));
            asm::dsb();
            asm::isb();
            cortex_m::interrupt::enable();
            asm::bootstrap(
                self.stack_pointer as *const u32,
                self.reset_vector as *const u32,
            )
        }
    }
}
