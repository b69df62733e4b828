//! Whole sessions of a real gdb-multiarch over MI, as goldens in tests/mi/. `UPDATE_GOLDENS=1` records them anew.

mod support;

use std::fs;

use support::{
    board::{Board, boot_image, nor_image, text},
    debugger::Debugger,
    firmware,
    gdb::Gdb,
    golden::assert_golden,
    rsp::Client,
};

const APPLI: &str = "appli.elf";

/// What an IDE does from connect to the first lines of `main`: an old GDB and a recent one say the same.
#[test]
fn a_whole_session() {
    for debugger in Debugger::ALL {
        whole_session(debugger);
    }
}

fn whole_session(debugger: Debugger) {
    let board = Board::booted();
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::start_as(debugger, Some(&firmware(APPLI)));
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
    launch(&mut gdb, server.port);
    gdb.ok("-stack-list-frames --thread 1");
    assert_golden(golden, &gdb.transcript());
    drop(gdb);
    assert!(server.stop().success());
}

fn launch(gdb: &mut Gdb, port: u16) {
    gdb.ok("-gdb-set mi-async on");
    gdb.ok(&format!("-target-select extended-remote localhost:{port}"));
    gdb.monitor("reset halt");
    gdb.ok("-target-download");
    gdb.monitor("reset halt");
    gdb.ok("-break-insert -t --function main");
    let stop = gdb.stopped("-exec-continue --all");
    assert_eq!(stop.function(), "main", "{}", stop.record);
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
    fs::copy(firmware("appli-older.elf"), &elf).expect("the first build");
    let server = board.serve(&["--appli", &text(&elf)]);
    let mut transcript = String::new();
    for build in ["appli-older.elf", APPLI] {
        fs::copy(firmware(build), &elf).expect("a build");
        let mut gdb = Gdb::start(Some(&elf));
        gdb.remark(build);
        launch(&mut gdb, server.port);
        let sections = gdb.cli("compare-sections -r");
        assert!(!sections.contains("MIS-MATCHED"), "{build}: {sections}");
        transcript.push_str(&gdb.transcript());
        // Not by a detach: the core would run until the next launch, and be found anywhere.
        gdb.kill();
    }
    assert_golden("mi/rebuild.mi", &transcript);
}

/// A load with a section in RAM: GDB writes it before it erases flash, and it is there at the first instruction and for the appli.
#[test]
fn a_load_with_a_ram_section() {
    const ELF: &str = "appli-ram-section.elf";
    let board = Board::booted();
    let server = board.serve_appli(ELF);
    let mut gdb = Gdb::connect(Some(&firmware(ELF)), server.port);
    gdb.ok("-target-download");
    let sections = gdb.cli("compare-sections");
    assert!(sections.contains("matched"), "{sections}");
    assert!(!sections.contains("MIS-MATCHED"), "{sections}");
    gdb.ok("-break-insert -t toggle");
    gdb.stopped("-exec-continue");
    gdb.ok("-break-insert -t toggle");
    gdb.stopped("-exec-continue");
    assert_golden("mi/ram-section.mi", &gdb.transcript());
    let right = gdb.number("&LOADED_RIGHT");
    assert_eq!(gdb.word(right), 64, "the appli found every word of it");
}

/// `flash-erase` is for every flash of the memory map, so for the boot stage too: refused as a whole, with its reason.
#[test]
fn flash_erase_keeps_the_boot_stage() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    gdb.fails("-interpreter-exec console \"flash-erase\"");
    let why = gdb.monitor("why");
    assert!(
        why.contains("XG035") && why.contains("--install-boot"),
        "{why}"
    );
    gdb.run_to("main");
    assert_golden("mi/flash-erase.mi", &gdb.transcript());
    drop(gdb);
    assert!(server.stop().success());
    let (boot, appli) = (boot_image("boot.elf"), nor_image(APPLI));
    assert_eq!(board.internal_flash(boot.len()), boot);
    assert_eq!(board.nor(appli.len()), appli, "nothing was changed");
}

/// The same where the boot stage may be replaced (the beginning of each flash only: GDB would wait for all 128 MiB): it is erased, and
/// the next reset says what is missing.
#[test]
fn flash_erase_with_permission_erases() {
    const LENGTH: usize = 0x1_0000;
    let board = Board::with_appli(APPLI);
    let appli = text(&firmware(APPLI));
    let server = board.serve(&["--appli", &appli, "--install-boot"]);
    let mut client = Client::connect(server.port);
    client.ask("?");
    for start in ["08000000", "70000000"] {
        assert_eq!(client.ask(&format!("vFlashErase:{start},{LENGTH:x}")), "OK");
    }
    assert_eq!(client.ask("vFlashDone"), "OK");
    let (reset, reply) = client.monitor("reset halt");
    assert!(reply == "OK" && reset.contains("XG020"), "{reset}{reply}");
    drop(client);
    assert!(server.stop().success());
    assert_eq!(board.internal_flash(LENGTH), [0xFF; LENGTH]);
    assert_eq!(board.nor(LENGTH), [0xFF; LENGTH]);
}
