//! `xspi-gdb demo` and `xspi-gdb exec`: the tool starts GDB, and not the other way round.

mod support;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    thread,
    time::Instant,
};

use support::{
    board::{Board, text},
    debugger::Debugger,
    firmware,
    gdb::Gdb,
    server::{PATIENCE, binary, ran, run, xspi_gdb},
};

const APPLI: &str = "appli.elf";

/// The main job, told in a transcript: install, load, land, break in the window, watch, see the LEDs, and program nothing twice.
#[test]
fn the_demo_tells_its_story() {
    let mut command = binary();
    command.arg("demo");
    let demo = ran(command);
    assert!(demo.status.success(), "{}{}", demo.stdout, demo.stderr);
    let mut rest = demo.stdout.as_str();
    for scene in [
        "internal flash and NOR are blank",
        "xspi-gdb boot install",
        "programmed",
        "LEDs before: LD1 off",
        "(gdb) load",
        "Reset in section .text",
        "nor at 0x70000000: open",
        "Breakpoint 1 at 0x7000",
        "Breakpoint 1, appli::work::work",
        "in appli::main ()",
        "(gdb) next",
        "Hardware watchpoint 2: appli::LED_TOGGLES",
        "Old value = 1\nNew value = 2",
        "appli::observed::Lamp {pin: 1, lit: true, toggles: 3}",
        "LEDs after: LD1 on",
        "nothing has changed, so nothing is programmed",
        "0 bytes programmed",
        "appli::main ()",
    ] {
        let at = rest
            .find(scene)
            .unwrap_or_else(|| panic!("`{scene}` is not told, or too early:\n{}", demo.stdout));
        rest = &rest[at + scene.len()..];
    }
    assert!(
        demo.stdout.lines().count() < 120,
        "a transcript is short:\n{}",
        demo.stdout
    );
    assert_eq!(demo.stderr, "", "nothing went wrong on the way");
}

/// A GDB that is told nothing of a file finds the appli's symbols through the server.
#[test]
fn extended_remote_alone_finds_the_symbols() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(None, server.port);
    gdb.monitor("reset halt");
    gdb.run_to("main");
    let frames = gdb.ok("-stack-list-frames").results;
    assert!(frames.contains("appli/src/main.rs"), "{frames}");
    assert_eq!(gdb.value("COUNTER"), "0");
}

#[test]
fn exec_ends_as_its_client_does() {
    let board = Board::with_appli(APPLI);
    let appli = text(&firmware(APPLI));
    let session = run(
        &[
            "exec",
            "--appli",
            &appli,
            "--",
            &Debugger::Installed.program(),
            "-nx",
            "-batch",
            "-ex",
            "target extended-remote :{port}",
            "-ex",
            "monitor reset halt",
            "-ex",
            "tbreak main",
            "-ex",
            "continue",
            "-ex",
            "quit 7",
            &appli,
        ],
        Some(&board.state()),
    );
    assert_eq!(
        session.status.code(),
        Some(7),
        "{}{}",
        session.stdout,
        session.stderr
    );
    assert!(
        session
            .stdout
            .contains("Temporary breakpoint 1, appli::main ()"),
        "{}",
        session.stdout
    );
}

#[test]
fn exec_with_a_client_that_does_not_exist_says_so() {
    let board = Board::with_appli(APPLI);
    let failed = board.fails(&["exec", "--", "no-such-debugger"]);
    assert!(failed.contains("no-such-debugger"), "{failed}");
}

/// An IDE ends the tool by SIGTERM: the client that it started ends with it.
#[test]
fn exec_leaves_no_orphan() {
    let board = Board::with_appli(APPLI);
    let mut exec = xspi_gdb(
        &["exec", "--", "sh", "-c", "echo $$ && exec sleep 600"],
        Some(&board.state()),
    )
    .stdin(Stdio::null())
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .expect("the binary starts");
    let mut client = String::new();
    BufReader::new(exec.stdout.take().expect("piped"))
        .read_line(&mut client)
        .expect("the client's process id");
    let client = Path::new("/proc").join(client.trim());
    assert!(client.exists(), "the client runs");
    let told = std::process::Command::new("kill")
        .arg(exec.id().to_string())
        .status()
        .expect("kill runs");
    assert!(told.success());
    let status = exec.wait().expect("a child of ours");
    assert!(!status.success(), "the client was ended by a signal");
    let deadline = Instant::now() + PATIENCE;
    while client.exists() {
        assert!(Instant::now() < deadline, "the client outlives the tool");
        thread::yield_now();
    }
}
