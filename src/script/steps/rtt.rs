//! Steps that talk with the program over RTT.

use std::{fmt, time::Duration};

use regex::Regex;
use serde::Deserialize;
use serde_json::json;

use super::{Act, running::ten_seconds};
use crate::{
    script::{
        bench::{Answer, Bench},
        error::{Ended, StepError},
    },
    verbs::Backoff,
};

/// Let the core run until an RTT channel has said something that matches; a core that is halted is searched for what it said before.
/// What was said up to the end of the match is taken, so that the next such step looks behind it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct RttExpect {
    /// A regular expression, as Rust's `regex` has them.
    pattern: Pattern,
    /// The up channel. defmt's is decoded, a line a message.
    #[serde(default)]
    pub channel: u32,
    /// So long at most, in the target's time.
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = String;

    /// On one line, as everything else that is said of the file.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Regex::new(&text).map(Self).map_err(|error| {
            let words: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
            let last = words.last().map_or("", |line| line.trim());
            format!("`{text}` is no regular expression: {last}")
        })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Act for RttExpect {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let limit = Duration::from_millis(self.timeout_ms);
        let end = bench.host.now() + limit;
        let mut backoff = Backoff::default();
        loop {
            let news = bench.listen()?;
            if let Some(found) = self.pattern.0.find(bench.heard.text(self.channel)) {
                let (matched, end) = (found.as_str().to_owned(), found.end());
                let said = bench.heard.take(self.channel, end);
                let words = format!("`{matched}`");
                return Ok(Answer::new(
                    json!({ "matched": matched, "said": said }),
                    words,
                ));
            }
            // Whoever is halted says nothing more; a stop in between is told by the step that asks for it.
            let halted = bench.session.poll()?.is_some();
            let left = end.saturating_sub(bench.host.now());
            if !news && (halted || left.is_zero()) {
                return Err(StepError::NothingSaid {
                    pattern: self.pattern.0.to_string(),
                    channel: self.channel,
                    limit,
                    last: bench
                        .heard
                        .text(self.channel)
                        .lines()
                        .last()
                        .map(str::to_owned),
                    halted,
                }
                .into());
            }
            bench.pass(backoff.next_wait().min(left), "the program was listened to")?;
        }
    }
}

/// Send text to the program by an RTT down channel, while the core runs or is halted.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct RttWrite {
    /// What to send, as it is: a line needs its end.
    text: String,
    /// The down channel.
    #[serde(default)]
    channel: u32,
    /// So long at most until the program has made room for all of it, in the target's time.
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
}

impl Act for RttWrite {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        bench.session.rtt_start();
        let limit = Duration::from_millis(self.timeout_ms);
        let end = bench.host.now() + limit;
        let mut backoff = Backoff::default();
        let mut rest = self.text.as_bytes();
        loop {
            let written = bench.session.rtt_write(self.channel, rest)?;
            rest = &rest[written.min(rest.len())..];
            if rest.is_empty() {
                return Ok(Answer::in_words(format!("{:?}", self.text)));
            }
            let halted = bench.session.poll()?.is_some();
            let left = end.saturating_sub(bench.host.now());
            if halted || left.is_zero() {
                return Err(StepError::NotTaken {
                    channel: self.channel,
                    left: rest.len(),
                    limit,
                }
                .into());
            }
            bench.pass(
                backoff.next_wait().min(left),
                "the program was told something",
            )?;
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Pattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}
