//! The step that expects something: of a variable or register, of what was read last, or of the place where the core is halted.

use std::{cmp::Ordering, fmt};

use serde::Deserialize;
use serde_json::Value;

use super::{
    Act,
    memory::{Read, in_words},
    running::StopWord,
};
use crate::debug_info::Place;
use crate::script::{
    bench::{Answer, Bench, Reading, word},
    error::{Ended, StepError},
    place,
    value::{Form, compare},
};
use crate::session::StopReason;

/// Expect something. All conditions that are given must hold.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Fields")]
pub(in crate::script) struct Expect {
    fields: Box<Fields>,
}

/// Expect something. All conditions that are given must hold; there is at least one.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Expect"))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Fields {
    /// Read this first: an address, a variable, either with an offset, or `$` and a register. Without it conditions on a value are about
    /// what was read last.
    at: Option<String>,
    /// The type to read, as for `read`.
    #[serde(rename = "as")]
    form: Option<Form>,
    /// Elements to read, as for `read`.
    count: Option<u32>,
    /// The value is this.
    equal: Option<Value>,
    /// `equal` holds for numbers that differ by no more than this.
    within: Option<f64>,
    /// The value is anything but this.
    differs: Option<Value>,
    /// The value is a number, and this or more.
    at_least: Option<Value>,
    /// The value is a number, and this or less.
    at_most: Option<Value>,
    /// The value is a text with this in it.
    contains: Option<String>,
    /// The core is halted for this reason.
    stop: Option<StopWord>,
    /// The program has ended with this code, by semihosting.
    exit_code: Option<u32>,
    /// The core is halted here: an address, a function's first instruction, or either with an offset.
    pc: Option<String>,
    /// The core is halted in this function, or in one that was inlined into it; named by its path or the end of it.
    function: Option<String>,
    /// The core is halted on this line, `main.rs:80`, as far as there is debug information.
    line: Option<String>,
}

impl TryFrom<Fields> for Expect {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let of_value = fields.asks_for_a_value();
        let of_halt = fields.stop.is_some()
            || fields.exit_code.is_some()
            || fields.pc.is_some()
            || fields.function.is_some()
            || fields.line.is_some();
        let reads = fields.at.is_some();
        match (of_value, of_halt) {
            (false, false) => Err("an expectation with no condition"),
            (false, true) if reads => Err("`at` with no condition on its value"),
            _ if fields.within.is_some() && fields.equal.is_none() => {
                Err("`within` without `equal`")
            }
            _ if !reads && (fields.form.is_some() || fields.count.is_some()) => {
                Err("`as` or `count` without `at`")
            }
            _ => Ok(Self {
                fields: Box::new(fields),
            }),
        }
    }
}

impl Fields {
    fn asks_for_a_value(&self) -> bool {
        self.equal.is_some()
            || self.differs.is_some()
            || self.at_least.is_some()
            || self.at_most.is_some()
            || self.contains.is_some()
    }

    fn reading(&self, bench: &mut Bench<'_>) -> Result<Option<Reading>, Ended> {
        match &self.at {
            Some(at) => {
                let read = Read {
                    at: at.clone(),
                    form: self.form,
                    count: self.count,
                };
                read.reading(bench).map(Some)
            }
            None => Ok(bench.reading.clone()),
        }
    }

