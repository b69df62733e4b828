//! The steps: one type each, with its fields as the file has them, and what it does.

mod board;
mod expect;
mod memory;
mod rtt;
mod running;
mod stops;

use std::fmt;

use serde::de::{self, MapAccess};

use super::{
    bench::{Answer, Bench},
    error::Ended,
};
pub(super) use board::{Arm, Flash, Load, Monitor, PowerCycle, Reset};
pub(super) use expect::Expect;
pub(super) use memory::{Read, Registers, Write};
pub(super) use rtt::{RttExpect, RttWrite};
pub(super) use running::{Continue, Halt, Resume, StepBy, Wait};
pub(super) use stops::{Break, Delete, Watch};

/// What a step does.
pub(super) trait Act: fmt::Debug {
    /// Does it.
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended>;

    /// Leaves a reading of which a later step may expect something.
    fn reads(&self) -> bool {
        false
    }
}

macro_rules! verbs {
    ($($word:literal $name:ident $step:ident,)*) => {
        /// A step, by its word.
        #[derive(Debug)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub(super) enum Verb {
            $(#[cfg_attr(test, schemars(rename = $word))] $name($step),)*
        }

        impl Verb {
            /// All words.
            pub const WORDS: &'static [&'static str] = &[$($word,)*];

            /// The step's word.
            pub fn word(&self) -> &'static str {
                match self { $(Self::$name(_) => $word,)* }
            }

            fn step(&self) -> &dyn Act {
                match self { $(Self::$name(step) => step,)* }
            }

            /// The step that stands behind its word.
            pub fn next<'de, A: MapAccess<'de>>(word: &str, map: &mut A) -> Result<Self, A::Error> {
                match word {
                    $($word => map.next_value().map(Self::$name),)*
                    _ => Err(de::Error::custom(format_args!(
                        "there is no step `{word}`; there are: {}",
                        Self::WORDS.join(", ")
                    ))),
                }
            }
        }
    };
}

verbs! {
    "arm" Arm Arm,
    "load" Load Load,
    "flash" Flash Flash,
    "reset" Reset Reset,
    "power-cycle" PowerCycle PowerCycle,
    "break" Break Break,
    "watch" Watch Watch,
    "delete" Delete Delete,
    "continue" Continue Continue,
    "resume" Resume Resume,
    "step" Step StepBy,
    "halt" Halt Halt,
    "wait" Wait Wait,
    "read" Read Read,
    "write" Write Write,
    "expect" Expect Expect,
    "registers" Registers Registers,
    "monitor" Monitor Monitor,
    "rtt-expect" RttExpect RttExpect,
    "rtt-write" RttWrite RttWrite,
}

impl Verb {
    /// Does it.
    pub fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        self.step().act(bench)
    }

    /// Leaves a reading of which a later step may expect something.
    pub fn reads(&self) -> bool {
        self.step().reads()
    }
}
