//! Why the boot stage did not get to the appli: one finding, the first that explains what the chip shows.

use std::{fmt, time::Duration};

use super::{
    evidence::Evidence,
    retained::{Cause, Retained, Stage},
};
use crate::{
    fault::Code,
    image::{Image, Vectors},
    layout::{Address, BoardProfile, BootMode, Window},
    link::{CoreState, core_fault::CoreFault},
    registers,
    window::State,
};

/// Where something is: an address, and the function there if a file with symbols is at hand. Prints `0x08001234 (clock::start+0x2)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    address: Address,
    function: Option<String>,
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
        /// How long it was given; nothing if it is only looked at.
        waited: Duration,
    },
}

impl Finding {
    /// The first finding that holds for a boot stage that was given `waited` and has not arrived.
    pub(super) fn of(
        evidence: &Evidence,
        profile: &BoardProfile,
        boot: Option<&Image>,
        appli: Option<&Image>,
        waited: Duration,
    ) -> Self {
        Self::before_the_first_instruction(evidence)
            .or_else(|| Self::of_a_jump(evidence, profile))
            .or_else(|| Self::of_an_appli_fault(evidence, profile, appli))
            .or_else(|| Self::of_a_fault(evidence, boot))
            .or_else(|| Self::of_the_header(evidence, profile))
            .or_else(|| Self::of_the_nor(evidence))
            .or_else(|| Self::of_the_image(evidence, profile, appli))
            .unwrap_or_else(|| Self::Spinning {
                at: Place::new(evidence.pc.unwrap_or(evidence.vtor), boot),
                register: evidence
                    .retained
                    .and_then(|r| r.waiting)
                    .or(evidence.polled),
                reached: evidence.retained.and_then(|retained| retained.reached),
                window: evidence
                    .window
                    .clone()
                    .map(|(window, state)| (Box::new(window), state)),
                sleeps: evidence.core == CoreState::Sleeping,
                waited,
            })
    }

    /// What keeps the boot stage from starting at all.
    pub(super) fn before_the_first_instruction(evidence: &Evidence) -> Option<Self> {
        if let Some(state) = evidence.product_state {
            Some(Self::ProductState(state))
        } else if let Some(address) = evidence.started_elsewhere() {
            Some(Self::StartedElsewhere(address))
        } else if let Some(address) = evidence.damaged {
            Some(Self::Damaged(address))
        } else if !evidence.boot_is_plausible {
            Some(Self::NoBootStage(evidence.boot_vectors))
        } else {
            None
        }
    }

    /// A boot stage that does not check the image jumps to whatever the NOR holds, and the core faults there.
    fn of_a_jump(evidence: &Evidence, profile: &BoardProfile) -> Option<Self> {
        if !profile.is_appli_place(evidence.vtor) {
            return None;
        }
        match evidence.image_vectors {
            Some(vectors) if vectors.is_blank() => Some(Self::NoImage {
                at: vectors.address,
                vectors: Some(vectors),
            }),
            _ => Self::of_the_nor(evidence),
        }
    }

    /// The boot stage has done its work: the fault is the appli's own.
    pub(super) fn of_an_appli_fault(
        evidence: &Evidence,
        profile: &BoardProfile,
        appli: Option<&Image>,
    ) -> Option<Self> {
        let fault = evidence.fault.as_ref()?;
        let pc = fault.pc.filter(|pc| profile.is_appli_place(*pc))?;
        (evidence.image_is_plausible && profile.is_appli_place(evidence.vtor)).then(|| {
            Self::AppliFaulted {
                function: Place::new(pc, appli).function,
                what: fault.to_string(),
            }
        })
    }

    fn of_a_fault(evidence: &Evidence, boot: Option<&Image>) -> Option<Self> {
        if let Some(fault) = &evidence.fault {
            return Some(Self::faulted(fault, boot));
        }
        let retained = evidence.retained?;
        (retained.stage == Stage::HardFault).then(|| Self::Faulted {
            function: Place::new(retained.location, boot).function,
            what: format!(
                "HardFault at pc {}, fault address {} (CFSR 0x{:08x})",
                retained.location, retained.address, retained.value
            ),
        })
    }

    pub(super) fn faulted(fault: &CoreFault, boot: Option<&Image>) -> Self {
        Self::Faulted {
            function: fault.pc.and_then(|pc| Place::new(pc, boot).function),
            what: fault.to_string(),
        }
    }

