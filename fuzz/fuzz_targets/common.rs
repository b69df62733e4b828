//! What holds for a loader that was read, whatever its file was.

use std::sync::LazyLock;

use xspi_gdb::{
    layout::BoardProfile,
    loader::{self, Description, Plan},
};

static BOARD: LazyLock<BoardProfile> =
    LazyLock::new(|| BoardProfile::find("stm32h7s78-dk").expect("a board"));

/// Reads `file`; a loader that is not refused has memory that is apart, and its plan overlaps none of it.
pub fn check(file: &[u8]) {
    let Ok(routine) = loader::from_bytes(file, "fuzz", &BOARD) else {
        return;
    };
    let mut end = 0;
    for segment in &routine.segments {
        let range = segment.range();
        assert!(end <= range.start && range.start < range.end && range.end <= 1 << 32);
        end = range.end;
    }
    let flash = &routine.flash;
    assert!(flash.range.start < flash.range.end && flash.page_bytes > 0);
    let _ = Description::of(&routine, &BOARD, None).to_string();
    if let Ok(plan) = Plan::new(&routine, &BOARD, None) {
        let mut taken = plan.buffers.map(|start| {
            let start = u64::from(start.0);
            start..start + u64::from(plan.buffer_bytes)
        })
        .to_vec();
        taken.push(u64::from(plan.stack_bottom.0)..u64::from(plan.stack_top.0));
        for range in taken {
            for segment in &routine.segments {
                let code = segment.range();
                assert!(range.end <= code.start || code.end <= range.start);
            }
        }
    }
}
