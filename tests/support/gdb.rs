//! A real GDB over its machine interface (GDB manual, "GDB/MI"), with a transcript for goldens.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::{debugger::Debugger, golden::normalise, server::PATIENCE};

/// A GDB that speaks MI.
pub struct Gdb {
    child: Child,
    input: ChildStdin,
    output: mpsc::Receiver<String>,
    transcript: String,
    /// GDB's own log (`&`) is part of the transcript.
    tells_log: bool,
    next_token: u32,
    /// Stops that came before somebody waited for them.
    pending: Vec<String>,
}

/// What came back for one command: the result record and the records before it.
#[derive(Debug, Default)]
pub struct Reply {
    /// `done`, `running`, `error`, `connected`, `exit`.
    pub class: String,
    /// The rest of the result record.
    pub results: String,
    /// Console (`~`), target (`@`) and log (`&`) text, unescaped.
    pub text: String,
}

/// What a `*stopped` record said, with the text before it.
#[derive(Debug, Default)]
pub struct Stop {
    /// The record without `*stopped,`.
    pub record: String,
    /// Console and target text since the command.
    pub text: String,
}

impl Stop {
    /// The value of `name="..."` in the record.
    pub fn field(&self, name: &str) -> Option<String> {
        field(&self.record, name)
    }

    /// Why, in MI's words: `breakpoint-hit`, `signal-received`, ... Empty if the record does not say.
    pub fn reason(&self) -> String {
        self.field("reason").unwrap_or_default()
    }

    /// The signal's name, if it was one.
    pub fn signal(&self) -> String {
        self.field("signal-name").unwrap_or_default()
    }

    /// The function's name without its path.
    pub fn function(&self) -> String {
        let path = self.field("func").unwrap_or_default();
        path.rsplit("::").next().unwrap_or_default().to_owned()
    }

    /// The address of the innermost frame.
    #[track_caller]
    pub fn address(&self) -> u32 {
        let address = self.field("addr").unwrap_or_default();
        hex(&address).unwrap_or_else(|| panic!("no address in {}", self.record))
    }
}

/// `0x70000000` as a number.
fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

impl Reply {
    /// The value of `name="..."` in the result.
    pub fn field(&self, name: &str) -> Option<String> {
        field(&self.results, name)
    }

    /// The `msg` of an error.
    pub fn message(&self) -> String {
        self.field("msg").unwrap_or_default()
    }
}

fn field(record: &str, name: &str) -> Option<String> {
    let marker = format!("{name}=\"");
    let at = record.match_indices(&marker).find(|(at, _)| {
        *at == 0
            || !record.as_bytes()[at - 1].is_ascii_alphanumeric()
                && record.as_bytes()[at - 1] != b'-'
    })?;
    let body = &record[at.0 + marker.len()..];
    let mut escaped = false;
    let end = body.char_indices().find(|&(_, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    })?;
    Some(unescape(&body[..end.0]))
}

/// C-string escapes as MI uses them.
fn unescape(text: &str) -> String {
    let mut result = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            result.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some(other) => result.push(other),
            None => {}
        }
    }
    result
}

impl Gdb {
    /// Starts the installed GDB on `elf`, connected to nothing.
    pub fn start(elf: Option<&Path>) -> Self {
        Self::start_as(Debugger::Installed, elf)
    }

