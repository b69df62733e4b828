//! Breakpoints with terms in a session: what a hit comes to, and how the program goes on behind one that is no stop.
//!
//! A hit is found by the look that finds the halt. Nothing is fetched for it but the pc and what its conditions read, and behind it the
//! program runs on in the same look. So it costs a few exchanges, whereas telling GDB would cost it a stop with everything that GDB reads at one.
//!
//! Deviation: where a function returns to is told to the client all the same. GDB waits there with a breakpoint of its own (`next`, `finish`,
//! the end of a watched variable's scope), but sends none where the user has one, and forgets that the user's has a condition (GDB 13.1 and
//! 18.1, measured: `next` ran on until the condition of a breakpoint on the following line was true). GDB asks the condition itself then.

use super::{
    Activity, Session, SessionError,
    foresight::ONLY_HALTED,
    registers::{LR, SP},
    stop::{Stop, StopReason},
};
use crate::{
    breakpoints::{
        Request, Terms, Verdict,
        agent::{AgentError, Core},
    },
    fault::{Code, Disposition, Explain, Fault},
    layout::Address,
};

/// Bytes of the stack in which return addresses are looked for.
const STACK: usize = 1024;

/// The terms of a breakpoint could not be found out. It stops: the client may know better.
#[derive(Debug, thiserror::Error)]
#[error("the condition or command of the breakpoint at {address} fails")]
struct Failed {
    address: Address,
    #[source]
    why: AgentError,
}

impl Explain for Failed {
    fn code(&self) -> Code {
        self.why.code()
    }
}

/// What breakpoints with terms have left behind.
#[derive(Debug, Default)]
pub(super) struct Hits {
    printed: Vec<u8>,
    /// The program has gone on behind one since this was asked last.
    passed: bool,
    /// Breakpoints with terms at which a function that was under way when the client resumed is going to return.
    returns: Vec<Address>,
    /// Where the last step began, if the core has done nothing since.
    stepped_from: Option<Address>,
}

impl Session {
    /// Keeps a breakpoint that stops on `terms` only. No transfer is made.
    pub fn insert_on(&mut self, request: Request, terms: Terms) -> Result<(), Fault> {
        self.insert(request)?;
        self.breakpoints.set_terms(request, terms);
        Ok(())
    }

