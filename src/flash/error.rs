//! Why a transaction failed.

use std::borrow::Cow;

use super::Protection;
use crate::{
    fault::{Code, Explain},
    layout::{Address, Controller},
    link::LinkError,
    loader::LoaderError,
    window::WindowError,
};

/// Why a transaction failed.
#[derive(Debug, thiserror::Error)]
pub enum FlashError {
    /// No flash of the board is there.
    #[error("{length} bytes at {address} are in no flash of the board")]
    NotFlash {
        /// First address.
        address: Address,
        /// Bytes.
        length: u64,
    },
    /// All of it is for RAM.
    #[error("{file} stores nothing in a flash of the board")]
    NothingToProgram {
        /// The file.
        file: String,
    },
    /// The file is no boot stage.
    #[error("{file} is no boot stage: it stores no vector table at {expected}")]
    NoBootImage {
        /// The file.
        file: String,
        /// Where the vector table belongs.
        expected: Address,
    },
    /// The profile names no routine.
    #[error("the board profile names no flash routine for {region}")]
    NoAlgorithm {
        /// The flash.
        region: String,
    },
    /// The routine serves other addresses or sectors.
    #[error(
        "flash routine `{algorithm}` does not serve {region} as the board profile describes it"
    )]
    OtherFlash {
        /// The routine.
        algorithm: String,
        /// The flash.
        region: String,
    },
    /// The chip is locked.
    #[error(
        "flash cannot be changed: the product state is not OPEN (FLASH_NVSR.NVSTATE is 0x{state:02x})"
    )]
    ProductState {
        /// NVSTATE.
        state: u32,
    },
    /// Internal flash would be changed, and that was not allowed.
    #[error(
        "internal flash differs from what is to be loaded, first in sector {sector}, and was not changed"
    )]
    InternalDiffers {
        /// The first sector that differs.
        sector: Address,
    },
    /// Internal flash would be changed, and the chip does not allow it.
    #[error("internal flash was not changed: {protection}")]
    Protected {
        /// By what.
        protection: Protection,
    },
    /// A cipher engine stands before the flash.
    #[error(
        "{region} was not changed: it is encrypted by the memory cipher engine before {controller}, and what is loaded is not"
    )]
    Encrypted {
        /// The flash.
        region: String,
        /// Its controller.
        controller: Controller,
    },
    /// The boot stage copies less than the appli needs.
    #[error(
        "the appli does not fit: it needs {needed} bytes of RAM, and the boot stage copies {copied}"
    )]
    CopyTooShort {
        /// From where the copy begins.
        needed: u64,
        /// Bytes.
        copied: u32,
    },
    /// A boot stage that checks headers would refuse it.
    #[error(
        "the boot stage starts only an image with an MCUboot header, and what is to be loaded at {first} has none"
    )]
    NoHeader {
        /// The first address in the NOR.
        first: Address,
    },
    /// The image has no header.
    #[error("{file} has no MCUboot header, and the boot stage starts no image without one")]
    NotSigned {
        /// The image.
        file: String,
    },
    /// The image would be refused.
    #[error("{file} does not have the hash that its header and trailer state")]
    ImageDamaged {
        /// The image.
        file: String,
    },
    /// The image was made of another build.
    #[error("{file} was made of another build than what is to be loaded: first difference at {at}")]
    StaleImage {
        /// The image.
        file: String,
        /// The first difference.
        at: Address,
    },
    /// The routine failed.
    #[error(transparent)]
    Loader(#[from] LoaderError),
    /// The window cannot be looked at.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// The flash holds something else than was programmed.
    #[error("verification failed: {address} holds 0x{found:02x} instead of 0x{expected:02x}")]
    Verify {
        /// The first byte that differs.
        address: Address,
        /// What was programmed.
        expected: u8,
        /// What is there.
        found: u8,
    },
    /// Error correction fails.
    #[error("internal flash is damaged: {address} cannot be read")]
    Damaged {
        /// The first address that cannot be read.
        address: Address,
    },
    /// The attendant said so.
    #[error("programming was cancelled at sector {sector} after {done} of {total} bytes")]
    Cancelled {
        /// The sector under way.
        sector: Address,
        /// Bytes done.
        done: u64,
        /// Bytes to be done.
        total: u64,
    },
    /// The link failed.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Explain for FlashError {
    fn code(&self) -> Code {
        match self {
            Self::NotFlash { .. } | Self::NothingToProgram { .. } => Code::XG038,
            Self::NoBootImage { .. } => Code::XG057,
            Self::NoAlgorithm { .. } => Code::XG034,
            Self::OtherFlash { .. } => Code::XG092,
            Self::ProductState { .. } => Code::XG028,
            Self::InternalDiffers { .. } => Code::XG035,
            Self::Protected { .. } => Code::XG029,
            Self::Encrypted { .. } => Code::XG039,
            Self::CopyTooShort { .. } => Code::XG044,
            Self::NoHeader { .. } | Self::NotSigned { .. } => Code::XG045,
            Self::ImageDamaged { .. } | Self::StaleImage { .. } => Code::XG047,
            Self::Verify { .. } => Code::XG032,
            Self::Damaged { .. } => Code::XG008,
            Self::Cancelled { .. } => Code::XG036,
            Self::Loader(error) => error.code(),
            Self::Window(error) => error.code(),
            Self::Link(error) => error.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Loader(error) => error.remedy(),
            Self::Window(error) => error.remedy(),
            Self::Link(error) => error.remedy(),
            _ => None,
        }
    }
}
