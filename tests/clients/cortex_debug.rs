//! cortex-debug's debug adapter, the real one, from launch-configs/vscode-cortex-debug.
//!
//! It is no package of a registry, so these tests run where `XSPI_GDB_CORTEX_DEBUG` names a built checkout of it (`npm ci
//! --ignore-scripts`, `npx webpack --mode production`), and pass over elsewhere; what it sends is a golden that always runs
//! (`recorded.rs`).

pub mod session;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use session::{Session, WORK, blinking, checkout, completed};

use crate::{
    dap::function,
    project::{Project, line_of, source},
    support::{
        board::{Board, nor_image},
        server::PATIENCE,
    },
};

/// A project beside `board`.
fn project(board: &Board) -> Project {
    Project::of("vscode-cortex-debug", board)
}

/// The launch configuration as it is: the adapter starts the server, loads onto a blank NOR, and stops in `main`, in the window; then at
/// a breakpoint that was set before the window was open, and at one that is set while the program runs.
#[test]
fn cortex_debug_launches_and_stops_in_the_window() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let mut session = Session::launch(&project(&board), "Launch", &checkout, &[blinking()]);
    session.resume();
    let (_, frames) = session.stopped();
    assert_eq!(function(&frames[0]), "work");
    assert_eq!(frames[0]["source"]["path"], source(WORK));
    session.no_breakpoints();
    session.resume();
    let line = line_of(WORK, "    let lit = ");
    let placed = session.adapter.breakpoints(&source(WORK), &[line]);
    assert_eq!(placed[0]["verified"], true, "{placed:?}");
    let (_, frames) = session.stopped();
    assert_eq!(function(&frames[0]), "toggle");
    let told = session.stop().server;
    assert!(told.contains("GDB server listening on port "), "{told}");
    let appli = nor_image("appli.elf");
    assert_eq!(board.nor(appli.len()), appli);
}

/// Steps in, over and out, variables, and a watchpoint of the editor.
#[test]
fn cortex_debug_steps_and_watches() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let mut session = Session::launch(&project(&board), "Launch", &checkout, &[blinking()]);
    session.resume();
    let (_, frames) = session.stopped();
    assert_eq!(session.adapter.variable(&frames[0]["id"], "round"), "0");
    for (step, place) in [("stepIn", "blink"), ("stepOut", "work"), ("next", "work")] {
        session.step(step);
        let (_, frames) = session.stopped();
        assert_eq!(function(&frames[0]), place, "{step}");
    }
    session.no_breakpoints();
    let watch = json!({ "breakpoints": [{ "dataId": "appli::COUNTER", "accessType": "write" }] });
    let placed = session.adapter.request("setDataBreakpoints", watch);
    assert_eq!(placed["breakpoints"][0]["verified"], true, "{placed}");
    session.resume();
    let (_, frames) = session.stopped();
    let names: Vec<_> = frames.iter().map(function).collect();
    assert!(names.contains(&"work"), "{names:?}");
    session.stop();
}

/// More breakpoints than the core has units: those too many are marked where they were set, the others hold, and steps find a unit.
#[test]
fn cortex_debug_marks_breakpoints_too_many() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let mut session = Session::launch(&project(&board), "Launch", &checkout, &[]);
    let first = line_of(WORK, "pub fn work(");
    let lines: Vec<_> = (first + 1..first + 40).collect();
    let placed = session.adapter.breakpoints(&source(WORK), &lines);
    let held = placed.iter().filter(|one| one["verified"] == true).count();
    assert_eq!(held, 7, "{placed:?}");
    session.resume();
    session.stopped_in("work");
    for _ in 0..2 {
        session.step("next");
        session.stopped_in("work");
    }
    session.stop();
}

/// The reset button: back in `main`, breakpoints kept. The restart button: the editor ends the session and launches again, and nothing is
/// programmed a second time.
#[test]
fn cortex_debug_resets_and_restarts() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let project = project(&board);
    let mut session = Session::launch(&project, "Launch", &checkout, &[blinking()]);
    for _ in 0..2 {
        session.resume();
        let (_, frames) = session.stopped();
        assert_eq!(function(&frames[0]), "work");
        session.adapter.send("reset-device", json!("reset"));
        session.stopped_in("main");
    }
    session.stop();
    let mut again = Session::launch(&project, "Launch", &checkout, &[]);
    again.adapter.output("unchanged, 0 bytes programmed");
    again.stop();
}

