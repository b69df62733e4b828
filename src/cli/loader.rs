//! `xspi-gdb loader`: what a loader says of itself.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use super::{Outcome, config::Config};
use crate::{
    fault::Fault,
    layout::BoardProfile,
    loader::{Choice, Description, LoaderError},
};

/// The board that a loader is looked at for when none is named.
const USUAL_BOARD: &str = "stm32h7s78-dk";

/// Tell what a flash loader says of itself, and whether it fits the board.
///
/// No probe is opened and nothing is run. The exit code is 1 if something is in the loader's way on the board.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb loader info MX66UW1G45G_STM32H7S78-DK.stldr
  xspi-gdb loader info own --json
  xspi-gdb loader info build/ExtMemLoader.elf --board nucleo-h7s3l8")]
pub struct Loader {
    /// What to do.
    #[arg(value_enum)]
    action: Action,
    /// A file (.stldr, .elf, .FLM, .yaml), the name of an algorithm built into probe-rs, or `own`.
    #[arg(value_name = "LOADER")]
    loader: String,
    /// Board profile: a name, or a file ending in .toml.
    #[arg(long, value_name = "BOARD")]
    board: Option<String>,
    /// Settings file; xspi-gdb.toml of this folder if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// Device, range, page, sectors, functions, RAM, and what is in its way.
    Info,
}

impl Loader {
    /// Does it.
    pub fn run(self) -> Outcome {
        let Action::Info = self.action;
        let config = Config::read(self.config.as_deref()).map_err(Fault::from)?;
        let board = self.board.or(config.board);
        let board = board.unwrap_or_else(|| USUAL_BOARD.to_owned());
        let profile = BoardProfile::find(&board).map_err(Fault::from)?;
        let routine = Choice::parse(&self.loader)
            .routine(&profile)
            .map_err(|error: LoaderError| Fault::from(error))?;
        let description = Description::of(&routine, &profile, None);
        if self.json {
            let text = serde_json::to_string(&description).context("cannot be said in JSON")?;
            println!("{text}");
        } else {
            println!("{description}");
        }
        Ok(match description.conflicts.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(1),
        })
    }
}
