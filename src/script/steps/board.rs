//! Steps for the board as a whole: what lies in its flash, and where it begins.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Act;
use crate::{
    fault::Fault,
    flash::Report,
    script::{
        bench::{Answer, Bench, Reading},
        error::Ended,
        value::Form,
    },
    session::ResetKind,
    verbs,
};

/// Reset, run the boot stage, halt on the appli's first instruction.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Arm {
    /// Bring the NOR back into its power-on protocol first.
    #[serde(default)]
    reset_nor: bool,
}

impl Act for Arm {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        if self.reset_nor {
            verbs::reset_nor(bench.session)?;
        }
        let armed = verbs::arm(bench.session, bench.host.attendant())?;
        bench.session.notice(armed.notices);
        let stop = bench.session.last_stop().clone();
        Ok(bench.stopped(&stop))
    }
}

/// Program what differs of the appli, verify it, and halt on its first instruction. A boot stage that does not get there is a fault.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Load {
    /// The appli from here on, relative to the session's file; --appli if it is not named.
    #[serde(default)]
    file: Option<PathBuf>,
}

impl Load {
    /// True if it needs no --appli.
    pub fn names_a_file(&self) -> bool {
        self.file.is_some()
    }
}

impl Act for Load {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        if let Some(file) = &self.file {
            bench.session.set_appli(bench.file(file))?;
        }
        let files: Vec<PathBuf> = bench.session.settings().appli.iter().cloned().collect();
        let report = verbs::flash(bench.session, &files, bench.host.attendant())?;
        match bench.session.boot_fault() {
            Some(fault) => Err(fault.clone().into()),
            None => Ok(programmed(&report)),
        }
    }
}

/// Program what differs of some files and verify it, then run the boot stage. One that does not get there is a notice.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Flash {
    /// ELF, HEX or BIN@ADDRESS, relative to the session's file.
    files: Vec<PathBuf>,
}

impl Act for Flash {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let files: Vec<PathBuf> = self.files.iter().map(|file| bench.file(file)).collect();
        let report = verbs::flash(bench.session, &files, bench.host.attendant())?;
        let unreached = bench.session.boot_fault().map(Fault::one_line);
        bench.session.notice(unreached);
        Ok(programmed(&report))
    }
}

fn programmed(report: &Report) -> Answer {
    let value: Value = json!({
        "erased": report.erased_bytes(),
        "programmed": report.programmed_bytes(),
        "unchanged": report.unchanged_bytes(),
        "verified": report.verified_bytes,
    });
    let words = report.to_string();
    Answer::new(value, words.lines().collect::<Vec<_>>().join("; "))
}

/// Reset.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Reset {
    /// Where the reset leads.
    #[serde(default)]
    to: Goal,
}

/// Where a reset leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Goal {
    /// Through the boot stage, halted on the appli's first instruction; a fault if the boot stage does not get there.
    #[default]
    Appli,
    /// Halted on the boot stage's first instruction.
    Boot,
    /// The board runs.
    Run,
}

impl Act for Reset {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let kind = match self.to {
            Goal::Appli => {
                verbs::arm(bench.session, bench.host.attendant())?;
                let stop = bench.session.last_stop().clone();
                return Ok(bench.stopped(&stop));
            }
            Goal::Boot => ResetKind::Boot,
            Goal::Run => ResetKind::Run,
        };
        verbs::reset(bench.session, kind, bench.host.attendant())?;
        if bench.session.is_halted() {
            let stop = bench.session.last_stop().clone();
            return Ok(bench.stopped(&stop));
        }
        Ok(Answer::in_words("runs"))
    }
}

/// Switch the board off and on, by --power-cycle-cmd; a virtual board does it by itself. The core is then as --on-attach says.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::script) struct PowerCycle {}

impl Act for PowerCycle {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        verbs::power_cycle(bench.session)?;
        if bench.session.is_halted() {
            let stop = bench.session.last_stop().clone();
            return Ok(bench.stopped(&stop));
        }
        Ok(Answer::in_words("runs"))
    }
}

/// A monitor command, as GDB's `monitor` has it. What it says is a reading.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::script) struct Monitor {
    /// The command with its arguments; `help` lists them all.
    command: String,
}

impl Act for Monitor {
    fn act(&self, bench: &mut Bench<'_>) -> Result<Answer, Ended> {
        let said = bench.host.monitor(&self.command, bench.session)?;
        let said = said.trim_end().to_owned();
        bench.reading = Some(Reading {
            subject: format!("what `{}` says", self.command),
            form: Form::String,
            value: said.clone().into(),
        });
        Ok(Answer::new(
            said.clone().into(),
            said.replace('\n', "\n      "),
        ))
    }

    fn reads(&self) -> bool {
        true
    }
}
