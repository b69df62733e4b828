//! A program that makes semihosting calls, in front of a real GDB.

mod support;

use std::fs;

use support::{
    board::{Board, text},
    firmware,
    gdb::{Gdb, Stop},
    server::Server,
};

/// Greets, tells its arguments, asks for a line, writes a file and reads it back, and ends (firmware/hosted).
const PROGRAM: &str = "semihosting.elf";

fn session(board: &Board, arguments: &[&str]) -> (Server, Gdb) {
    let program = text(&firmware(PROGRAM));
    let mut all = vec!["--appli", program.as_str()];
    all.extend(arguments);
    let server = board.serve(&all);
    let mut gdb = Gdb::connect(Some(&firmware(PROGRAM)), server.port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    (server, gdb)
}

#[track_caller]
fn says(stop: &Stop, words: &[&str]) {
    for words in words {
        assert!(
            stop.text.contains(words),
            "`{words}` is not in {}",
            stop.text
        );
    }
}

#[test]
fn a_program_has_console_arguments_and_files_and_ends_with_its_code() {
    let board = Board::with_appli(PROGRAM);
    let folder = tempfile::tempdir().expect("a folder");
    let directory = text(folder.path());
    let (_server, mut gdb) = session(
        &board,
        &[
            "--semihosting-dir",
            &directory,
            "--semihosting-cmdline",
            "program --fast",
        ],
    );
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.signal(), "SIGTRAP", "{}", stop.record);
    says(
        &stop,
        &[
            "hello by semihosting\n",
            "arguments: program --fast\n",
            "the program ended with code 0 (semihosting exit)",
        ],
    );
    let log = fs::read(folder.path().join("log.txt")).expect("the program's file");
    assert_eq!(log, b"written by the program\n");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn without_a_directory_the_file_is_refused_and_the_user_told() {
    let board = Board::with_appli(PROGRAM);
    let (_server, mut gdb) = session(&board, &[]);
    let stop = gdb.stopped("-exec-continue");
    says(
        &stop,
        &[
            "semihosting: SYS_OPEN: `log.txt` is refused: --semihosting-dir names no directory for files",
            "the program ended with code 1 (semihosting exit)",
        ],
    );
}

#[test]
fn breakpoints_and_steps_do_not_notice_calls() {
    let board = Board::with_appli(PROGRAM);
    let (_server, mut gdb) = session(&board, &[]);
    gdb.ok("-break-insert -t hosted::keep_a_log");
    let stop = gdb.stopped("-exec-continue");
    says(&stop, &["hello by semihosting\n"]);
    let finished = gdb.stopped("-exec-finish");
    assert_eq!(
        finished.reason(),
        "function-finished",
        "{}",
        finished.record
    );
    assert_eq!(
        finished.function(),
        "__cortex_m_rt_main",
        "{}",
        finished.record
    );
    says(&finished, &["`log.txt` is refused"]);
}

#[test]
fn calls_stop_the_program_while_nobody_serves_them() {
    let board = Board::with_appli(PROGRAM);
    let (_server, mut gdb) = session(&board, &[]);
    gdb.monitor("arm semihosting disable");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.signal(), "SIGTRAP", "{}", stop.record);
    says(&stop, &["semihosting call SYS_OPEN, which nobody serves"]);
    assert_eq!(stop.function(), "call", "{}", stop.record);
    gdb.monitor("arm semihosting enable");
    let stop = gdb.stopped("-exec-continue");
    says(
        &stop,
        &["hello by semihosting\n", "the program ended with code 1"],
    );
}
