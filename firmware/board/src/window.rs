//! Opening the window, from reset to the first readable byte.

use cortex_m::peripheral::{MPU, SYST};

use crate::{
    clocks,
    journal::{Failure, Journal, Stage},
    memory_protection,
    nor::Nor,
    supplies,
    wait::Waits,
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

    nor.enter_octal()?;
    nor.journal().reached(Stage::OctalMode);

    nor.map()?;
    memory_protection::open_nor(mpu);
    nor.journal().reached(Stage::WindowOpen);
    Ok(nor)
}