/// Live watch: the second GDB reads variables while the program runs, and they change.
#[test]
fn cortex_debug_watches_variables_live() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let mut session = Session::launch(&project(&board), "Launch", &checkout, &[]);
    session.resume();
    for least in [1, 3] {
        session.live("appli::COUNTER", |value| value >= least);
    }
    session
        .adapter
        .request("pause", json!({ "threadId": session.thread }));
    session.stopped();
    session.stop();
}

/// Attach: nothing is reset, nothing is programmed; the program is halted where it is, and detaching lets it go on.
#[test]
fn cortex_debug_attaches_and_detaches() {
    let Some(checkout) = checkout() else { return };
    let board = Board::with_appli("appli.elf");
    let project = project(&board);
    let mut session = Session::begin(
        &project,
        project.configuration("Attach"),
        &checkout,
        &[blinking()],
    );
    session.stopped();
    session.resume();
    let (_, frames) = session.stopped();
    assert_eq!(function(&frames[0]), "work");
    session
        .adapter
        .request("disconnect", json!({ "terminateDebuggee": false }));
    session.adapter.output("detached");
    let told = session.server_ended();
    assert!(!told.contains("programmed"), "{told}");
}

/// Symbols of both ELFs: after `monitor reset boot` the program stops in the boot stage, and goes on to a breakpoint in the appli.
#[test]
fn cortex_debug_knows_the_boot_stage_too() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let name = "Launch with the boot stage's symbols";
    let mut session = Session::launch(&project(&board), name, &checkout, &[blinking()]);
    for command in [
        "monitor reset boot",
        "maintenance flush register-cache",
        "thbreak boot::image::Image::start",
    ] {
        let question = json!({ "expression": command, "context": "repl" });
        session.adapter.request("evaluate", question);
    }
    session.resume();
    let (_, frames) = session.stopped();
    assert_eq!(function(&frames[0]), "start");
    let file = frames[0]["source"]["path"].as_str().unwrap_or_default();
    assert!(file.ends_with("firmware/boot/src/image.rs"), "{file}");
    session.resume();
    session.stopped_in("work");
    session.stop();
}

/// A channel of RTT, on the port that the adapter tells the editor to read.
#[test]
fn cortex_debug_reads_a_channel_of_rtt() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let mut session = Session::launch(&project(&board), "Launch with RTT", &checkout, &[]);
    let channel = session.adapter.event_seen("rtt-configure");
    assert_eq!(channel["decoder"]["port"], 0, "{channel}");
    let port = channel["decoder"]["tcpPort"]
        .as_str()
        .and_then(|port| port.parse().ok());
    let address = ("127.0.0.1", port.expect("a port"));
    let mut channel = TcpStream::connect(address).expect("the channel is open");
    channel
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket option");
    session.resume();
    let mut frame = [0; 16];
    channel
        .read_exact(&mut frame)
        .expect("the appli says something");
    session
        .adapter
        .request("pause", json!({ "threadId": session.thread }));
    session.stopped();
    session.stop();
}

