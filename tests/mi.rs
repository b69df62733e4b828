//! Whole sessions of a real gdb-multiarch over MI, as goldens in tests/mi/. `UPDATE_GOLDENS=1` records them anew.

mod support;

use support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    golden::assert_golden,
};

const APPLI: &str = "appli.elf";

/// What an IDE does from connect to the first lines of `main`.
#[test]
fn a_whole_session() {
    let board = Board::booted();
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::start(Some(&firmware(APPLI)));
    gdb.ok(&format!("-target-select remote 127.0.0.1:{}", server.port));
    gdb.ok("-target-download");
    gdb.ok("-break-insert main");
    gdb.stopped("-exec-continue");
    gdb.ok("-stack-list-frames");
    gdb.ok("-data-evaluate-expression COUNTER");
    gdb.stopped("-exec-next");
    gdb.stopped("-exec-next");
    gdb.ok("-data-read-memory-bytes 0x70000000 16");
    gdb.ok("-target-detach");
    assert_golden("mi/whole-session.mi", &gdb.transcript());
}

/// cortex-debug's launch: reset halt, load, reset halt, break main, continue; then detach.
fn cortex_debug_launch(board: &Board, appli: &str, golden: &str) {
    let server = board.serve_appli(appli);
    let mut gdb = Gdb::start(Some(&firmware(appli)));
    gdb.ok("-gdb-set mi-async on");
    gdb.ok(&format!(
        "-target-select extended-remote localhost:{}",
        server.port
    ));
    gdb.monitor("reset halt");
    gdb.ok("-target-download");
    gdb.monitor("reset halt");
    gdb.ok("-break-insert -t --function main");
    let stop = gdb.stopped("-exec-continue --all");
    assert_eq!(stop.function(), "main", "{}", stop.record);
    gdb.ok("-stack-list-frames --thread 1");
    assert_golden(golden, &gdb.transcript());
    drop(gdb);
    assert!(server.stop().success());
}

/// Onto a NOR that holds nothing.
#[test]
fn cortex_debug_onto_a_blank_nor() {
    cortex_debug_launch(&Board::booted(), APPLI, "mi/cortex-debug-blank.mi");
}

/// Onto an older build of the same appli.
#[test]
fn cortex_debug_onto_an_older_build() {
    cortex_debug_launch(
        &Board::with_appli("appli-older.elf"),
        APPLI,
        "mi/cortex-debug-older.mi",
    );
}

/// The server stays while the appli is rebuilt: the file changes under it, and the next launch takes the new one.
#[test]
fn the_server_survives_a_rebuild() {
    let board = Board::booted();
    let elf = board.file("appli.elf");
    std::fs::copy(firmware("appli-older.elf"), &elf).expect("the first build");
    let server = board.serve(&["--appli", &text(&elf)]);
    for build in ["appli-older.elf", APPLI] {
        std::fs::copy(firmware(build), &elf).expect("a build");
        let mut gdb = Gdb::connect(Some(&elf), server.port);
        gdb.monitor("reset halt");
        gdb.ok("-target-download");
        gdb.monitor("reset halt");
        gdb.ok("-break-insert -t --function main");
        let stop = gdb.stopped("-exec-continue");
        assert_eq!(stop.function(), "main", "{build}: {}", stop.record);
        let sections = gdb.cli("compare-sections -r");
        assert!(!sections.contains("MIS-MATCHED"), "{build}: {sections}");
    }
}

/// A load with a section in RAM: GDB writes it before it erases flash, and it is there at the first instruction.
#[test]
fn a_load_with_a_ram_section() {
    let board = Board::booted();
    let server = board.serve_appli("appli-ram-section.elf");
    let mut gdb = Gdb::connect(Some(&firmware("appli-ram-section.elf")), server.port);
    gdb.ok("-target-download");
    let sections = gdb.cli("compare-sections");
    assert!(sections.contains("matched"), "{sections}");
    assert!(!sections.contains("MIS-MATCHED"), "{sections}");
}

/// `flash-erase` erases the window and refuses the internal flash.
#[test]
fn flash_erase_keeps_the_boot_stage() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    let reply = gdb.command("-interpreter-exec console \"flash-erase\"");
    let why = gdb.monitor("why");
    assert!(
        reply.class == "error" && why.contains("--install-boot"),
        "{reply:?}\n{why}"
    );
    drop(gdb);
    assert!(server.stop().success());
    let install = board.succeeds(&["boot", "install", &text(&firmware("boot.elf"))]);
    assert!(install.contains("0 bytes programmed"), "{install}");
}
