//! The `virtual-board serve` process, on any free port.
#![allow(dead_code)] // each test file uses its part

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

/// How long the process may take to say or to do something.
const PATIENCE: Duration = Duration::from_secs(20);

/// A served board; the process ends with it.
pub struct Served {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    /// Where the clients are served.
    pub address: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    /// Switches a board on.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_logging(arguments, Stdio::inherit())
    }

    /// The same, for OpenOCD.
    pub fn start_for_openocd(arguments: &[&str]) -> Self {
        let pins = ("--bitbang", "remote_bitbang");
        Self::start_with(pins, arguments, Stdio::inherit())
    }

    /// The same, for CMSIS-DAP clients.
    pub fn start_for_cmsis_dap(arguments: &[&str]) -> Self {
        let packets = ("--cmsis-dap", "CMSIS-DAP");
        Self::start_with(packets, arguments, Stdio::inherit())
    }

    /// The same, with its standard error elsewhere.
    pub fn start_logging(arguments: &[&str], log: Stdio) -> Self {
        Self::start_with(("--bmp", "Black Magic"), arguments, log)
    }

    /// With a port for the clients of one protocol, by its option.
    fn start_with((option, protocol): (&str, &str), arguments: &[&str], log: Stdio) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_virtual-board"))
            .args(["serve", option, "0"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (input, output) = (
            process.stdin.take().unwrap(),
            process.stdout.take().unwrap(),
        );
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let ready: String = lines.recv_timeout(PATIENCE).unwrap();
        let address = ready
            .strip_prefix(&format!("Listening for {protocol} clients on "))
            .unwrap_or_else(|| panic!("not ready: {ready}"))
            .parse()
            .unwrap();
        Self {
            process,
            input,
            lines,
            address,
        }
    }

    /// Gives a command, and waits for the first line of the reply.
    pub fn command(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.next_line()
    }

    /// The next line that the process says.
    pub fn next_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the end. True if the process succeeded.
    pub fn ends_well(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.success();
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the process does not end");
    }

    /// Says `quit` and waits for the end. True if the process succeeded.
    pub fn quit(&mut self) -> bool {
        writeln!(self.input, "quit").unwrap();
        self.ends_well()
    }
}
