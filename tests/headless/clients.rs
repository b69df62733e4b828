//! GDB as a library: its own Python, pygdbmi, and whatever `exec` starts.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use crate::support::{
    board::{Board, text},
    debugger::Debugger,
    firmware, repository,
    server::xspi_gdb,
};

#[test]
fn gdb_python_loads_breaks_and_checks() {
    let board = Board::booted();
    let script = text(&repository("launch-configs/gdb-python/check.py"));
    let gdb = Debugger::Installed.program();
    let elf = text(&firmware("appli.elf"));
    let command = ["exec", "--", &gdb, "-nx", "-batch", "-x", &script, &elf];
    let printed = board.succeeds(&command);
    assert!(printed.contains("work: appli::COUNTER is 2"), "{printed}");
}

/// What goes wrong in the script is in its exit code.
#[test]
fn gdb_python_ends_with_a_fault_of_the_board() {
    let board = Board::blank();
    let script = text(&repository("launch-configs/gdb-python/check.py"));
    let gdb = Debugger::Installed.program();
    let elf = text(&firmware("appli.elf"));
    let ran = board.run(&["exec", "--", &gdb, "-nx", "-batch", "-x", &script, &elf]);
    assert!(
        matches!(ran.status.code(), Some(1 | 3)),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn pygdbmi_loads_breaks_and_checks() {
    let board = Board::booted();
    let python = text(&repository("target/venv/bin/python"));
    let script = text(&repository("launch-configs/pygdbmi/check.py"));
    let elf = text(&firmware("appli.elf"));
    let printed = board.succeeds(&["exec", "--", &python, &script, &elf]);
    assert!(printed.contains("work: appli::COUNTER is 0"), "{printed}");
}

#[test]
fn exec_tells_its_client_the_port_and_ends_with_one_that_never_connects() {
    let board = Board::with_appli("appli.elf");
    let script = "test {port} = $XSPI_GDB_PORT && exit 9";
    let ran = board.run(&["exec", "--", "sh", "-c", script]);
    assert_eq!(ran.status.code(), Some(9), "{}{}", ran.stdout, ran.stderr);
}

/// Ctrl-C reaches the whole foreground group; what it means is the client's to say.
#[test]
fn exec_leaves_an_interrupt_to_its_client() {
    let board = Board::with_appli("appli.elf");
    let script = "echo ready && read word && echo got $word && exit 5";
    let mut exec = xspi_gdb(&["exec", "--", "sh", "-c", script], Some(&board.state()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut said = BufReader::new(exec.stdout.take().expect("piped")).lines();
    let mut line = || said.next().expect("a line").expect("text");
    assert_eq!(line(), "ready");
    let told = Command::new("kill")
        .args(["-INT", &exec.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(told.success());
    let mut input = exec.stdin.take().expect("piped");
    std::io::Write::write_all(&mut input, b"word\n").expect("the client reads");
    assert_eq!(line(), "got word");
    assert_eq!(exec.wait().expect("it ends").code(), Some(5));
}
