//! Runs the steps of a session.

use std::time::Duration;

use super::{
    Host, Script,
    bench::{Answer, Bench},
    document::Step,
    error::{Ended, StepError},
    heard::Heard,
    report::{Line, Outcome, StepReport, Summary, milliseconds},
};
use crate::{fault::Fault, semihosting::Output, session::Session};

/// Runs a session to its end; each step is told as it ends.
pub fn run(script: &Script, session: &mut Session, host: &mut dyn Host) -> Summary {
    let began = host.now();
    let heard = Heard::start(session, script.channels());
    let mut bench = Bench {
        session,
        host,
        folder: script.folder(),
        reading: None,
        heard,
    };
    let mut reports: Vec<StepReport> = Vec::new();
    let mut going = true;
    for (number, step) in script.numbered() {
        let finally = number > script.steps.len();
        if finally {
            bench.host.forget_interruption();
        }
        let report = match going || finally {
            true => act(&mut bench, number, finally, step),
            false => skipped(number, finally, step),
        };
        going &= report.outcome == Outcome::Held;
        bench.host.tell(&Line::Step(&report));
        reports.push(report);
    }
    let took = bench.host.now().saturating_sub(began);
    Summary::of(script.name(), reports, took)
}

/// There is no session to run: `fault` says why, and every step is skipped.
pub fn not_run(script: &Script, fault: Fault) -> Summary {
    let steps = script
        .numbered()
        .map(|(number, step)| skipped(number, number > script.steps.len(), step));
    Summary::without_session(script.name(), steps.collect(), fault)
}

fn act(bench: &mut Bench<'_>, number: usize, finally: bool, step: &Step) -> StepReport {
    let began = bench.host.now();
    let ended = match bench.host.is_interrupted() {
        true => Err(StepError::Interrupted {
            doing: "a step was to begin",
        }
        .into()),
        false => step.verb.act(bench),
    };
    let interrupted = bench.host.is_interrupted();
    let (outcome, answer, fault) = match ended {
        Ok(answer) => (Outcome::Held, answer, None),
        Err(ended) => {
            let (outcome, fault) = match ended {
                // Long work that was cancelled tells that in its own words.
                Ended::Fault(fault) if interrupted => (Outcome::Interrupted, fault),
                Ended::Fault(fault) => (Outcome::Fault, fault),
                Ended::Failed(fault) => (Outcome::Failed, fault),
                Ended::TimedOut(fault) => (Outcome::Timeout, fault),
                Ended::Interrupted(fault) => (Outcome::Interrupted, fault),
            };
            (outcome, Answer::default(), Some(fault))
        }
    };
    let said = bench.session.take_program_output();
    bench.session.notice(program_lines(&said));
    // The journal is for clients that come and go; here each step has told its fault.
    bench.session.journal().take_unshown();
    StepReport {
        outcome,
        duration_ms: milliseconds(bench.host.now().saturating_sub(began)),
        value: answer.value,
        notices: bench.session.take_console(),
        fault,
        words: answer.words,
        ..skipped(number, finally, step)
    }
}

/// What the program has said by semihosting, a line a line.
fn program_lines(said: &[Output]) -> Vec<String> {
    let bytes: Vec<u8> = said
        .iter()
        .flat_map(|output| output.bytes.clone())
        .collect();
    let text = String::from_utf8_lossy(&bytes);
    text.lines()
        .map(|line| format!("program: {line}"))
        .collect()
}

fn skipped(number: usize, finally: bool, step: &Step) -> StepReport {
    let word = step.verb.word();
    StepReport {
        number,
        step: word,
        name: step.name.clone().unwrap_or_else(|| word.to_owned()),
        finally,
        outcome: Outcome::Skipped,
        duration_ms: milliseconds(Duration::ZERO),
        value: None,
        notices: Vec::new(),
        fault: None,
        words: String::new(),
    }
}
