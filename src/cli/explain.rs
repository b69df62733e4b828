//! `xspi-gdb explain XG0xx`: what a fault code means and what to do. Without a code, the list of all.

use std::process::ExitCode;

use anyhow::Context;

use super::Outcome;
use crate::fault::Code;

/// What a fault code means, and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb explain
  xspi-gdb explain XG012")]
pub struct Explain {
    /// The code; all of them, a line each, without it.
    code: Option<String>,
}

impl Explain {
    /// Prints one entry of the catalogue, or its table of contents.
    pub fn run(self) -> Outcome {
        let Some(text) = self.code else {
            for code in Code::ALL {
                println!("{code}  {}", code.entry().title);
            }
            return Ok(ExitCode::SUCCESS);
        };
        let code: Code = text.parse().context("`xspi-gdb explain` lists all codes")?;
        let entry = code.entry();
        println!(
            "{code}: {}\n\n{}\n\nremedy: {}",
            entry.title, entry.meaning, entry.remedy
        );
        Ok(ExitCode::SUCCESS)
    }
}
