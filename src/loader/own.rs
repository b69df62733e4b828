//! Our own loaders (firmware/loader), built into the server: ST's interface, and a fast path beside it.

use super::{LoaderError, Origin, Routine, stldr};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// For the MX66UW1G45G of the STM32H7S78-DK.
    Octal,
    /// For a W25Q64JV or W25Q128JV on port 1, served by XSPI1.
    Quad,
}

impl Own {
    /// The one that is selected by `name`.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Octal, Self::Quad]
            .into_iter()
            .find(|own| own.name() == name)
    }

    /// The name that selects it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Octal => "own",
            Self::Quad => "own-quad",
        }
    }

    /// The routine.
    pub fn routine(self) -> Result<Routine, LoaderError> {
        let file: &[u8] = match self {
            Self::Octal => include_bytes!("../../firmware/prebuilt/loader.elf"),
            Self::Quad => include_bytes!("../../firmware/prebuilt/loader-quad.elf"),
        };
        Ok(Routine {
            origin: Origin::Shipped,
            ..stldr::parse(file, self.name())?
        })
    }
}
