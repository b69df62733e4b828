//! How long work is told by the command line: a bar on a terminal, one line where none is.

mod support;

use std::process::Command;

use support::{
    board::{Board, text},
    firmware, repository,
};

/// Runs what follows on a terminal of its own and prints what that shows; the exit code is the program's.
const ON_A_TERMINAL: &str =
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
const ESCAPE: char = '\x1B';

/// What the terminal shows of `flash`, or none of it if there is no Python.
fn shown_on_a_terminal(board: &Board) -> String {
    let program = env!("CARGO_BIN_EXE_xspi-gdb");
    let ran = Command::new(repository("target/venv/bin/python"))
        .args(["-c", ON_A_TERMINAL, program, "flash"])
        .arg(firmware("appli.elf"))
        .args(["--probe", "virtual", "--virtual-state"])
        .arg(board.state())
        .env("TERM", "xterm")
        .output()
        .expect("target/venv: `scripts/setup.sh test` makes it");
    let shown = String::from_utf8(ran.stdout).expect("text");
    assert!(ran.status.success(), "{shown}");
    shown
}

#[test]
fn a_terminal_shows_a_bar_that_is_gone_when_the_work_is_done() {
    let board = Board::booted();
    let shown = shown_on_a_terminal(&board);
    for drawn in ["programming", "[", "] ", " %"] {
        assert!(shown.contains(drawn), "no {drawn:?} in {shown:?}");
    }
    let (bar, report) = shown.rsplit_once(ESCAPE).expect("the bar is taken away");
    assert!(bar.contains("programming"), "{bar:?}");
    assert!(
        report.contains("window nor at 0x70000000: 1 sector changed")
            && !report.contains("programming"),
        "{report:?}"
    );
}

#[test]
fn without_a_terminal_there_is_one_line_and_nothing_moves_a_cursor() {
    let board = Board::booted();
    let appli = text(&firmware("appli.elf"));
    let ran = board.run(&["flash", &appli]);
    assert!(ran.status.success(), "{}", ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 1, "{:?}", ran.stdout);
    assert!(
        ran.stdout
            .starts_with("window nor at 0x70000000: 1 sector changed")
    );
    assert!(!ran.stderr.contains("programming"), "{:?}", ran.stderr);
    assert!(!(ran.stdout + &ran.stderr).contains([ESCAPE, '\r']));
}
