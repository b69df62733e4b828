//! The real `xspi-gdb serve`, started as a user starts it, and the board it serves.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use super::{on_hardware, probe};

/// How long anything may take before a test gives up on it: far above what is ever needed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The real binary, with no options of ours.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xspi-gdb"));
    command
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A command line of the real binary, with the probe under test; its options stand before `--`.
pub fn xspi_gdb(arguments: &[&str], state: Option<&Path>) -> Command {
    let end = arguments.iter().position(|argument| *argument == "--");
    let (own, others) = arguments.split_at(end.unwrap_or(arguments.len()));
    let mut command = binary();
    command.args(own).arg("--probe").arg(probe());
    if on_hardware() {
        command.args(["--board", "stm32h7s78-dk"]);
    } else {
        if !own.contains(&"--virtual-time") {
            // The same numbers on every run, however busy the machine is.
            command.args(["--virtual-time", "lockstep"]);
        }
        if let Some(state) = state {
            command.arg("--virtual-state").arg(state);
        }
    }
    command.args(others);
    command
}

/// What a command of the real binary printed and how it ended.
pub struct Ran {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `xspi-gdb ARGUMENTS` to its end, with the probe under test.
pub fn run(arguments: &[&str], state: Option<&Path>) -> Ran {
    ran(xspi_gdb(arguments, state))
}

/// Runs `command` to its end.
pub fn ran(mut command: Command) -> Ran {
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A running server. Dropping it ends the process that this test started, and no other.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub port: u16,
    stderr: Arc<Mutex<String>>,
    stdout: mpsc::Receiver<String>,
}

impl Server {
    /// Starts `serve` on a free port and waits for its ready line.
    pub fn start(state: Option<&Path>, arguments: &[&str]) -> Self {
        let mut command = xspi_gdb(&[&["serve", "--port", "0"], arguments].concat(), state);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let stderr = collect(child.stderr.take().expect("piped"));
        let (sender, stdout) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            port: 0,
            stderr,
            stdout,
        };
        let ready = server.line();
        server.port = port_of(&ready).unwrap_or_else(|| {
            panic!("no ready line, but `{ready}`; stderr:\n{}", server.stderr())
        });
        server
    }

    /// The next line of standard output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        match self.stdout.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => panic!(
                "no line from the server ({error}); stderr:\n{}",
                self.stderr()
            ),
        }
    }

    /// The next event of this name, of a server with `--json`.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> serde_json::Value {
        loop {
            let line = self.line();
            let event: serde_json::Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if event["event"] == name {
                return event;
            }
        }
    }

    /// What it logged so far.
    pub fn stderr(&self) -> String {
        self.stderr
            .lock()
            .map(|text| text.clone())
            .unwrap_or_default()
    }

    /// What it logged, once `words` are among it: the log comes by a pipe of its own.
    #[track_caller]
    pub fn logged(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.stderr();
            if text.contains(words) {
                return text;
            }
            assert!(
                Instant::now() < deadline,
                "the server does not log `{words}`:\n{text}"
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it logged until it ended by itself, which it must do with success.
    #[track_caller]
    pub fn stderr_at_end(self) -> String {
        let log = Arc::clone(&self.stderr);
        let status = self.wait();
        // The other holder of the log is the thread that reads it to its end.
        while Arc::strong_count(&log) > 1 {
            thread::sleep(Duration::from_millis(5));
        }
        let log = log.lock().map(|text| text.clone()).unwrap_or_default();
        assert!(status.success(), "{status}:\n{log}");
        log
    }

    /// Process id, for signals.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name (`TERM`, `INT`).
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status()
            .expect("kill runs");
        assert!(status.success(), "kill -{name} failed");
    }

    /// True while the process lives.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("the child can be waited for") {
                Some(status) => return status,
                None if Instant::now() > deadline => {
                    panic!("the server does not end; stderr:\n{}", self.stderr())
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Ends it as an IDE does, by SIGTERM, and waits: the state file is written then.
    #[track_caller]
    pub fn stop(self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed half-way leaves no process behind. The child may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `Listening for GDB on 127.0.0.1:40123` or the same in JSON.
fn port_of(line: &str) -> Option<u16> {
    if line.starts_with('{') {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        return event.get("port")?.as_u64()?.try_into().ok();
    }
    line.strip_prefix("Listening for GDB on ")?
        .rsplit_once(':')?
        .1
        .parse()
        .ok()
}

fn collect(mut from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&text);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if let Ok(mut text) = sink.lock() {
                text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        }
    });
    text
}

/// A folder of this test's own, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes the folder under the target directory.
    pub fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch folder");
        Self(path)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
