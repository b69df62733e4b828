//! Our own loader (firmware/loader), built into the server: ST's interface, and a fast path beside it.

use super::{LoaderError, Origin, Routine, stldr};

/// firmware/loader, for the MX66UW1G45G of the STM32H7S78-DK.
const FILE: &[u8] = include_bytes!("../../firmware/prebuilt/loader.elf");

/// The name that selects it.
pub const NAME: &str = "own";

/// The routine.
pub fn routine() -> Result<Routine, LoaderError> {
    Ok(Routine {
        origin: Origin::Shipped,
        ..stldr::parse(FILE, NAME)?
    })
}
