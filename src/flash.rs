//! One erase, program and verify transaction, by difference.
//!
//! What is to be changed is compared with what is there before anything is changed: internal flash can always be read, a window when
//! it is open. Equal contents need no loader. Who compares is a matter of cost (`eye.rs`): the probe, the core by checksums, or a
//! loader that is needed anyway. Each sector keeps the bytes that nobody asked to change.
//!
//! Routines report some failures and not others, so that everything changed is verified, by checksums that the core computes.
//! Interrupted work is kept in a journal file until what overlaps it has been programmed, with the bytes that only the host has then.

mod boot;
mod comparison;
mod error;
mod eye;
mod forecast;
mod journal;
mod neighbours;
mod nor;
mod plan;
mod protection;
mod region;
mod report;
mod stored;
mod transaction;
mod work;

use std::path::PathBuf;

pub use boot::install_boot;
pub use comparison::{Comparison, Difference, RegionComparison, compare};
pub use error::FlashError;
pub use forecast::{Forecast, RegionForecast, SectorForecast, forecast};
pub use journal::{Unfinished, unfinished};
pub use nor::reset_nor;
pub use protection::Protection;
pub use report::{RegionReport, Report};
pub use transaction::Transaction;

use eye::{Eye, FirstLook, Sight};
use journal::Journal;
use region::Region;
use transaction::Sector;
use work::Work;

use crate::{
    layout::BoardProfile,
    link::{Attendant, CoreState, Link, RegisterAccess, ResetMode},
    loader::{Choice, LoaderError, Routine},
    registers::flash::{FLASH, Nvsr, OPEN},
    window::{WindowError, Windows},
};

/// Unit of a comparison that no loader is needed for.
const UNIT_BYTES: u32 = 0x1000;

/// Whether internal flash, where the boot stage lives, may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InternalFlash {
    /// It is compared, and a difference is an error.
    #[default]
    Keep,
    /// What differs is programmed (`--install-boot`, `boot install`).
    Install,
}

/// Where the core stands, in terms of what is lost when something of ours runs on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// In a program that is debugged, or who knows where: it is not disturbed before a loader has to reset it.
    #[default]
    Anywhere,
    /// Behind a system reset and the boot stage, on the appli's first instruction, and it will be brought there again: nothing is lost.
    BeforeAppli,
}

/// What a transaction needs to know besides its contents.
#[derive(Clone, Debug)]
pub struct FlashContext<'a> {
    /// The board.
    pub profile: &'a BoardProfile,
    /// Whether internal flash may be changed.
    pub internal: InternalFlash,
    /// What the core may be used for.
    pub standing: Standing,
    /// Folder in which unfinished work is remembered; nowhere for a board that does not outlive us.
    pub journal: Option<PathBuf>,
}

/// Erases, programs and verifies what differs. The core ends in debug state; it is at its reset vector if something of ours has run.
pub fn commit(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
    attendant: &mut dyn Attendant,
) -> Result<Report, FlashError> {
    let journal = Journal::new(context);
    let mut wanted = transaction.by_region(context.profile)?;
    let with_rescued: Transaction;
    if !transaction.only_erases() {
        let rescued = journal.rescued(link, &journal::covered(&wanted))?;
        if !rescued.is_empty() {
            with_rescued = transaction.over(rescued);
            wanted = with_rescued.by_region(context.profile)?;
        }
    }
    let covered = journal::covered(&wanted);
    let mut commit = Commit {
        link,
        windows,
        context,
        attendant,
        only_erases: transaction.only_erases(),
        journal,
        was_disturbed: false,
    };
    let outcome = commit.carry_out(wanted);
    let settled = commit.settle();
    match outcome {
        Ok(mut report) => {
            settled?;
            report.completed = commit.journal.end(commit.link, &covered)?;
            Ok(report)
        }
        Err(error) => {
            commit.journal.failed(&error);
            Err(error)
        }
    }
}

/// A transaction under way.
struct Commit<'a> {
    link: &'a mut dyn Link,
    windows: &'a mut Windows,
    context: &'a FlashContext<'a>,
    attendant: &'a mut dyn Attendant,
    only_erases: bool,
    journal: Journal<'a>,
    /// The core has computed something and was not reset since.
    was_disturbed: bool,
}

