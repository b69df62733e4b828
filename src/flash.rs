//! One erase, program and verify transaction, by difference.
//!
//! What is to be changed is compared with what is there before anything runs on the chip: internal flash can always be read, a
//! window when it is open. Equal contents need no loader and no reset. What differs is looked at again once the loader has brought
//! the NOR into a mode that it knows: a window that was open in the wrong mode reads rubbish, and bytes that must be preserved are
//! not taken from there. Each sector keeps the bytes that nobody asked to change.
//!
//! ST's routines report some failures and not others, so that everything changed is read back. Interrupted work is kept in a
//! journal file until what overlaps it has been programmed.

mod boot;
mod comparison;
mod journal;
mod nor;
mod plan;
mod protection;
mod report;
mod stored;

use std::{borrow::Cow, path::PathBuf};

pub use boot::install_boot;
pub use comparison::{Comparison, Difference, RegionComparison, compare};
pub use journal::{Unfinished, unfinished};
pub use nor::reset_nor;
pub use plan::Transaction;
pub use protection::Protection;
pub use report::{RegionReport, Report};

use journal::Journal;
use plan::{Region, Sector, SectorPlan};

use crate::{
    fault::{Code, Explain},
    layout::{Address, BoardProfile, Controller},
    link::{Attendant, CoreState, Link, LinkError, Phase, Progress, RegisterAccess, Verdict},
    loader::{Choice, Function, Loader, LoaderError, Routine},
    registers::flash::{FLASH, Nvsr, OPEN},
    window::{WindowError, Windows},
};

/// Whether internal flash, where the boot stage lives, may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InternalFlash {
    /// It is compared, and a difference is an error.
    #[default]
    Keep,
    /// What differs is programmed (`--install-boot`, `boot install`).
    Install,
}

/// What a transaction needs to know besides its contents.
#[derive(Clone, Debug)]
pub struct FlashContext<'a> {
    /// The board.
    pub profile: &'a BoardProfile,
    /// Whether internal flash may be changed.
    pub internal: InternalFlash,
    /// Folder in which unfinished work is remembered; nowhere for a board that does not outlive us.
    pub journal: Option<PathBuf>,
}

/// Erases, programs and verifies what differs. The core ends in debug state; it is at its reset vector if a loader has run.
pub fn commit(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
    attendant: &mut dyn Attendant,
) -> Result<Report, FlashError> {
    let wanted = transaction.by_region(context.profile)?;
    let covered = journal::covered(&wanted);
    let mut journal = Journal::new(context);
    let outcome = carry_out(
        link,
        windows,
        context,
        transaction,
        wanted,
        attendant,
        &mut journal,
    );
    match outcome {
        Ok(mut report) => {
            report.completed = journal.end(link, &covered)?;
            Ok(report)
        }
        Err(error) => {
            journal.failed(&error);
            Err(error)
        }
    }
}

