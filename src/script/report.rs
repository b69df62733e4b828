//! How a session went, a line a step and one at the end: JSON for programs, words for people.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::Value;

use crate::fault::Fault;

/// How a step ended, or the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Held,
    /// Something is not as the session expects it.
    Failed,
    /// Something went wrong.
    Fault,
    /// What was waited for did not happen in time.
    Timeout,
    /// Somebody wanted the session to end.
    Interrupted,
    /// It was not run.
    Skipped,
}

impl Outcome {
    /// What the command exits with. An interrupted one ends as a process that SIGINT ended.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Held | Self::Skipped => 0,
            Self::Failed => 1,
            Self::Fault => 3,
            Self::Timeout => 4,
            Self::Interrupted => 128 + 2,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::Failed => "FAILED",
            Self::Fault => "FAULT",
            Self::Timeout => "TIMEOUT",
            Self::Interrupted => "INTERRUPTED",
            Self::Skipped => "skipped",
        })
    }
}

/// One line of what `session --json` prints.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Line<'a> {
    /// A step has ended, or was skipped.
    Step(&'a StepReport),
    /// The session has ended.
    End(&'a Summary),
}

/// How a step ended.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct StepReport {
    /// Counted through `steps` and `finally`, from 1.
    pub number: usize,
    /// The step's word.
    pub step: &'static str,
    /// Its name, or else its word.
    pub name: String,
    /// It belongs to `finally`.
    pub finally: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in the target's time.
    pub duration_ms: f64,
    /// What it found or did; what that is depends on the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// What it found or did, for people.
    #[serde(skip)]
    pub words: String,
}

/// How the session ended.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// The session.
    pub session: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What the command exits with.
    pub exit_code: u8,
    /// How long it took, in the target's time.
    pub duration_ms: f64,
    /// Steps that held.
    pub held: usize,
    /// Steps that did not.
    pub failed: usize,
    /// Steps that were not run.
    pub skipped: usize,
    /// Why there was no session at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Each step, for reports that come at the end.
    #[serde(skip)]
    pub steps: Vec<StepReport>,
}

impl Summary {
    /// What the steps amount to; the first that does not hold decides.
    pub fn of(session: String, steps: Vec<StepReport>, took: Duration) -> Self {
        let outcomes = || steps.iter().map(|step| step.outcome);
        let outcome = outcomes()
            .find(|outcome| !matches!(outcome, Outcome::Held | Outcome::Skipped))
            .unwrap_or(Outcome::Held);
        let count = |wanted: Outcome| outcomes().filter(|outcome| *outcome == wanted).count();
        let (held, skipped) = (count(Outcome::Held), count(Outcome::Skipped));
        Self {
            session,
            outcome,
            exit_code: outcome.exit_code(),
            duration_ms: milliseconds(took),
            held,
            failed: steps.len() - held - skipped,
            skipped,
            fault: None,
            steps,
        }
    }

    /// There was no session: `fault` says why.
    pub fn without_session(session: String, steps: Vec<StepReport>, fault: Fault) -> Self {
        Self {
            outcome: Outcome::Fault,
            exit_code: Outcome::Fault.exit_code(),
            fault: Some(fault),
            ..Self::of(session, steps, Duration::ZERO)
        }
    }
}

/// Milliseconds with microseconds behind the point: what clocks tell beyond that is noise.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => step.fmt(f),
            Self::End(summary) => summary.fmt(f),
        }
    }
}

/// ` 3 held        12.5 ms  break main: 0x70000412`, then what else there is to say, indented.
impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>3} {:<8} {:>10.3} ms  {}",
            self.number, self.outcome, self.duration_ms, self.name
        )?;
        if !self.words.is_empty() {
            write!(f, ": {}", self.words)?;
        }
        let fault = self.fault.iter().map(ToString::to_string);
        for text in self.notices.iter().cloned().chain(fault) {
            for line in text.lines() {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fault) = &self.fault {
            writeln!(f, "{fault}")?;
        }
        write!(
            f,
            "{} {}: {} held, {} failed, {} skipped, {:.3} ms",
            self.session, self.outcome, self.held, self.failed, self.skipped, self.duration_ms
        )
    }
}
