//! `xspi-gdb flash`: what differs of some files into internal flash and NOR, verified.

use std::{path::PathBuf, process::ExitCode};

use super::{
    Outcome,
    progress::{Form, Watcher},
    target::{Target, TargetError},
};
use crate::{
    fault::Fault,
    gdb::events::{Event, Events},
    session::{Leave, OnAttach},
    verbs,
};

/// Program what differs, verify it, and start the appli.
///
/// What is equal is not touched; a sector that changes keeps the bytes that no file has. Everything that was programmed is verified.
/// Internal flash is changed only with --install-boot.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb flash build/appli.elf --probe virtual
  xspi-gdb flash appli.bin@0x70000000 assets.hex
  xspi-gdb flash --verify build/appli.elf      compares, and fails at the first difference
  xspi-gdb flash --dry-run build/appli.elf     prints the plan: which sectors, what is erased, what is programmed")]
pub struct Flash {
    /// ELF, HEX or BIN@ADDRESS; --appli if none is given.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare only: program nothing, fail if something differs.
    #[arg(long, conflicts_with = "dry_run")]
    verify: bool,
    /// Program nothing; print the plan.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object a line on stdout: progress, what was done, and what went wrong.
    #[arg(long, conflicts_with_all = ["verify", "dry_run"])]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Flash {
    /// Does it.
    pub fn run(self) -> Outcome {
        let target = match self.verify || self.dry_run {
            true => self.target,
            false => self.target.unattended(),
        };
        let mut opened = target.open()?;
        opened.settings.on_attach = OnAttach::Halt;
        let mut files = self.files;
        if files.is_empty() {
            files.extend(opened.settings.appli.clone());
        }
        if files.is_empty() {
            return Err(Fault::from(TargetError::NoFile).into());
        }
        if let (true, Some(because)) = (self.json, &opened.switched) {
            Events::Json.tell(&Event::PowerCycle { because });
        }
        let mut session = opened.session()?;
        if self.dry_run {
            println!("{}", verbs::plan(&mut session, &files)?);
            session.close(Leave::Running)?;
            return Ok(ExitCode::SUCCESS);
        }
        if self.verify {
            let comparison = verbs::compare(&mut session, &files)?;
            println!("{comparison}");
            session.close(Leave::Running)?;
            comparison.verified().map_err(Fault::from)?;
            return Ok(ExitCode::SUCCESS);
        }
        let form = if self.json { Form::Json } else { Form::Bar };
        let mut watcher = Watcher::new(form)?;
        let report = verbs::flash(&mut session, &files, &mut watcher);
        watcher.finish();
        match (form, &report) {
            (Form::Bar, Ok(report)) => println!("{report}"),
            (Form::Bar, Err(_)) => {}
            (Form::Json, Ok(report)) => Events::Json.tell(&Event::load(report)),
            (Form::Json, Err(fault)) => Events::Json.tell(&fault.into()),
        }
        super::print_console(&mut session);
        report?;
        if let (Form::Json, Some(fault)) = (form, session.boot_fault()) {
            Events::Json.tell(&fault.into());
        }
        super::print_notices(&mut session);
        session.close(Leave::Running)?;
        Ok(ExitCode::SUCCESS)
    }
}
