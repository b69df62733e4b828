//! Any text as Intel HEX: segments are sorted, apart and inside the 32-bit space, or the file is refused.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xspi_gdb::image::Image;

fuzz_target!(|bytes: &[u8]| {
    let mut file = b":".to_vec();
    file.extend_from_slice(bytes);
    if let Ok(image) = Image::from_bytes(&file, Path::new("fuzz.hex")) {
        let mut end = 0;
        for segment in image.segments() {
            let range = segment.range();
            assert!(end <= range.start && range.start < range.end && range.end <= 1 << 32);
            end = range.end;
        }
        let _ = (image.vectors(), image.entry());
    }
});
