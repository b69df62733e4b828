//! Any text as a board profile: consistent, or refused.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xspi_gdb::layout::BoardProfile;

fuzz_target!(|text: &str| {
    if let Ok(profile) = BoardProfile::parse(text, Path::new("fuzz.toml")) {
        for window in &profile.windows {
            assert!(!window.range().is_empty() && window.range().end <= 1 << 32);
        }
        let _ = profile.nor();
    }
});
