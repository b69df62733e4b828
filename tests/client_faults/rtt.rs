//! RTT: not asked for, not there, damaged.

use crate::{
    scene::{Served, at_work, monitor_fails, scene},
    support::gdb::Gdb,
};

/// Started, and one word of the control block written, `offset` behind its begin.
fn with_a_wrong_word(code: &str, offset: u32) {
    scene(
        code,
        |_| Served::appli(),
        |gdb, served| {
            at_work(gdb, served);
            gdb.monitor("rtt start");
            let block = gdb.number("&_SEGGER_RTT");
            gdb.set_word(block + offset, 0xFFFF);
        },
        channels,
    );
}

/// The first up channel says that it was written behind its end.
#[test]
fn a_control_block_that_is_damaged() {
    with_a_wrong_word("XG110", 24 + 12);
}

/// The identification is another.
#[test]
fn no_control_block() {
    with_a_wrong_word("XG111", 0);
}

#[test]
fn rtt_that_nobody_started() {
    scene("XG113", |_| Served::appli(), at_work, channels);
}

fn channels(gdb: &mut Gdb, _: &Served) {
    monitor_fails(gdb, "rtt channels");
}