    /// What breakpoints of the client have printed since this was asked last (GDB's `dprintf`). To be asked after each [`Session::poll`] and step.
    pub fn take_printed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.hits.printed)
    }

    /// True if the last looks found a breakpoint that was no stop: there may be another one soon.
    pub fn take_passed(&mut self) -> bool {
        std::mem::take(&mut self.hits.passed)
    }

    /// What the requests at `pc`, where the core is halted, make of it.
    pub(super) fn judge(&mut self, pc: Address) -> Result<Verdict, Fault> {
        let mut verdict = Verdict::Stop;
        let mut printed = std::mem::take(&mut self.hits.printed);
        for (index, terms) in self.breakpoints.terms_at(pc).into_iter().enumerate() {
            let mut core = Halted {
                session: self,
                known: Vec::new(),
            };
            let of_this_one = match terms.judge(&mut core, &mut printed) {
                Ok(verdict) => verdict,
                Err(why) => self.failed(pc, why)?,
            };
            if index == 0 || of_this_one == Verdict::Stop {
                verdict = of_this_one;
            }
        }
        self.hits.printed = printed;
        match self.hits.returns.contains(&pc) {
            true => Ok(Verdict::Stop),
            false => Ok(verdict),
        }
    }

    /// The client resumes: which of its breakpoints are where a function returns to. LR may still have where the last one returned to: behind
    /// a step from there it says nothing.
    pub(super) fn note_returns(&mut self) -> Result<(), Fault> {
        self.hits.returns.clear();
        let places: Vec<Address> = self.breakpoints.places_with_terms().collect();
        let behind = [Some(self.stop.pc), self.hits.stepped_from.take()];
        if places.is_empty() {
            return Ok(());
        }
        let [link, stack] = [self.read_register(LR)?, self.read_register(SP)?];
        let link = Address(link as u32 & !1);
        let mut words = [0; STACK];
        // A stack that cannot be read has no function on it.
        let read = self.read_memory(Address(stack as u32), &mut words);
        let (words, _) = words[..read.unwrap_or(0)].as_chunks::<4>();
        for place in places {
            let by_link = place == link && !behind.contains(&Some(place));
            let mut saved = words.iter().map(|word| u32::from_le_bytes(*word) & !1);
            if by_link || saved.any(|saved| saved == place.0) {
                self.hits.returns.push(place);
            }
        }
        Ok(())
    }

    /// The user halts the core: whatever GDB waited for, it is not to go on.
    pub(super) fn forget_returns(&mut self) {
        self.hits.returns.clear();
    }

    /// A step begins here.
    pub(super) fn note_step(&mut self) {
        self.hits.stepped_from = Some(self.stop.pc);
    }

    /// A step has led to `stop`. Where a breakpoint with commands lies there, the core is not going to hit it: the step behind it spares it.
    pub(super) fn carry_out_commands(&mut self, stop: &Stop) -> Result<(), Fault> {
        let terms = self.breakpoints.terms_at(stop.pc);
        if stop.reason == StopReason::Step && terms.iter().any(|terms| !terms.commands.is_empty()) {
            self.judge(stop.pc)?;
        }
        Ok(())
    }

    /// It is told once: the client stops there again and again, and knows by then.
    fn failed(&mut self, address: Address, why: AgentError) -> Result<Verdict, Fault> {
        if let AgentError::Unreadable { why } = &why
            && why.disposition() == Disposition::EndSession
        {
            return Err((**why).clone());
        }
        let fault = Fault::from(Failed { address, why });
        if self.journal.last() != Some(&fault) {
            self.console.push(fault.to_string());
            self.journal.record_shown(fault);
        }
        Ok(Verdict::Stop)
    }

    /// A stop at a breakpoint that is none: `None` if the core goes on with what it did (`activity`).
    pub(super) fn pass_breakpoint(
        &mut self,
        stop: Stop,
        activity: Activity,
    ) -> Result<Option<Stop>, Fault> {
        if stop.reason != StopReason::Passed {
            return Ok(Some(stop));
        }
        if let Some(stop) = self.step_off(activity)? {
            return Ok(Some(stop));
        }
        self.hits.passed = true;
        self.run_on(activity)?;
        Ok(None)
    }

    /// The core was halted by the user at a breakpoint that is no stop: behind it, so that going on needs no step. What the step came to comes
    /// before the user.
    pub(super) fn halt_behind_breakpoint(&mut self) -> Result<Stop, Fault> {
        if let Some(stop) = self.step_off(Activity::Halted)? {
            return Ok(stop);
        }
        self.forget();
        self.arrive(StopReason::Halt)
    }

    /// One instruction, of which nothing is asked but whether it was done; else the stop that it came to.
    fn step_off(&mut self, activity: Activity) -> Result<Option<Stop>, Fault> {
        self.arm_requests(Some(self.stop.pc), activity.temporary().iter())?;
        self.set_off();
        let stepped = self.link.step_and_look(self.step_interrupts());
        self.activity = Activity::Running;
        if self.note_unexpected_reset()? {
            self.forget();
            return self.halt().map(Some);
        }
        let stop = match stepped {
            Ok(ONLY_HALTED) => return Ok(None),
            Ok(state) => self.arrive_in(state)?,
            Err(error) => self.after_failed_step(error)?,
        };
        Ok((stop.reason != StopReason::Step).then_some(stop))
    }
}

/// The halted session as expressions see it. GDB's compiler reads a variable once for each time that it is named.
struct Halted<'a> {
    session: &'a mut Session,
    /// What has been read of RAM and internal flash.
    known: Vec<(Address, Vec<u8>)>,
}

impl Core for Halted<'_> {
    fn register(&mut self, number: u16) -> Result<u64, Fault> {
        self.session.read_register(number)
    }

    fn memory(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault> {
        let known = self.known.iter();
        let mut known = known.filter(|(at, bytes)| *at == address && bytes.len() == data.len());
        if let Some((_, bytes)) = known.next() {
            data.copy_from_slice(bytes);
            return Ok(());
        }
        if self.session.read_alone(address, data)? != data.len() {
            return Err(SessionError::NoMemory { address }.into());
        }
        if self.session.is_plain_memory(address) {
            self.known.push((address, data.to_vec()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
