//! The commands that need no GDB, as a user runs them: what they print, where, and how they exit.

mod support;

use support::{
    board::{Board, text},
    firmware,
};

#[test]
fn a_blank_board_becomes_one_that_runs_the_appli() {
    let board = Board::blank();
    let status = board.succeeds(&["boot", "status"]);
    assert!(
        status.contains("boot stage: none, 0x08000000 is blank"),
        "{status}"
    );
    let installed = board.succeeds(&["boot", "install", &text(&firmware("boot.elf"))]);
    assert!(
        installed.contains("programmed") && installed.contains("verified"),
        "{installed}"
    );
    let flashed = board.succeeds(&["flash", &text(&firmware("appli.elf"))]);
    assert!(
        flashed.contains("window nor at 0x70000000: 1 sector changed"),
        "{flashed}"
    );
    let armed = board.succeeds(&["boot", "arm", "--appli", &text(&firmware("appli.elf"))]);
    assert!(
        armed.starts_with("halted at the appli's first instruction, 0x7000"),
        "{armed}"
    );
}

#[test]
fn a_dry_run_and_a_verification_change_nothing() {
    let board = Board::booted();
    let appli = text(&firmware("appli.elf"));
    let dry = board.succeeds(&["flash", "--dry-run", &appli]);
    assert!(
        dry.contains("1 sector with differences, first at 0x70000000"),
        "{dry}"
    );
    let failed = board.fails(&["flash", "--verify", &appli]);
    assert!(failed.contains("XG032"), "{failed}");
    let flashed = board.succeeds(&["flash", &appli]);
    assert!(
        !flashed.contains("unchanged, 0 bytes"),
        "it was not programmed before: {flashed}"
    );
    let verified = board.succeeds(&["flash", "--verify", &appli]);
    assert!(verified.contains("verified"), "{verified}");
}

#[test]
fn a_window_is_told_and_read() {
    let board = Board::with_appli("appli.elf");
    let read = board.succeeds(&["window", "read", "0x70000000", "16", "--on-attach", "arm"]);
    assert!(read.starts_with("0x70000000 "), "{read}");
    let closed = board.fails(&["window", "read", "0x90000000", "16"]);
    assert!(
        closed.contains("XG012") && closed.contains("EN_XSPIM1"),
        "{closed}"
    );
    let status = board.succeeds(&["window", "status"]);
    assert!(
        status.lines().count() == 2 && status.contains("psram at 0x90000000: closed"),
        "{status}"
    );
}

#[test]
fn an_appli_linked_elsewhere_is_refused_by_its_address() {
    let board = Board::booted();
    let refused = board.fails(&["boot", "arm", "--appli", &text(&firmware("boot.elf"))]);
    assert!(
        refused.contains("XG056") && refused.contains("0x08000000"),
        "{refused}"
    );
}

#[test]
fn internal_flash_needs_permission() {
    let board = Board::booted();
    let refused = board.fails(&["flash", &text(&firmware("boot-hang.elf"))]);
    assert!(
        refused.contains("XG035") && refused.contains("--install-boot"),
        "{refused}"
    );
    let allowed = board.succeeds(&["flash", "--install-boot", &text(&firmware("boot-hang.elf"))]);
    assert!(
        allowed.contains("internal flash: 1 sector changed"),
        "{allowed}"
    );
}

#[test]
fn unfinished_programming_is_told_at_the_next_run_until_it_is_done() {
    let board = Board::booted();
    let entry = r#"{"board":"stm32h7s78-dk","region":"window nor at 0x70000000","start":1879048192,"end":1879113728}"#;
    let journal = board.state().with_extension("unfinished");
    std::fs::write(&journal, entry).expect("a file");
    let told = board.run(&["boot", "status"]);
    assert!(told.status.success());
    assert!(
        told.stderr.contains("XG037") && told.stderr.contains("0x70000000"),
        "{}",
        told.stderr
    );
    board.succeeds(&["flash", &text(&firmware("appli.elf"))]);
    assert!(!journal.exists(), "the work is done");
    std::fs::write(&journal, entry).expect("a file");
    board.succeeds(&["flash", &text(&firmware("appli.elf"))]);
    assert!(
        !journal.exists(),
        "and it is when everything was there already"
    );
}

#[test]
fn what_is_unknown_fails_with_a_remedy() {
    let board = Board::blank();
    let missing = board.fails(&["flash", "no-such-file.elf"]);
    assert!(
        missing.contains("XG050") && missing.contains("remedy:"),
        "{missing}"
    );
    let ran = board.run(&["boot", "fly"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        ran.stderr.contains("possible values: status, install, arm"),
        "{}",
        ran.stderr
    );
}
