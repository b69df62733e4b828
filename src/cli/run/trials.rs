//! Tests on the target, as `cargo test` runs and prints them: libtest's options and lines, by libtest-mimic.

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use libtest_mimic::{Arguments, Failed, FormatSetting, Trial};

use super::{
    embedded_test::Test,
    program::{Ended, Program},
};
use crate::{cli::Outcome, fault::Fault, session::Leave};

/// A test without a limit of its own may take so many seconds, as with probe-rs.
const USUAL_SECONDS: u64 = 60;

/// Exit code of libtest when a test failed.
const FAILED: u8 = 101;

/// What `cargo test -- ...` hands on.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Tests")]
pub struct Trials {
    /// Only tests whose names contain this.
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// List tests; nothing is programmed.
    #[arg(long)]
    list: bool,
    /// The filter is the whole name.
    #[arg(long)]
    exact: bool,
    /// Only tests that are ignored otherwise.
    #[arg(long)]
    ignored: bool,
    /// Tests that are ignored too.
    #[arg(long)]
    include_ignored: bool,
    /// Not the tests whose names contain this.
    #[arg(long, value_name = "FILTER", alias = "skip-test")]
    skip: Vec<String>,
    /// How results are printed.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FormatSetting>,
    /// As `--format terse`.
    #[arg(long, short)]
    quiet: bool,
    /// What tests say is always shown.
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    show_output: bool,
    /// There is one core.
    #[arg(long, hide = true)]
    test_threads: Option<usize>,
    #[arg(short = 'Z', hide = true)]
    unstable: Option<String>,
}

impl Trials {
    /// True if nothing is to run.
    pub fn only_list(&self) -> bool {
        self.list
    }

    /// Prints the names.
    pub fn list(&self, tests: &[Test]) -> ExitCode {
        let trials = tests.iter().map(|test| trial(test, || Ok(()))).collect();
        let _listed = libtest_mimic::run(&self.arguments(), trials);
        ExitCode::SUCCESS
    }

    /// Runs the tests that are wanted, each from the program's first instruction.
    pub fn run(&self, tests: Vec<Test>, program: Program) -> Outcome {
        let runner = Arc::new(Mutex::new(Runner {
            program,
            over: None,
        }));
        let trials = tests.into_iter().map(|test| {
            let runner = Arc::clone(&runner);
            let wanted = test.clone();
            trial(&test, move || {
                let mut runner = runner.lock().unwrap_or_else(PoisonError::into_inner);
                runner.run(&wanted)
            })
        });
        let conclusion = libtest_mimic::run(&self.arguments(), trials.collect());
        let runner = Arc::into_inner(runner).map(Mutex::into_inner);
        let Some(Ok(Runner { program, over })) = runner else {
            return Ok(ExitCode::from(FAILED));
        };
        let code = match over {
            Some(Over::Fault(fault)) => return Err(fault.into()),
            Some(Over::Interrupted) => Ended::Interrupted.exit_code(),
            None if conclusion.has_failed() => FAILED,
            None => 0,
        };
        program.close(Leave::Halted)?;
        Ok(ExitCode::from(code))
    }

    fn arguments(&self) -> Arguments {
        Arguments {
            // One core: one after the other, in this thread.
            test_threads: Some(1),
            list: self.list,
            exact: self.exact,
            ignored: self.ignored,
            include_ignored: self.include_ignored,
            format: self.format,
            quiet: self.quiet,
            skip: self.skip.clone(),
            filter: (!self.filter.is_empty()).then(|| self.filter.join(" ")),
            ..Arguments::default()
        }
    }
}

fn trial(test: &Test, run: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(test.name.clone(), run).with_ignored_flag(test.ignored)
}

/// Why no more tests are run.
enum Over {
    /// Nothing can be run any more.
    Fault(Fault),
    /// Ctrl-C.
    Interrupted,
}

/// The one program that all trials share.
struct Runner {
    program: Program,
    over: Option<Over>,
}

impl Runner {
    fn run(&mut self, test: &Test) -> Result<(), Failed> {
        if self.over.is_some() {
            return Err(Failed::from("it was not run"));
        }
        match self.outcome(test) {
            Ok(verdict) => verdict,
            Err(fault) => {
                let text = fault.to_string();
                self.over = Some(Over::Fault(fault));
                Err(Failed::from(text))
            }
        }
    }

    fn outcome(&mut self, test: &Test) -> Result<Result<(), Failed>, Fault> {
        self.program
            .begin_again(format!("run_addr {}", test.function))?;
        let limit = Duration::from_secs(test.timeout.unwrap_or(USUAL_SECONDS));
        let ended = self.program.run(Some(limit))?;
        let panicked = matches!(ended, Ended::Exited(1..) | Ended::Crashed);
        let verdict = match ended {
            Ended::TimedOut => Err(format!("it did not end within {limit:?}")),
            Ended::Interrupted => {
                self.over = Some(Over::Interrupted);
                Err("it was interrupted".to_owned())
            }
            _ if panicked == test.should_panic => Ok(()),
            Ended::Exited(0) => Err("it should have panicked".to_owned()),
            Ended::Crashed => Err("it crashed".to_owned()),
            Ended::Exited(_) => Err("it panicked, or returned an error".to_owned()),
        };
        if verdict.is_err() && ended != Ended::Exited(0) {
            self.program.show_where()?;
        }
        Ok(verdict.map_err(Failed::from))
    }
}
