//! Any text as a target description for probe-rs: a loader that can be placed, or refused.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut file = b"# flash_algorithms\n".to_vec();
    file.extend_from_slice(bytes);
    common::check(&file);
});
