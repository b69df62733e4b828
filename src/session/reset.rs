//! Resets, and the way through the boot stage to the appli's first instruction.
//!
//! A client begins with a reset before it downloads, onto a blank NOR or an old image: a boot stage that does not arrive is then no
//! failure of the request. The reason is told, kept, and becomes the stop of the resume that would run into it.

use super::{Session, StopReason};
use crate::{
    breakpoints::Patching,
    fault::{Disposition, Fault},
    flash::{self, InternalFlash, Report, Standing},
    image::Image,
    link::{Attendant, RegisterAccess, ResetMode},
    registers::rcc::RCC,
    stage::{self, Armed, Finding, Setup, StageError, StageStatus},
};

/// Where a reset leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// Through the boot stage to the appli's first instruction.
    Arm,
    /// To the boot stage's first instruction.
    Boot,
    /// The core runs.
    Run,
}

/// What a reset has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResetOutcome {
    /// Lines for the console.
    pub console: Vec<String>,
}

impl Session {
    /// Resets the core. `Err` only if that itself was impossible; a boot stage that did not arrive is told on the console, and by the
    /// next resume.
    pub fn reset(
        &mut self,
        kind: ResetKind,
        attendant: &mut dyn Attendant,
    ) -> Result<ResetOutcome, Fault> {
        self.store_load_and_run(attendant)?;
        self.load.forget_ram();
        match kind {
            ResetKind::Arm => match self.run_boot_stage(attendant) {
                Ok(armed) => Ok(ResetOutcome {
                    console: [format!(
                        "halted at the appli's first instruction, {}",
                        armed.entry
                    )]
                    .into_iter()
                    .chain(armed.notices)
                    .collect(),
                }),
                Err(fault) => {
                    let console = fault.to_string().lines().map(str::to_owned).collect();
                    self.keep_boot_fault(fault)?;
                    Ok(ResetOutcome { console })
                }
            },
            ResetKind::Boot => {
                self.reset_to_vector()?;
                Ok(ResetOutcome {
                    console: vec![format!(
                        "halted at the boot stage's first instruction, {}",
                        self.stop.pc
                    )],
                })
            }
            ResetKind::Run => {
                self.reset_to_vector()?;
                self.resume()?;
                Ok(ResetOutcome::default())
            }
        }
    }

    /// A restart of the program (`R`, vRun): the same as a reset to the appli.
    pub fn restart(&mut self, attendant: &mut dyn Attendant) -> Result<ResetOutcome, Fault> {
        self.reset(ResetKind::Arm, attendant)
    }

    /// Brings the core to the appli's first instruction. The fault, if any, is also what the next resume tells.
    pub fn arm(&mut self, attendant: &mut dyn Attendant) -> Result<Armed, Fault> {
        self.store_load_and_run(attendant)?;
        self.load.forget_ram();
        self.run_boot_stage(attendant).or_else(|fault| {
            self.keep_boot_fault(fault.clone())?;
            Err(fault)
        })
    }

    /// From system reset through the boot stage. On a fault the core stays where it was found if that tells something, and goes to the
    /// reset vector if there was nothing to run.
    pub(super) fn run_boot_stage(&mut self, attendant: &mut dyn Attendant) -> Result<Armed, Fault> {
        self.install_given_boot(attendant)?;
        self.prepare_reset()?;
        self.refresh_appli();
        let appli = self.windows.image().cloned();
        let setup = Setup {
            profile: &self.settings.profile,
            boot: self.boot.as_ref(),
            appli: appli.as_ref(),
            known: self.vectors,
            timeout: self.settings.boot_timeout,
        };
        let mut unsaid = Vec::new();
        let outcome = stage::arm(
            self.link.as_mut(),
            &mut self.windows,
            &mut self.units,
            &setup,
            attendant,
            &mut unsaid,
        );
        self.console.append(&mut unsaid);
        if let Err(error) = &outcome
            && has_nothing_to_run(error)
        {
            self.link.reset(ResetMode::Halt)?;
        }
        self.settle_after_reset(StopReason::Reset)?;
        let armed = outcome?;
        self.patching = Patching::Allowed;
        self.standing = Standing::BeforeAppli;
        self.vectors = Some(armed.vectors);
        Ok(armed)
    }

    /// What the chip shows of its boot stage; nothing is changed.
    pub fn boot_status(&mut self) -> Result<StageStatus, Fault> {
        self.refresh_appli();
        let appli = self.windows.image().cloned();
        let status = stage::status(
            self.link.as_mut(),
            &mut self.windows,
            &self.settings.profile,
            self.boot.as_ref(),
            appli.as_ref(),
        );
        Ok(status?)
    }

