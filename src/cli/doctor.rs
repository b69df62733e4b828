//! `xspi-gdb doctor`: what stands between this machine, this board and a debug session, each finding with its remedy.

mod findings;
mod machine;

use std::{path::Path, process::ExitCode};

use self::findings::Findings;
use super::{Outcome, config::DEFAULT_FILE, target::Target};
use crate::{
    fault::Fault,
    image::Image,
    session::{Leave, OnAttach, Session, Settings},
    stage::StageError,
    verbs,
};

/// Look at everything that a debug session needs: GDB, probes, port, settings, board, chip, loaders, boot stage, windows.
///
/// The core is halted for a moment; nothing is reset, nothing is programmed. The exit code is 1 if something is in the way.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb doctor --probe virtual
  xspi-gdb doctor --json
  xspi-gdb doctor --probe 0483:3754 --board stm32h7s78-dk --loader build/ExtMemLoader.elf")]
pub struct Doctor {
    /// One JSON object a line: level, what, finding, code, remedy.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Doctor {
    /// Does it.
    pub fn run(self) -> Outcome {
        let mut findings = Findings::new(self.json);
        machine::look_for_gdb(&mut findings);
        let config = self.target.config();
        let configured = config
            .as_ref()
            .ok()
            .and_then(|config| config.probe.as_deref());
        machine::look_for_probes(&mut findings, self.target.probe().or(configured));
        machine::look_at_port(&findings);
        if let Err(fault) = config.and_then(|_| self.look_at_board(&mut findings)) {
            findings.fault("board", &fault);
        }
        Ok(match findings.is_good() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(1),
        })
    }

    fn look_at_board(self, findings: &mut Findings) -> Result<(), Fault> {
        let mut opened = self.target.open()?;
        opened.settings.on_attach = OnAttach::Run;
        let profile = &opened.settings.profile;
        findings.good("board", format_args!("{}, {}", profile.name, profile.chip));
        look_at_settings(self.target.config_file(), &mut opened.settings, findings);
        let mut session = opened.session()?;
        let was_running = !session.is_halted();
        session.halt()?;
        look_at_chip(&mut session, findings)?;
        look_at_loaders(&session, findings)?;
        look_at_boot_stage(&mut session, findings)?;
        for window in verbs::windows(&mut session)? {
            findings.note("window", window);
        }
        for line in session.take_console() {
            findings.note("notice", line);
        }
        session.close(match was_running {
            true => Leave::Running,
            false => Leave::Halted,
        })
    }
}

/// The settings file, and whether the files that it names can be read. Those that cannot are told once, and done without.
fn look_at_settings(file: Option<&Path>, settings: &mut Settings, findings: &mut Findings) {
    let file = file.unwrap_or(Path::new(DEFAULT_FILE));
    match file.exists() {
        true => findings.good("settings", file.display()),
        false => findings.note(
            "settings",
            format_args!("no {DEFAULT_FILE} is here: `xspi-gdb init` writes one for a project"),
        ),
    }
    let files = [("appli", &mut settings.appli), ("boot", &mut settings.boot)];
    for (what, file) in files {
        let Some(path) = file else { continue };
        match Image::open(&path) {
            Ok(_) => findings.good(what, path.display()),
            Err(error) => {
                findings.fault(what, &error.into());
                *file = None;
            }
        }
    }
}

/// Whether the chip is one of those that the profile's registers are of.
fn look_at_chip(session: &mut Session, findings: &mut Findings) -> Result<(), Fault> {
    let identity = verbs::identity(session)?;
    match identity.is_of_our_family() {
        true => findings.good("chip", identity),
        false => findings.bad(
            "chip",
            format_args!("{identity}, which is no STM32H7RS or STM32H7S"),
            "connect the board that is named, or name the one that is connected",
        ),
    }
    Ok(())
}

fn look_at_loaders(session: &Session, findings: &mut Findings) -> Result<(), Fault> {
    for report in verbs::loaders(session)? {
        let (window, loader) = (&report.window, &report.description);
        findings.good("loader", format_args!("{window} by {}", loader.name));
        for conflict in &loader.conflicts {
            findings.bad(
                "loader",
                conflict,
                format_args!(
                    "`xspi-gdb loader info {}` shows the whole of it",
                    loader.name
                ),
            );
        }
    }
    Ok(())
}

fn look_at_boot_stage(session: &mut Session, findings: &mut Findings) -> Result<(), Fault> {
    let status = verbs::boot_status(session)?.status;
    match status.finding {
        Some(finding) => findings.fault("boot stage", &StageError::from(finding).into()),
        None => findings.good("boot stage", status.boot),
    }
    Ok(())
}
