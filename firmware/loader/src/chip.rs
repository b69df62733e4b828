//! What both interfaces do with the chip: start, program, erase, look.

use core::slice;

use board::{
    clocks::CORE_HERTZ,
    journal::{Cause, Failure, Silent},
    memory_protection,
    nor::{self, Nor},
    pac::DBGMCU,
    wait::Waits,
    window,
    xspi::Xspi,
};
use cortex_m::{Peripherals, peripheral::SCB};

const ERASED: u8 = 0xff;

/// From reset to a mapped window.
pub fn start() -> Result<(), Failure> {
    DBGMCU.cr().modify(|w| w.set_dbgsleep_d1(true));
    let mut core = core_peripherals();
    core.SCB.enable_fpu();
    caches_off(&mut core);
    let mut journal = Silent;
    let nor = window::open(&core.MPU, core.SYST, &mut journal)?;
    nor.release().release().stop();
    Ok(())
}

/// Programs `bytes` at `address`, page by page.
pub fn program(address: u32, bytes: &[u8]) -> Result<(), Failure> {
    let start = offset_in_chip(address, bytes.len())?;
    with_chip(|nor| {
        let mut offset = start;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = nor::PAGE - offset as usize % nor::PAGE;
            let (page, after) = rest.split_at(room.min(rest.len()));
            program_page(nor, offset, page)?;
            offset += page.len() as u32;
            rest = after;
        }
        Ok(())
    })
}

/// Erases every sector that begins in `start..=end`.
pub fn erase(start: u32, end: u32) -> Result<(), Failure> {
    let first = offset_in_chip(start, 1)? & !(nor::SECTOR - 1);
    let last = offset_in_chip(end, 1)?;
    with_chip(|nor| {
        let mut offset = first;
        while offset <= last {
            let block_fits =
                offset.is_multiple_of(nor::BLOCK) && last >= offset + nor::BLOCK - nor::SECTOR;
            if block_fits {
                nor.erase_block(offset)?;
                offset += nor::BLOCK;
            } else {
                nor.erase_sector(offset)?;
                offset += nor::SECTOR;
            }
        }
        Ok(())
    })
}

/// Erases the 4 KiB sector that `address` lies in.
pub fn erase_sector(address: u32) -> Result<(), Failure> {
    let offset = offset_in_chip(address, 1)? & !(nor::SECTOR - 1);
    with_chip(|nor| nor.erase_sector(offset))
}

/// Erases the 64 KiB block that `address` lies in.
pub fn erase_block(address: u32) -> Result<(), Failure> {
    let offset = offset_in_chip(address, 1)? & !(nor::BLOCK - 1);
    with_chip(|nor| nor.erase_block(offset))
}

/// Erases the whole chip.
pub fn erase_all() -> Result<(), Failure> {
    with_chip(|nor| nor.erase_chip())
}

/// `length` bytes at `address`, through the window, which is mapped if it is not.
pub fn window(address: u32, length: usize) -> Result<&'static [u8], Failure> {
    offset_in_chip(address, length)?;
    if !Xspi::is_mapped() {
        let core = core_peripherals();
        let mut journal = Silent;
        let mut nor = resume(core.SYST, &mut journal);
        nor.map()?;
        nor.release().release().stop();
        memory_protection::open_nor(&core.MPU);
    }
    // SAFETY: the window is mapped, the range lies in it, and nobody programs while the slice is looked at.
    Ok(unsafe { slice::from_raw_parts(address as *const u8, length) })
}

/// Runs `work` on the unmapped chip.
fn with_chip(work: impl FnOnce(&mut Nor<'_>) -> Result<(), Failure>) -> Result<(), Failure> {
    let core = core_peripherals();
    let mut journal = Silent;
    let mut nor = resume(core.SYST, &mut journal);
    if Xspi::is_mapped() {
        memory_protection::close_nor(&core.MPU);
        nor.unmap()?;
    }
    let outcome = work(&mut nor);
    nor.release().release().stop();
    outcome
}

/// Octal DTR sends two bytes a clock, so what is odd is filled up with erased bytes, which program nothing.
fn program_page(nor: &mut Nor<'_>, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
    if bytes.iter().all(|byte| *byte == ERASED) {
        return Ok(());
    }
    let mut page = [ERASED; nor::PAGE];
    let head = offset as usize % 2;
    let used = (head + bytes.len()).next_multiple_of(2);
    let (Some(middle), even) = (page.get_mut(head..head + bytes.len()), offset & !1) else {
        return Err(outside(offset));
    };
    middle.copy_from_slice(bytes);
    nor.program(even, &page[..used.min(nor::PAGE)])
}

/// `address` as an offset in the chip, if `length` bytes from there lie in it.
fn offset_in_chip(address: u32, length: usize) -> Result<u32, Failure> {
    let offset = address.wrapping_sub(nor::WINDOW_BASE);
    if offset < nor::CAPACITY && length as u64 <= u64::from(nor::CAPACITY - offset) {
        Ok(offset)
    } else {
        Err(outside(address))
    }
}

fn outside(address: u32) -> Failure {
    Failure {
        cause: Cause::OutOfRange,
        location: address,
        value: 0,
    }
}

fn resume(systick: cortex_m::peripheral::SYST, journal: &mut Silent) -> Nor<'_> {
    Nor::resume(Xspi::resume(
        Waits::new(systick, CORE_HERTZ, journal),
        nor::MAPPED_PROTOCOL,
    ))
}

fn core_peripherals() -> Peripherals {
    // SAFETY: the loader is alone on the core, and each entry point takes them once.
    unsafe { Peripherals::steal() }
}

fn caches_off(core: &mut Peripherals) {
    if SCB::dcache_enabled() {
        core.SCB.disable_dcache(&mut core.CPUID);
    }
    if SCB::icache_enabled() {
        core.SCB.disable_icache();
    }
}