    fn check_value(&self, reading: &Reading) -> Result<(), StepError> {
        let Reading { form, value, .. } = reading;
        let not = |condition: String| {
            Err(StepError::NotMet {
                subject: reading.subject.clone(),
                found: in_words(value),
                condition,
            })
        };
        if let Some(wanted) = &self.equal
            && !form.equal(value, wanted, self.within)
        {
            let within = self.within.map(|within| format!(" within {within}"));
            return not(format!(
                "be {}{}",
                in_words(wanted),
                within.unwrap_or_default()
            ));
        }
        if let Some(other) = &self.differs
            && form.equal(value, other, None)
        {
            return not("be anything else".to_owned());
        }
        if let Some(least) = &self.at_least
            && !matches!(
                compare(value, least),
                Some(Ordering::Equal | Ordering::Greater)
            )
        {
            return not(format!("be at least {}", in_words(least)));
        }
        if let Some(most) = &self.at_most
            && !matches!(compare(value, most), Some(Ordering::Equal | Ordering::Less))
        {
            return not(format!("be at most {}", in_words(most)));
        }
        if let Some(part) = &self.contains
            && !value.as_str().is_some_and(|text| text.contains(part))
        {
            return not(format!("contain `{part}`"));
        }
        Ok(())
    }

    fn check_halt(&self, bench: &mut Bench<'_>) -> Result<(), Ended> {
        let halted = bench.session.is_halted();
        let stop = bench.session.last_stop().clone();
        let not = |subject: &str, found: String, wanted: &dyn fmt::Display| {
            let found = if halted {
                found
            } else {
                "unknown: the core runs".to_owned()
            };
            Err(StepError::NotMet {
                subject: subject.to_owned(),
                found,
                condition: format!("be {wanted}"),
            }
            .into())
        };
        let reason = word(&stop.reason);
        if let Some(wanted) = self.stop
            && !(halted && wanted.as_str() == reason)
        {
            return not(
                "the reason of the stop",
                reason.to_owned(),
                &wanted.as_str(),
            );
        }
        if let Some(wanted) = self.exit_code {
            let found = match &stop.reason {
                StopReason::Exited(exit) => Some(exit.code),
                _ => None,
            };
            if !halted || found != Some(wanted) {
                let found =
                    found.map_or("none: it has not ended".to_owned(), |code| code.to_string());
                return not("the program's exit code", found, &wanted);
            }
        }
        if let Some(at) = &self.pc {
            let wanted = place::memory(bench.session, at)?.address;
            if !halted || wanted != stop.pc {
                return not("the pc", bench.whereabouts(stop.pc), &wanted);
            }
        }
        if let Some(wanted) = &self.function {
            let places = bench.places(stop.pc).into_iter();
            let found: Vec<String> = places.filter_map(|place| place.function).collect();
            if !halted || !found.iter().any(|function| is_called(function, wanted)) {
                let found = format!("`{}`", found.join("` in `"));
                return not("the function", found, &format_args!("`{wanted}`"));
            }
        }
        if let Some(wanted) = &self.line {
            let found = bench.places(stop.pc).first().and_then(Place::short_line);
            if !halted || found.as_deref() != Some(wanted.as_str()) {
                let found = found.unwrap_or_else(|| "not known".to_owned());
                return not("the line", found, wanted);
            }
        }
        Ok(())
    }
}

/// By its path, or the end of it.
fn is_called(function: &str, wanted: &str) -> bool {
    let head = function.strip_suffix(wanted);
    head.is_some_and(|head| head.is_empty() || head.ends_with("::"))
}

impl Expect {
    /// True if it is about what was read last.
    pub fn needs_a_reading(&self) -> bool {
        self.fields.at.is_none() && self.fields.asks_for_a_value()
    }
}

impl Act for Expect {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        self.fields.check_halt(bench)?;
        if !self.fields.asks_for_a_value() {
            let stop = bench.session.last_stop().clone();
            return Ok(bench.stopped(&stop));
        }
        let reading = self
            .fields
            .reading(bench)?
            .ok_or_else(|| StepError::NotMet {
                subject: "the last reading".to_owned(),
                found: "missing, for the step that reads was not run".to_owned(),
                condition: "be there".to_owned(),
            })?;
        self.fields.check_value(&reading)?;
        let words = format!("{} is {}", reading.subject, in_words(&reading.value));
        Ok(Answer::new(reading.value, words))
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Expect {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Fields::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Fields::json_schema(generator)
    }
}
