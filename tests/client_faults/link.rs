//! The wire to the chip: disturbed, refused, stalled, lost.

use crate::{
    scene::{Served, at_work, fails, nothing, scene},
    support::{
        board::Board,
        debugger::Debugger,
        gdb::Gdb,
        local::{self, Local},
    },
};

/// A board with boot stage and appli in this process, for a scene and a GDB.
fn here(serials: [&'static str; 2]) -> impl Fn(Debugger) -> Served {
    move |debugger| {
        let serial = serials[usize::from(debugger == Debugger::Recent)];
        let board = local::board(serial, Some("boot.elf"), Some("appli.elf"));
        Served::Here(Local::serve(&board, serial))
    }
}

/// At work, and expressions are those of C.
fn in_c(gdb: &mut Gdb, served: &Served) {
    at_work(gdb, served);
    gdb.ok("-gdb-set language c");
}

/// One read of RAM, which GDB does not repeat.
const READ: &str = "-data-evaluate-expression *0x24040000";

/// A read that meets `mishap`.
fn a_read_meets(code: &str, serials: [&'static str; 2], mishap: &str) {
    scene(code, here(serials), in_c, |gdb, served| {
        served.inject(mishap);
        fails(gdb, READ);
    });
}

/// The session is over: its reason is told to who connects next.
#[test]
fn a_link_that_is_lost() {
    scene(
        "XG001",
        here(["XG001-old", "XG001-recent"]),
        in_c,
        |gdb, served| {
            served.inject("unplug now");
            gdb.fails(READ);
            let connect = format!("-target-select extended-remote 127.0.0.1:{}", served.port());
            gdb.remark("GDB notices that its connection is closed");
            gdb.fails(&connect);
            gdb.remark("who comes too early is told what is missing");
            gdb.fails(&connect);
            gdb.remark("who comes later is told what was");
            served.plug_in();
            gdb.ok(&connect);
            gdb.monitor("why");
        },
    );
}

#[test]
fn a_transfer_that_is_refused() {
    a_read_meets("XG002", ["XG002-old", "XG002-recent"], "fault ap next 40");
}

#[test]
fn a_bus_that_stalls() {
    a_read_meets(
        "XG006",
        ["XG006-old", "XG006-recent"],
        "wait ap next 1000000",
    );
}

#[test]
fn a_line_that_is_disturbed() {
    a_read_meets("XG007", ["XG007-old", "XG007-recent"], "silence ap nth 1");
}

/// A bit of the boot stage has flipped.
#[test]
fn internal_flash_that_is_damaged() {
    scene(
        "XG008",
        |_| {
            let board = Board::with_appli("appli.elf");
            Served::by(board, &["--virtual-mishap", "flip 0x08000404.3 now"])
        },
        nothing,
        |gdb, _| {
            gdb.monitor("boot status");
            gdb.monitor("reset halt");
        },
    );
}
