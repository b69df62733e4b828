//! `xspi-gdb probes`: what `--probe` can name here.

use std::process::ExitCode;

use anyhow::Context as _;

use super::Outcome;
use crate::link::connect::{self, FoundProbe};

/// The debug probes that are connected, with the words for --probe.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb probes
  xspi-gdb probes --json")]
pub struct Probes {
    /// One JSON object a line: selector and name.
    #[arg(long)]
    json: bool,
}

impl Probes {
    /// Lists real probes, then the virtual one.
    pub fn run(self) -> Outcome {
        let mut found = connect::list();
        let is_none_real = found.is_empty();
        found.push(FoundProbe {
            selector: "virtual".to_owned(),
            name: "virtual STM32H7S78-DK, in this process".to_owned(),
        });
        for probe in &found {
            match self.json {
                true => println!(
                    "{}",
                    serde_json::to_string(probe).context("cannot be said in JSON")?
                ),
                false => println!("{:<32} {}", probe.selector, probe.name),
            }
        }
        if is_none_real && !self.json {
            eprintln!(
                "no real probe found: is it plugged in, and may you open it? See docs/real-board.md for the udev rule"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
