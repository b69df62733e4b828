//! `boot install`: a boot stage into internal flash, only what differs.

use super::{FlashContext, FlashError, InternalFlash, Report, Transaction, commit, may_use_flash};
use crate::{
    image::Image,
    layout::Address,
    link::{Attendant, Link, salvage::damage},
    window::Windows,
};

/// Programs what `boot` stores in internal flash. A file that stores something elsewhere, or no vector table where the core looks for
/// one, is refused: it is no boot stage.
pub fn install_boot(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
    boot: &Image,
    attendant: &mut dyn Attendant,
) -> Result<Report, FlashError> {
    let profile = context.profile;
    let placement = boot.placement(profile);
    let starts = boot
        .vectors()
        .is_some_and(|vectors| vectors.address == profile.internal_flash);
    if !starts || !placement.windows.is_empty() || !placement.elsewhere.is_empty() {
        return Err(FlashError::NoBootImage {
            file: boot.name(),
            expected: profile.internal_flash,
        });
    }
    may_use_flash(link, windows)?;
    let mut transaction = Transaction::new();
    // What is damaged is erased with its sector, also where the boot stage stores nothing.
    let damaged = damage(link, &profile.internal_range())?;
    for range in &damaged {
        let erased = vec![0xFF; (range.end - range.start) as usize];
        transaction.write(Address(range.start as u32), &erased);
    }
    for segment in placement.internal {
        transaction.write(segment.address, &segment.data);
    }
    let context = FlashContext {
        internal: InternalFlash::Install,
        ..context.clone()
    };
    let mut report = commit(link, windows, &context, &transaction, attendant)?;
    report.repaired = damaged.first().map(|range| Address(range.start as u32));
    Ok(report)
}
