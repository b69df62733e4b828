//! What a boot stage that did not get to the appli is found to suffer from: each finding with its sentence, its code and its remedy.

use std::{fmt, time::Duration};

use super::retained::Stage;
use crate::{
    fault::Code,
    image::{Image, Vectors},
    layout::{Address, Window},
    registers,
    window::State,
};

/// Where something is: an address, and the function there if a file with symbols is at hand. Prints `0x08001234 (clock::start+0x2)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    address: Address,
    pub(super) function: Option<String>,
}

impl Place {
    pub(super) fn new(address: Address, image: Option<&Image>) -> Self {
        let function = image
            .and_then(|image| image.symbols().locate(address))
            .map(|location| location.to_string());
        Self { address, function }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => write!(f, "{} ({function})", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// Why an image with a header was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not have the hash that it states.
    Hash,
    /// The boot stage checks headers, and does not tell what it found.
    Unknown,
    /// Nobody said that the boot stage checks headers.
    HeaderNotExpected,
}

/// Why the appli was not reached. Each prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The chip is locked.
    ProductState(u32),
    /// Internal flash cannot be read from here on: error correction fails.
    Damaged(Address),
    /// Internal flash has no vector table.
    NoBootStage(Vectors),
    /// The core started from system memory.
    StartedElsewhere(Address),
    /// A watchdog resets the chip again and again.
    ResetLoop {
        /// Resets that were seen.
        resets: u32,
        /// Which watchdog, if RCC_RSR says.
        watchdog: Option<&'static str>,
    },
    /// The boot stage took a fault.
    Faulted {
        /// The function that the pc in the sentence lies in.
        function: Option<String>,
        /// The sentence that decodes it.
        what: String,
    },
    /// The appli was started and took a fault.
    AppliFaulted {
        /// The function that the pc in the sentence lies in.
        function: Option<String>,
        /// The sentence that decodes it.
        what: String,
    },
    /// It stopped at a BKPT instruction of its own.
    Breakpoint(Place),
    /// The NOR does not answer in the mode that the boot stage or the window expects.
    NorMode {
        /// What was seen.
        what: String,
    },
    /// The core waits for a bus access that is never answered; only nRST got it out of there.
    Hung {
        /// The window, if its registers could still be read.
        window: Option<(Box<Window>, State)>,
    },
    /// The boot stage found nothing that it would start.
    NoImage {
        /// Where it looked.
        at: Address,
        /// What is there, if the window is open.
        vectors: Option<Vectors>,
    },
    /// The appli's vectors are not where the boot stage looks for an image.
    VectorsElsewhere {
        /// The appli.
        file: String,
        /// Where its vectors are.
        vectors: Address,
        /// Where the boot stage looks.
        expected: Address,
    },
    /// The boot stage jumped to another vector table than the appli's.
    OtherImage {
        /// VTOR.
        started: Address,
        /// The vectors that were waited for, and whose they are.
        expected: Option<(Address, String)>,
    },
    /// The image begins with an MCUboot header, and the boot stage did not start it.
    Refused {
        /// Where the header lies.
        header: Address,
        /// Why, as far as is known.
        reason: Refusal,
    },
    /// The boot stage copied less than the appli has.
    ShortCopy {
        /// The first byte that was not copied, where it executes.
        at: Address,
        /// Bytes that were copied.
        copied: u32,
        /// The appli.
        file: String,
        /// Its bytes.
        needed: u64,
    },
    /// It runs and does not arrive.
    Spinning {
        /// Where it is.
        at: Place,
        /// The register that it waits for.
        register: Option<Address>,
        /// How far it came.
        reached: Option<Stage>,
        /// Whether the window is open by now.
        window: Option<(Box<Window>, State)>,
        /// It sleeps (WFI).
        sleeps: bool,
        /// The watchdog that has reset the chip before, if one has: then it will again.
        watchdog: Option<&'static str>,
        /// How long it was given; nothing if it is only looked at.
        waited: Duration,
    },
}

impl Finding {
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Damaged(_) => Code::XG008,
            Self::NoBootStage(_) => Code::XG020,
            Self::StartedElsewhere(_) => Code::XG021,
            Self::Faulted { .. } | Self::Breakpoint(_) => Code::XG022,
            Self::AppliFaulted { .. } => Code::XG080,
            Self::Spinning {
                watchdog: Some(_), ..
            } => Code::XG026,
            Self::Spinning { .. } => Code::XG023,
            Self::NoImage { .. } => Code::XG024,
            Self::OtherImage { .. } => Code::XG025,
            Self::ResetLoop { .. } => Code::XG026,
            Self::Hung {
                window: Some((_, State::Closed(_))),
            } => Code::XG023,
            Self::NorMode { .. } | Self::Hung { .. } => Code::XG027,
            Self::ProductState(_) => Code::XG028,
            Self::VectorsElsewhere { .. } => Code::XG055,
            Self::Refused { .. } => Code::XG046,
            Self::ShortCopy { .. } => Code::XG044,
        }
    }

    pub(super) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Breakpoint(_) => Some(
                "the boot stage stopped itself (a panic, an assertion, semihosting): `monitor reset boot` halts at its first instruction",
            ),
            Self::Hung {
                window: Some((_, State::Closed(_))),
            } => Some(
                "the boot stage touches memory that does not answer yet: close the range by the MPU until its window is open",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProductState(state) => write!(
                f,
                "the chip is locked: its product state is not OPEN (FLASH_NVSR.NVSTATE is 0x{state:02x})"
            ),
            Self::Damaged(address) => {
                write!(f, "internal flash is damaged: {address} cannot be read")
            }
            Self::NoBootStage(vectors) if vectors.is_blank() => {
                write!(
                    f,
                    "no boot stage: internal flash at {} is blank",
                    vectors.address
                )
            }
            Self::NoBootStage(vectors) => write!(
                f,
                "no boot stage: internal flash at {} holds no vector table (0x{:08x} 0x{:08x})",
                vectors.address, vectors.stack_pointer, vectors.reset
            ),
            Self::StartedElsewhere(address) => write!(
                f,
                "the chip did not start from internal flash: BOOT0 is set, the core is in system memory at {address}"
            ),
            Self::ResetLoop { resets, watchdog } => {
                write!(
                    f,
                    "boot stage does not arrive: the chip was reset {resets} times"
                )?;
                match watchdog {
                    Some(watchdog) => write!(f, " by its {watchdog}"),
                    None => Ok(()),
                }
            }
            Self::Faulted { function, what } | Self::AppliFaulted { function, what } => {
                f.write_str(match self {
                    Self::AppliFaulted { .. } => "the appli was started and faulted",
                    _ => "boot stage faulted",
                })?;
                if let Some(function) = function {
                    write!(f, " in {function}")?;
                }
                write!(f, ": {what}")
            }
            Self::Breakpoint(place) => write!(f, "boot stage stopped at a BKPT at {place}"),
            Self::NorMode { what } => write!(f, "NOR does not answer as configured: {what}"),
            Self::Hung {
                window: Some((window, state)),
            } => write!(
                f,
                "boot stage does not arrive: the core hangs on a bus access that is never answered; window {window} is {state}"
            ),
            Self::Hung { window: None } => f.write_str(
                "boot stage does not arrive: the core hangs on a bus access that is never answered",
            ),
            Self::NoImage { at, vectors } => {
                write!(f, "boot stage found no valid image: {at} ")?;
                match vectors {
                    Some(vectors) if vectors.is_blank() => f.write_str("is blank"),
                    Some(vectors) => write!(
                        f,
                        "holds 0x{:08x} 0x{:08x}",
                        vectors.stack_pointer, vectors.reset
                    ),
                    None => f.write_str("cannot be read"),
                }
            }
            Self::VectorsElsewhere {
                file,
                vectors,
                expected,
            } => write!(
                f,
                "boot stage looks for an image at {expected} and finds none: the vectors of {file} are at {vectors}"
            ),
            Self::OtherImage { started, expected } => {
                write!(f, "boot stage started another image: VTOR is {started}")?;
                match expected {
                    Some((vectors, file)) => write!(f, ", the vectors of {file} are at {vectors}"),
                    None => Ok(()),
                }
            }
            Self::Refused { header, reason } => {
                write!(
                    f,
                    "boot stage did not start the image with the header at {header}: "
                )?;
                f.write_str(match reason {
                    Refusal::Hash => "its contents do not have the hash that it states",
                    Refusal::Unknown => {
                        "its signature, hash or version was refused, or it is for another slot"
                    }
                    Refusal::HeaderNotExpected => {
                        "by the settings (`boot-mode`) this boot stage expects a vector table there"
                    }
                })
            }
            Self::ShortCopy {
                at,
                copied,
                file,
                needed,
            } => write!(
                f,
                "boot stage copied too little: {copied} bytes arrived, {file} has {needed}, and {at} holds something else"
            ),
            Self::Spinning {
                at,
                register,
                reached,
                window,
                sleeps,
                watchdog,
                waited,
            } => {
                let doing = if *sleeps { "sleeps" } else { "is" };
                match waited.as_millis() {
                    0 => write!(f, "boot stage has not arrived: it {doing} at {at}")?,
                    waited => write!(
                        f,
                        "boot stage does not arrive: after {waited} ms it {doing} at {at}"
                    )?,
                }
                if let Some(register) = register {
                    write!(f, ", waiting for {}", registers::names::name_of(*register))?;
                }
                if let Some(reached) = reached {
                    write!(f, "; {reached}")?;
                }
                if let Some(watchdog) = watchdog {
                    write!(f, "; its {watchdog} has reset the chip")?;
                }
                match window {
                    Some((window, state)) => write!(f, "; window {window} is {state}"),
                    None => Ok(()),
                }
            }
        }
    }
}
