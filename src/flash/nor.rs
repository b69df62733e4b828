//! `boot arm --reset-nor`: a NOR that no boot stage finds any more, back in its power-on protocol.

use super::{FlashContext, FlashError, may_use_flash, region::Region, routine_of};
use crate::{
    link::Link,
    loader::{Function, Loader},
    window::Windows,
};

/// Lets the loader of each NOR find it, whatever protocol it speaks, and resets it. The core is then at its reset vector.
pub fn reset_nor(
    link: &mut dyn Link,
    windows: &mut Windows,
    context: &FlashContext<'_>,
) -> Result<(), FlashError> {
    may_use_flash(link, windows)?;
    let profile = context.profile;
    for region in Region::of(profile)
        .iter()
        .filter(|region| !region.is_internal())
    {
        let routine = routine_of(region, profile)?;
        let mut loader = Loader::start(link, windows, &routine, profile, region.program_bytes())?;
        let found = loader.init(link, windows, Function::Verify);
        let ended = loader.finish(link, windows);
        found?;
        ended?;
    }
    Ok(())
}