    /// Brings every NOR of the board back into its power-on protocol, whatever a program or a debugger left it in. The core is then at
    /// its reset vector.
    pub fn reset_nor(&mut self) -> Result<(), Fault> {
        self.prepare_reset()?;
        let context = Self::flash_context(&self.settings, InternalFlash::Keep);
        let outcome = flash::reset_nor(self.link.as_mut(), &mut self.windows, &context);
        self.settle_after_reset(StopReason::Reset)?;
        Ok(outcome?)
    }

    /// Programs a boot stage into internal flash, if it differs. The core is then at its reset vector.
    pub fn install_boot(
        &mut self,
        image: &Image,
        attendant: &mut dyn Attendant,
    ) -> Result<Report, Fault> {
        self.prepare_reset()?;
        let context = Self::flash_context(&self.settings, InternalFlash::Install);
        let outcome = flash::install_boot(
            self.link.as_mut(),
            &mut self.windows,
            &context,
            image,
            attendant,
        );
        self.settle_after_reset(StopReason::Reset)?;
        Ok(outcome?)
    }

    /// The fault that the next resume would run into; a lost link is no such fault.
    pub(super) fn keep_boot_fault(&mut self, fault: Fault) -> Result<(), Fault> {
        if fault.disposition() == Disposition::EndSession {
            return Err(fault);
        }
        tracing::warn!("{}", fault.one_line());
        self.journal.record_shown(fault.clone());
        self.boot_fault = Some(fault);
        Ok(())
    }

    /// The fault that the next resume would run into.
    pub fn boot_fault(&self) -> Option<&Fault> {
        self.boot_fault.as_ref()
    }

    /// Requests are parked before the core is reset or a loader runs, and patches taken back.
    pub(super) fn prepare_reset(&mut self) -> Result<(), Fault> {
        if !self.is_halted() {
            self.halt()?;
        }
        self.boot_fault = None;
        self.stalled = None;
        self.breakpoints.park(self.link.as_mut(), &mut self.units)?;
        self.wipe_rtt()?;
        self.forget();
        Ok(())
    }

    /// The core was reset, or may have been, and is in debug state.
    pub(super) fn settle_after_reset(&mut self, reason: StopReason) -> Result<(), Fault> {
        self.forget();
        self.forget_rtt();
        self.forget_calls();
        self.standing = Standing::Anywhere;
        self.link.was_reset()?;
        self.link.state()?;
        self.patching = Patching::Forbidden;
        self.units.verify(self.link.as_mut())?;
        self.support.apply(self.link.as_mut())?;
        self.reset_flags = Some(self.link.peek(RCC)?);
        self.arrive(reason)?;
        Ok(())
    }

    fn reset_to_vector(&mut self) -> Result<(), Fault> {
        self.prepare_reset()?;
        self.link.reset(ResetMode::Halt)?;
        self.settle_after_reset(StopReason::Reset)
    }

    /// `--boot FILE --install-boot`: once for each version of the file; what is equal is not programmed.
    fn install_given_boot(&mut self, attendant: &mut dyn Attendant) -> Result<(), Fault> {
        let stale = self.boot.as_ref().is_some_and(Image::is_stale);
        if stale && let Some(path) = &self.settings.boot {
            self.boot = Some(Image::open(path)?);
            self.debug_info = None;
            self.boot_installed = false;
        }
        if !self.settings.install_boot || self.boot_installed {
            return Ok(());
        }
        if let Some(boot) = self.boot.take() {
            let outcome = self.install_boot(&boot, attendant);
            self.boot = Some(boot);
            let report = outcome?;
            self.boot_installed = true;
            if report.programmed_bytes() > 0 {
                self.console.push(format!(
                    "boot stage programmed: {} bytes",
                    report.programmed_bytes()
                ));
            }
        }
        Ok(())
    }
}

/// Where there is nothing to see where the core stands: the reset vector is the better place to wait.
fn has_nothing_to_run(error: &StageError) -> bool {
    !matches!(
        error.finding(),
        Some(
            Finding::Faulted { .. }
                | Finding::Breakpoint(_)
                | Finding::Spinning { .. }
                | Finding::ResetLoop { .. }
        )
    ) && !matches!(error, StageError::Link(_) | StageError::Cancelled)
}
