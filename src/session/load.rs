//! `load`: what a client writes to flash is collected, programmed by difference and verified at its end, and the board is armed.
//!
//! GDB writes a program's RAM sections before it erases flash; loader, reset and boot stage wipe them. So RAM that was written since
//! the core last ran is kept and written again behind the boot stage.

use super::{Session, StopReason};
use crate::{
    fault::Fault,
    flash::{
        self, Comparison, FlashContext, FlashError, Forecast, InternalFlash, Report, Standing,
        Transaction,
    },
    image::{Image, Segment, Vectors},
    layout::{Address, BoardProfile},
    link::{Attendant, Link},
    window::Windows,
};

/// What was written since the core last ran.
#[derive(Debug, Default)]
pub(super) struct Load {
    transaction: Transaction,
    ram: Vec<(Address, Vec<u8>)>,
}

impl Load {
    /// RAM that was written by the client.
    pub(super) fn wrote_ram(&mut self, address: Address, data: &[u8]) {
        // Of a client that writes to one place again and again, the last write counts.
        let covers = |start: Address, bytes: usize| {
            let offset = start.0.wrapping_sub(address.0) as usize;
            offset < data.len() && bytes <= data.len() - offset
        };
        self.ram
            .retain(|(start, known)| !covers(*start, known.len()));
        self.ram.push((address, data.to_vec()));
    }

    /// The core runs, or is reset for good: RAM is the program's.
    pub(super) fn forget_ram(&mut self) {
        self.ram.clear();
    }

    /// Takes the appli that was written to RAM where a load-and-run boot stage copies it: GDB's `load` of an appli that is linked there.
    /// Anything less than a vector table with its reset handler is a user who changes memory.
    fn take_load_and_run(&mut self, profile: &BoardProfile) -> Option<Self> {
        profile.load_and_run()?;
        let in_place = |address: Address| profile.is_copied(address);
        let written = merged(self.ram.iter().filter(|(address, _)| in_place(*address)));
        let image = Image::from_segments(written).ok()?;
        let vectors = image.appli_vectors(profile)?;
        if !vectors.is_plausible(profile) {
            return None;
        }
        let mut load = Self::default();
        for segment in image.segments() {
            load.transaction.write(segment.address, &segment.data);
        }
        self.ram.retain(|(address, _)| !in_place(*address));
        load.ram = std::mem::take(&mut self.ram);
        Some(load)
    }
}

/// The vector table of the appli that was written, if it was.
fn vectors(transaction: &Transaction, profile: &BoardProfile) -> Option<Vectors> {
    let written = transaction.writes().iter().cloned();
    Image::from_segments(written).ok()?.appli_vectors(profile)
}

/// Writes in their order as pieces that do not overlap.
fn merged<'a>(
    writes: impl Iterator<Item = &'a (Address, Vec<u8>)> + Clone,
) -> Vec<(Address, Vec<u8>)> {
    let starts = writes.clone().map(|(address, _)| address.0);
    let Some(start) = starts.min() else {
        return Vec::new();
    };
    let mut bytes: Vec<Option<u8>> = Vec::new();
    for (address, data) in writes {
        let offset = (address.0 - start) as usize;
        bytes.resize(bytes.len().max(offset + data.len()), None);
        for (place, byte) in bytes.iter_mut().skip(offset).zip(data) {
            *place = Some(*byte);
        }
    }
    let mut at = start;
    let mut pieces = Vec::new();
    for piece in bytes.chunk_by(|one, next| one.is_some() == next.is_some()) {
        let known: Vec<u8> = piece.iter().copied().flatten().collect();
        if !known.is_empty() {
            pieces.push((Address(at), known));
        }
        at += piece.len() as u32;
    }
    pieces
}

