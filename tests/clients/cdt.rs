//! Eclipse CDT's debug adapter (npm's cdt-gdb-adapter), the real one, from launch-configs/vscode-cdt-gdb.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    dap::{Adapter, function},
    project::{Project, line_of, source},
    support::{
        board::{Board, nor_image},
        repository,
        server::Server,
    },
};

/// What setup.sh installs.
const ADAPTER: &str = "target/clients/node_modules/cdt-gdb-adapter/dist/debugTargetAdapter.js";
/// The appli's round of work.
const WORK: &str = "firmware/appli/src/work.rs";

/// The adapter, introduced.
fn adapter(project: &Project) -> Adapter {
    let script = repository(ADAPTER);
    assert!(
        script.exists(),
        "{ADAPTER} is missing: `make test` installs it"
    );
    let mut command = project.command("node");
    command.arg(script);
    let mut adapter = Adapter::start(command);
    adapter.request(
        "initialize",
        json!({ "adapterID": "gdbtarget", "linesStartAt1": true, "pathFormat": "path" }),
    );
    adapter
}

/// Begins a session, sets breakpoints at `lines` of the appli's round of work, and lets go.
fn begun(project: &Project, configuration: &Value, lines: &[usize]) -> Adapter {
    let mut adapter = adapter(project);
    let request = configuration["request"].as_str().expect("a request");
    adapter.request(request, configuration.clone());
    adapter.event("initialized");
    let placed = adapter.breakpoints(&source(WORK), lines);
    assert!(
        placed.iter().all(|one| one["verified"] == true),
        "{placed:?}"
    );
    adapter.request("configurationDone", json!({}));
    adapter
}

/// Launches as the folder's configuration says and stops in `main`.
fn launched(project: &Project, lines: &[usize]) -> (Adapter, u64) {
    let mut adapter = begun(project, &project.configuration("Launch"), lines);
    let stop = adapter.stopped();
    assert_eq!(function(&adapter.frames(stop.thread)[0]), "main");
    (adapter, stop.thread)
}

/// Ends the session; the server that the adapter started ends well.
fn ended(mut adapter: Adapter) {
    adapter.send("disconnect", json!({}));
    adapter.output("gdbserver exited with code 0");
}

/// The launch configuration as it is: it starts the server, loads onto a blank NOR, and stops in `main`, in the window.
#[test]
fn cdt_launches_and_stops_in_the_window() {
    let board = Board::booted();
    let project = Project::of("vscode-cdt-gdb", &board);
    let (mut adapter, thread) = launched(&project, &[]);
    let frame = adapter.frames(thread).remove(0);
    assert_eq!(
        frame["source"]["path"],
        source("firmware/appli/src/main.rs")
    );
    let place = frame["instructionPointerReference"].as_str();
    assert!(
        place.is_some_and(|place| place.starts_with("0x7000")),
        "{frame}"
    );
    ended(adapter);
    let appli = nor_image("appli.elf");
    assert_eq!(board.nor(appli.len()), appli);
}

/// The same as `init` writes it for a project.
#[test]
fn cdt_launches_what_init_writes() {
    let board = Board::booted();
    let project = Project::initialised("cdt-gdb", &board);
    let (adapter, _) = launched(&project, &[]);
    ended(adapter);
    let appli = nor_image("appli.elf");
    assert_eq!(board.nor(appli.len()), appli);
}

/// A breakpoint that was there before the window is open; steps in, over and out; variables of the frame and of the program.
#[test]
fn cdt_breaks_steps_and_shows_variables() {
    let board = Board::booted();
    let project = Project::of("vscode-cdt-gdb", &board);
    let line = line_of(WORK, "    blink(round);");
    let (mut adapter, thread) = launched(&project, &[line]);
    let go = json!({ "threadId": thread });
    adapter.request("continue", go.clone());
    assert_eq!(adapter.stopped().reason, "breakpoint");
    let frames = adapter.frames(thread);
    let names: Vec<_> = frames.iter().map(function).collect();
    assert_eq!(names, ["work", "main"]);
    let frame = frames[0]["id"].clone();
    assert_eq!(adapter.variable(&frame, "round"), "0");
    let counter = json!({ "expression": "appli::COUNTER", "frameId": frame, "context": "watch" });
    assert_eq!(adapter.request("evaluate", counter)["result"], "0");
    adapter.request("stepIn", go.clone());
    adapter.stopped();
    assert_eq!(function(&adapter.frames(thread)[0]), "blink");
    adapter.request("stepOut", go.clone());
    adapter.stopped();
    assert_eq!(function(&adapter.frames(thread)[0]), "work");
    adapter.request("next", go.clone());
    adapter.stopped();
    let frame = adapter.frames(thread).remove(0);
    assert_eq!(function(&frame), "work");
    assert!(frame["line"].as_u64() > Some(line as u64), "{frame}");
    adapter.request("continue", go);
    adapter.stopped();
    let frame = adapter.frames(thread)[0]["id"].clone();
    assert_eq!(adapter.variable(&frame, "round"), "1");
    ended(adapter);
}