/// The stop button in the middle of a download. GDB does not listen then, so the editor ends the adapter, and the adapter ends the server,
/// which ends the operation under way and remembers what is unfinished; the next launch completes it.
#[test]
fn cortex_debug_is_stopped_in_the_middle_of_a_download() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let project = project(&board);
    // So that programming takes its time.
    project.edit("xspi-gdb.toml", "lockstep", "free");
    let large = board.file("large.hex");
    std::fs::write(&large, large_image()).expect("a file");
    let mut configuration = project.configuration("Launch");
    configuration["loadFiles"] = json!([large]);
    configuration["runToEntryPoint"] = Value::Null;
    let journal = board.journal();
    let mut session = Session::introduce(&project, &checkout);
    let arguments = completed(configuration.clone(), &checkout, session.terminal);
    session.adapter.send("launch", arguments);
    session.adapter.output("-target-download");
    let deadline = Instant::now() + PATIENCE;
    while !journal.exists() {
        assert!(Instant::now() < deadline, "nothing was begun");
        thread::sleep(Duration::from_millis(2));
    }
    let stop = json!({ "terminateDebuggee": true, "restart": false });
    session.adapter.send("disconnect", stop);
    session.adapter.terminate();
    board.wait_until_free();
    let unfinished = std::fs::read_to_string(&journal).expect("it was interrupted");
    assert!(unfinished.contains("cancelled at sector"), "{unfinished}");
    drop(session);
    project.edit("xspi-gdb.toml", "free", "lockstep");
    let mut session = Session::introduce(&project, &checkout);
    let arguments = completed(configuration, &checkout, session.terminal);
    session.adapter.request("launch", arguments);
    session.adapter.output("programmed");
    session.stop();
    assert!(!journal.exists(), "it was completed");
}

/// `external`: the task starts the server, whose ready line is what the editor waits for; it outlives the session.
#[test]
fn cortex_debug_uses_the_server_of_the_task() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let project = project(&board);
    let (mut server, port) = task(&project);
    for name in ["Launch (server of the task)", "Attach (server of the task)"] {
        let mut configuration = project.configuration(name);
        configuration["gdbTarget"] = json!(format!("localhost:{port}"));
        let mut session = Session::begin(&project, configuration, &checkout, &[blinking()]);
        session.stopped();
        if name.starts_with("Launch") {
            session.stopped_in("main");
        }
        session.resume();
        session.stopped_in("work");
        session
            .adapter
            .request("disconnect", json!({ "terminateDebuggee": true }));
    }
    assert!(matches!(server.try_wait(), Ok(None)), "the server ended");
    let ended = Command::new("kill").arg(server.id().to_string()).status();
    assert!(ended.is_ok_and(|status| status.success()));
    assert!(server.wait().is_ok_and(|status| status.success()));
}

/// Starts the server of tasks.json on a free port, and waits for its ready line by the task's own pattern.
fn task(project: &Project) -> (Child, u16) {
    let mut tasks = project.json(".vscode/tasks.json");
    let task = tasks["tasks"][0].take();
    let pattern = task["problemMatcher"]["background"]["endsPattern"].as_str();
    let words = pattern.and_then(|pattern| pattern.strip_prefix('^'));
    let words = words.expect("a pattern for the begin of a line");
    let arguments = task["args"].as_array().expect("arguments");
    let arguments = arguments.iter().filter_map(Value::as_str);
    let mut server = project
        .command(task["command"].as_str().expect("a command"))
        .args(arguments.map(|argument| argument.replace("3333", "0")))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    let ready = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with(words));
    let port = ready
        .as_deref()
        .and_then(|line| line.rsplit(':').next()?.parse().ok());
    (
        server,
        port.unwrap_or_else(|| panic!("no port in {ready:?}")),
    )
}

/// An Intel HEX file of two megabytes beside the appli: so much is programmed that the download can be met in its middle.
fn large_image() -> String {
    let mut text = String::new();
    for (number, chunk) in (0x7010_0000_u32..0x7030_0000).step_by(128).enumerate() {
        if chunk % 0x1_0000 == 0 {
            text.push_str(&record(0, 4, &((chunk >> 16) as u16).to_be_bytes()));
        }
        text.push_str(&record(chunk as u16, 0, &[number as u8; 128]));
    }
    text + &record(0, 1, &[])
}

/// One record of Intel HEX.
fn record(address: u16, kind: u8, data: &[u8]) -> String {
    let mut bytes = vec![data.len() as u8];
    bytes.extend(address.to_be_bytes());
    bytes.push(kind);
    bytes.extend(data);
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    let digits: String = bytes
        .iter()
        .chain([&sum])
        .map(|byte| format!("{byte:02X}"))
        .collect();
    format!(":{digits}\n")
}
