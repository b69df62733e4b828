//! Mishaps in words, for command lines and the served board's console.

use std::{fmt, num::NonZeroU32, str::FromStr};

use super::{
    Answer, Disturbance, Event, Failing, Memory, Mishap, Moment, Occasion, Operation, Pattern,
    Transfers,
};

/// How a mishap is written.
pub const GRAMMAR: &str = "\
wait|fault|parity|silence [ap] next|nth|every N   the debug port answers so: the next N transfers, the Nth, every Nth
power-cut|unplug|brown-out WHEN                   the power goes and comes back, the probe is unplugged, the supply dips
flip ADDRESS.BIT WHEN                             a bit of internal flash or NOR is the opposite
busy|fail WHICH                                   an operation never ends, or fails
WHEN is `now` or WHICH; WHICH is nor|flash [program|erase] N: the Nth such operation from now on";

/// Words that are no mishap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no mishap: {}", match .word { Some(word) => format!("`{word}` is not understood"), None => "something is missing".to_owned() })]
pub struct UnknownMishap {
    text: String,
    /// The first word that does not fit; none if the words end too early.
    word: Option<String>,
}

/// The first word that does not fit, or none.
type Misfit = Option<String>;

/// The words, one after another.
struct Words<'a> {
    rest: std::iter::Peekable<std::str::SplitWhitespace<'a>>,
}

impl Words<'_> {
    fn next(&mut self) -> Result<&str, Misfit> {
        self.rest.next().ok_or(None)
    }

    fn end(&mut self) -> Result<(), Misfit> {
        match self.rest.next() {
            None => Ok(()),
            Some(word) => Err(Some(word.to_owned())),
        }
    }

    /// The next word's meaning.
    fn one_of<T: Copy>(&mut self, meanings: &[(&str, T)]) -> Result<T, Misfit> {
        let word = self.next()?;
        let meaning = meanings.iter().find(|(name, _)| *name == word);
        meaning
            .map(|(_, value)| *value)
            .ok_or_else(|| Some(word.to_owned()))
    }

    /// The next word's meaning, if it has one of these.
    fn maybe_one_of<T: Copy>(&mut self, meanings: &[(&str, T)]) -> Option<T> {
        let word = *self.rest.peek()?;
        let (_, value) = *meanings.iter().find(|(name, _)| *name == word)?;
        self.rest.next();
        Some(value)
    }

    fn number(&mut self) -> Result<NonZeroU32, Misfit> {
        let word = self.next()?;
        word.parse().map_err(|_| Some(word.to_owned()))
    }

    fn occasion(&mut self) -> Result<Occasion, Misfit> {
        Ok(Occasion {
            memory: self.one_of(&MEMORIES)?,
            operation: self.maybe_one_of(&OPERATIONS),
            number: self.number()?,
        })
    }

    fn moment(&mut self) -> Result<Moment, Misfit> {
        match self.maybe_one_of(&[("now", Moment::Now)]) {
            Some(now) => Ok(now),
            None => self.occasion().map(Moment::During),
        }
    }

    /// `0x70001234.5`
    fn flipped_bit(&mut self) -> Result<Event, Misfit> {
        let word = self.next()?;
        let parsed = word.split_once('.').and_then(|(address, bit)| {
            let address = address.strip_prefix("0x")?;
            Some(Event::FlippedBit {
                address: u32::from_str_radix(address, 16).ok()?,
                bit: bit.parse().ok().filter(|bit| *bit < 8)?,
            })
        });
        parsed.ok_or_else(|| Some(word.to_owned()))
    }

    fn mishap(&mut self) -> Result<Mishap, Misfit> {
        if let Some(answer) = self.maybe_one_of(&ANSWERS) {
            let access = self.maybe_one_of(&[("ap", Transfers::Access)]);
            let pattern = self.one_of(&PATTERNS)?;
            return Ok(Mishap::Answer(Disturbance {
                answer,
                transfers: access.unwrap_or(Transfers::All),
                pattern: pattern(self.number()?),
            }));
        }
        if let Some(failing) = self.maybe_one_of(&FAILINGS) {
            let occasion = self.occasion()?;
            return Ok(Mishap::Operation { failing, occasion });
        }
        let event = match self.maybe_one_of(&[("flip", ())]) {
            Some(()) => self.flipped_bit()?,
            None => self.one_of(&EVENTS)?,
        };
        let moment = self.moment()?;
        Ok(Mishap::Event { event, moment })
    }
}

const ANSWERS: [(&str, Answer); 4] = [
    ("wait", Answer::Wait),
    ("fault", Answer::Fault),
    ("parity", Answer::Parity),
    ("silence", Answer::Silence),
];
/// Makes a pattern of its number.
type Counted = fn(NonZeroU32) -> Pattern;
const PATTERNS: [(&str, Counted); 3] = [
    ("next", Pattern::Next),
    ("nth", Pattern::Nth),
    ("every", Pattern::Every),
];
const EVENTS: [(&str, Event); 3] = [
    ("power-cut", Event::PowerCut),
    ("unplug", Event::Unplug),
    ("brown-out", Event::BrownOut),
];
const FAILINGS: [(&str, Failing); 2] = [("busy", Failing::Stuck), ("fail", Failing::Failed)];
const MEMORIES: [(&str, Memory); 2] = [("nor", Memory::Nor), ("flash", Memory::Internal)];
const OPERATIONS: [(&str, Operation); 2] =
    [("program", Operation::Program), ("erase", Operation::Erase)];

impl FromStr for Mishap {
    type Err = UnknownMishap;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = Words {
            rest: text.split_whitespace().peekable(),
        };
        words
            .mishap()
            .and_then(|mishap| words.end().map(|()| mishap))
            .map_err(|word| UnknownMishap {
                text: text.to_owned(),
                word,
            })
    }
}

/// The word for `value` in a table of them.
fn word<'a, T: PartialEq>(meanings: &[(&'a str, T)], value: &T) -> &'a str {
    let entry = meanings.iter().find(|(_, meaning)| meaning == value);
    entry.map_or("", |(name, _)| name)
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(disturbance) => disturbance.fmt(f),
            Self::Event { event, moment } => write!(f, "{event} {moment}"),
            Self::Operation { failing, occasion } => {
                write!(f, "{} {occasion}", word(&FAILINGS, failing))
            }
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word(&ANSWERS, &self.answer))?;
        if self.transfers == Transfers::Access {
            f.write_str(" ap")?;
        }
        match self.pattern {
            Pattern::Next(number) => write!(f, " next {number}"),
            Pattern::Nth(number) => write!(f, " nth {number}"),
            Pattern::Every(number) => write!(f, " every {number}"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FlippedBit { address, bit } => write!(f, "flip {address:#010x}.{bit}"),
            named => f.write_str(word(&EVENTS, named)),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::During(occasion) => occasion.fmt(f),
        }
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word(&MEMORIES, &self.memory))?;
        if let Some(operation) = &self.operation {
            write!(f, " {}", word(&OPERATIONS, operation))?;
        }
        write!(f, " {}", self.number)
    }
}
