//! Which GDBs the tests run: the one that is installed, and a recent one.
//!
//! They differ in what a user sees: a recent GDB offers `error-message` in qSupported and shows our sentences, an older one shows
//! an errno or a sentence of its own.

use std::{path::Path, process::Command};

use super::{board::text, repository};

/// A GDB that the tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Debugger {
    /// `gdb-multiarch` of the distribution (Debian 12: 13.1), or what XSPI_GDB_TEST_GDB names.
    Installed,
    /// GDB 18 from PyPI (`gdb-for-pwndbg` in target/venv: all targets, `-i=dap`), or what XSPI_GDB_TEST_RECENT_GDB names.
    Recent,
}

impl Debugger {
    /// Both, the older one first.
    pub const ALL: [Self; 2] = [Self::Installed, Self::Recent];

    /// Its executable. Neither starts a process of its own: the child is GDB, and killing it leaves none behind.
    pub fn program(self) -> String {
        let (variable, program) = match self {
            Self::Installed => ("XSPI_GDB_TEST_GDB", "gdb-multiarch".to_owned()),
            Self::Recent => (
                "XSPI_GDB_TEST_RECENT_GDB",
                text(&repository("target/venv/bin/gdb")),
            ),
        };
        std::env::var(variable).unwrap_or(program)
    }

    /// A command line of it that reads nobody's configuration, with `elf` if there is one.
    pub fn command(self, elf: Option<&Path>) -> Command {
        let mut command = Command::new(self.program());
        command.args(["--nx", "--quiet"]);
        for setting in [
            "set pagination off",
            "set confirm off",
            "set width 0",
            "set debuginfod enabled off",
            "set style enabled off",
        ] {
            command.args(["-iex", setting]);
        }
        if let Some(elf) = elf {
            command.arg(elf);
        }
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }
}
