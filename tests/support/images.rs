//! The firmware that tests put on boards, as files and as what a memory holds of them.

use std::path::PathBuf;

use xspi_gdb::image::Image;

/// Firmware as it is committed, or as `scripts/firmware.sh check` built it anew (XSPI_GDB_FIRMWARE names the folder).
pub fn firmware(name: &str) -> PathBuf {
    let prebuilt = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("firmware/prebuilt");
    let folder = std::env::var_os("XSPI_GDB_FIRMWARE").map_or_else(prebuilt, PathBuf::from);
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `make firmware`",
        path.display()
    );
    path
}

/// What an image stores in the memory at `base`, in one piece, gaps erased.
pub fn contents(image: &Image, base: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in image.segments() {
        if segment.address.0 >> 27 != base >> 27 {
            continue;
        }
        let start = (segment.address.0 - base) as usize;
        let end = start + segment.data.len();
        bytes.resize(bytes.len().max(end), 0xFF);
        bytes[start..end].copy_from_slice(&segment.data);
    }
    bytes
}