impl Commit<'_> {
    /// First everything is looked at: what is refused must be refused before anything was changed.
    fn carry_out(
        &mut self,
        mut wanted: Vec<(Region, Vec<Sector<'_>>)>,
    ) -> Result<Report, FlashError> {
        may_use_flash(self.link, self.windows)?;
        let mut report = Report::default();
        for (region, sectors) in &mut wanted {
            self.look_at(region, sectors, &mut report)?;
        }
        for (region, sectors) in wanted {
            if sectors.is_empty() {
                continue;
            }
            self.was_disturbed = false;
            let mut work = Work {
                link: self.link,
                windows: self.windows,
                context: self.context,
                attendant: self.attendant,
                region: &region,
                report: &mut report,
                journal: &mut self.journal,
            };
            work.run(&sectors)?;
        }
        Ok(report)
    }

    /// Drops the sectors that are right, and refuses what must not be changed.
    fn look_at(
        &mut self,
        region: &Region,
        sectors: &mut Vec<Sector>,
        report: &mut Report,
    ) -> Result<(), FlashError> {
        let encrypted = match region.controller() {
            Some(controller) if !self.only_erases => {
                protection::is_encrypted(self.link, controller)?.then_some(controller)
            }
            _ => None,
        };
        let mut sight = Sight {
            link: self.link,
            windows: self.windows,
            context: self.context,
            region,
        };
        let look = first_look(&mut sight, sectors, encrypted.is_some())?;
        self.was_disturbed |= look == Some(FirstLook::Core);
        let unchanged = match look {
            Some(look) => drop_equal(&mut sight, look, sectors)?,
            None => 0,
        };
        report.add(region, unchanged);
        if sectors.is_empty() {
            return Ok(());
        }
        if region.is_internal() {
            may_change_internal(self.link, self.context, sectors)?;
        }
        match encrypted {
            None => Ok(()),
            Some(controller) => Err(FlashError::Encrypted {
                region: region.name.clone(),
                controller,
            }),
        }
    }

    /// A core that has computed for us does not go on from there.
    fn settle(&mut self) -> Result<(), FlashError> {
        if std::mem::take(&mut self.was_disturbed) {
            self.link.reset(ResetMode::Halt)?;
            self.windows.forget();
        }
        Ok(())
    }
}

/// How a region is looked at before a loader runs; `None` if it cannot be read.
fn first_look(
    sight: &mut Sight<'_>,
    sectors: &[Sector],
    looks_first: bool,
) -> Result<Option<FirstLook>, FlashError> {
    let region = sight.region;
    if !region.is_readable(sight.link, sight.windows)? {
        return Ok(None);
    }
    if region.is_internal() {
        return Ok(Some(FirstLook::Wire));
    }
    let routine = routine_of(region, sight.context.profile).ok();
    let standing = sight.context.standing;
    Ok(Some(FirstLook::choose(
        standing,
        sectors,
        routine.as_ref(),
        looks_first,
    )))
}

/// Halts the core, and refuses a chip that is locked.
fn may_use_flash(link: &mut dyn Link, windows: &mut Windows) -> Result<(), FlashError> {
    if !matches!(link.state()?, CoreState::Halted(_)) {
        link.halt()?;
        windows.forget();
    }
    let state = link.peek::<Nvsr>(FLASH)?.product_state();
    if state != OPEN {
        return Err(FlashError::ProductState { state });
    }
    Ok(())
}

/// Drops the sectors that hold what is wanted; returns their bytes. A region that does not show what it holds keeps them all.
fn drop_equal(
    sight: &mut Sight<'_>,
    look: FirstLook,
    sectors: &mut Vec<Sector>,
) -> Result<u64, FlashError> {
    let mut eye = match look {
        FirstLook::Wire => Eye::Wire,
        FirstLook::Core => Eye::Core,
        FirstLook::Loader => return Ok(0),
    };
    let differing = match sight.differing(&mut eye, sectors, UNIT_BYTES) {
        Ok(differing) => differing,
        // The NOR does not speak the window's protocol: the loader will tell.
        Err(
            FlashError::Window(WindowError::Stalled { .. } | WindowError::BusError { .. })
            | FlashError::Loader(LoaderError::Call { .. }),
        ) => return Ok(0),
        Err(other) => return Err(other),
    };
    let mut unchanged = 0;
    let mut differs = differing.iter().map(|units| units.contains(&true));
    sectors.retain(|sector| {
        let keep = differs.next() != Some(false);
        if !keep {
            unchanged += sector.wanted_bytes();
        }
        keep
    });
    Ok(unchanged)
}

/// Internal flash is changed only by permission, and where nothing protects it.
fn may_change_internal(
    link: &mut dyn Link,
    context: &FlashContext<'_>,
    sectors: &[Sector],
) -> Result<(), FlashError> {
    let Some(first) = sectors.first() else {
        return Ok(());
    };
    if context.internal == InternalFlash::Keep {
        return Err(FlashError::InternalDiffers {
            sector: first.address,
        });
    }
    match protection::find(link, context.profile, sectors)? {
        Some(protection) => Err(FlashError::Protected { protection }),
        None => Ok(()),
    }
}

/// The routine that is chosen for a flash, if it serves that flash.
fn routine_of(region: &Region, profile: &BoardProfile) -> Result<Routine, FlashError> {
    let name = region.algorithm().ok_or_else(|| FlashError::NoAlgorithm {
        region: region.name.clone(),
    })?;
    let routine = Choice::parse(name).routine(profile)?;
    if routine.flash.serves(&region.range, region.sector_bytes) {
        Ok(routine)
    } else {
        Err(FlashError::OtherFlash {
            algorithm: routine.name,
            region: region.name.clone(),
        })
    }
}
