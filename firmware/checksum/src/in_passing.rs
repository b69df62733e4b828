//! The checksums of a core that stands before an instruction of a program, and is to stand there again as if nothing had been.
//!
//! The host writes the request behind the first instructions, sets pc and stack pointer, and lets the core run. The general registers come
//! back as they were; the host puts back pc, stack pointer and status. So does the MPU, whose last region is for reading past the caches.

use core::{
    arch::{asm, naked_asm},
    ptr,
};

use super::{Run, checksums};

/// MPU_CTRL, MPU_RNR, MPU_RBAR, MPU_RASR (ARM ARM B3.5).
const CONTROL: usize = 0xe000_ed94;
const NUMBER: usize = 0xe000_ed98;
const BASE: usize = 0xe000_ed9c;
const ATTRIBUTES: usize = 0xe000_eda0;

/// What the host asks for.
#[repr(C)]
struct Request {
    runs: *const Run,
    count: u32,
    unit: u32,
    /// The number of results, written last; then the results.
    results: *mut u32,
    /// None if its attributes are zero.
    region: Region,
}

/// The MPU's registers, in their order.
#[repr(C)]
struct Region {
    control: u32,
    number: u32,
    base: u32,
    attributes: u32,
}

/// The first instruction. At its BKPT everything is as it was, but for the status flags.
#[unsafe(no_mangle)]
#[unsafe(naked)]
#[unsafe(link_section = ".text.Checksum")]
pub unsafe extern "C" fn Checksum() {
    naked_asm!(
        "push {{r0-r3, r12, lr}}",
        "adr r0, 1f",
        "bl {run}",
        "pop {{r0-r3, r12, lr}}",
        "bkpt #0",
        ".balign 4",
        "1: .space 32",
        run = sym run,
    )
}

/// # Safety
/// As of `checksums`; the core is privileged.
#[unsafe(link_section = ".text.Checksum.run")]
unsafe extern "C" fn run(request: *const Request) {
    // SAFETY: the host has written it.
    let request = unsafe { request.read_volatile() };
    let open = (request.region.attributes != 0).then(|| Open::new(&request.region));
    // SAFETY: by the contract of this function.
    let parts = unsafe {
        checksums::<16>(
            request.runs,
            request.count,
            request.unit,
            request.results.add(1),
        )
    };
    if let Some(open) = open {
        open.close();
    }
    // SAFETY: by the contract of this function.
    unsafe { request.results.write_volatile(parts) };
}

/// The MPU with a region of ours, and what was there before.
struct Open {
    before: Region,
    shown: u32,
}

impl Open {
    #[inline(always)]
    fn new(region: &Region) -> Self {
        let shown = read(NUMBER);
        write(NUMBER, region.number);
        let before = Region {
            control: read(CONTROL),
            number: region.number,
            base: read(BASE),
            attributes: read(ATTRIBUTES),
        };
        region.set();
        Self { before, shown }
    }

    #[inline(always)]
    fn close(&self) {
        self.before.set();
        write(NUMBER, self.shown);
    }
}

impl Region {
    /// The region is off while it moves.
    #[inline(always)]
    fn set(&self) {
        write(ATTRIBUTES, 0);
        write(BASE, self.base);
        write(ATTRIBUTES, self.attributes);
        write(CONTROL, self.control);
        // SAFETY: barriers.
        unsafe { asm!("dsb", "isb", options(nostack, preserves_flags)) };
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: a register of the MPU, which privileged code may read.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: a register of the MPU; what becomes accessible is only read, and the code here stays so.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) };
}
