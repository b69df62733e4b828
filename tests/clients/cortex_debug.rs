//! cortex-debug's debug adapter, the real one, from launch-configs/vscode-cortex-debug.
//!
//! It is no package of a registry, so these tests run where `XSPI_GDB_CORTEX_DEBUG` names a built checkout of it (`npm ci
//! --ignore-scripts`, `npx webpack --mode production`), and pass over elsewhere; what it sends is a golden that always runs
//! (tests/mi/cortex-debug-*.mi).

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    dap::{Adapter, function},
    project::{Project, line_of, source},
    support::{
        board::{Board, nor_image},
        server::PATIENCE,
    },
};

/// The appli's round of work.
const WORK: &str = "firmware/appli/src/work.rs";

/// The built checkout.
fn checkout() -> Option<PathBuf> {
    let path = std::env::var_os("XSPI_GDB_CORTEX_DEBUG");
    if path.is_none() {
        eprintln!("passed over: XSPI_GDB_CORTEX_DEBUG names no checkout of cortex-debug");
    }
    path.map(PathBuf::from)
}

/// Takes what the adapter shows in the terminal of its server, as the extension does. Each text is whole when its server has gone.
fn server_terminal() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, texts) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut text = String::new();
            // The connection is cut when the server ends, which is as good as an end.
            let _ = stream.read_to_string(&mut text);
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    (port, texts)
}

/// What the extension adds to a configuration before its adapter gets it.
fn completed(mut configuration: Value, checkout: &Path, terminal: u16) -> Value {
    let defaults = json!({
        "extensionPath": checkout,
        "gdbServerConsolePort": terminal,
        "toolchainPrefix": "arm-none-eabi",
        "showDevDebugOutput": "raw",
        "registerUseNaturalFormat": true,
        "variableUseNaturalFormat": true,
        "swoConfig": { "enabled": false, "decoders": [], "cpuFrequency": 0, "swoFrequency": 0, "source": "probe" },
        "rttConfig": { "enabled": false, "decoders": [] },
        "chainedConfigurations": { "enabled": false },
        "overridePreEndSessionCommands": null,
        "pvtAvoidPorts": [],
        "pvtAdapterDebugOptions": {},
        "pvtVersion": "",
    });
    for list in [
        "debuggerArgs",
        "graphConfig",
        "preLaunchCommands",
        "postLaunchCommands",
        "preAttachCommands",
        "postAttachCommands",
        "preResetCommands",
        "postResetCommands",
        "postResetSessionCommands",
        "postStartSessionCommands",
        "searchDir",
        "configFiles",
        "serverArgs",
    ] {
        if configuration[list].is_null() {
            configuration[list] = json!([]);
        }
    }
    for (key, value) in defaults.as_object().expect("an object") {
        if configuration[key].is_null() {
            configuration[key] = value.clone();
        }
    }
    configuration
}

/// One session of the adapter.
struct Session {
    adapter: Adapter,
    thread: u64,
    /// The port of the terminal that shows what the server writes.
    terminal: u16,
    /// What each server wrote that has ended.
    servers: mpsc::Receiver<String>,
}

impl Session {
    /// Starts the adapter.
    fn introduce(project: &Project, checkout: &Path) -> Self {
        let mut command = project.command("node");
        command
            .arg(checkout.join("dist/debugadapter.js"))
            // It keeps a log there.
            .env("TMPDIR", project.file(""));
        let mut adapter = Adapter::start(command);
        adapter.request(
            "initialize",
            json!({ "adapterID": "cortex-debug", "linesStartAt1": true, "pathFormat": "path" }),
        );
        let (terminal, servers) = server_terminal();
        Self {
            adapter,
            thread: 1,
            terminal,
            servers,
        }
    }

    /// Begins a session with breakpoints at `lines` of the appli's round of work, up to where the configuration is done.
    fn begin(project: &Project, configuration: Value, checkout: &Path, lines: &[usize]) -> Self {
        let mut session = Self::introduce(project, checkout);
        let request = configuration["request"]
            .as_str()
            .expect("a request")
            .to_owned();
        let arguments = completed(configuration, checkout, session.terminal);
        session.adapter.request(&request, arguments);
        session.adapter.event("initialized");
        let placed = session.adapter.breakpoints(&source(WORK), lines);
        assert!(
            placed.iter().all(|one| one["verified"] == true),
            "{placed:?}"
        );
        session.adapter.request("configurationDone", json!({}));
        session
    }

    /// Goes on.
    fn resume(&mut self) {
        self.adapter
            .request("continue", json!({ "threadId": self.thread }));
    }

    /// Steps: `stepIn`, `stepOut` or `next`.
    fn step(&mut self, how: &str) {
        self.adapter
            .request(how, json!({ "threadId": self.thread }));
    }

    /// Waits for stops until one is in `place`; the adapter reports some that are none.
    fn stopped_in(&mut self, place: &str) {
        while self.stopped().1.first().map(function) != Some(place) {}
    }

    /// Asks the second GDB for `expression` until its value is as wanted.
    fn live(&mut self, expression: &str, wanted: impl Fn(u64) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let question = json!({ "expression": expression, "context": "hover" });
            let body = self.adapter.request("liveEvaluate", question);
            let value = body["result"].as_str().and_then(|text| text.parse().ok());
            if value.is_some_and(&wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "{expression} stays {body}");
        }
    }

    /// The stop button. The server that the adapter started ends; what it wrote.
    fn stop(mut self) -> String {
        self.adapter.request(
            "disconnect",
            json!({ "terminateDebuggee": true, "restart": false }),
        );
        self.servers
            .recv_timeout(PATIENCE)
            .expect("the server ends")
    }

    /// Waits for a stop as the editor does, which then asks for the stack: the adapter waits for the first such question before it goes on.
    fn stopped(&mut self) -> (String, Vec<Value>) {
        let stop = self.adapter.stopped();
        self.thread = stop.thread;
        self.adapter.request("threads", json!({}));
        let frames = self.adapter.frames(stop.thread);
        (stop.reason, frames)
    }

    /// Launches, and stops in `main`.
    fn launch(project: &Project, name: &str, checkout: &Path, lines: &[usize]) -> Self {
        let mut session = Self::begin(project, project.configuration(name), checkout, lines);
        let (reason, _) = session.stopped();
        assert_eq!(reason, "entry");
        let (reason, frames) = session.stopped();
        assert_eq!(
            (reason.as_str(), function(&frames[0])),
            ("breakpoint", "main")
        );
        session
    }
}

/// A project beside `board`.
fn project(board: &Board) -> Project {
    Project::of("vscode-cortex-debug", board)
}

/// Where the appli's round of work begins to blink.
fn blinking() -> usize {
    line_of(WORK, "    blink(round);")
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
    session.adapter.breakpoints(&source(WORK), &[]);
    session.resume();
    let line = line_of(WORK, "    let lit = ");
    let placed = session.adapter.breakpoints(&source(WORK), &[line]);
    assert_eq!(placed[0]["verified"], true, "{placed:?}");
    let (_, frames) = session.stopped();
    assert_eq!(function(&frames[0]), "toggle");
    let told = session.stop();
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
    session.adapter.breakpoints(&source(WORK), &[]);
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
    let told = session
        .servers
        .recv_timeout(PATIENCE)
        .expect("the server ends");
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
