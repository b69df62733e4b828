//! Boards with a known past: blank, with a boot stage, with an appli, or as no command of ours would make them.
//!
//! A virtual board is made past the tool, so that a test of one command stands on no other; a real one is prepared by the tool.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use virtual_board::board::{Board as Chip, Builder};
use xspi_gdb::image::Image;

use super::{
    firmware,
    images::contents,
    on_hardware,
    server::{PATIENCE, Ran, Scratch, Server, run},
};

/// Where a boot stage lies.
const INTERNAL_FLASH: u32 = 0x0800_0000;
/// Where an appli lies.
const NOR: u32 = 0x7000_0000;
/// The state file in a board's folder.
const STATE: &str = "board.state";

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
        Self::with(Some("boot.elf"), None)
    }

    /// Our boot stage, and `appli` of firmware/prebuilt in the NOR.
    #[track_caller]
    pub fn with_appli(appli: &str) -> Self {
        Self::with(Some("boot.elf"), Some(appli))
    }

    /// A boot stage and an appli of firmware/prebuilt, or none.
    #[track_caller]
    pub fn with(boot: Option<&str>, appli: Option<&str>) -> Self {
        if !on_hardware() {
            return Self::made(|builder| holding(builder, boot, appli));
        }
        let board = Self::blank();
        if let Some(boot) = boot {
            board.succeeds(&["boot", "install", &text(&firmware(boot))]);
        }
        if let Some(appli) = appli {
            board.succeeds(&["flash", &text(&firmware(appli))]);
        }
        board
    }

    /// A virtual board with a past that no command of ours gives it: a locked chip, option bytes, code of the test's own.
    pub fn made(past: impl FnOnce(Builder) -> Builder) -> Self {
        let board = Self::blank();
        let builder = Chip::builder().state_file(board.state());
        // The board saves itself when it goes.
        drop(past(builder).build().expect("a board"));
        board
    }

    /// The state file.
    pub fn state(&self) -> PathBuf {
        self.scratch.file(STATE)
    }

    /// Where unfinished work on this board is remembered.
    pub fn journal(&self) -> PathBuf {
        let [low, middle, high] = self.chip().unique_identifier();
        self.scratch.file(&format!(
            ".xspi-gdb/stm32h7s78-dk-{high:08x}{middle:08x}{low:08x}.unfinished"
        ))
    }

    /// The board as it lies switched off: what it holds can be looked at past the tool. Nobody else may have it.
    pub fn chip(&self) -> Chip {
        Chip::builder()
            .state_file(self.state())
            .build()
            .expect("a state file")
    }

    /// Waits until the server that has it has ended.
    #[track_caller]
    pub fn wait_until_free(&self) {
        let deadline = Instant::now() + PATIENCE;
        while Chip::builder().state_file(self.state()).build().is_err() {
            assert!(Instant::now() < deadline, "somebody keeps the board");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What internal flash holds from its start.
    pub fn internal_flash(&self, length: usize) -> Vec<u8> {
        self.chip().internal_flash()[..length].to_vec()
    }

    /// What the NOR holds from its start.
    pub fn nor(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.chip().nor_contents(0, &mut bytes);
        bytes
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

    /// Runs `xspi-gdb SUBCOMMAND`, which must fail with a fault; returns standard error.
    #[track_caller]
    pub fn fails(&self, subcommand: &[&str]) -> String {
        let ran = self.run(subcommand);
        assert_eq!(
            ran.status.code(),
            Some(3),
            "xspi-gdb {} should fail with a fault:\n{}{}",
            subcommand.join(" "),
            ran.stdout,
            ran.stderr
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

/// `builder` with firmware in its memories.
pub fn holding(builder: Builder, boot: Option<&str>, appli: Option<&str>) -> Builder {
    let builder = match boot {
        Some(boot) => builder.boot_image(stored(boot, INTERNAL_FLASH)),
        None => builder,
    };
    match appli {
        Some(appli) => builder.nor_image(stored(appli, NOR)),
        None => builder,
    }
}

/// What firmware stores in the memory at `base`.
#[track_caller]
pub fn stored(name: &str, base: u32) -> Vec<u8> {
    let image = Image::open(firmware(name)).expect("firmware");
    contents(&image, base)
}

/// What the boot stage `name` stores in internal flash.
pub fn boot_image(name: &str) -> Vec<u8> {
    stored(name, INTERNAL_FLASH)
}

/// What the appli `name` stores in the NOR.
pub fn nor_image(name: &str) -> Vec<u8> {
    stored(name, NOR)
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