    /// Starts a GDB on `elf`, connected to nothing.
    pub fn start_as(debugger: Debugger, elf: Option<&Path>) -> Self {
        let mut command = debugger.command(elf);
        command.arg("--interpreter=mi3");
        // As every IDE does, so that a running target can be interrupted.
        command.args(["-iex", "set mi-async on"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{debugger:?} GDB: {error}; `make test` installs it"));
        let input = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut gdb = Self {
            child,
            input,
            output,
            transcript: String::new(),
            tells_log: false,
            next_token: 1,
            pending: Vec::new(),
        };
        gdb.until(|line| line.starts_with("(gdb)"));
        gdb
    }

    /// Starts the installed GDB on `elf` and connects to the server at `port`.
    #[track_caller]
    pub fn connect(elf: Option<&Path>, port: u16) -> Self {
        Self::connect_as(Debugger::Installed, elf, port)
    }

    /// Starts a GDB on `elf` and connects to the server at `port`.
    #[track_caller]
    pub fn connect_as(debugger: Debugger, elf: Option<&Path>, port: u16) -> Self {
        let mut gdb = Self::start_as(debugger, elf);
        gdb.ok(&format!("-target-select extended-remote 127.0.0.1:{port}"));
        gdb
    }

    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1));
            match self.output.recv_timeout(left) {
                Ok(line) => {
                    let found = wanted(&line);
                    lines.push(line);
                    if found {
                        return lines;
                    }
                }
                Err(error) => panic!(
                    "GDB says nothing more ({error}); so far:\n{}\n{}",
                    self.transcript,
                    lines.join("\n")
                ),
            }
        }
    }

    /// Sends an MI command and collects records up to its result.
    #[track_caller]
    pub fn command(&mut self, command: &str) -> Reply {
        self.command_until(command, "")
    }

    /// Sends a command and waits for nothing.
    pub fn say(&mut self, command: &str) {
        self.transcript.push_str(&format!("> {command}\n"));
        writeln!(self.input, "{command}").expect("GDB takes commands");
    }

    /// A command that resumes and is refused: GDB 13 answers `^running` before it inserts breakpoints, and an error after it.
    #[track_caller]
    pub fn refused(&mut self, command: &str) -> Reply {
        self.command_until(command, "error")
    }

    /// Collects records up to the result of a class that begins with `class`.
    #[track_caller]
    fn command_until(&mut self, command: &str, class: &str) -> Reply {
        let token = self.next_token;
        self.next_token += 1;
        self.transcript.push_str(&format!("> {command}\n"));
        writeln!(self.input, "{token}{command}").expect("GDB takes commands");
        let result = format!("{token}^");
        let last = format!("{result}{class}");
        let lines = self.until(|line| line.starts_with(&last));
        let mut reply = Reply::default();
        for line in lines {
            if let Some(record) = line.strip_prefix(&result) {
                self.write_down(&format!("^{record}"));
                let (class, results) = record.split_once(',').unwrap_or((record, ""));
                class.clone_into(&mut reply.class);
                results.clone_into(&mut reply.results);
            } else {
                self.write_down(&line);
                if let Some(text) = stream_text(&line) {
                    reply.text.push_str(&text);
                }
                if line.starts_with("*stopped") {
                    self.pending.push(line);
                }
            }
        }
        reply
    }

    /// The command must succeed.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> Reply {
        let reply = self.command(command);
        assert_ne!(
            reply.class,
            "error",
            "{command}: {}\n{}",
            reply.message(),
            self.transcript
        );
        reply
    }

    /// The command must fail.
    #[track_caller]
    pub fn fails(&mut self, command: &str) -> Reply {
        let reply = self.command(command);
        assert_eq!(
            reply.class, "error",
            "{command} should fail\n{}",
            self.transcript
        );
        reply
    }

    /// A command of GDB's own command line; returns its text.
    #[track_caller]
    pub fn cli(&mut self, command: &str) -> String {
        self.ok(&cli(command)).text
    }

    /// `monitor COMMAND`; returns its text.
    #[track_caller]
    pub fn monitor(&mut self, command: &str) -> String {
        self.cli(&format!("monitor {command}"))
    }

    /// Resumes by `command` and waits for the stop.
    #[track_caller]
    pub fn stopped(&mut self, command: &str) -> Stop {
        self.pending.clear();
        let reply = self.ok(command);
        let mut stop = self.wait_stop();
        stop.text.insert_str(0, &reply.text);
        stop
    }

    /// Waits for the next `*stopped`.
    #[track_caller]
    pub fn wait_stop(&mut self) -> Stop {
        if !self.pending.is_empty() {
            let line = self.pending.remove(0);
            return Stop {
                record: line.trim_start_matches("*stopped,").to_owned(),
                text: String::new(),
            };
        }
        let lines = self.until(|line| line.starts_with("*stopped"));
        let mut stop = Stop::default();
        for line in lines {
            self.write_down(&line);
            if let Some(text) = stream_text(&line) {
                stop.text.push_str(&text);
            }
            if let Some(record) = line.strip_prefix("*stopped,") {
                record.clone_into(&mut stop.record);
            }
        }
        stop
    }

    /// Interrupts the running target and waits for the stop.
    #[track_caller]
    pub fn interrupt(&mut self) -> Stop {
        self.ok("-exec-interrupt");
        self.wait_stop()
    }

    /// The value of an expression.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> String {
        let quoted = expression.replace('\\', "\\\\").replace('"', "\\\"");
        self.ok(&format!("-data-evaluate-expression \"{quoted}\""))
            .field("value")
            .unwrap_or_default()
    }

    /// The value of an expression of C, whatever the language of the frame: a number.
    #[track_caller]
    pub fn number(&mut self, expression: &str) -> u32 {
        self.ok("-gdb-set language c");
        let value = self.value(&format!("(unsigned long)({expression})"));
        self.ok("-gdb-set language auto");
        value
            .parse()
            .unwrap_or_else(|_| panic!("{expression} is {value}"))
    }

    /// The word at `address`, as the target has it.
    #[track_caller]
    pub fn word(&mut self, address: u32) -> u32 {
        self.number(&format!("*(unsigned long *){address:#x}"))
    }

    /// Reads the word at `address` until it is as wanted; what it is then.
    #[track_caller]
    pub fn until_word(&mut self, address: u32, wanted: impl Fn(u32) -> bool) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let word = self.word(address);
            if wanted(word) {
                return word;
            }
            assert!(
                Instant::now() < deadline,
                "the word at {address:#x} stays {word:#x}"
            );
        }
    }

    /// Writes a word.
    #[track_caller]
    pub fn set_word(&mut self, address: u32, value: u32) {
        self.ok("-gdb-set language c");
        self.ok(&format!(
            "-gdb-set var *(unsigned long *){address:#x} = {value:#x}"
        ));
        self.ok("-gdb-set language auto");
    }

    /// The program counter.
    #[track_caller]
    pub fn pc(&mut self) -> u32 {
        self.number("$pc")
    }

    /// GDB keeps registers over a monitor command; this makes it ask again.
    #[track_caller]
    pub fn flush_registers(&mut self) {
        self.cli("maintenance flush register-cache");
    }

    /// Runs to `function` and stops there, once.
    #[track_caller]
    pub fn run_to(&mut self, function: &str) -> Stop {
        self.ok(&format!("-break-insert -t {function}"));
        let stop = self.stopped("-exec-continue");
        assert_eq!(stop.function(), function, "{}", stop.record);
        stop
    }

    /// A comment in the transcript, so that a golden reads like the story it tells.
    pub fn remark(&mut self, text: &str) {
        self.transcript.push_str(&format!("# {text}\n"));
    }

    /// Forgets what was said so far: a golden begins here, with GDB's warnings.
    pub fn begin_transcript(&mut self) {
        self.transcript.clear();
        self.tells_log = true;
    }

    /// Everything sent and received, without what depends on the run.
    pub fn transcript(&self) -> String {
        normalise(&self.transcript)
    }

    /// Process id, for a client that is killed.
    pub fn kill(mut self) {
        self.child.kill().expect("GDB can be killed");
    }

    /// Keeps the records that matter: not the prompt, nor library and thread-group chatter with its ids, nor what GDB says by the
    /// clock (how far a download is).
    fn write_down(&mut self, line: &str) {
        let chatter = [
            "(gdb)",
            "=thread-group",
            "=library",
            "=cmd-param-changed",
            "=tsv",
            "=memory-changed",
            "=breakpoint-deleted",
        ];
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let by_the_clock = line.starts_with("+download") && line.contains("section-sent");
        let hidden_log = line.starts_with('&') && (!self.tells_log || self.is_echo(line));
        if !by_the_clock && !hidden_log && !chatter.iter().any(|prefix| line.starts_with(prefix)) {
            self.transcript.push_str(line);
            self.transcript.push('\n');
        }
    }
}

impl Gdb {
    /// GDB logs the command that it was given.
    fn is_echo(&self, line: &str) -> bool {
        let typed = self.transcript.lines().rev();
        let last = typed.take_while(|line| !line.starts_with('^')).last();
        let said = stream_text(line).unwrap_or_default();
        last.is_some_and(|command| command.contains(said.trim_end()))
    }
}

impl Drop for Gdb {
    fn drop(&mut self) {
        // GDB is ours, started above; it may have ended already. It is killed, not asked to exit: it would detach if it got that far,
        // and the target would run or not as the machine's load has it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cli(command: &str) -> String {
    let quoted = command.replace('\\', "\\\\").replace('"', "\\\"");
    format!("-interpreter-exec console \"{quoted}\"")
}

fn stream_text(line: &str) -> Option<String> {
    let body = line
        .strip_prefix(['~', '@', '&'])?
        .strip_prefix('"')?
        .strip_suffix('"')?;
    Some(unescape(body))
}
