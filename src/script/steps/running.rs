//! Steps that let the core run, and stop it.

use std::time::Duration;

use serde::Deserialize;

use super::Act;
use crate::{
    fault::Fault,
    script::{
        bench::{Answer, Bench, word},
        error::{Ended, StepError},
    },
    session::{Resumed, Stop, StopReason},
};

/// Time passes in pieces, so that an interruption is noticed.
const SLICE: Duration = Duration::from_millis(20);

/// Why the core is halted, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(in crate::script) enum StopWord {
    /// At a breakpoint of this session.
    Breakpoint,
    /// A watchpoint of this session was touched.
    Watchpoint,
    /// A BKPT instruction of the program.
    Instruction,
    /// The program has ended, by semihosting.
    Exit,
    /// The core ran into a fault.
    Fault,
    /// The boot stage does not reach the appli.
    Boot,
    /// A step has halted it.
    Halt,
    /// It was reset.
    Reset,
    /// It was stepped.
    Step,
}

impl StopWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Breakpoint => "breakpoint",
            Self::Watchpoint => "watchpoint",
            Self::Instruction => "instruction",
            Self::Exit => "exit",
            Self::Fault => "fault",
            Self::Boot => "boot",
            Self::Halt => "halt",
            Self::Reset => "reset",
            Self::Step => "step",
        }
    }
}

/// Let the core run until it stops.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Continue {
    /// So long at most, in the target's time; then the core is halted, and the step has timed out.
    #[serde(default = "ten_seconds")]
    timeout_ms: u64,
    /// Why it is to stop. Without it any reason will do but a fault.
    #[serde(default)]
    stop: Option<StopWord>,
}

/// Longer than most programs take to come anywhere.
pub(super) fn ten_seconds() -> u64 {
    10_000
}

impl Act for Continue {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let stop = match bench.session.resume()? {
            Resumed::Running => await_stop(bench, self.timeout_ms)?,
            Resumed::Stopped(stop) | Resumed::Refused(stop) => stop,
        };
        judge(bench, &stop, self.stop)
    }
}

/// The next stop, or the core is halted and the step has timed out.
fn await_stop(bench: &mut Bench<'_>, timeout_ms: u64) -> Result<Stop, Ended> {
    let limit = Duration::from_millis(timeout_ms);
    let stopped = bench.stop_within(limit);
    if let Ok(Some(stop)) = stopped {
        return Ok(stop);
    }
    // Whatever looks at the core next finds it as it was.
    let stop = bench.session.halt()?;
    stopped?;
    let pc = bench.whereabouts(stop.pc);
    Err(StepError::StillRunning { limit, pc }.into())
}

/// Whether the core stopped as it was to.
fn judge(bench: &mut Bench<'_>, stop: &Stop, wanted: Option<StopWord>) -> Result<Answer, Ended> {
    let found = word(&stop.reason);
    match (wanted, &stop.reason) {
        (Some(wanted), _) if wanted.as_str() == found => {}
        (_, StopReason::Fault(fault)) => return Err(Fault::from((**fault).clone()).into()),
        (_, StopReason::Boot(fault)) => return Err((**fault).clone().into()),
        (None, _) => {}
        (Some(wanted), _) => {
            return Err(StepError::OtherStop {
                found: found.to_owned(),
                pc: stop.pc,
                wanted: wanted.as_str(),
            }
            .into());
        }
    }
    bench.session.notice(stop.console.iter().cloned());
    Ok(bench.stopped(stop))
}

/// Let the core run, and go on with the next step at once.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Resume {}

impl Act for Resume {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        match bench.session.resume()? {
            Resumed::Running => Ok(Answer::in_words("runs")),
            Resumed::Stopped(stop) | Resumed::Refused(stop) => judge(bench, &stop, None),
        }
    }
}

/// Execute instructions.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct StepBy {
    /// So many.
    #[serde(default = "one")]
    count: u32,
}

fn one() -> u32 {
    1
}

impl Act for StepBy {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let mut stop = bench.session.last_stop().clone();
        for _ in 0..self.count {
            bench.pass(Duration::ZERO, "the core was stepped")?;
            stop = bench.session.step()?;
            if stop.reason != StopReason::Step {
                break;
            }
        }
        judge(bench, &stop, None)
    }
}

/// Halt the core, wherever it is.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct Halt {}

impl Act for Halt {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let stop = bench.session.halt()?;
        Ok(bench.stopped(&stop))
    }
}

/// Let the target's time pass.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(in crate::script) enum Wait {
    /// So many milliseconds, whatever the core does.
    ForMs(u64),
    /// Until the core, which `resume` let run, has stopped; so many milliseconds at most.
    StopWithinMs(u64),
}

impl Act for Wait {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        match self {
            Self::ForMs(milliseconds) => {
                let end = bench.host.now() + Duration::from_millis(*milliseconds);
                loop {
                    let left = end.saturating_sub(bench.host.now());
                    if left.is_zero() {
                        break;
                    }
                    bench.pass(left.min(SLICE), "time passed")?;
                }
                Ok(Answer::default())
            }
            Self::StopWithinMs(milliseconds) => {
                let stop = await_stop(bench, *milliseconds)?;
                judge(bench, &stop, None)
            }
        }
    }
}
