//! Threads that do not run: they cannot be stepped, and have only what their kernel saved.

use std::fs;

use crate::{
    scene::{Served, fails, scene},
    support::{
        board::{Board, text},
        debugger::Debugger,
        gdb::Gdb,
        recorded::Recorded,
    },
};

/// The recorded program.
const KERNEL: &str = "freertos.memory";

/// A server that knows the kernel.
fn kernel(_: Debugger) -> Served {
    let board = Board::booted();
    let appli = board.file("kernel.elf");
    fs::write(&appli, Recorded::read(KERNEL).elf()).expect("a file of symbols");
    let appli = text(&appli);
    Served::by(board, &["--appli", &appli])
}

/// Stopped in one task, looking at another.
fn at_a_waiting_task(gdb: &mut Gdb, served: &Served) {
    let appli = served.file("kernel.elf");
    gdb.cli(&format!("file {}", text(&appli)));
    Recorded::read(KERNEL).lay(served.board(), gdb);
    gdb.cli("info threads");
    gdb.cli("python [t.switch() for t in gdb.selected_inferior().threads() if t.name == 'floats']");
}

#[test]
fn a_step_of_a_thread_that_does_not_run() {
    scene("XG101", kernel, at_a_waiting_task, |gdb, _| {
        gdb.stopped("-exec-step-instruction");
    });
}

#[test]
fn a_register_that_the_kernel_has_not_saved() {
    scene("XG102", kernel, at_a_waiting_task, |gdb, _| {
        fails(gdb, "-gdb-set var $sp = 0x20000000");
    });
}
