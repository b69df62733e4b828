//! Mishaps: faults that a test, or whoever stands beside the board, injects. All of them are counted, none is random: the same mishap
//! in the same session strikes at the same moment.
//!
//! - The debug port answers otherwise than it would: WAIT, FAULT, a wrong parity, no answer at all ([`Disturbance`]).
//! - Something happens to the board, now or in the middle of an operation of a flash memory: the power is cut, the probe is
//!   unplugged, the supply dips, a bit flips ([`Event`]).
//! - An operation of a flash memory never ends, or fails ([`Failing`]).
//!
//! [`Mishap`] is written in words, as `power-cut nor erase 3`: [`GRAMMAR`]. This module keeps the counts; the debug port, the memories
//! and the board ask it and then behave. A new mishap: a variant here, its words in `mishap/text.rs`, its behaviour where it happens.

mod text;

use std::num::NonZeroU32;

pub use text::{GRAMMAR, UnknownMishap};

use crate::clock::Time;

/// A fault to be injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The debug port answers otherwise.
    Answer(Disturbance),
    /// Something happens to the board.
    Event {
        /// What.
        event: Event,
        /// When.
        moment: Moment,
    },
    /// An operation of a flash memory goes wrong.
    Operation {
        /// How.
        failing: Failing,
        /// Which.
        occasion: Occasion,
    },
}

/// What happens to the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The power goes and comes back at once. What was under way stays half done.
    PowerCut,
    /// The probe's host gets no answer any more; the board keeps its power.
    Unplug,
    /// The supply dips below the brown-out level: a system reset under the debugger, which keeps its debug port [U: the supply is
    /// taken to stay above the power-on level].
    BrownOut,
    /// A bit of a flash memory is no longer what it was. In internal flash one bit would be corrected: there a second one goes with
    /// it, so that the flash word's ECC fails.
    FlippedBit {
        /// Bus address: of internal flash, or of the NOR in whichever window it is.
        address: u32,
        /// Bit of the byte.
        bit: u8,
    },
}

/// How an operation of a flash memory goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// It never ends: WIP stays set until the NOR's power is cut, BUSY of internal flash until a reset.
    Stuck,
    /// It ends half done: with P_FAIL or E_FAIL in the NOR, with a wrong ECC in internal flash, which has no such flag.
    Failed,
}

/// When an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// At once.
    Now,
    /// In the middle of an operation.
    During(Occasion),
}

/// An operation of a flash memory that is yet to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// Whose.
    pub memory: Memory,
    /// Of this kind, or of any.
    pub operation: Option<Operation>,
    /// The how manieth from now on.
    pub number: NonZeroU32,
}

/// A flash memory of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// The external NOR.
    Nor,
    /// Internal flash.
    Internal,
}

/// What takes time in a flash memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Bits become zero.
    Program,
    /// A sector becomes blank.
    Erase,
}

/// Other answers of the debug port than those that it would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// What is answered.
    pub answer: Answer,
    /// To which transfers.
    pub transfers: Transfers,
    /// And how often.
    pub pattern: Pattern,
}

/// What the debug port answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// WAIT: as while a transfer of the access port is under way. DAPABORT ends a run of them.
    Wait,
    /// FAULT, and STICKYERR is set: as after an access that the bus refused.
    Fault,
    /// The data's parity is wrong: the host drops what it reads, the port what is written (WDATAERR). JTAG has no parity.
    Parity,
    /// None: the request was not understood. The port then waits for a line reset. JTAG has no acknowledge to leave out.
    Silence,
}

/// Which transfers are disturbed, of those that may be refused at all: not ABORT, DPIDR and CTRL/STAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfers {
    /// Those of the debug port and of its access ports.
    All,
    /// Those of the access ports.
    Access,
}

/// Which of the transfers that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The next ones, so many.
    Next(NonZeroU32),
    /// A single one, the how manieth.
    Nth(NonZeroU32),
    /// Each so manieth, for ever.
    Every(NonZeroU32),
}

/// All disturbances of a debug port, with what they have counted.
#[derive(Clone, Debug, Default)]
pub struct Disturbances {
    active: Vec<(Disturbance, u32)>,
}

impl Disturbances {
    /// Adds one, which counts from now on.
    pub fn add(&mut self, disturbance: Disturbance) {
        self.active.push((disturbance, 0));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.active.clear();
    }

    /// A transfer that may be refused comes in, of an access port or not: what it is answered instead of being carried out.
    #[inline]
    pub fn next(&mut self, access: bool) -> Option<Answer> {
        if self.active.is_empty() {
            return None;
        }
        let mut answer = None;
        for (disturbance, seen) in &mut self.active {
            if disturbance.transfers == Transfers::Access && !access {
                continue;
            }
            *seen = seen.wrapping_add(1);
            let strikes = match disturbance.pattern {
                Pattern::Next(_) => true,
                Pattern::Nth(number) => *seen == number.get(),
                Pattern::Every(number) => seen.is_multiple_of(number.get()),
            };
            if strikes {
                answer = answer.or(Some(disturbance.answer));
            }
        }
        self.active
            .retain(|(disturbance, seen)| match disturbance.pattern {
                Pattern::Next(number) | Pattern::Nth(number) => *seen < number.get(),
                Pattern::Every(_) => true,
            });
        answer
    }

    /// DAPABORT: the transfer that was waited for is given up.
    pub fn abort(&mut self) {
        self.active.retain(|(disturbance, seen)| {
            let waits = disturbance.answer == Answer::Wait;
            let begun = matches!(disturbance.pattern, Pattern::Next(_)) && *seen > 0;
            !(waits && begun)
        });
    }
}

/// What befalls an operation of a flash memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// The board, in the middle of the operation.
    Event(Event),
    /// The operation itself.
    Failing(Failing),
}

/// An event at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// What lies in wait for the operations of one memory.
#[derive(Clone, Debug, Default)]
pub struct Ambushes {
    laid: Vec<(Option<Operation>, u32, Blow)>,
}

impl Ambushes {
    /// From now on `blow` waits for the operation that `occasion` says.
    pub fn lay(&mut self, occasion: Occasion, blow: Blow) {
        self.laid
            .push((occasion.operation, occasion.number.get(), blow));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.laid.clear();
    }

    /// An operation begins: what befalls it.
    pub fn spring(&mut self, operation: Operation) -> Vec<Blow> {
        let mut blows = Vec::new();
        self.laid.retain_mut(|(wanted, left, blow)| {
            if wanted.is_some_and(|wanted| wanted != operation) {
                return true;
            }
            *left -= 1;
            if *left == 0 {
                blows.push(*blow);
            }
            *left > 0
        });
        blows
    }
}

#[cfg(test)]
mod tests;
