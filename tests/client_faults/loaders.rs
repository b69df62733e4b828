//! Loaders with a defect, as `load` shows it: our own one with some instructions replaced.

use std::fs;

use crate::{
    patched::Patched,
    scene::{APPLI, Served, fails, file, nothing, scene},
    support::board::{Board, text},
};

/// MOVS R0, #1; BX LR.
const SUCCESS: [u16; 2] = [0x2001, 0x4770];
/// MOVS R0, #0; BX LR.
const FAILURE: [u16; 2] = [0x2000, 0x4770];
/// UDF #0.
const UNDEFINED: [u16; 1] = [0xDE00];
/// B to itself.
const ENDLESS: [u16; 1] = [0xE7FE];

/// `load` of our appli onto an older build by a loader with a defect.
fn a_load_by(code: &str, loader: impl Fn() -> Patched) {
    scene(
        code,
        |_| {
            let board = Board::with_appli("appli-older.elf");
            let defect = board.file("defect.stldr");
            fs::write(&defect, loader().bytes()).expect("a file");
            let options = ["--appli", &file(APPLI), "--loader", &text(&defect)];
            Served::by(board, &options)
        },
        nothing,
        |gdb, _| fails(gdb, "-target-download"),
    );
}

#[test]
fn one_that_does_not_start() {
    a_load_by("XG033", || Patched::own().code("Init", &FAILURE));
}

#[test]
fn one_for_another_flash() {
    a_load_by("XG092", || Patched::own().storage_info(104, 0x9000_0000));
}

#[test]
fn one_that_crashes() {
    a_load_by("XG093", || Patched::own().code("SectorErase", &UNDEFINED));
}

#[test]
fn one_that_does_not_return() {
    a_load_by("XG094", || Patched::own().code("Write", &ENDLESS));
}

#[test]
fn one_that_reports_what_is_not_so() {
    a_load_by("XG095", || Patched::own().code("SectorErase", &SUCCESS));
}

#[test]
fn one_that_overruns_its_stack() {
    // SUB.W R12, SP, #0x1000; STR.W R0, [R12]: the lowest word of the stack.
    let deep = [0xF5AD, 0x5C80, 0xF8CC, 0x0000];
    a_load_by("XG096", || {
        Patched::own().before("Write", "CheckSum", &deep)
    });
}

#[test]
fn one_that_changes_a_neighbour() {
    // ADD.W R1, R1, #0x1000: one sector more.
    let greedy = [0xF501, 0x5180];
    a_load_by("XG097", || {
        Patched::own().before("SectorErase", "CheckSum", &greedy)
    });
}
