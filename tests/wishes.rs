//! What users ask for, from their own posts: a test for each wish that this stage serves, named after it.

mod support;

use support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    rsp::Client,
    server::{Server, run},
};

const APPLI: &str = "appli.elf";

fn session(board: &Board) -> (Server, Gdb) {
    let server = board.serve_appli(APPLI);
    let gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    (server, gdb)
}

fn in_window(address: u32) -> bool {
    (0x7000_0000..0x8000_0000).contains(&address)
}

/// Wish 1: "Load failed" on a board whose boot stage is missing names the boot stage, and a good boot is never rewritten.
#[test]
fn wish_01_load_names_the_failing_stage_and_never_rewrites_boot() {
    let board = Board::blank();
    let (server, mut gdb) = session(&board);
    gdb.ok("-target-download");
    let stop = gdb.stopped("-exec-continue");
    assert!(
        stop.text.contains("XG02"),
        "the stop says which stage: {}",
        stop.text
    );
    assert!(stop.text.contains("boot"), "{}", stop.text);
    drop(gdb);
    assert!(server.stop().success());
    let status = board.fails(&["boot", "arm"]);
    assert!(
        status.contains("blank"),
        "internal flash is as blank as before the load: {status}"
    );

    let board = Board::booted();
    let before = board.succeeds(&["boot", "status"]);
    let (server, mut gdb) = session(&board);
    gdb.ok("-target-download");
    assert!(in_window(gdb.pc()), "halted in the window");
    drop(gdb);
    assert!(server.stop().success());
    let after = board.succeeds(&["boot", "install", &text(&firmware("boot.elf"))]);
    assert!(
        after.contains("0 bytes programmed"),
        "the boot stage is still equal to its file: {after}\nbefore: {before}"
    );
}

/// Wish 2: a missing boot stage is detected, and the cure is named.
#[test]
fn wish_02_a_missing_boot_stage_is_said_with_its_cure() {
    let board = Board::blank();
    let status = board.fails(&["boot", "arm"]);
    assert!(
        status.contains("blank") && status.contains("boot install"),
        "{status}"
    );
    let (_server, mut gdb) = session(&board);
    let reset = gdb.monitor("reset halt");
    assert!(
        reset.contains("blank") && reset.contains("boot install"),
        "{reset}"
    );
    assert!(gdb.monitor("why").contains("boot install"));
}

/// Wish 3: no stop in the boot stage's code with SIGTRAP: it runs, and the core halts at the appli's entry.
#[test]
fn wish_03_reset_runs_the_boot_stage_and_halts_at_the_applis_entry() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    let entry = gdb.number("&Reset") & !1;
    assert_eq!(gdb.pc(), entry);
    assert_eq!(gdb.word(0x7000_0004) & !1, entry, "the window is open");
}

/// Wish 4: a breakpoint in the NOR while the window is closed neither hangs nor fails, and its memory is not touched.
#[test]
fn wish_04_a_breakpoint_in_the_closed_window_does_not_hang() {
    let board = Board::with_appli(APPLI);
    let server = board.serve(&[]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset boot");
    let refused = gdb.fails("-data-read-memory-bytes 0x70000000 16");
    assert!(!refused.message().is_empty());
    let why = gdb.monitor("why");
    assert!(why.contains("window") && why.contains("closed"), "{why}");
    gdb.ok("-break-insert main");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "main", "{}", stop.record);
}

/// Wish 5: the board is a profile and not a page of configuration.
#[test]
fn wish_05_a_board_profile_is_all_the_configuration() {
    let board = Board::with_appli(APPLI);
    let server = board.serve(&[]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    assert!(in_window(gdb.pc()));
    let ran = run(&["boot", "status", "--board", "stm32h7s78-dx"], None);
    assert!(!ran.status.success());
    assert!(
        ran.stderr.contains("stm32h7s78-dk"),
        "the boards that there are: {}",
        ran.stderr
    );
}

/// Wish 6: hardware breakpoints are set with no write probe of the window, and hit.
#[test]
fn wish_06_hardware_breakpoints_without_a_write_probe() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset boot");
    gdb.ok("-break-insert -h main");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.reason(), "breakpoint-hit");
    assert_eq!(stop.function(), "main");
}

