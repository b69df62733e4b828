//! One session of cortex-debug's adapter: what the extension and the editor do around it.

use std::{
    io::Read as _,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    dap::{Adapter, function},
    project::{Project, line_of, source},
    support::server::PATIENCE,
};

/// The appli's round of work.
pub const WORK: &str = "firmware/appli/src/work.rs";

/// Where the appli's round of work begins to blink.
pub fn blinking() -> usize {
    line_of(WORK, "    blink(round);")
}

/// The built checkout.
pub fn checkout() -> Option<PathBuf> {
    let path = std::env::var_os("XSPI_GDB_CORTEX_DEBUG");
    if path.is_none() {
        eprintln!("passed over: XSPI_GDB_CORTEX_DEBUG names no checkout of cortex-debug");
    }
    path.map(PathBuf::from)
}

/// Takes what the adapter shows in the terminal of its server, as the extension does. Each text is whole when its server has gone.
pub fn server_terminal() -> (u16, mpsc::Receiver<String>) {
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
pub fn completed(mut configuration: Value, checkout: &Path, terminal: u16) -> Value {
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

/// What was told in a session.
pub struct Told {
    /// By the server, in its terminal.
    pub server: String,
    /// By the adapter, piece by piece.
    pub shown: Vec<String>,
}

/// One session of the adapter.
pub struct Session {
    /// The adapter.
    pub adapter: Adapter,
    /// The thread that stopped.
    pub thread: u64,
    /// The port of the terminal that shows what the server writes.
    pub terminal: u16,
    /// What each server wrote that has ended.
    servers: mpsc::Receiver<String>,
}

impl Session {
    /// Starts the adapter.
    pub fn introduce(project: &Project, checkout: &Path) -> Self {
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
    pub fn begin(
        project: &Project,
        configuration: Value,
        checkout: &Path,
        lines: &[usize],
    ) -> Self {
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

    /// Goes on, and waits until the adapter knows that the program runs: before, it takes it for halted.
    pub fn resume(&mut self) {
        self.adapter
            .request("continue", json!({ "threadId": self.thread }));
        self.adapter.event("continued");
    }

    /// Removes the breakpoints of the appli's round of work.
    pub fn no_breakpoints(&mut self) {
        self.adapter.breakpoints(&source(WORK), &[]);
    }

    /// Steps: `stepIn`, `stepOut` or `next`.
    pub fn step(&mut self, how: &str) {
        self.adapter
            .request(how, json!({ "threadId": self.thread }));
    }

    /// Waits for stops until one is in `place`; the adapter reports some that are none.
    pub fn stopped_in(&mut self, place: &str) {
        while self.stopped().1.first().map(function) != Some(place) {}
    }

    /// Asks the second GDB for `expression` until its value is as wanted.
    pub fn live(&mut self, expression: &str, wanted: impl Fn(u64) -> bool) {
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

    /// The stop button. The server that the adapter started ends.
    pub fn stop(mut self) -> Told {
        self.adapter.request(
            "disconnect",
            json!({ "terminateDebuggee": true, "restart": false }),
        );
        Told {
            server: self.server_ended(),
            shown: self.adapter.shown().collect(),
        }
    }

    /// Waits until the server that the adapter started has ended; what it wrote.
    pub fn server_ended(&self) -> String {
        let text = self.servers.recv_timeout(PATIENCE);
        text.expect("the server ends")
    }

    /// Waits for a stop as the editor does, which then asks for the stack: the adapter waits for the first such question before it goes on.
    pub fn stopped(&mut self) -> (String, Vec<Value>) {
        let stop = self.adapter.stopped();
        self.thread = stop.thread;
        self.adapter.request("threads", json!({}));
        let frames = self.adapter.frames(stop.thread);
        (stop.reason, frames)
    }

    /// Launches, and stops in `main`.
    pub fn launch(project: &Project, name: &str, checkout: &Path, lines: &[usize]) -> Self {
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