    /// An image with an MCUboot header that was not started.
    fn of_the_header(evidence: &Evidence, profile: &BoardProfile) -> Option<Self> {
        if let Some(retained) = evidence.retained
            && retained.cause == Some(Cause::Hash)
        {
            return Some(Self::Refused {
                header: retained.location,
                reason: Refusal::Hash,
            });
        }
        let header = evidence.header?;
        let reason = match profile.boot_mode {
            BootMode::Signed => Refusal::Unknown,
            BootMode::Xip | BootMode::Lrun => Refusal::HeaderNotExpected,
        };
        (!profile.is_appli_place(evidence.vtor)).then_some(Self::Refused { header, reason })
    }

    fn of_the_nor(evidence: &Evidence) -> Option<Self> {
        if let Some(retained) = evidence.retained.filter(|r| r.stage == Stage::Failed) {
            return retained
                .cause
                .filter(|cause| cause.is_of_the_nor())
                .map(|cause| Self::NorMode {
                    what: boot_stage_says(&retained, cause),
                });
        }
        let (window, state) = evidence.window.as_ref()?;
        let judged = evidence
            .retained
            .is_some_and(|retained| retained.stage == Stage::ImageInvalid);
        if *state != State::Open || judged {
            return None;
        }
        if evidence.window_fails {
            return Some(Self::NorMode {
                what: format!("an access to window {window} was not answered"),
            });
        }
        let vectors = evidence.image_vectors?;
        (!vectors.is_blank() && !evidence.image_is_plausible).then(|| Self::NorMode {
            what: format!(
                "window {window} reads 0x{:08x} 0x{:08x} at {}, which is no vector table and not blank",
                vectors.stack_pointer, vectors.reset, vectors.address
            ),
        })
    }

    fn of_the_image(
        evidence: &Evidence,
        profile: &BoardProfile,
        appli: Option<&Image>,
    ) -> Option<Self> {
        let expected = appli.and_then(|appli| {
            let vectors = appli.appli_vectors(profile)?;
            Some((profile.stored_at(vectors.address), appli.name()))
        });
        if profile.is_appli_place(evidence.vtor) {
            let started = profile.stored_at(evidence.vtor);
            let other = expected.as_ref().is_none_or(|(at, _)| *at != started);
            return other.then_some(Self::OtherImage {
                started: evidence.vtor,
                expected,
            });
        }
        let gave_up = evidence
            .retained
            .is_some_and(|retained| retained.stage == Stage::ImageInvalid);
        let vectors = evidence.image_vectors.filter(Vectors::is_blank);
        if !gave_up && vectors.is_none() {
            return None;
        }
        let at = match (gave_up, evidence.retained) {
            (true, Some(retained)) => profile.stored_at(retained.image),
            _ => vectors?.address,
        };
        Some(match expected {
            Some((vectors, file)) if vectors != at => Self::VectorsElsewhere {
                file,
                vectors,
                expected: at,
            },
            _ => Self::NoImage {
                at,
                vectors: evidence.image_vectors,
            },
        })
    }

    pub(super) fn code(&self) -> Code {
        match self {
            Self::Damaged(_) => Code::XG008,
            Self::NoBootStage(_) => Code::XG020,
            Self::StartedElsewhere(_) => Code::XG021,
            Self::Faulted { .. } | Self::Breakpoint(_) => Code::XG022,
            Self::AppliFaulted { .. } => Code::XG080,
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

    /// True if there is nothing that a resume could run into but the same again: no boot stage, or nothing for it to start. A reset
    /// then halts at the reset vector, so that a client can download.
    pub fn awaits_a_download(&self) -> bool {
        matches!(
            self,
            Self::Damaged(_)
                | Self::NoBootStage(_)
                | Self::NoImage { .. }
                | Self::NorMode { .. }
                | Self::Hung { .. }
                | Self::VectorsElsewhere { .. }
                | Self::OtherImage { .. }
                | Self::Refused { .. }
                | Self::ShortCopy { .. }
        )
    }
}

fn boot_stage_says(retained: &Retained, cause: Cause) -> String {
    format!(
        "the boot stage reports that {cause} (at {}, read 0x{:08x})",
        retained.location, retained.value
    )
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
                match window {
                    Some((window, state)) => write!(f, "; window {window} is {state}"),
                    None => Ok(()),
                }
            }
        }
    }
}
