//! Boards with a known past: blank, with a boot stage, with an appli. What they hold is prepared by the tool itself.

use std::path::{Path, PathBuf};

use super::{
    firmware,
    server::{Ran, Scratch, Server, run},
};

/// A board whose flash memories live in a state file of this test's own.
pub struct Board {
    scratch: Scratch,
}

impl Board {
    /// Nothing in internal flash, nothing in the NOR.
    pub fn blank() -> Self {
        Self {
            scratch: Scratch::new(),
        }
    }

    /// Our boot stage in internal flash, the NOR blank.
    pub fn booted() -> Self {
        Self::with_boot("boot.elf")
    }

    /// One of the boot stages of firmware/prebuilt, the NOR blank.
    #[track_caller]
    pub fn with_boot(name: &str) -> Self {
        let board = Self::blank();
        board.succeeds(&["boot", "install", &text(&firmware(name))]);
        board
    }

    /// Our boot stage, and `appli` of firmware/prebuilt in the NOR.
    #[track_caller]
    pub fn with_appli(appli: &str) -> Self {
        let board = Self::booted();
        board.succeeds(&["flash", &text(&firmware(appli))]);
        board
    }

    /// The state file.
    pub fn state(&self) -> PathBuf {
        self.scratch.file("board.state")
    }

    /// A file beside it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.file(name)
    }

    /// Runs `xspi-gdb SUBCOMMAND` on this board.
    pub fn run(&self, subcommand: &[&str]) -> Ran {
        run(subcommand, Some(&self.state()))
    }

    /// Runs `xspi-gdb SUBCOMMAND`, which must succeed; returns standard output.
    #[track_caller]
    pub fn succeeds(&self, subcommand: &[&str]) -> String {
        let ran = self.run(subcommand);
        assert!(
            ran.status.success(),
            "xspi-gdb {}:\n{}{}",
            subcommand.join(" "),
            ran.stdout,
            ran.stderr
        );
        ran.stdout
    }

    /// Runs `xspi-gdb SUBCOMMAND`, which must fail; returns standard error.
    #[track_caller]
    pub fn fails(&self, subcommand: &[&str]) -> String {
        let ran = self.run(subcommand);
        assert!(
            !ran.status.success(),
            "xspi-gdb {} should fail:\n{}",
            subcommand.join(" "),
            ran.stdout
        );
        ran.stderr
    }

    /// Serves this board.
    #[track_caller]
    pub fn serve(&self, arguments: &[&str]) -> Server {
        Server::start(Some(&self.state()), arguments)
    }

    /// Serves this board for `appli` of firmware/prebuilt.
    #[track_caller]
    pub fn serve_appli(&self, appli: &str) -> Server {
        self.serve(&["--appli", &text(&firmware(appli))])
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
