//! A client of debug adapters: what an editor says to them (Debug Adapter Protocol, "Base protocol": JSON behind a Content-Length).

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::server::PATIENCE;

/// A debug adapter on its standard streams, and what it said that nobody has asked for yet.
pub struct Adapter {
    child: Child,
    input: Option<ChildStdin>,
    messages: mpsc::Receiver<Value>,
    events: VecDeque<Value>,
    responses: Vec<Value>,
    /// What it showed the user, and the test has not looked at.
    text: String,
    next: u64,
    /// Everything, for the message of a test that fails.
    log: String,
}

/// A stop, with the thread that stopped.
#[derive(Debug)]
pub struct Stop {
    /// The adapter's word for why.
    pub reason: String,
    /// The thread.
    pub thread: u64,
}

impl Adapter {
    /// Starts `command` in a process group of its own, so that what it leaves behind is ended with it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; `make test` installs it"));
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            input,
            messages,
            events: VecDeque::new(),
            responses: Vec::new(),
            text: String::new(),
            next: 1,
            log: String::new(),
        }
    }

    /// Sends a request and waits for nothing; returns what its response will refer to.
    pub fn send(&mut self, command: &str, arguments: Value) -> u64 {
        let number = self.next;
        self.next += 1;
        let message =
            json!({ "seq": number, "type": "request", "command": command, "arguments": arguments });
        let text = message.to_string();
        self.log.push_str(&format!("> {text}\n"));
        let input = self.input.as_mut().expect("the adapter was not told to go");
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len())
            .and_then(|()| input.flush())
            .expect("the adapter takes requests");
        number
    }

    /// The response to request `number`.
    #[track_caller]
    pub fn response(&mut self, number: u64) -> Value {
        loop {
            let found = self
                .responses
                .iter()
                .position(|response| response["request_seq"] == number);
            if let Some(at) = found {
                return self.responses.remove(at);
            }
            self.take(PATIENCE);
        }
    }

    /// Sends a request, which must succeed; returns the response's body.
    #[track_caller]
    pub fn request(&mut self, command: &str, arguments: Value) -> Value {
        let number = self.send(command, arguments);
        let mut response = self.response(number);
        assert_eq!(
            response["success"], true,
            "{command}: {response}\n{}",
            self.log
        );
        response["body"].take()
    }

    /// Sends a request, which must fail; returns the response's message.
    #[track_caller]
    pub fn refused(&mut self, command: &str, arguments: Value) -> String {
        let number = self.send(command, arguments);
        let response = self.response(number);
        assert_eq!(
            response["success"], false,
            "{command}: {response}\n{}",
            self.log
        );
        let told = &response["body"]["error"]["format"];
        let text = told.as_str().or(response["message"].as_str());
        text.unwrap_or_default().to_owned()
    }

    /// The next event of this name; events before it are passed over.
    #[track_caller]
    pub fn event(&mut self, name: &str) -> Value {
        self.event_where(name, |_| true)
    }

    /// The next event of this name whose body is as wanted; events before it are passed over.
    #[track_caller]
    pub fn event_where(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            while let Some(mut event) = self.events.pop_front() {
                if event["event"] == name && wanted(&event["body"]) {
                    return event["body"].take();
                }
            }
            self.take(PATIENCE);
        }
    }

    /// All that the adapter said so far.
    fn said(&self) -> impl DoubleEndedIterator<Item = Value> {
        let lines = self.log.lines().filter_map(|line| line.strip_prefix("< "));
        lines.filter_map(|line| serde_json::from_str(line).ok())
    }

    /// The body of the last event of this name, whether or not it was passed over.
    #[track_caller]
    pub fn event_seen(&self, name: &str) -> Value {
        let found = self.said().rev().find(|message| message["event"] == name);
        let mut event = found.unwrap_or_else(|| panic!("no event {name} in\n{}", self.log));
        event["body"].take()
    }

    /// What the adapter showed the user so far, piece by piece.
    pub fn shown(&self) -> impl Iterator<Item = String> {
        let shown = self.said().filter(|message| message["event"] == "output");
        shown.filter_map(|event| Some(event["body"]["output"].as_str()?.to_owned()))
    }

    /// Waits until the program stops.
    #[track_caller]
    pub fn stopped(&mut self) -> Stop {
        let body = self.event("stopped");
        Stop {
            reason: body["reason"].as_str().unwrap_or_default().to_owned(),
            thread: body["threadId"].as_u64().unwrap_or(1),
        }
    }

    /// Waits until the adapter has shown `words`; returns what it showed up to there, and begins anew behind them.
    #[track_caller]
    pub fn output(&mut self, words: &str) -> String {
        loop {
            if let Some(at) = self.text.find(words) {
                let rest = self.text.split_off(at + words.len());
                return std::mem::replace(&mut self.text, rest);
            }
            self.take(PATIENCE);
        }
    }

    /// The frames of `thread`, the innermost first.
    #[track_caller]
    pub fn frames(&mut self, thread: u64) -> Vec<Value> {
        let mut body = self.request(
            "stackTrace",
            json!({ "threadId": thread, "startFrame": 0, "levels": 20 }),
        );
        match body["stackFrames"].take() {
            Value::Array(frames) => frames,
            other => panic!("no frames but {other}"),
        }
    }

    /// Sets the breakpoints of one source file, and no others; what became of them.
    #[track_caller]
    pub fn breakpoints(&mut self, source: &str, lines: &[usize]) -> Vec<Value> {
        let places: Vec<_> = lines.iter().map(|line| json!({ "line": line })).collect();
        let mut body = self.request(
            "setBreakpoints",
            json!({ "source": { "path": source }, "breakpoints": places }),
        );
        match body["breakpoints"].take() {
            Value::Array(placed) => placed,
            other => panic!("no breakpoints but {other}"),
        }
    }

    /// The value of a variable of `frame`.
    #[track_caller]
    pub fn variable(&mut self, frame: &Value, name: &str) -> String {
        let scopes = self.request("scopes", json!({ "frameId": frame }));
        let scope = &scopes["scopes"][0]["variablesReference"];
        let body = self.request("variables", json!({ "variablesReference": scope }));
        let variables = body["variables"].as_array().map_or(&[][..], Vec::as_slice);
        let found = variables.iter().find(|variable| variable["name"] == name);
        let value = found.and_then(|variable| variable["value"].as_str());
        value
            .unwrap_or_else(|| panic!("no {name} in {body}"))
            .to_owned()
    }

    /// Asks for `expression`, outside of any frame, until its value is as wanted.
    #[track_caller]
    pub fn until(&mut self, expression: &str, wanted: impl Fn(u64) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let question = json!({ "expression": expression, "context": "watch" });
            let body = self.request("evaluate", question);
            let value = body["result"].as_str().and_then(|text| text.parse().ok());
            if value.is_some_and(&wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "{expression} stays {body}");
        }
    }

    /// Ends it as an editor does that waits for no answer.
    #[track_caller]
    pub fn terminate(&self) {
        let ended = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(ended.is_ok_and(|status| status.success()), "kill failed");
    }

    /// Takes one message of the adapter.
    #[track_caller]
    fn take(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let left = deadline.saturating_duration_since(Instant::now());
        match self.messages.recv_timeout(left) {
            Ok(message) => {
                self.log.push_str(&format!("< {message}\n"));
                match message["type"].as_str() {
                    Some("event") if message["event"] == "output" => {
                        let text = message["body"]["output"].as_str();
                        self.text.push_str(text.unwrap_or_default());
                    }
                    Some("event") => self.events.push_back(message),
                    Some("response") => self.responses.push(message),
                    _ => {}
                }
            }
            Err(error) => panic!(
                "the adapter says nothing more ({error}); so far:\n{}",
                self.log
            ),
        }
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        // The group is the adapter's and what it started: its GDB, and a server that it was to end. They may be gone already.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.child.wait();
    }
}

/// The name of a frame's function without its path.
pub fn function(frame: &Value) -> &str {
    let name = frame["name"].as_str().unwrap_or_default();
    let name = name.split(['(', ' ', '@']).next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or_default()
}

/// One message; `None` at the end, or where there is none.
fn read_message(input: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() && length.is_some() {
            break;
        }
        if let Some(number) = line.strip_prefix("Content-Length:") {
            length = number.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length?];
    input.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
