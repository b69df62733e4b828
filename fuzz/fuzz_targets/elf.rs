//! Any bytes as an ELF image: segments are sorted, apart and inside the 32-bit space, or the file is refused.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xspi_gdb::image::Image;

fuzz_target!(|bytes: &[u8]| {
    let mut file = b"\x7FELF".to_vec();
    file.extend_from_slice(bytes);
    if let Ok(image) = Image::from_bytes(&file, Path::new("fuzz.elf")) {
        check(&image);
    }
});

fn check(image: &Image) {
    let mut end = 0;
    for segment in image.segments() {
        let range = segment.range();
        assert!(end <= range.start && range.start < range.end && range.end <= 1 << 32);
        end = range.end;
        let mut first = [0];
        assert_eq!(image.read(segment.address, &mut first), 1);
    }
    let _ = (image.vectors(), image.entry(), image.length());
}
