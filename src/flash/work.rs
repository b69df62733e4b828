//! The changed sectors of one flash: a loader's run from reset to reset.
//!
//! The loader brings the flash into a mode that it knows, and then everything is looked at again: a window that was open in the wrong
//! mode reads rubbish, and bytes that must be preserved are not taken from there.

use super::{
    Difference, FlashContext, FlashError, Report,
    eye::{Eye, Sight, crc, difference},
    journal::Journal,
    neighbours::Neighbours,
    plan::{Abilities, SectorPlan},
    region::Region,
    routine_of,
    transaction::{Sector, join, parts},
};
use crate::{
    layout::Address,
    link::{Attendant, Link, Phase, Progress, Verdict},
    loader::{Act, Buffer, Call, Function, Loader, LoaderError, Queue, Routine, Work as Entry},
    window::Windows,
};

/// The larger erase of a loader with a queue.
const BLOCK_BYTES: u32 = 0x1_0000;

/// What a routine can do to a region.
pub(super) fn abilities(routine: &Routine, region: &Region) -> Abilities {
    let queue = routine.fast().is_some() && region.sector_bytes == BLOCK_BYTES;
    Abilities {
        erase_bytes: routine
            .flash
            .largest_sector(&region.range)
            .unwrap_or(region.sector_bytes),
        erases_sector_at_once: queue,
        page_bytes: routine.flash.page_bytes,
        erased_byte: region.erased_byte,
        times: region.times(),
    }
}

/// The changed sectors of one region, with everything that their programming touches.
pub(super) struct Work<'a, 'j> {
    pub link: &'a mut dyn Link,
    pub windows: &'a mut Windows,
    pub context: &'a FlashContext<'a>,
    pub attendant: &'a mut dyn Attendant,
    pub region: &'a Region,
    pub report: &'a mut Report,
    pub journal: &'a mut Journal<'j>,
}

impl Work<'_, '_> {
    pub fn run(&mut self, sectors: &[Sector]) -> Result<(), FlashError> {
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
        let plans = self.plan(loader, sectors)?;
        let (Some(first), Some(last)) = (plans.first(), plans.last()) else {
            return Ok(());
        };
        let end = u64::from(last.address.0) + u64::from(self.region.sector_bytes);
        let range = u64::from(first.address.0)..end;
        let kept = plans.iter().flat_map(SectorPlan::kept).collect();
        self.journal
            .begin(self.link, &self.region.name, range, kept)?;
        let neighbours = Neighbours::watch(&mut self.sight(), loader, &plans)?;
        match loader.start_queue(self.link, self.windows)? {
            Some(queue) => self.carry_out_by_queue(loader, queue, &plans)?,
            None => self.carry_out(loader, &plans)?,
        }
        loader.map(self.link, self.windows)?;
        let verified = self.verify(loader, &plans);
        neighbours.check(&mut self.sight(), loader)?;
        verified
    }

