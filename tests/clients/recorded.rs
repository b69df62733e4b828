//! What cortex-debug sends to GDB, recorded from its adapter (tests/mi/cortex-debug-sends.mi), and replayed to a real GDB and server where
//! there is no adapter.
//!
//! `UPDATE_GOLDENS=1` with `XSPI_GDB_CORTEX_DEBUG` records it anew. `>` goes to the first GDB, `live>` to the one of the live watch.

use std::fs;

use serde_json::json;

use crate::{
    cortex_debug::session::{Session, blinking, checkout},
    project::Project,
    support::{
        board::{Board, text},
        firmware,
        gdb::Gdb,
        golden::{assert_golden, normalise},
        repository,
    },
};

/// The recording.
const SENDS: &str = "mi/cortex-debug-sends.mi";
/// Before what goes to the second GDB, in the adapter's log.
const LIVE: &str = "LiveGDB: ";

/// Launch, a breakpoint, variables, steps, the reset button, live watch, the stop button.
#[test]
fn cortex_debug_sends_what_is_recorded() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let project = Project::of("vscode-cortex-debug", &board);
    let mut session = Session::launch(&project, "Launch", &checkout, &[blinking()]);
    session.resume();
    let (_, frames) = session.stopped();
    assert_eq!(session.adapter.variable(&frames[0]["id"], "round"), "0");
    session.step("next");
    session.stopped();
    session.adapter.send("reset-device", json!("reset"));
    session.stopped_in("main");
    session.no_breakpoints();
    session.resume();
    let question = json!({ "expression": "appli::COUNTER", "context": "hover" });
    session.adapter.request("liveEvaluate", question);
    session.adapter.request("pause", json!({ "threadId": 1 }));
    session.stopped();
    let shown = session.stop().shown;
    let sent: String = shown.iter().filter_map(|line| sent(line)).collect();
    let log = sent
        .replace(&text(&project.file("../..")), "[ROOT]")
        .replace(&text(&project.file("")), "[PROJECT]/")
        .replace(&text(&checkout), "[CORTEX-DEBUG]");
    assert_golden(SENDS, &normalise(&log));
}

/// A command to GDB, of a line that the adapter shows with `showDevDebugOutput`: `12-exec-continue` becomes `> -exec-continue`.
fn sent(line: &str) -> Option<String> {
    let (who, line) = match line.strip_prefix(LIVE) {
        Some(line) => ("live>", line),
        None => (">", line),
    };
    let command = line
        .trim_end()
        .trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = command.len() < line.trim_end().len();
    (is_numbered && command.starts_with('-')).then(|| format!("{who} {}\n", command.trim_end()))
}

/// The recording, command by command: GDB and server take each.
#[test]
fn what_cortex_debug_sends_is_served() {
    let board = Board::booted();
    let server = board.serve_appli("appli.elf");
    let recording = fs::read_to_string(repository("tests").join(SENDS)).expect("a recording");
    let (mut gdb, mut live) = (Gdb::start(None), Gdb::start(None));
    let mut lines = recording.lines().peekable();
    while let Some(line) = lines.next() {
        let (who, command) = line.split_once(' ').expect("who and what");
        if command.contains("[CORTEX-DEBUG]") {
            // A script of its own.
            continue;
        }
        let command = command
            .replace(
                "[ROOT]/firmware/prebuilt/appli.elf",
                &text(&firmware("appli.elf")),
            )
            .replace("[ROOT]", &text(&repository("")))
            .replace("localhost:PORT", &format!("localhost:{}", server.port));
        let stays_running = lines.peek().is_some_and(|next| next.starts_with("live>"));
        match command.split_whitespace().next().unwrap_or_default() {
            _ if who == "live>" => drop(live.ok(&command)),
            "-exec-interrupt" => drop(gdb.interrupt()),
            "-exec-continue" | "-exec-next" if !stays_running => drop(gdb.stopped(&command)),
            _ => drop(gdb.ok(&command)),
        }
    }
    assert!(
        gdb.transcript().contains("func=\"appli::work::work\""),
        "{}",
        gdb.transcript()
    );
    drop((gdb, live));
    assert!(server.stop().success());
}
