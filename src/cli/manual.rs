//! `xspi-gdb completions` and `xspi-gdb man`: the command line told to shells and to man(1), by clap's own crates.

use std::{io, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Arguments, Outcome};

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb completions bash
  xspi-gdb completions zsh")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Prints them.
    pub fn run(self) -> Outcome {
        let mut command = Arguments::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut io::stdout());
        Ok(ExitCode::SUCCESS)
    }
}

/// Write man pages into a folder: one for the program, and one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb man man")]
pub struct Man {
    /// The folder; it is made if it is not there.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Man {
    /// Writes them.
    pub fn run(self) -> Outcome {
        let folder = &self.folder;
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
            .with_context(|| format!("cannot write man pages into {}", folder.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
