//! Boot stage: opens the XSPI window and starts the image in it.
//!
//! It runs from internal flash after every reset. Core and buses come up, the NOR is brought to octal DTR and mapped at 0x70000000,
//! the image's vector table is looked at, and the core leaves with VTOR and MSP set to it. What happened on the way is kept in the
//! retained status ([`board::status`]); when there is no way on, the core sleeps in [`boot_image_invalid`] or [`boot_failed`] with
//! that status, and never touches a window that is not open.
//!
//! Two features change what is started: `lrun` copies the image to AXI SRAM first, `signed` insists on an MCUboot header and its hash.
//!
//! Caches stay off: after a reset they are, and a few milliseconds of work do not miss them. If somebody started us by hand with
//! caches on, they are cleaned and switched off first.

#![no_std]
#![no_main]

#[cfg(feature = "lrun")]
mod copy;
mod defects;
#[cfg(feature = "signed")]
mod header;
mod image;

use core::panic::PanicInfo;

use board::{
    journal::{Cause, Failure, Journal, Stage},
    status::Status,
    window,
};
use cortex_m::{
    Peripherals, asm,
    peripheral::{CPUID, SCB},
};
use cortex_m_rt::{ExceptionFrame, entry, exception};
use image::Image;

#[entry]
fn main() -> ! {
    cortex_m::interrupt::disable();
    let Some(mut core) = Peripherals::take() else {
        boot_failed()
    };
    caches_off(&mut core.SCB, &mut core.CPUID);

    let mut status = Status::begin(image::STORED);
    defects::provoke(&mut status);

    match window::open(&core.MPU, core.SYST, &mut status) {
        Ok(nor) => nor.release().release().stop(),
        Err(failure) => {
            status.failed(failure);
            boot_failed()
        }
    }

    let table = match vector_table() {
        Ok(table) => table,
        Err(failure) => {
            status.failed(failure);
            boot_failed()
        }
    };
    if table != image::STORED {
        status.looks_at(table);
    }
    let image = Image::read(table);
    if !image.is_plausible() {
        status.image_invalid(image.stack_pointer, image.reset_vector);
        boot_image_invalid()
    }
    status.reached(Stage::Jumping);
    image.start(&mut core.SCB)
}

/// Where the image's vector table is, with the image ready to run.
fn vector_table() -> Result<u32, Failure> {
    #[cfg(feature = "lrun")]
    let table = copy::to_ram(image::STORED);
    // Without a header the image begins where it should be, and what is there will be no vector table.
    #[cfg(feature = "signed")]
    let table = header::verified(image::STORED)?.unwrap_or(image::STORED);
    #[cfg(not(any(feature = "lrun", feature = "signed")))]
    let table = image::STORED;
    Ok(table)
}

fn caches_off(scb: &mut SCB, cpuid: &mut CPUID) {
    if SCB::dcache_enabled() {
        scb.disable_dcache(cpuid);
    }
    if SCB::icache_enabled() {
        scb.disable_icache();
    }
}

/// The window is open and holds no image: waits for a debugger.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn boot_image_invalid() -> ! {
    loop {
        asm::wfi();
    }
}

/// A stage failed, or the boot stage faulted: waits for a debugger.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn boot_failed() -> ! {
    loop {
        // The barrier keeps this loop apart from the other one, which the compiler would fold into it.
        asm::dsb();
        asm::wfi();
    }
}

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    const BFARVALID: u32 = 1 << 15;
    const MMARVALID: u32 = 1 << 7;
    // SAFETY: the fault registers are only read.
    let scb = unsafe { &*SCB::PTR };
    let cfsr = scb.cfsr.read();
    let address = match cfsr {
        bus if bus & BFARVALID != 0 => scb.bfar.read(),
        memory if memory & MMARVALID != 0 => scb.mmfar.read(),
        _ => 0,
    };
    Status::load().hard_fault(frame.pc(), cfsr, address);
    boot_failed()
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    Status::load().failed(Failure {
        cause: Cause::Panic,
        location: 0,
        value: 0,
    });
    boot_failed()
}