/// A look at flash.
type Look<T> =
    fn(&mut dyn Link, &mut Windows, &FlashContext<'_>, &Transaction) -> Result<T, FlashError>;

impl Session {
    /// These bytes are to be erased.
    pub fn flash_erase(&mut self, address: Address, length: u32) {
        self.load.transaction.erase(address, length);
    }

    /// These bytes are to be in flash.
    pub fn flash_write(&mut self, address: Address, data: &[u8]) {
        self.load.transaction.write(address, data);
    }

    /// Programs and verifies what was collected, and arms the board. `Ok` says that the flash is right; an arm that failed is the
    /// stop of the next resume.
    pub fn flash_done(&mut self, attendant: &mut dyn Attendant) -> Result<Report, Fault> {
        let Load { transaction, ram } = std::mem::take(&mut self.load);
        if transaction.is_empty() {
            self.load.ram = ram;
            return Ok(Report::default());
        }
        let only_erases = transaction.only_erases();
        let report = self.program(transaction, attendant)?;
        if only_erases {
            return Ok(report);
        }
        self.load.ram = ram;
        self.arm_after_load(attendant)?;
        Ok(report)
    }

    /// An appli that was loaded to where a load-and-run boot stage copies it is stored in the NOR, before anything runs or is reset. What
    /// makes that impossible is told by the next resume.
    pub(super) fn store_load_and_run(
        &mut self,
        attendant: &mut dyn Attendant,
    ) -> Result<Option<Report>, Fault> {
        let Some(load) = self.load.take_load_and_run(&self.settings.profile) else {
            return Ok(None);
        };
        let report = self.program(load.transaction, attendant)?;
        self.load.ram = load.ram;
        Ok(Some(report))
    }

    /// Before a resume: an appli in the RAM that the boot stage fills is stored in the NOR, and the board is armed.
    pub fn settle_load(&mut self, attendant: &mut dyn Attendant) -> Result<Option<Report>, Fault> {
        match self.store_load_and_run(attendant) {
            Ok(None) => Ok(None),
            Ok(Some(report)) => {
                self.arm_after_load(attendant)?;
                Ok(Some(report))
            }
            Err(fault) => {
                self.keep_boot_fault(fault)?;
                Ok(None)
            }
        }
    }

    fn arm_after_load(&mut self, attendant: &mut dyn Attendant) -> Result<(), Fault> {
        match self.run_boot_stage(attendant) {
            Ok(_) => self.replay_ram(),
            Err(fault) => self.keep_boot_fault(fault),
        }
    }

    /// Programs what `image` stores in flash, and arms the board.
    pub fn flash_image(
        &mut self,
        image: &Image,
        attendant: &mut dyn Attendant,
    ) -> Result<Report, Fault> {
        let profile = &self.settings.profile;
        // What runs from RAM on the chip without being stored in flash is written behind the boot stage, as GDB's `load` has it. RAM
        // behind a window is not there yet at that moment, so it is refused like any other address that is in no flash.
        let (ram, stored): (Vec<&Segment>, Vec<&Segment>) =
            image.segments().iter().partition(|segment| {
                profile.ram(segment.address).is_some() && !profile.is_copied(segment.address)
            });
        if stored.is_empty() {
            return Err(FlashError::NothingToProgram { file: image.name() }.into());
        }
        let copy = |segments: Vec<&Segment>| -> Vec<(Address, Vec<u8>)> {
            let copies = segments.into_iter();
            copies.map(|s| (s.address, s.data.clone())).collect()
        };
        let (ram, stored) = (copy(ram), copy(stored));
        self.load = Load::default();
        self.load.ram = ram;
        for (address, data) in stored {
            self.flash_write(address, &data);
        }
        self.flash_done(attendant)
    }

    /// What is there beside `image`; nothing is changed, but the chip may be reset.
    pub fn compare_image(&mut self, image: &Image) -> Result<Comparison, Fault> {
        self.look_at_flash(image, flash::compare)
    }

    /// What programming `image` would do; nothing is changed, but the chip may be reset.
    pub fn plan_image(&mut self, image: &Image) -> Result<Forecast, Fault> {
        self.look_at_flash(image, flash::forecast)
    }

    fn look_at_flash<T>(&mut self, image: &Image, look: Look<T>) -> Result<T, Fault> {
        self.prepare_reset()?;
        let transaction = self.stored(Transaction::from_image(image, &self.settings.profile))?;
        let context = Self::flash_context(&self.settings, InternalFlash::Keep);
        let outcome = look(
            self.link.as_mut(),
            &mut self.windows,
            &context,
            &transaction,
        );
        self.settle_after_reset(StopReason::Reset)?;
        Ok(outcome?)
    }

    /// The client has left in the middle: what it had not finished is dropped.
    pub(super) fn drop_load(&mut self) {
        self.load = Load::default();
    }

    /// How internal flash may be treated, and where unfinished work is kept.
    pub(super) fn flash_context<'a>(
        settings: &'a super::Settings,
        internal: InternalFlash,
    ) -> FlashContext<'a> {
        FlashContext {
            profile: &settings.profile,
            internal,
            standing: Standing::Anywhere,
            journal: settings.flash_journal.clone(),
        }
    }

    /// What has to lie in flash for it, by boot mode and `--image`.
    fn stored(&self, transaction: Transaction) -> Result<Transaction, Fault> {
        if transaction.only_erases() {
            return Ok(transaction);
        }
        let image = self.settings.image.as_ref().map(Image::open).transpose()?;
        Ok(transaction.stored(&self.settings.profile, image.as_ref())?)
    }

    fn program(
        &mut self,
        written: Transaction,
        attendant: &mut dyn Attendant,
    ) -> Result<Report, Fault> {
        let vectors = vectors(&written, &self.settings.profile);
        let only_erases = written.only_erases();
        let transaction = self.stored(written)?;
        self.prepare_reset()?;
        let internal = if self.settings.install_boot {
            InternalFlash::Install
        } else {
            InternalFlash::Keep
        };
        let mut context = Self::flash_context(&self.settings, internal);
        // Erases alone are not followed by an arm.
        if !only_erases {
            context.standing = self.standing;
        }
        self.windows.forget_served();
        let outcome = flash::commit(
            self.link.as_mut(),
            &mut self.windows,
            &context,
            &transaction,
            attendant,
        );
        self.vectors = vectors;
        self.settle_after_reset(StopReason::Reset)?;
        Ok(outcome?)
    }

    fn replay_ram(&mut self) -> Result<(), Fault> {
        for (address, data) in std::mem::take(&mut self.load.ram) {
            self.write_ram(address, &data)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_over_is_not_kept() {
        let mut load = Load::default();
        for round in 0..100 {
            load.wrote_ram(Address(0x2400_0000), &[round; 8]);
            load.wrote_ram(Address(0x2400_0004), &[round; 4]);
            load.wrote_ram(Address(0x2400_0006), &[round; 4]);
        }
        let kept: Vec<_> = load.ram.iter().map(|(at, data)| (at.0, data[0])).collect();
        assert_eq!(
            kept,
            [(0x2400_0000, 99), (0x2400_0004, 99), (0x2400_0006, 99)]
        );
    }

    #[test]
    fn the_last_write_rules_and_gaps_stay() {
        let piece = |start, bytes: &[u8]| (Address(start), bytes.to_vec());
        let writes = [
            piece(0x2400_0010, &[3, 3]),
            piece(0x2400_0000, &[1, 1, 1, 1]),
            piece(0x2400_0002, &[2, 2, 2]),
        ];
        assert_eq!(
            merged(writes.iter()),
            [piece(0x2400_0000, &[1, 1, 2, 2, 2]), writes[0].clone()]
        );
        assert_eq!(merged([].iter()), []);
    }
}
