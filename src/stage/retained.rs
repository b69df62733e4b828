//! What our own boot stage leaves for a debugger: twelve words at the top of DTCM, which a system reset keeps
//! (firmware/README.md, "Retained status"). Evidence when it is there; every other boot stage is judged without it.

use std::fmt;

use crate::{
    layout::{Address, BoardProfile},
    link::{Link, LinkError},
};

const ADDRESS: Address = Address(0x2000_FFD0);
const MAGIC: u32 = u32::from_le_bytes(*b"XGBS");
const VERSION: u32 = 1;
const WORDS: usize = 12;

/// How far the boot stage came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It has begun.
    Started,
    /// Clocks run.
    ClocksUp,
    /// I/O supplies and pins are ready.
    SuppliesUp,
    /// The NOR answers in 1-bit mode.
    NorIdentified,
    /// The NOR answers as the window needs it: in octal DTR, or on four lines.
    NorReady,
    /// The window is open.
    WindowOpen,
    /// The window holds no image that it would start.
    ImageInvalid,
    /// It has jumped.
    Jumping,
    /// A step failed.
    Failed,
    /// It took a HardFault.
    HardFault,
}

impl Stage {
    fn from_word(word: u32) -> Option<Self> {
        Some(match word {
            1 => Self::Started,
            2 => Self::ClocksUp,
            3 => Self::SuppliesUp,
            4 => Self::NorIdentified,
            5 => Self::NorReady,
            6 => Self::WindowOpen,
            7 => Self::ImageInvalid,
            8 => Self::Jumping,
            9 => Self::Failed,
            10 => Self::HardFault,
            _ => return None,
        })
    }
}

/// After which stage the boot stage stands still.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "it has begun",
            Self::ClocksUp => "clocks run",
            Self::SuppliesUp => "supplies and pins are ready",
            Self::NorIdentified => "the NOR is identified",
            Self::NorReady => "the NOR is in the mode that the window needs",
            Self::WindowOpen => "the window is open",
            Self::ImageInvalid => "no valid image was found",
            Self::Jumping => "it has jumped to the image",
            Self::Failed => "a step failed",
            Self::HardFault => "it took a HardFault",
        })
    }
}

/// Which step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A ready bit did not come in time.
    NotReady,
    /// No NOR of the expected kind answers in 1-bit mode.
    Identity,
    /// The NOR does not answer so.
    WindowMode,
    /// The NOR stayed busy.
    Busy,
    /// The NOR reports a failed operation.
    Refused,
    /// XSPI reports a transfer error.
    Transfer,
    /// The boot stage panicked.
    Panic,
    /// The image does not have the hash that it states.
    Hash,
}

impl Cause {
    fn from_word(word: u32) -> Option<Self> {
        Some(match word {
            1 => Self::NotReady,
            2 => Self::Identity,
            3 => Self::WindowMode,
            4 => Self::Busy,
            5 => Self::Refused,
            6 => Self::Transfer,
            7 => Self::Panic,
            9 => Self::Hash,
            _ => return None,
        })
    }

    /// True if it is the NOR that did not answer as it should.
    pub(super) fn is_of_the_nor(self) -> bool {
        matches!(
            self,
            Self::Identity | Self::WindowMode | Self::Busy | Self::Refused | Self::Transfer
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotReady => "a ready bit did not come in time",
            Self::Identity => "the NOR does not answer its identity in 1-bit mode",
            Self::WindowMode => "the NOR does not enter the mode that the window needs",
            Self::Busy => "the NOR stays busy",
            Self::Refused => "the NOR reports a failed erase or program",
            Self::Transfer => "XSPI reports a transfer error",
            Self::Panic => "it panicked",
            Self::Hash => "the image does not have the hash that it states",
        })
    }
}

/// The status as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// Starts since it was first written.
    pub boots: u32,
    /// How it stands.
    pub stage: Stage,
    /// The last stage before it failed.
    pub reached: Option<Stage>,
    /// Which step failed.
    pub cause: Option<Cause>,
    /// Register, window address or pc, by stage and cause.
    pub location: Address,
    /// What was read there.
    pub value: u32,
    /// Where the image's vector table is looked for.
    pub image: Address,
    /// Fault address.
    pub address: Address,
    /// The register that is waited for.
    pub waiting: Option<Address>,
}

impl Retained {
    /// Reads the status; `None` if there is none, or it is damaged.
    pub fn read(link: &mut dyn Link, profile: &BoardProfile) -> Result<Option<Self>, LinkError> {
        if profile.ram(ADDRESS).is_none() {
            return Ok(None);
        }
        let mut bytes = [0; WORDS * 4];
        link.read(ADDRESS, &mut bytes)?;
        Ok(Self::decode(&bytes))
    }

    fn decode(bytes: &[u8; WORDS * 4]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let &[
            magic,
            version,
            boots,
            stage,
            reached,
            cause,
            location,
            value,
            image,
            address,
            waiting,
            check,
        ] = words.as_slice()
        else {
            return None;
        };
        let sum = words.iter().take(WORDS - 1).fold(0, |sum, word| sum ^ word);
        if magic != MAGIC || version != VERSION || check != !sum {
            return None;
        }
        Some(Self {
            boots,
            stage: Stage::from_word(stage)?,
            reached: Stage::from_word(reached),
            cause: Cause::from_word(cause),
            location: Address(location),
            value,
            image: Address(image),
            address: Address(address),
            waiting: (waiting != 0).then_some(Address(waiting)),
        })
    }

    /// True if the boot stage has come to an end that is not the appli.
    pub(super) fn has_given_up(&self) -> bool {
        matches!(
            self.stage,
            Stage::ImageInvalid | Stage::Failed | Stage::HardFault
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(stage: u32) -> [u8; WORDS * 4] {
        let mut words = [
            MAGIC,
            VERSION,
            3,
            stage,
            6,
            0,
            0x7000_0000,
            u32::MAX,
            0x7000_0000,
            0,
            0,
            0,
        ];
        words[WORDS - 1] = !words[..WORDS - 1].iter().fold(0, |sum, word| sum ^ word);
        let mut bytes = [0; WORDS * 4];
        for (slot, word) in bytes.chunks_exact_mut(4).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_status_is_read_and_a_damaged_one_is_none() {
        let retained = Retained::decode(&words(7)).expect("a status");
        assert_eq!((retained.stage, retained.boots), (Stage::ImageInvalid, 3));
        assert_eq!(retained.reached, Some(Stage::WindowOpen));
        assert!(retained.has_given_up() && retained.waiting.is_none());
        let mut damaged = words(7);
        damaged[8] ^= 1;
        assert_eq!(Retained::decode(&damaged), None);
        assert_eq!(Retained::decode(&words(99)), None);
    }
}
