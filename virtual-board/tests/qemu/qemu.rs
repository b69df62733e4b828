//! Runs the program in QEMU and takes its log from the standard output.
//!
//! One instruction a translation block: otherwise an interrupt that becomes pending is taken at the end of the block, some
//! instructions late, and the stacked pc depends on how QEMU cut the code. The option has had two names. Time goes by instructions
//! (`-icount`), not by the wall clock, so that SysTick does the same however busy the host is.

use std::{
    io::{ErrorKind, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

const QEMU: &str = "qemu-system-arm";
const INSTALL: &str = "install it: apt-get install --no-install-recommends qemu-system-arm";
/// The program needs about a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// A child that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn version() -> (u32, u32) {
    let output = match Command::new(QEMU).arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("{QEMU} is not here: {INSTALL}")
        }
        other => other.expect("QEMU can be asked for its version"),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text
        .split_whitespace()
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or_default()
        .split('.')
        .map_while(|number| number.parse().ok());
    let version = (numbers.next(), numbers.next());
    println!("{}", text.lines().next().unwrap_or_default());
    match version {
        (Some(major), Some(minor)) => (major, minor),
        _ => panic!("{QEMU} --version says {text:?}"),
    }
}

/// The log that `program` writes on an MPS2 with application note 500.
pub fn log_of(program: &Path) -> Vec<u8> {
    let single_instructions: &[&str] = if version() < (8, 1) {
        &["-singlestep"]
    } else {
        &["-accel", "tcg,one-insn-per-tb=on"]
    };
    let child = Command::new(QEMU)
        .args(["-M", "mps2-an500", "-display", "none", "-nodefaults"])
        .args(["-serial", "none", "-monitor", "none"])
        .args(["-semihosting-config", "enable=on,target=native"])
        .args(["-icount", "shift=5,sleep=off"])
        .args(single_instructions)
        .arg("-kernel")
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut running = Running(child.unwrap_or_else(|error| panic!("{QEMU}: {error}: {INSTALL}")));
    let log = collect(running.0.stdout.take());
    let complaints = collect(running.0.stderr.take());
    let log = log.recv_timeout(PATIENCE);
    drop(running);
    let complaints = complaints.recv().unwrap_or_default();
    let complaints = String::from_utf8_lossy(&complaints);
    let log = log.unwrap_or_else(|_| panic!("no log within {PATIENCE:?}: {complaints}"));
    assert!(!log.is_empty(), "no log: {complaints}");
    log
}

/// Everything that comes, once it is complete.
fn collect(stream: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before an error is shown too.
            _ = stream.read_to_end(&mut bytes);
        }
        _ = sender.send(bytes);
    });
    receiver
}