/// Wish 7: both programs have their symbols: a breakpoint in the boot stage and one in the appli are hit in turn.
#[test]
fn wish_07_boot_stage_and_appli_with_two_elfs() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.cli(&format!("add-symbol-file {}", text(&firmware("boot.elf"))));
    gdb.monitor("reset boot");
    gdb.flush_registers();
    assert!(
        (0x0800_0000..0x0801_0000).contains(&gdb.pc()),
        "halted in the boot stage"
    );
    gdb.ok("-break-insert main");
    let first = gdb.stopped("-exec-continue");
    assert_eq!(first.address() >> 16, 0x0800, "{}", first.record);
    let second = gdb.stopped("-exec-continue");
    assert!(in_window(second.address()), "{}", second.record);
}

/// Wish 11: watchpoints, with old and new value and the code that wrote.
#[test]
fn wish_11_watchpoints() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.ok("-break-insert -t main");
    gdb.stopped("-exec-continue");
    gdb.ok("-break-watch COUNTER");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.reason(), "watchpoint-trigger", "{}", stop.record);
    let (old, new) = (
        stop.field("old").unwrap_or_default(),
        stop.field("new").unwrap_or_default(),
    );
    assert_ne!(old, new);
}

/// Wish 13: a relaunch programs nothing.
#[test]
fn wish_13_an_unchanged_appli_programs_nothing() {
    let board = Board::with_appli("appli-older.elf");
    let first = board.succeeds(&["flash", &text(&firmware(APPLI))]);
    assert!(!first.contains(" 0 bytes programmed"), "{first}");
    let second = board.succeeds(&["flash", &text(&firmware(APPLI))]);
    assert!(second.contains("0 bytes programmed"), "{second}");
}

/// Wish 14: when the units run out, the fault says what holds them, and the session goes on.
#[test]
fn wish_14_the_ninth_breakpoint_says_what_holds_the_units() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.ok("-break-insert -t main");
    gdb.stopped("-exec-continue");
    // Constants of the appli: places that are never executed.
    for index in 0..9 {
        gdb.ok(&format!("-break-insert -h *0x70003000+{}", 4 * index));
    }
    let refused = gdb.refused("-exec-continue");
    assert!(
        refused.text.contains("Cannot insert hardware breakpoint"),
        "{refused:?}"
    );
    let why = gdb.monitor("why");
    for index in 0..8 {
        assert!(
            why.contains(&format!("{:#x}", 0x7000_3000 + 4 * index)),
            "{why}"
        );
    }
    gdb.ok("-break-delete 10");
    gdb.ok("-exec-continue");
    let stop = gdb.interrupt();
    assert_eq!(stop.signal(), "SIGINT", "{}", stop.record);
}

/// Wish 16: whatever the client calls a reset, it is one.
#[test]
fn wish_16_every_dialect_of_reset_is_understood() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    let entry = gdb.number("&Reset") & !1;
    for dialect in [
        "reset halt",
        "reset init",
        "reset",
        "reset core",
        "reset 0",
        "jtag_reset",
        "reset hardware",
    ] {
        gdb.ok("-break-insert -t main");
        gdb.monitor(dialect);
        gdb.flush_registers();
        assert_eq!(gdb.pc(), entry, "after `monitor {dialect}`");
        gdb.stopped("-exec-continue");
    }
    gdb.monitor("halt");
    let unknown = gdb.command("-interpreter-exec console \"monitor rest halt\"");
    assert!(
        unknown.text.contains("help"),
        "an unknown command says where help is: {unknown:?}"
    );
    assert_eq!(unknown.class, "error", "and fails");
}

/// Wish 17: a restart keeps breakpoints.
#[test]
fn wish_17_restart_keeps_breakpoints() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.ok("-break-insert main");
    gdb.stopped("-exec-continue");
    for _ in 0..2 {
        let stop = gdb.stopped("-interpreter-exec console \"run\"");
        assert_eq!(stop.function(), "main", "{}", stop.record);
    }
}

/// Wish 18: a software breakpoint that a client insists on in the window is served by a unit.
#[test]
fn wish_18_z0_in_the_window_is_served_by_a_unit() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut probe = Gdb::start(Some(&firmware(APPLI)));
    let work = probe.number("&work") & !1;
    let mut client = Client::connect(server.port);
    client.ask("qSupported:swbreak+;hwbreak+");
    let (_, reply) = client.monitor("reset halt");
    assert_eq!(reply, "OK");
    assert_eq!(client.ask(&format!("Z0,{work:x},2")), "OK");
    let stop = client.ask("vCont;c");
    assert!(stop.starts_with("T05"), "{stop}");
    let pc: String = work
        .to_le_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(
        stop.contains(&format!("0f:{pc}")) || client.ask("pf") == pc,
        "{stop}"
    );
}
