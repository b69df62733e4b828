//! `xspi-gdb probes`: what `--probe` can name here.

use std::process::ExitCode;

use super::Outcome;
use crate::link::probe;

/// The debug probes that are connected, with the words for --probe.
#[derive(Debug, clap::Args)]
pub struct Probes {}

impl Probes {
    /// Lists real probes, then the virtual one.
    pub fn run(self) -> Outcome {
        let found = probe::list();
        for probe in &found {
            println!("{:<32} {}", probe.selector, probe.name);
        }
        println!("{:<32} virtual STM32H7S78-DK, in this process", "virtual");
        if found.is_empty() {
            eprintln!(
                "no real probe found: is it plugged in, and may you open it? See docs/real-board.md for the udev rule"
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
