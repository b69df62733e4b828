//! Windows: closed, stalled, not there, not to be written.

use crate::{
    scene::{APPLI, Served, everywhere, fails, nothing, scene},
    support::board::Board,
};

const READ: &str = "-data-read-memory-bytes";

#[test]
fn no_window_there() {
    scene(
        "XG010",
        |_| Served::appli(),
        everywhere,
        |gdb, _| {
            fails(gdb, &format!("{READ} 0x60000000 4"));
        },
    );
}

/// A live watch beyond what the appli's file covers.
#[test]
fn a_window_is_not_read_while_the_core_runs() {
    scene(
        "XG011",
        |_| Served::appli_run_by_another(),
        nothing,
        |gdb, _| {
            gdb.ok(&format!("{READ} 0x70000000 4"));
            gdb.fails(&format!("{READ} 0x70100000 4"));
            gdb.monitor("why");
            gdb.monitor("why");
        },
    );
}

#[test]
fn a_window_is_closed() {
    scene(
        "XG012",
        |_| Served::by(Board::with_appli(APPLI), &[]),
        |gdb, _| drop(gdb.monitor("reset boot")),
        |gdb, _| {
            fails(gdb, &format!("{READ} 0x70000000 16"));
            gdb.stopped("-exec-step-instruction");
        },
    );
}

/// GDB keeps from writing flash by itself, unless the user tells it that it is none.
#[test]
fn a_nor_is_not_written_like_memory() {
    scene(
        "XG014",
        |_| Served::appli(),
        |gdb, served| {
            everywhere(gdb, served);
            gdb.cli("delete mem");
            gdb.ok("-gdb-set language c");
        },
        |gdb, _| {
            fails(gdb, "-gdb-set var *(char *)0x70000000 = 0");
            gdb.stopped("-exec-step-instruction");
        },
    );
}
