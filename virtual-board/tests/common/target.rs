//! A chip of the family as probe-rs knows it, corrected for the window.

use probe_rs::{
    Target,
    config::{MemoryRegion, Registry},
};

/// probe-rs's description has no memory in the window, so it makes up a region there, which cannot be programmed.
pub fn target(chip: &str, window: u64) -> Target {
    let mut target = Registry::from_builtin_families()
        .get_target_by_name(chip)
        .unwrap();
    for region in &mut target.memory_map {
        if let MemoryRegion::Nvm(region) = region
            && region.range.start == window
        {
            region.is_alias = false;
            region.access = None;
        }
    }
    target
}
