//! cortex-debug's debug adapter, the real one, from launch-configs/vscode-cortex-debug.
//!
//! It is no package of a registry, so these tests run where `XSPI_GDB_CORTEX_DEBUG` names a built checkout of it (`npm ci
//! --ignore-scripts`, `npx webpack --mode production`), and pass over elsewhere; what it sends is a golden that always runs
//! (tests/mi/cortex-debug-*.mi).

use std::{
    io::Read as _,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
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
    if let Some(files) = configuration["symbolFiles"].as_array() {
        let files: Vec<_> = files
            .iter()
            .map(|file| json!({ "file": file, "sections": [], "sectionMap": {} }))
            .collect();
        configuration["symbolFiles"] = json!(files);
        configuration["loadFiles"] = json!([configuration["executable"]]);
    }
    configuration
}

/// One session of the adapter.
struct Session {
    adapter: Adapter,
    thread: u64,
    servers: mpsc::Receiver<String>,
}

impl Session {
    /// Begins a session with breakpoints at `lines` of the appli's round of work, up to where the configuration is done.
    fn begin(project: &Project, configuration: Value, checkout: &Path, lines: &[usize]) -> Self {
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
        let request = configuration["request"]
            .as_str()
            .expect("a request")
            .to_owned();
        let (terminal, servers) = server_terminal();
        adapter.request(&request, completed(configuration, checkout, terminal));
        adapter.event("initialized");
        if !lines.is_empty() {
            let placed = adapter.breakpoints(&source(WORK), lines);
            assert!(
                placed.iter().all(|one| one["verified"] == true),
                "{placed:?}"
            );
        }
        adapter.request("configurationDone", json!({}));
        Self {
            adapter,
            thread: 1,
            servers,
        }
    }

    /// Goes on.
    fn resume(&mut self) {
        self.adapter
            .request("continue", json!({ "threadId": self.thread }));
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

/// The launch configuration as it is: the adapter starts the server, loads onto a blank NOR, and stops in `main`, in the window; then at
/// a breakpoint that was set before.
#[test]
fn cortex_debug_launches_and_stops_in_the_window() {
    let Some(checkout) = checkout() else { return };
    let board = Board::booted();
    let project = Project::of("vscode-cortex-debug", &board);
    let line = line_of(WORK, "    blink(round);");
    let mut session = Session::launch(&project, "Launch", &checkout, &[line]);
    session.resume();
    let (_, frames) = session.stopped();
    assert_eq!(function(&frames[0]), "work");
    assert_eq!(frames[0]["source"]["path"], source(WORK));
    let told = session.stop();
    assert!(told.contains("GDB server listening on port "), "{told}");
    let appli = nor_image("appli.elf");
    assert_eq!(board.nor(appli.len()), appli);
}
