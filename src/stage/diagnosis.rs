//! Why the boot stage did not get to the appli: one finding, the first that explains what the chip shows.

use std::time::Duration;

use super::{
    evidence::{Evidence, Start},
    finding::{Finding, Place, Refusal},
    retained::{Cause, Retained, Stage},
};
use crate::{
    image::{Image, Vectors},
    layout::{BoardProfile, BootMode},
    link::{CoreState, core_fault::CoreFault},
    window::State,
};

impl Finding {
    /// The first finding that holds for a boot stage that was given `waited` and has not arrived.
    pub(super) fn of(
        evidence: &Evidence,
        profile: &BoardProfile,
        boot: Option<&Image>,
        appli: Option<&Image>,
        waited: Duration,
    ) -> Self {
        Self::before_the_first_instruction(&evidence.start)
            .or_else(|| Self::of_a_jump(evidence, profile))
            .or_else(|| Self::of_an_appli_fault(evidence, profile, appli))
            .or_else(|| Self::of_a_fault(evidence, boot))
            .or_else(|| Self::of_the_header(evidence, profile))
            .or_else(|| Self::of_the_nor(evidence))
            .or_else(|| Self::of_the_image(evidence, profile, appli))
            .unwrap_or_else(|| Self::Spinning {
                at: Place::new(evidence.start.pc.unwrap_or(evidence.vtor), boot),
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
                watchdog: evidence.watchdog,
                waited,
            })
    }

    /// What keeps the boot stage from starting at all.
    pub(super) fn before_the_first_instruction(start: &Start) -> Option<Self> {
        if let Some(state) = start.product_state {
            Some(Self::ProductState(state))
        } else if let Some(address) = start.started_elsewhere() {
            Some(Self::StartedElsewhere(address))
        } else if let Some(address) = start.damaged {
            Some(Self::Damaged(address))
        } else if !start.boot_is_plausible {
            Some(Self::NoBootStage(start.boot_vectors))
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
}

fn boot_stage_says(retained: &Retained, cause: Cause) -> String {
    format!(
        "the boot stage reports that {cause} (at {}, read 0x{:08x})",
        retained.location, retained.value
    )
}
