//! `xspi-gdb gdbserver`: started as cortex-debug starts pyOCD.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use crate::support::{
    board::{Board, text},
    firmware,
    rsp::Client,
    server::{ran, xspi_gdb},
};

/// pyOCD's arguments; its ready line; what means nothing here is told and harms nothing; a bare reset leaves the core halted; SIGTERM ends it.
#[test]
fn gdbserver_is_started_as_pyocd_is() {
    let board = Board::with_appli("appli.elf");
    let appli = text(&firmware("appli.elf"));
    let words = [
        "gdbserver",
        "--port",
        "0",
        "--telnet-port",
        "0",
        "--board",
        "stm32h7s78-dk",
        "--target",
        "stm32h7s7l8hx",
        "--pack",
        "ST.pack",
        "-O",
        "enable_swv=1",
        "-O",
        "connect_mode=pre-reset",
        "--appli",
        &appli,
    ];
    let mut command = xspi_gdb(&words, Some(&board.state()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut server = command.spawn().expect("the server starts");
    let mut ready = String::new();
    let mut output = BufReader::new(server.stdout.take().expect("piped"));
    output.read_line(&mut ready).expect("a ready line");
    let port = ready
        .strip_prefix("GDB server listening on port ")
        .and_then(|port| port.trim_end().parse().ok());
    let mut client = Client::connect(port.unwrap_or_else(|| panic!("no port in `{ready}`")));
    let (told, reply) = client.monitor("reset");
    assert_eq!(reply, "OK", "{told}");
    assert!(
        told.contains("halted at the appli's first instruction"),
        "{told}"
    );
    drop(client);
    let ended = Command::new("kill").arg(server.id().to_string()).status();
    assert!(ended.is_ok_and(|status| status.success()));
    let mut log = String::new();
    server
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut log)
        .expect("a log");
    assert!(server.wait().expect("its end").success(), "{log}");
    assert!(
        log.contains("--pack ST.pack is not read") && log.contains("-O enable_swv=1: ignored"),
        "{log}"
    );
}

/// It ends before its ready line where there is nothing to serve, with the reason on stderr; a flag of pyOCD that it does not take is a
/// question of usage.
#[test]
fn gdbserver_says_why_it_does_not_start() {
    let board = Board::blank();
    let other = ran(xspi_gdb(
        &["gdbserver", "--port", "0", "--target", "stm32f407vg"],
        Some(&board.state()),
    ));
    assert_eq!(other.status.code(), Some(3), "{}", other.stderr);
    assert!(
        other.stdout.is_empty() && other.stderr.contains("XG075"),
        "{}",
        other.stderr
    );
    for stray in ["--semihosting", "flash.bin"] {
        let refused = ran(xspi_gdb(&["gdbserver", stray], Some(&board.state())));
        assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(stray), "{}", refused.stderr);
    }
}
