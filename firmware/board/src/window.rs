//! Opening the window, from reset to the first readable byte; and closing it under a running appli.

use cortex_m::{
    asm,
    peripheral::{MPU, SYST},
};
use stm32_metapac::xspi::vals::Fmode;

use crate::{
    clocks,
    journal::{Failure, Journal, Stage},
    memory_protection,
    nor::Nor,
    supplies,
    wait::Waits,
    wiring::XSPI,
    xspi::Xspi,
};

/// Brings up everything that stands between the core and the NOR, and maps it. Works from reset, and on a running board.
pub fn open<'a>(
    mpu: &MPU,
    systick: SYST,
    journal: &'a mut dyn Journal,
) -> Result<Nor<'a>, Failure> {
    memory_protection::close_windows(mpu);
    let mut waits = Waits::new(systick, clocks::HSI_HERTZ, journal);

    clocks::start(&mut waits)?;
    waits.journal().reached(Stage::ClocksUp);

    supplies::start(&mut waits)?;
    waits.journal().reached(Stage::SuppliesUp);

    let mut nor = Nor::identify(Xspi::start(waits)?)?;
    nor.journal().reached(Stage::NorIdentified);

    nor.enter()?;
    nor.journal().reached(Stage::OctalMode);

    nor.map()?;
    memory_protection::open_nor(mpu);
    nor.journal().reached(Stage::WindowOpen);
    Ok(nor)
}

/// Closes the window from ITCM, stays there for `turns` turns with interrupts masked (their handlers are in the window), and opens
/// it again. With 0 turns it does not open it, and empties the instruction cache: the return into the window is a bus fault, where
/// lines of before would let the core run on for as long as it stays in them.
///
/// The linker script of the appli has to place `.itcm`, and the appli to copy it there.
#[unsafe(link_section = ".itcm.close")]
#[inline(never)]
pub fn close(turns: u32) {
    cortex_m::interrupt::disable();
    XSPI.cr().modify(|w| w.set_abort(true));
    while XSPI.cr().read().abort() {}
    XSPI.cr().modify(|w| w.set_fmode(Fmode::from_bits(0)));
    asm::dsb();
    window_closed(turns);
    if turns == 0 {
        forget_code();
        return;
    }
    XSPI.cr().modify(|w| w.set_fmode(Fmode::from_bits(3)));
    asm::dsb();
    asm::isb();
    // SAFETY: the window, and with it every handler, is back.
    unsafe { cortex_m::interrupt::enable() };
}

/// Empties the instruction cache (ICIALLU, DDI 0403E B2.2.7).
#[inline(always)]
fn forget_code() {
    const ICIALLU: *mut u32 = 0xE000_EF50 as *mut u32;
    // SAFETY: lines of the instruction cache are never dirty: all that is lost is time.
    unsafe { ICIALLU.write_volatile(0) };
    asm::dsb();
    asm::isb();
}

/// Where the core is while the window is closed.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".itcm.closed")]
#[inline(never)]
extern "C" fn window_closed(turns: u32) {
    for _ in 0..turns {
        asm::nop();
    }
}
