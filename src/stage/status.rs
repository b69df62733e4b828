//! `boot status`: what the chip shows of its boot stage, without a reset and without a step.

use std::{fmt, time::Duration};

use super::{
    StageError,
    evidence::{Evidence, first_damage},
    finding::{Finding, Place},
    options::Options,
};
use crate::{
    image::{Image, Vectors},
    layout::{Address, BoardProfile, Window},
    link::{CoreState, Link, LinkError, salvage::salvage},
    window::{State, Windows},
};

/// The code in internal flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootStage {
    /// It cannot be read from here on: error correction fails.
    Damaged(Address),
    /// Nothing that could start.
    Missing(Vectors),
    /// A vector table; nobody said what it should be.
    Present(Vectors),
    /// It is what `--boot` names.
    Equal {
        /// Its vectors.
        vectors: Vectors,
        /// The file.
        file: String,
    },
    /// It is not what `--boot` names.
    Different {
        /// Its vectors.
        vectors: Vectors,
        /// The file.
        file: String,
        /// The first byte that differs.
        at: Address,
    },
}

/// What the chip shows.
#[derive(Clone, Debug)]
pub struct StageStatus {
    /// The code in internal flash.
    pub boot: BootStage,
    /// Option bytes that are not as delivered.
    pub options: Options,
    /// What the core does.
    pub core: CoreState,
    /// Where it is, while halted.
    pub at: Option<Place>,
    /// Nothing has run since the reset.
    pub at_reset_vector: bool,
    /// Where its vectors are.
    pub vtor: Address,
    /// The window and its state.
    pub window: Option<(Window, State)>,
    /// What stands where the image's vectors are expected, while the window is open and the core halted.
    pub image: Option<Vectors>,
    /// Why the appli was not reached; `None` if it was, or nothing has run since the reset.
    pub finding: Option<Finding>,
}

/// Looks at everything and changes nothing. `boot` and `appli` are files to compare with and to take names from.
pub fn status(
    link: &mut dyn Link,
    windows: &mut Windows,
    profile: &BoardProfile,
    boot: Option<&Image>,
    appli: Option<&Image>,
) -> Result<StageStatus, StageError> {
    let mut evidence = Evidence::gather(link, windows, profile, appli)?;
    evidence.start.damaged = first_damage(link, profile)?;
    let boot_stage = match (evidence.start.damaged, boot) {
        (Some(address), _) => BootStage::Damaged(address),
        _ if !evidence.start.boot_is_plausible => BootStage::Missing(evidence.start.boot_vectors),
        (None, None) => BootStage::Present(evidence.start.boot_vectors),
        (None, Some(image)) => match first_difference(link, image, profile)? {
            None => BootStage::Equal {
                vectors: evidence.start.boot_vectors,
                file: image.name(),
            },
            Some(Unlike::Damaged(address)) => BootStage::Damaged(address),
            Some(Unlike::Different(at)) => BootStage::Different {
                vectors: evidence.start.boot_vectors,
                file: image.name(),
                at,
            },
        },
    };
    let at_reset_vector = evidence.start.pc == Some(evidence.start.boot_vectors.handler());
    let in_appli = evidence
        .start
        .pc
        .is_some_and(|pc| profile.is_appli_place(pc));
    let appli_fault = || Finding::of_an_appli_fault(&evidence, profile, appli);
    let before = Finding::before_the_first_instruction(&evidence.start);
    let finding = before.or_else(appli_fault).or_else(|| {
        let unknown = evidence.start.pc.is_none() || at_reset_vector || in_appli;
        (!unknown).then(|| Finding::of(&evidence, profile, boot, appli, Duration::ZERO))
    });
    let names = if in_appli { appli } else { boot };
    Ok(StageStatus {
        boot: boot_stage,
        options: Options::read(link, profile)?,
        core: evidence.core,
        at: evidence.start.pc.map(|pc| Place::new(pc, names)),
        at_reset_vector,
        vtor: evidence.vtor,
        window: evidence.window,
        image: evidence.image_vectors,
        finding,
    })
}

/// Where internal flash is not what a file stores there.
pub(super) enum Unlike {
    /// It cannot be read.
    Damaged(Address),
    /// It holds something else.
    Different(Address),
}

/// The first place at which internal flash is not what `boot` stores there; damage comes first.
pub(super) fn first_difference(
    link: &mut dyn Link,
    boot: &Image,
    profile: &BoardProfile,
) -> Result<Option<Unlike>, LinkError> {
    let mut different = None;
    for segment in boot.placement(profile).internal {
        let there = salvage(link, &segment.range())?;
        if let Some(address) = there.first_damage() {
            return Ok(Some(Unlike::Damaged(address)));
        }
        let mut bytes = there.bytes.iter().zip(&segment.data);
        if let Some(offset) = bytes.position(|(a, b)| a != b) {
            let at = segment.address.checked_add(offset as u32);
            different = different.or(at.map(Unlike::Different));
        }
    }
    Ok(different)
}

impl fmt::Display for BootStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(address) => write!(
                f,
                "damaged, {address} cannot be read: `xspi-gdb boot install FILE` programs it again"
            ),
            Self::Missing(vectors) if vectors.is_blank() => {
                write!(f, "none, {} is blank", vectors.address)
            }
            Self::Missing(vectors) => write!(f, "none, {} holds no vector table", vectors.address),
            Self::Present(vectors) => write!(f, "present at {}", vectors.address),
            Self::Equal { vectors, file } => {
                write!(f, "present at {}, equal to {file}", vectors.address)
            }
            Self::Different { vectors, file, at } => write!(
                f,
                "present at {}, differs from {file}, first at {at}",
                vectors.address
            ),
        }
    }
}

/// A few lines for a person.
impl fmt::Display for StageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "boot stage: {}", self.boot)?;
        if !self.options.is_empty() {
            writeln!(f, "option bytes: {}", self.options)?;
        }
        let doing = match self.core {
            CoreState::Running => "running",
            CoreState::Sleeping => "sleeping",
            CoreState::LockedUp => "locked up",
            CoreState::Halted(_) => "halted",
        };
        match &self.at {
            Some(place) => writeln!(f, "core: {doing} at {place}, VTOR {}", self.vtor)?,
            None => writeln!(f, "core: {doing}, VTOR {}", self.vtor)?,
        }
        if let Some((window, state)) = &self.window {
            writeln!(f, "window {window}: {state}")?;
        }
        match &self.image {
            Some(vectors) if vectors.is_blank() => {
                writeln!(f, "image: {} is blank", vectors.address)?
            }
            Some(vectors) => writeln!(
                f,
                "image: vectors at {}, reset handler {}",
                vectors.address,
                vectors.handler()
            )?,
            None => {}
        }
        match &self.finding {
            Some(finding) => write!(f, "finding: {finding}"),
            None if self.at_reset_vector => f.write_str("finding: nothing has run since the reset"),
            None => f.write_str("finding: nothing is wrong"),
        }
    }
}
