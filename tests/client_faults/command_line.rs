//! What the command line meets before there is a GDB.

use std::{fs, net::TcpListener};

use crate::{
    scene::file,
    support::{
        board::{Board, text},
        server::{binary, ran},
    },
};

/// `xspi-gdb ARGUMENTS` fails with `code`.
fn fails(code: &str, arguments: &[&str]) {
    let mut command = binary();
    command.args(arguments);
    let ran = ran(command);
    assert_eq!(ran.status.code(), Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(code), "{}", ran.stderr);
    assert!(ran.stderr.contains("remedy:"), "{}", ran.stderr);
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("a port").port().to_string();
    fails("XG069", &["serve", "--probe", "virtual", "--port", &port]);
}

#[test]
fn a_board_that_nobody_knows() {
    fails(
        "XG070",
        &[
            "boot",
            "status",
            "--probe",
            "virtual",
            "--board",
            "no-such-board",
        ],
    );
}

#[test]
fn a_profile_that_contradicts_itself() {
    let board = Board::blank();
    let profile = board.file("board.toml");
    fs::write(&profile, "name = \"half a board\"\n").expect("a file");
    fails(
        "XG071",
        &[
            "boot",
            "status",
            "--probe",
            "virtual",
            "--board",
            &text(&profile),
        ],
    );
}

#[test]
fn a_real_probe_without_a_board() {
    fails("XG073", &["boot", "status", "--probe", "1209:0002"]);
}

#[test]
fn another_chip() {
    fails(
        "XG075",
        &[
            "boot",
            "status",
            "--probe",
            "1209:0002",
            "--board",
            "stm32h7s78-dk",
            "--chip",
            "STM32F407VG",
        ],
    );
}

#[test]
fn a_trace_that_cannot_be_written() {
    fails(
        "XG079",
        &[
            "boot",
            "status",
            "--probe",
            "virtual",
            "--trace-link",
            "no/such/folder/trace",
        ],
    );
}

#[test]
fn a_boot_stage_that_is_an_appli() {
    let told = Board::blank().fails(&["boot", "install", &file("appli.elf")]);
    assert!(told.contains("XG057"), "{told}");
}