/// The window is read from the chip, RAM is written, and a write to the window is refused with its reason.
#[test]
fn cdt_reads_and_writes_memory_and_disassembles() {
    let board = Board::booted();
    let project = Project::of("vscode-cdt-gdb", &board);
    let (mut adapter, thread) = launched(&project, &[]);
    let place = json!({ "memoryReference": "0x70000000", "count": 64 });
    let read = adapter.request("readMemory", place);
    let bytes = BASE64_STANDARD.decode(read["data"].as_str().unwrap_or_default());
    assert_eq!(bytes.as_deref(), Ok(&nor_image("appli.elf")[..64]));
    let value = BASE64_STANDARD.encode([0x2A, 0, 0, 0]);
    let counter = json!({ "memoryReference": "&COUNTER", "data": value });
    adapter.request("writeMemory", counter);
    let frame = adapter.frames(thread).remove(0);
    let counter =
        json!({ "expression": "appli::COUNTER", "frameId": frame["id"], "context": "watch" });
    assert_eq!(adapter.request("evaluate", counter)["result"], "42");
    adapter.refused(
        "writeMemory",
        json!({ "memoryReference": "0x70000000", "data": value }),
    );
    let why = json!({ "expression": ">monitor why", "frameId": frame["id"], "context": "repl" });
    adapter.request("evaluate", why);
    adapter.output("`load`");
    let pc = frame["instructionPointerReference"].clone();
    let code = json!({ "memoryReference": pc, "instructionCount": 8 });
    let code = adapter.request("disassemble", code);
    let code = code["instructions"].as_array().expect("instructions");
    assert!(code.len() >= 8 && code[0]["address"] == pc, "{code:?}");
    ended(adapter);
}

/// A watchpoint of the editor: the program stops where the value changes.
#[test]
fn cdt_stops_where_a_variable_changes() {
    let board = Board::booted();
    let project = Project::of("vscode-cdt-gdb", &board);
    let (mut adapter, thread) = launched(&project, &[]);
    let info = adapter.request("dataBreakpointInfo", json!({ "name": "COUNTER" }));
    let watch = json!({ "breakpoints": [{ "dataId": info["dataId"], "accessType": "write" }] });
    let placed = adapter.request("setDataBreakpoints", watch);
    assert_eq!(placed["breakpoints"][0]["verified"], true, "{placed}");
    adapter.request("continue", json!({ "threadId": thread }));
    adapter.stopped();
    let frames = adapter.frames(thread);
    let names: Vec<_> = frames.iter().map(function).collect();
    assert!(names.contains(&"work"), "{names:?}");
    ended(adapter);
}

/// The reset button, then the restart button: the editor ends the session and launches again, and nothing is programmed a second time.
#[test]
fn cdt_resets_and_restarts() {
    let board = Board::booted();
    let project = Project::of("vscode-cdt-gdb", &board);
    let line = line_of(WORK, "    blink(round);");
    let (mut adapter, thread) = launched(&project, &[line]);
    adapter.request("continue", json!({ "threadId": thread }));
    adapter.stopped();
    adapter.request("cdt-gdb-adapter/customReset", json!({}));
    let pc = json!({ "expression": ">info symbol $pc", "context": "repl" });
    adapter.request("evaluate", pc);
    adapter.output("Reset in section .text");
    adapter.request("continue", json!({ "threadId": thread }));
    adapter.stopped();
    assert_eq!(
        function(&adapter.frames(thread)[0]),
        "work",
        "the breakpoint is kept"
    );
    ended(adapter);
    let (mut again, _) = launched(&project, &[line]);
    again.output("unchanged, 0 bytes programmed");
    ended(again);
}

/// Variables are read by the second GDB while the program runs, and change.
#[test]
fn cdt_reads_variables_while_the_program_runs() {
    let board = Board::booted();
    let project = Project::of("vscode-cdt-gdb", &board);
    let (mut adapter, thread) = launched(&project, &[]);
    adapter.request("continue", json!({ "threadId": thread }));
    adapter.until("appli::COUNTER", |value| value >= 2);
    adapter.request("pause", json!({ "threadId": thread }));
    adapter.stopped();
    ended(adapter);
}

/// Attach to a server that runs already: nothing is reset, and the server and the program outlive the session.
#[test]
fn cdt_attaches_and_leaves() {
    let board = Board::with_appli("appli.elf");
    let project = Project::of("vscode-cdt-gdb", &board);
    let mut server: Server = board.serve(&[
        "--config",
        &project.file("xspi-gdb.toml").to_string_lossy(),
        "--on-attach",
        "arm",
    ]);
    let mut configuration = project.configuration("Attach (server runs already)");
    configuration["target"]["port"] = json!(server.port.to_string());
    let line = line_of(WORK, "    blink(round);");
    for round in ["0", "1"] {
        let mut adapter = begun(&project, &configuration, &[line]);
        let stop = adapter.stopped();
        let frame = adapter.frames(stop.thread)[0]["id"].clone();
        assert_eq!(adapter.variable(&frame, "round"), round);
        adapter.breakpoints(&source(WORK), &[]);
        adapter.request("disconnect", json!({}));
    }
    assert!(server.is_alive());
    assert!(server.stop().success());
}