    fn sight(&mut self) -> Sight<'_> {
        Sight {
            link: self.link,
            windows: self.windows,
            context: self.context,
            region: self.region,
        }
    }

    /// Looks at every sector by the loader's eyes; those that are right need no plan.
    fn plan(
        &mut self,
        loader: &mut Loader<'_>,
        sectors: &[Sector],
    ) -> Result<Vec<SectorPlan>, FlashError> {
        let abilities = abilities(loader.routine(), self.region);
        let mut eye = Eye::Loader(loader);
        let plans = self.sight().plans(&mut eye, sectors, &abilities)?;
        for (sector, plan) in std::iter::zip(sectors, &plans) {
            if plan.is_none() {
                self.report.unchanged(self.region, sector.wanted_bytes());
            }
        }
        Ok(plans.into_iter().flatten().collect())
    }

    /// The next data travel to one buffer while the core erases, or programs from the other one.
    fn carry_out(
        &mut self,
        loader: &mut Loader<'_>,
        plans: &[SectorPlan],
    ) -> Result<(), FlashError> {
        let mut buffer = Buffer::First;
        let mut under_way: Option<Call> = None;
        let mut progress = Steps::new(plans);
        for plan in plans {
            for erase in &plan.erases {
                let mut at = u64::from(erase.address.0);
                let end = at + u64::from(erase.bytes);
                // A routine whose sectors are not all of one size takes several calls where they are smaller.
                while at < end {
                    self.end(loader, under_way.take())?;
                    self.attend(&progress, Phase::Erase, plan)?;
                    let (call, next) = loader.begin_erase(self.link, self.windows, &(at..end))?;
                    under_way = Some(call);
                    at = next;
                }
                self.report.erased(self.region, erase.bytes);
            }
            for (offset, bytes) in plan.programs(loader.program_bytes()) {
                let address = Address(plan.address.0 + offset as u32);
                let length = bytes.len() as u32;
                let filled = loader.fill(self.link, buffer, bytes);
                self.end(loader, under_way.take())?;
                filled?;
                progress.done_in_sector = offset as u64;
                self.attend(&progress, Phase::Program, plan)?;
                let (link, windows) = (&mut *self.link, &mut *self.windows);
                under_way = Some(loader.begin_program(link, windows, buffer, address, length)?);
                buffer = buffer.other();
                self.report.programmed(self.region, length.into());
            }
            self.report.changed(self.region);
            progress.sector_done(plan);
        }
        self.end(loader, under_way)
    }

    fn end(&mut self, loader: &mut Loader<'_>, call: Option<Call>) -> Result<(), FlashError> {
        if let Some(call) = call {
            loader.wait(self.link, self.windows, call)?;
        }
        Ok(())
    }

    /// Our own loader works through a queue; whole sectors arrive while it erases.
    fn carry_out_by_queue(
        &mut self,
        loader: &mut Loader<'_>,
        mut queue: Queue,
        plans: &[SectorPlan],
    ) -> Result<(), FlashError> {
        let mut progress = Steps::new(plans);
        for plan in plans {
            for erase in &plan.erases {
                if let Err(cancelled) = self.attend(&progress, Phase::Erase, plan) {
                    queue.finish(loader, self.link, self.windows)?;
                    return Err(cancelled);
                }
                let entry = match erase.bytes {
                    BLOCK_BYTES => Entry::EraseBlock,
                    _ => Entry::EraseSector,
                };
                queue.push(loader, self.link, entry, erase.address, &[])?;
                self.report.erased(self.region, erase.bytes);
            }
            for (offset, bytes) in plan.programs(queue.program_bytes()) {
                progress.done_in_sector = offset as u64;
                if let Err(cancelled) = self.attend(&progress, Phase::Program, plan) {
                    queue.finish(loader, self.link, self.windows)?;
                    return Err(cancelled);
                }
                let address = Address(plan.address.0 + offset as u32);
                queue.push(loader, self.link, Entry::Program, address, bytes)?;
                self.report.programmed(self.region, bytes.len() as u64);
            }
            self.report.changed(self.region);
            progress.sector_done(plan);
        }
        Ok(queue.finish(loader, self.link, self.windows)?)
    }

    /// Everything that was changed, by checksum; where one is wrong, the bytes are read.
    fn verify(&mut self, loader: &mut Loader<'_>, plans: &[SectorPlan]) -> Result<(), FlashError> {
        let Some(first) = plans.first() else {
            return Ok(());
        };
        self.attend(&Steps::new(plans), Phase::Verify, first)?;
        let unit = abilities(loader.routine(), self.region).unit_bytes();
        let runs = join(plans.iter().flat_map(SectorPlan::changed));
        let mut eye = Eye::Loader(loader);
        let mut sums = self.sight().checksums(&mut eye, &runs, unit)?.into_iter();
        for plan in plans {
            for part in plan.changed().iter().flat_map(|run| parts(run, unit)) {
                let wanted = plan.content(&part);
                if sums.next() != Some(Some(crc(wanted))) {
                    let routine = loader.routine();
                    let there = self.sight().read(&part)?;
                    if let Some(found) = difference(part.start, &there, wanted) {
                        return Err(self.untrue(routine, plan, &there, wanted, found));
                    }
                }
                self.report.verified(part.end - part.start);
            }
        }
        Ok(())
    }

    /// What a difference is after a routine has reported success.
    fn untrue(
        &self,
        routine: &Routine,
        plan: &SectorPlan,
        there: &[u8],
        wanted: &[u8],
        found: Difference,
    ) -> FlashError {
        let is_blank = there.iter().all(|byte| *byte == self.region.erased_byte);
        // Programs clear bits of a NOR, and only an erase sets them.
        let is_set = |(there, wanted): (&u8, &u8)| there & wanted == *wanted;
        let act = if is_blank {
            Act::Programmed
        } else if !plan.erases.is_empty() && !std::iter::zip(there, wanted).all(is_set) {
            Act::Erased
        } else {
            return found.into();
        };
        LoaderError::Untrue {
            loader: routine.name.clone(),
            act,
            address: found.address,
            expected: found.expected,
            found: found.found,
        }
        .into()
    }

    fn attend(&mut self, steps: &Steps, phase: Phase, plan: &SectorPlan) -> Result<(), FlashError> {
        let (done, total) = (steps.done + steps.done_in_sector, steps.total);
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

/// How far the work is, in bytes of the sectors that change.
struct Steps {
    done: u64,
    done_in_sector: u64,
    total: u64,
}

impl Steps {
    fn new(plans: &[SectorPlan]) -> Self {
        Self {
            done: 0,
            done_in_sector: 0,
            total: plans.iter().map(SectorPlan::bytes).sum(),
        }
    }

    fn sector_done(&mut self, plan: &SectorPlan) {
        self.done += plan.bytes();
        self.done_in_sector = 0;
    }
}
