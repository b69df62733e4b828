//! `xspi-gdb boot`: what the chip shows of its boot stage, a boot stage into internal flash, or through it to the appli.

use std::{path::PathBuf, process::ExitCode};

use super::{
    Outcome,
    progress::{Form, Watcher},
    target::Target,
};
use crate::{
    session::{Leave, OnAttach},
    verbs,
};

/// Look at the boot stage, install one, or run it to the appli's first instruction.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb boot status --probe virtual
  xspi-gdb boot install build/boot.elf --probe 0483:3754 --board stm32h7s78-dk
  xspi-gdb boot arm --appli build/appli.elf")]
pub struct Boot {
    /// What to do.
    #[arg(value_enum)]
    action: Action,
    /// The boot stage to install (ELF, HEX, BIN@ADDRESS).
    #[arg(required_if_eq("action", "install"))]
    file: Option<PathBuf>,
    /// With `arm`: bring the NOR back into its power-on protocol first, through the loader.
    #[arg(long)]
    reset_nor: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Tell what is there and why the appli was not reached; nothing is reset.
    Status,
    /// Program FILE into internal flash, if it differs.
    Install,
    /// Reset, run the boot stage, halt at the appli's first instruction.
    Arm,
}

impl Boot {
    /// Does it.
    pub fn run(self) -> Outcome {
        let target = match self.action {
            // Whoever looks wants to see what is there.
            Action::Status | Action::Install => self.target,
            Action::Arm => self.target.unattended(),
        };
        let mut opened = target.open()?;
        opened.settings.on_attach = OnAttach::Run;
        let mut session = opened.session()?;
        let was_running = !session.is_halted();
        let leave = match self.action {
            Action::Status => {
                if was_running {
                    session.halt()?;
                }
                println!("{}", verbs::boot_status(&mut session)?);
                match was_running {
                    true => Leave::Running,
                    false => Leave::Halted,
                }
            }
            Action::Install => {
                let file = self.file.unwrap_or_default();
                let mut watcher = Watcher::new(Form::Bar)?;
                let report = verbs::boot_install(&mut session, &file, &mut watcher);
                watcher.finish();
                println!("{}", report?);
                Leave::Running
            }
            Action::Arm => {
                if self.reset_nor {
                    verbs::reset_nor(&mut session)?;
                }
                let mut watcher = Watcher::new(Form::Bar)?;
                let armed = verbs::arm(&mut session, &mut watcher);
                watcher.finish();
                super::print_console(&mut session);
                let armed = armed?;
                for notice in &armed.notices {
                    eprintln!("notice: {notice}");
                }
                println!("halted at the appli's first instruction, {}", armed.entry);
                Leave::Halted
            }
        };
        super::print_notices(&mut session);
        session.close(leave)?;
        Ok(ExitCode::SUCCESS)
    }
}