/// Changes what differs of `wanted`.
fn carry_out(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    transaction: &Transaction,
    mut wanted: Vec<(Region, Vec<Sector>)>,
    attendant: &mut dyn Attendant,
    journal: &mut Journal<'_>,
) -> Result<Report, FlashError> {
    may_use_flash(link, windows)?;
    let mut report = Report::default();
    // First look at everything: what is refused must be refused before anything was changed.
    for (region, sectors) in &mut wanted {
        let compared = drop_equal(link, windows, region, sectors)?;
        report.add(region, compared);
        if sectors.is_empty() {
            continue;
        }
        match region.controller() {
            None => may_change_internal(link, context, sectors)?,
            Some(_) if transaction.only_erases() => {}
            Some(controller) if protection::is_encrypted(link, controller)? => {
                return Err(FlashError::Encrypted {
                    region: region.name.clone(),
                    controller,
                });
            }
            Some(_) => {}
        }
    }
    for (region, sectors) in wanted {
        if !sectors.is_empty() {
            let mut work = Work {
                link,
                windows,
                context,
                attendant,
                region: &region,
                report: &mut report,
                journal,
            };
            work.run(&sectors)?;
        }
    }
    Ok(report)
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

/// Drops the sectors that hold what is wanted; returns their bytes. A region that cannot be read keeps all its sectors.
fn drop_equal(
    link: &mut dyn Link,
    windows: &mut Windows,
    region: &Region,
    sectors: &mut Vec<Sector>,
) -> Result<u64, FlashError> {
    let mut unchanged = 0;
    let mut changed = Vec::new();
    let mut readable = region.is_readable(link, windows)?;
    for sector in sectors.drain(..) {
        let bytes = sector.wanted_bytes();
        let equal = readable
            && match sector.difference(link, windows, region) {
                Ok(difference) => difference.is_none(),
                // The NOR does not speak the window's protocol: the loader will tell.
                Err(FlashError::Window(
                    WindowError::Stalled { .. } | WindowError::BusError { .. },
                )) => {
                    readable = false;
                    false
                }
                Err(other) => return Err(other),
            };
        if equal {
            unchanged += bytes;
        } else {
            changed.push(sector);
        }
    }
    *sectors = changed;
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

/// The changed sectors of one region, with everything that their programming touches.
struct Work<'a, 'b> {
    link: &'a mut dyn Link,
    windows: &'a mut Windows,
    context: &'a FlashContext<'a>,
    attendant: &'a mut dyn Attendant,
    region: &'a Region,
    report: &'a mut Report,
    journal: &'a mut Journal<'b>,
}

impl Work<'_, '_> {
    fn run(&mut self, sectors: &[Sector]) -> Result<(), FlashError> {
        let routine = routine_of(self.region, self.context.profile)?;
        let mut loader = Loader::start(
            self.link,
            self.windows,
            &routine,
            self.context.profile,
            self.region.program_bytes(),
        )?;
        let outcome = self.program_and_verify(&mut loader, sectors);
        let ended = loader.finish(self.link, self.windows);
        outcome?;
        Ok(ended?)
    }

    fn program_and_verify(
        &mut self,
        loader: &mut Loader<'_>,
        sectors: &[Sector],
    ) -> Result<(), FlashError> {
        loader.init(self.link, self.windows, Function::Erase)?;
        let mut plans = Vec::new();
        for sector in sectors {
            let current = self.region.read(self.link, self.windows, sector.address)?;
            match sector.plan(&current, self.region, loader.page_bytes()) {
                Some(plan) => plans.push(plan),
                None => self.report.unchanged(self.region, sector.wanted_bytes()),
            }
        }
        let (Some(first), Some(last)) = (plans.first(), plans.last()) else {
            return Ok(());
        };
        let end = u64::from(last.address.0) + u64::from(self.region.sector_bytes);
        let range = u64::from(first.address.0)..end;
        self.journal.begin(self.link, &self.region.name, range)?;
        let total: u64 = plans.iter().map(SectorPlan::bytes).sum();
        let mut done = 0;
        for plan in &plans {
            self.program(loader, plan, done, total)?;
            done += plan.bytes();
        }
        loader.map(self.link, self.windows)?;
        self.verify(&plans, total)?;
        Ok(())
    }

    fn program(
        &mut self,
        loader: &mut Loader<'_>,
        plan: &SectorPlan,
        done: u64,
        total: u64,
    ) -> Result<(), FlashError> {
        if plan.erase {
            self.attend(Phase::Erase, done, total, plan)?;
            let start = u64::from(plan.address.0);
            let sector = start..start + u64::from(self.region.sector_bytes);
            loader.erase(self.link, self.windows, &sector)?;
            self.report.erased(self.region);
        }
        for (offset, bytes) in plan.programs(loader.program_bytes()) {
            self.attend(Phase::Program, done + offset as u64, total, plan)?;
            let address = Address(plan.address.0 + offset as u32);
            loader.program(self.link, self.windows, address, bytes)?;
            self.report.programmed(self.region, bytes.len() as u64);
        }
        self.report.changed(self.region);
        Ok(())
    }

    fn verify(&mut self, plans: &[SectorPlan], total: u64) -> Result<(), FlashError> {
        let mut done = 0;
        for plan in plans {
            self.attend(Phase::Verify, done, total, plan)?;
            let there = self.region.read(self.link, self.windows, plan.address)?;
            let differs = there.iter().zip(&plan.content).position(|(a, b)| a != b);
            if let Some(offset) = differs {
                return Err(FlashError::Verify {
                    address: Address(plan.address.0 + offset as u32),
                    expected: plan.content.get(offset).copied().unwrap_or_default(),
                    found: there.get(offset).copied().unwrap_or_default(),
                });
            }
            done += plan.bytes();
            self.report.verified(plan.bytes());
        }
        Ok(())
    }

    fn attend(
        &mut self,
        phase: Phase,
        done: u64,
        total: u64,
        plan: &SectorPlan,
    ) -> Result<(), FlashError> {
        let progress = Progress { phase, done, total };
        match self.attendant.attend(&progress, self.link) {
            Verdict::Continue => Ok(()),
            Verdict::Cancel => Err(FlashError::Cancelled {
                sector: plan.address,
                done,
                total,
            }),
        }
    }
}

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
            Self::NoAlgorithm { .. } | Self::OtherFlash { .. } => Code::XG034,
            Self::ProductState { .. } => Code::XG028,
            Self::InternalDiffers { .. } => Code::XG035,
            Self::Protected { .. } => Code::XG029,
            Self::Encrypted { .. } => Code::XG039,
            Self::CopyTooShort { .. } => Code::XG044,
            Self::NoHeader { .. } | Self::NotSigned { .. } => Code::XG045,
            Self::ImageDamaged { .. } | Self::StaleImage { .. } => Code::XG047,
            Self::Verify { .. } => Code::XG032,
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
