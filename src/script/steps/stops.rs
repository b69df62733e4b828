//! Steps that say where the core is to stop. They take effect when it runs next.

use serde::Deserialize;
use serde_json::json;

use super::Act;
use crate::{
    breakpoints::{Kind, Request},
    script::{
        bench::{Answer, Bench},
        error::Ended,
        place,
    },
};

/// What GDB says of a Thumb instruction's breakpoint.
const THUMB: u32 = 2;
/// What is watched at an address of which nobody says how large it is.
const WORD: u32 = 4;

/// Stop before an instruction.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Break {
    /// An address, a function (its first instruction), either with an offset, or a line (`src/main.rs:80`, as far as there is debug information).
    at: String,
}

impl Act for Break {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let address = place::memory(bench.session, &self.at)?.address;
        bench.session.insert(Request {
            kind: Kind::Software,
            address,
            length: THUMB,
        })?;
        let words = bench.whereabouts(address);
        Ok(Answer::new(
            json!({ "address": address.to_string() }),
            words,
        ))
    }
}

/// Stop behind an access to memory.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Watch {
    /// An address, a variable, or either with an offset.
    at: String,
    /// Which accesses.
    #[serde(default)]
    on: Accesses,
    /// How many bytes: the variable's size, or else 4, unless said otherwise.
    #[serde(default)]
    bytes: Option<u32>,
}

/// Which accesses are watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Accesses {
    /// Writes.
    #[default]
    Write,
    /// Reads.
    Read,
    /// Both.
    Access,
}

impl Act for Watch {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let spot = place::memory(bench.session, &self.at)?;
        let bytes = self.bytes.or(spot.bytes).unwrap_or(WORD);
        bench.session.insert(Request {
            kind: match self.on {
                Accesses::Write => Kind::Write,
                Accesses::Read => Kind::Read,
                Accesses::Access => Kind::Access,
            },
            address: spot.address,
            length: bytes,
        })?;
        Ok(Answer::new(
            json!({ "address": spot.address.to_string(), "bytes": bytes }),
            format!("{bytes} bytes at {}", spot.address),
        ))
    }
}

/// Forget breakpoints and watchpoints.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Delete {
    /// Those at this place; all without it.
    #[serde(default)]
    at: Option<String>,
}

impl Act for Delete {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let place = match &self.at {
            Some(at) => Some(place::memory(bench.session, at)?.address),
            None => None,
        };
        let requests = bench.session.requests().iter();
        let gone: Vec<Request> = requests
            .filter(|request| place.is_none_or(|place| place == request.address))
            .copied()
            .collect();
        for request in &gone {
            bench.session.remove(*request);
        }
        let words = format!("{} deleted", gone.len());
        Ok(Answer::new(json!({ "deleted": gone.len() }), words))
    }
}
