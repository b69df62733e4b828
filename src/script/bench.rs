//! What a step works with: the session, whoever runs it, and what was read last.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Host,
    error::{Ended, StepError},
    heard::Heard,
    value::Form,
};
use crate::{
    debug_info::Place,
    layout::Address,
    session::{Session, Stop, StopReason},
    verbs::Backoff,
};

/// What a step works with.
pub(super) struct Bench<'a> {
    /// The session.
    pub session: &'a mut Session,
    /// Whoever runs it.
    pub host: &'a mut dyn Host,
    /// Relative names of files begin here.
    pub folder: &'a Path,
    /// What was read last.
    pub reading: Option<Reading>,
    /// What the program has said.
    pub heard: Heard,
}

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Of what, for messages.
    pub subject: String,
    /// How its value is written.
    pub form: Form,
    /// What it is.
    pub value: Value,
}

/// What a step found or did.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// For programs.
    pub value: Option<Value>,
    /// For people.
    pub words: String,
}

impl Answer {
    /// An answer in both forms.
    pub fn new(value: Value, words: impl Into<String>) -> Self {
        Self {
            value: Some(value),
            words: words.into(),
        }
    }

    /// An answer that only people want to read.
    pub fn in_words(words: impl Into<String>) -> Self {
        Self {
            value: None,
            words: words.into(),
        }
    }
}

impl Bench<'_> {
    /// A file that the session names.
    pub fn file(&self, name: &Path) -> PathBuf {
        self.folder.join(name)
    }

    /// Lets time pass until the core has stopped; `None` if it has not after `limit` of the target's time.
    pub fn stop_within(&mut self, limit: Duration) -> Result<Option<Stop>, Ended> {
        let end = self.host.now() + limit;
        let mut backoff = Backoff::default();
        loop {
            if let Some(stop) = self.session.poll()? {
                return Ok(Some(stop));
            }
            let left = end.saturating_sub(self.host.now());
            if left.is_zero() {
                return Ok(None);
            }
            self.pass(backoff.next_wait().min(left), "the core ran")?;
        }
    }

    /// Lets some time pass, unless somebody wants the session to end.
    pub fn pass(&mut self, duration: Duration, doing: &'static str) -> Result<(), Ended> {
        if self.host.is_interrupted() {
            return Err(StepError::Interrupted { doing }.into());
        }
        self.session.idle(duration)?;
        self.listen()?;
        Ok(())
    }

    /// Takes what the program has said; true if it said anything.
    pub fn listen(&mut self) -> Result<bool, Ended> {
        Ok(self.heard.listen(self.session)?)
    }

    /// A stop as an answer.
    pub fn stopped(&mut self, stop: &Stop) -> Answer {
        let words = format!("{} at {}", word(&stop.reason), self.whereabouts(stop.pc));
        let mut value = json!({ "stop": word(&stop.reason), "pc": stop.pc.to_string() });
        if let Some(place) = self.places(stop.pc).into_iter().next() {
            if let Some(line) = place.short_line() {
                value["line"] = line.into();
            }
            value["function"] = place.function.into();
        }
        if let StopReason::Watchpoint { address, .. } = &stop.reason {
            value["watched"] = address.to_string().into();
        }
        if let StopReason::Exited(exit) = &stop.reason {
            value["exit-code"] = exit.code.into();
        }
        Answer::new(value, words)
    }

    /// `0x70000412 work (work.rs:51)`.
    pub fn whereabouts(&mut self, pc: Address) -> String {
        let info = self.session.debug_info();
        match info.ok().and_then(|info| info.describe(pc)) {
            Some(place) => format!("{pc} {place}"),
            None => pc.to_string(),
        }
    }

    /// Where an instruction is in the sources, the innermost function first. Without debug information there are symbols.
    pub fn places(&mut self, pc: Address) -> Vec<Place> {
        let info = self.session.debug_info();
        info.map(|info| info.places(pc)).unwrap_or_default()
    }
}

/// A reason in one word, as `stop` has it.
pub(super) fn word(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Halt => "halt",
        StopReason::Reset => "reset",
        StopReason::Breakpoint | StopReason::Passed => "breakpoint",
        StopReason::Unrequested => "instruction",
        StopReason::Watchpoint { .. } => "watchpoint",
        StopReason::Step => "step",
        StopReason::Fault(_) => "fault",
        StopReason::Boot(_) => "boot",
        StopReason::SemihostingCall | StopReason::ClientCall(_) => "semihosting",
        StopReason::Exited(_) => "exit",
    }
}
