//! MPU: external windows are out of bounds until they answer (DDI 0403E B3.5).
//!
//! Without the MPU the core may read ahead speculatively into a window whose controller is off, and an access that nobody answers
//! hangs the bus. So both XSPI ranges (256 MiB each) begin without any access right; the NOR is opened, read-only and executable,
//! when it is mapped. The PSRAM range stays closed: an appli that starts XSPI1 opens it itself. The MPU stays on at the jump, as
//! in ST's own boot stage, with the default map behind it.

use cortex_m::{asm, peripheral::MPU};

use crate::nor;

const CTRL_ENABLE: u32 = 1 << 0;
const CTRL_PRIVILEGED_DEFAULT: u32 = 1 << 2;
const RASR_ENABLE: u32 = 1 << 0;
const RASR_NO_ACCESS: u32 = 0b000 << 24;
const RASR_READ_ONLY: u32 = 0b110 << 24;
const RASR_EXECUTE_NEVER: u32 = 1 << 28;
/// TEX 0, C 1, B 0: normal memory, write-through.
const RASR_WRITE_THROUGH: u32 = 1 << 17;

/// Highest region: an appli's stack guard goes here, out of the way of the windows.
pub const STACK_GUARD_REGION: u32 = 7;

const XSPI2_RANGE: Region = Region {
    number: 0,
    base: 0x7000_0000,
    size_log2: 28,
};
const XSPI1_RANGE: Region = Region {
    number: 1,
    base: 0x9000_0000,
    size_log2: 28,
};
const NOR: Region = Region {
    number: 2,
    base: nor::WINDOW_BASE,
    size_log2: nor::CAPACITY.ilog2(),
};

/// One MPU region.
#[derive(Clone, Copy, Debug)]
pub struct Region {
    /// Region number; where regions overlap, the highest number rules.
    pub number: u32,
    /// Base address, a multiple of the size.
    pub base: u32,
    /// Size as a power of two, 5 (32 bytes) to 32.
    pub size_log2: u32,
}

impl Region {
    fn set(self, mpu: &MPU, attributes: u32) {
        // SAFETY: region registers; the caller has switched the MPU off or adds a region that it owns.
        unsafe {
            mpu.rnr.write(self.number);
            mpu.rbar.write(self.base);
            mpu.rasr
                .write(attributes | (self.size_log2 - 1) << 1 | RASR_ENABLE);
        }
    }
}

/// Drops every region and closes both external ranges.
pub fn close_windows(mpu: &MPU) {
    asm::dmb();
    // SAFETY: privileged code, and the default map covers everything that runs here.
    unsafe { mpu.ctrl.write(0) };
    let regions = mpu._type.read() >> 8 & 0xff;
    for number in 0..regions {
        // SAFETY: the MPU is off; a disabled region has no effect.
        unsafe {
            mpu.rnr.write(number);
            mpu.rasr.write(0);
        }
    }
    XSPI2_RANGE.set(mpu, RASR_NO_ACCESS | RASR_EXECUTE_NEVER);
    XSPI1_RANGE.set(mpu, RASR_NO_ACCESS | RASR_EXECUTE_NEVER);
    // SAFETY: the regions are complete.
    unsafe { mpu.ctrl.write(CTRL_ENABLE | CTRL_PRIVILEGED_DEFAULT) };
    asm::dsb();
    asm::isb();
}

/// Lets reads and fetches through to the NOR; call it when the window is mapped.
pub fn open_nor(mpu: &MPU) {
    NOR.set(mpu, RASR_READ_ONLY | RASR_WRITE_THROUGH);
    asm::dsb();
    asm::isb();
}

/// Takes the NOR away again, before the controller leaves memory-mapped mode.
pub fn close_nor(mpu: &MPU) {
    asm::dmb();
    NOR.set(mpu, RASR_NO_ACCESS | RASR_EXECUTE_NEVER);
    asm::dsb();
    asm::isb();
}

/// Makes `region` untouchable and switches the MPU on: a guard below a stack.
pub fn guard(mpu: &MPU, region: Region) {
    region.set(mpu, RASR_NO_ACCESS | RASR_EXECUTE_NEVER);
    // SAFETY: the default map stays behind the regions.
    unsafe { mpu.ctrl.write(CTRL_ENABLE | CTRL_PRIVILEGED_DEFAULT) };
    asm::dsb();
    asm::isb();
}
