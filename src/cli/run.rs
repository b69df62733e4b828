//! `xspi-gdb run`: a cargo runner.

mod compatible;
mod embedded_test;
mod input;
mod output;
mod program;
mod trials;

use std::{path::PathBuf, process::ExitCode};

use super::{
    Outcome,
    progress::{Form, Watcher},
    target::Target,
};
use crate::{
    fault::Fault,
    image::Image,
    rtt::defmt,
    session::{Leave, OnAttach, Session},
    verbs,
};
use compatible::Compatible;
use output::Output;
use program::{Clock, Ended, Program};
use trials::Trials;

/// Program what differs of an ELF, run it, and show what it says.
///
/// RTT and semihosting go to stdout, defmt decoded with level, time and place; what is typed goes to RTT's down channel 0, or to semihosting. Ctrl-C
/// halts the core and shows where it is. A program made with embedded-test has its tests run one by one.
///
/// Exit code: the program's own (semihosting exit), 101 after a panic, a fault or a breakpoint of the program, 130 after Ctrl-C,
/// 3 after a fault of ours. Tests: 0 if all passed, 101 if not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb run --probe virtual target/thumbv7em-none-eabihf/release/appli
  in .cargo/config.toml: runner = \"xspi-gdb run --chip STM32H7S7L8Hx --board stm32h7s78-dk\"
  cargo test -- --exact tests::holds")]
pub struct Run {
    /// The program.
    #[arg(value_name = "ELF")]
    elf: PathBuf,
    /// Program nothing: the NOR holds it.
    #[arg(long)]
    no_flash: bool,
    /// Look for an RTT control block in all RAM, if the ELF names none.
    #[arg(long)]
    rtt_scan_memory: bool,
    /// Let the program handle its faults by itself.
    #[arg(long)]
    no_catch_hardfault: bool,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    trials: Trials,
    #[command(flatten)]
    compatible: Compatible,
    #[command(flatten)]
    target: Target,
}

/// What lines of the log look like.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Log")]
pub struct LogOptions {
    /// Form of defmt's lines: `oneline`, `full`, or a format as in "{t} {L} {s}" (defmt book, "Custom Log Output").
    #[arg(long, value_name = "FORMAT", default_value = "oneline")]
    log_format: String,
    /// Lines without their place in the sources.
    #[arg(long)]
    no_location: bool,
    /// Lines without the time.
    #[arg(long)]
    no_timestamps: bool,
}

impl LogOptions {
    fn form(&self) -> defmt::Form {
        defmt::Form {
            style: defmt::Style::named(&self.log_format),
            timestamp: !self.no_timestamps,
            location: !self.no_location,
        }
    }
}

impl Run {
    pub(super) fn run(self) -> Outcome {
        let image = Image::open(&self.elf).map_err(Fault::from)?;
        let tests = embedded_test::tests(&self.elf)?;
        if let (Some(tests), true) = (&tests, self.trials.only_list()) {
            return Ok(self.trials.list(tests));
        }
        let output = Output::new(&self.elf, &self.log.form())?;
        let mut opened = self.target.interactive().unattended().open()?;
        opened.settings.on_attach = OnAttach::Halt;
        opened.settings.appli = Some(self.elf.clone());
        let clock = Clock::of(opened.board.clone());
        let mut session = opened.session()?;
        session.set_catch_faults(!self.no_catch_hardfault)?;
        if output::uses_rtt(&image) || self.rtt_scan_memory {
            session.rtt_start();
            session.rtt_block_when_full();
        }
        let mut watcher = Watcher::new(Form::Bar)?;
        prepare(&mut session, &self.elf, self.no_flash, &mut watcher)?;
        let program = Program::new(session, output, watcher, clock);
        match tests {
            Some(tests) => self.trials.run(tests, program),
            None => alone(program),
        }
    }
}

/// Programs what differs, and brings the core to the program's first instruction.
fn prepare(
    session: &mut Session,
    elf: &PathBuf,
    no_flash: bool,
    watcher: &mut Watcher,
) -> Result<(), Fault> {
    let report = match no_flash {
        true => verbs::arm(session, watcher).map(|_| None),
        false => verbs::flash(session, std::slice::from_ref(elf), watcher).map(Some),
    };
    watcher.finish();
    super::print_console(session);
    if let Some(report) = report? {
        eprintln!("{report}");
    }
    match session.boot_fault() {
        Some(fault) => Err(fault.clone()),
        None => Ok(()),
    }
}

/// Runs a program that is no test to its end.
fn alone(mut program: Program) -> Outcome {
    program.read_input();
    let ended = program.run(None)?;
    match ended {
        Ended::Exited(0) => {}
        Ended::Exited(_) => program.show_end(),
        Ended::Crashed | Ended::Interrupted | Ended::TimedOut => program.show_where()?,
    }
    program.close(Leave::Halted)?;
    Ok(ExitCode::from(ended.exit_code()))
}
