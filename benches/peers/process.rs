//! A process that the bench starts, talks to by lines, and ends by its id.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// How long a process may take to become ready or to answer a line.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process; it ends with this.
pub struct Process {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts it; what it says is kept in `folder` too.
    pub fn start(name: &'static str, command: &mut Command, folder: &Path) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("{name} does not start: `scripts/setup.sh bench` installs it")
            })?;
        let (sender, lines) = mpsc::channel();
        let log = folder.join(format!("{}.log", name.replace(' ', "-")));
        let log = Arc::new(File::create(log)?);
        let stdout = child.stdout.take().expect("piped");
        forward(stdout, log.clone(), sender.clone());
        let stderr = child.stderr.take().expect("piped");
        forward(stderr, log, sender);
        let input = child.stdin.take().expect("piped");
        Ok(Self {
            name,
            child,
            input,
            lines,
        })
    }

    /// Waits for a line that is `wanted`, on whichever stream, and passes over others.
    pub fn wait_for<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut said = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => match wanted(&line) {
                    Some(found) => return Ok(found),
                    None => said.push(line),
                },
                Err(_) => bail!(
                    "{} does not say what it should; it said:\n{}",
                    self.name,
                    said.join("\n")
                ),
            }
        }
    }

    /// Gives it a line.
    pub fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{line}").with_context(|| format!("{} takes no line", self.name))
    }
}

fn forward(stream: impl Read + Send + 'static, log: Arc<File>, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // Nothing depends on the log.
            let _ = writeln!(&*log, "{line}");
            if lines.send(line).is_err() {
                break;
            }
        }
    });
}
