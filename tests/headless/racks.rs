//! Racks of boards: one process a probe, boards by name.

use std::{fs, path::PathBuf, time::Duration};

use virtual_board::file_lock::FileLock;

use crate::support::{
    board::{Board, text},
    firmware,
    server::{Ran, Scratch, binary, ran},
};

/// A probe that nobody has: what is told of it comes before it is looked for.
const PROBE: &str = "1209:0001:rack/3";

fn status_of_the_probe(runtime: &Scratch, options: &[&str]) -> Ran {
    let mut command = binary();
    command
        .args([
            "boot",
            "status",
            "--board",
            "stm32h7s78-dk",
            "--probe",
            PROBE,
        ])
        .args(options)
        .env("XDG_RUNTIME_DIR", runtime.file(""));
    ran(command)
}

/// The lock of the probe, as another process of ours would have it.
fn lock_file(runtime: &Scratch) -> PathBuf {
    let folder = runtime.file("xspi-gdb");
    let mut files = fs::read_dir(folder).expect("a folder of locks");
    let file = files.next().expect("a lock").expect("a lock");
    assert!(files.next().is_none(), "one probe, one lock");
    file.path()
}

#[test]
fn a_probe_that_another_process_has_is_told_with_its_holder() {
    let runtime = Scratch::new();
    let nobody = status_of_the_probe(&runtime, &[]);
    assert!(nobody.stderr.contains("XG003"), "{}", nobody.stderr);

    let path = lock_file(&runtime);
    let ours = FileLock::take(&path, Duration::ZERO).expect("nobody has it any more");
    let refused = status_of_the_probe(&runtime, &[]);
    assert_eq!(refused.status.code(), Some(3));
    let holder = format!("probe {PROBE} is in use: process {} (", std::process::id());
    assert!(refused.stderr.contains("XG136"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&holder), "{}", refused.stderr);
    let waited = status_of_the_probe(&runtime, &["--wait-for-probe", "1"]);
    assert!(waited.stderr.contains("XG136"), "{}", waited.stderr);

    // Who waits gets it as soon as it is free.
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| status_of_the_probe(&runtime, &["--wait-for-probe", "60"]));
        drop(ours);
        let waited = waiting.join().expect("it ends");
        assert!(waited.stderr.contains("XG003"), "{}", waited.stderr);
    });
}

/// Without power RAM is lost and the boot stage begins; the session's breakpoints stay.
#[test]
fn a_board_is_switched_off_and_on() {
    let board = Board::with_appli("appli.elf");
    let elf = text(&firmware("appli.elf"));
    let session = board.file("session.json");
    let steps = serde_json::json!({ "steps": [
        { "load": { "file": elf } },
        { "break": { "at": "work" } },
        { "continue": {} },
        { "continue": {} },
        { "expect": { "at": "COUNTER", "equal": 1 } },
        { "power-cycle": {} },
        { "expect": { "stop": "halt" } },
        { "expect": { "at": "COUNTER", "equal": 0 } },
        { "arm": {} },
        { "continue": { "stop": "breakpoint" } },
        { "expect": { "function": "work" } },
        { "expect": { "at": "COUNTER", "equal": 0 } },
    ] });
    fs::write(&session, steps.to_string()).expect("a session");
    let play =
        |options: &[&str]| board.run(&[&["session", "--json", &text(&session)], options].concat());
    let by_itself = play(&[]);
    assert_eq!(by_itself.status.code(), Some(0), "{}", by_itself.stdout);

    // The command is run, and what it says is shown.
    let switched = board.file("switched");
    let command = format!("echo socket 3 && touch '{}'", text(&switched));
    let by_command = play(&["--power-cycle-cmd", &command]);
    assert_eq!(by_command.status.code(), Some(0), "{}", by_command.stdout);
    assert!(
        by_command.stdout.contains("power cycle: socket 3"),
        "{}",
        by_command.stdout
    );
    assert!(switched.exists());

    let failed = play(&["--power-cycle-cmd", "echo no such socket >&2; exit 4"]);
    assert_eq!(failed.status.code(), Some(3), "{}", failed.stdout);
    assert!(
        failed.stdout.contains("XG137") && failed.stdout.contains("no such socket"),
        "{}",
        failed.stdout
    );
}

#[test]
fn boards_of_a_rack_are_chosen_by_name() {
    let board = Board::with_appli("appli.elf");
    let config = board.file("xspi-gdb.toml");
    let text_of = |extra: &str| {
        format!(
            "{extra}\nappli = \"{}\"\n\n[boards.first]\nprobe = \"virtual\"\nboard = \"stm32h7s78-dk\"\nvirtual-state = \"board.state\"\n\n[boards.second]\nprobe = \"1209:0001:2\"\nboard = \"nucleo-h7s3l8\"\n",
            text(&firmware("appli.elf"))
        )
    };
    fs::write(&config, text_of("")).expect("a configuration");
    let arm = |options: &[&str]| {
        let mut command = binary();
        command
            .args(["boot", "arm", "--config", &text(&config)])
            .args(options);
        ran(command)
    };
    let first = arm(&["--on", "first"]);
    assert!(
        first.stdout.contains("0x7000"),
        "{}{}",
        first.stdout,
        first.stderr
    );
    let second = arm(&["--on", "second"]);
    assert!(
        second.stderr.contains("XG003") && second.stderr.contains("1209:0001:2"),
        "{}",
        second.stderr
    );
    let third = arm(&["--on", "third"]);
    assert!(
        third.stderr.contains("XG070") && third.stderr.contains("there are: first, second"),
        "{}",
        third.stderr
    );
    let both = arm(&["--on", "first", "--probe", "virtual"]);
    assert_eq!(both.status.code(), Some(2), "{}", both.stderr);
    // A rack may have a usual board.
    fs::write(&config, text_of("on = \"first\"")).expect("a configuration");
    assert!(arm(&[]).status.success());
}
