//! `xspi-gdb demo`: the main job on the virtual board.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use tokio::process::Command;

use super::{Outcome, exec, gdbs, target::Target};
use crate::{link::Unattended, platform, session::Leave, verbs};
use virtual_board::handle::VirtualBoard;

/// The boot stage and the appli that come with us, with debug information.
const BOOT: &[u8] = include_bytes!("../../firmware/prebuilt/boot.elf");
const APPLI: &[u8] = include_bytes!("../../firmware/prebuilt/appli.elf");

/// The first session: from a blank NOR to breakpoint, watchpoint and variables.
const FIRST: &[&str] = &[
    "load",
    "info symbol $pc",
    "monitor window",
    "break appli::work::work",
    "continue",
    "backtrace 2",
    "next",
    "next",
    "delete",
    "print appli::LAMPS",
    "watch appli::LED_TOGGLES",
    "continue",
    "backtrace 5",
    "continue",
    "print appli::LAMPS",
    "disconnect",
];

/// The second one: nothing has changed, so nothing is programmed.
const SECOND: &[&str] = &["load", "break main", "continue", "disconnect"];

/// Debug an appli in the XSPI window of the virtual STM32H7S78-DK with a real GDB: no board, nothing to configure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb demo")]
pub struct Demo {}

impl Demo {
    pub(super) fn run(self) -> Outcome {
        let gdb = find_gdb()?;
        let folder = Folder::new()?;
        let boot = folder.file("boot.elf", BOOT)?;
        let appli = folder.file("appli.elf", APPLI)?;
        let target = Target::virtual_with(folder.path.join("board.state"), appli.clone());

        println!("# A virtual STM32H7S78-DK: internal flash and NOR are blank.\n");
        let mut installing = target.open()?.session()?;
        println!("$ xspi-gdb boot install boot.elf");
        let report = verbs::boot_install(&mut installing, &boot, &mut Unattended)?;
        println!("{report}\n");
        installing.close(Leave::Halted)?;

        println!("# A GDB session, from a blank NOR to a variable of the appli.");
        debug(&target, &gdb, &appli, FIRST)?;
        println!("\n# The same again: nothing has changed, so nothing is programmed.");
        debug(&target, &gdb, &appli, SECOND)
    }
}

/// One GDB session with `commands`, shown as if they were typed.
fn debug(target: &Target, gdb: &Path, appli: &Path, commands: &[&str]) -> Outcome {
    let opened = target.open()?;
    let board = opened.board.clone();
    let session = opened.session()?;
    let server = exec::listen()?;
    let mut client = Command::new(gdb);
    client
        .args(["-q", "-nx", "-batch", "-d", "firmware"])
        .args(["-ex", "set pagination off", "-ex", "set confirm off"])
        .args(["-ex", "set print frame-arguments none"])
        .args(["-ex", "set filename-display basename"])
        .stdin(Stdio::null())
        // GDB shows monitor commands and errors on stderr; here they belong to the transcript.
        .stderr(platform::stdout().context("our stdout is not to be had")?);
    let connect = format!("target extended-remote :{}", server.address().port());
    shown(&mut client, &connect);
    for command in commands {
        shown(&mut client, command);
    }
    client.arg(appli);
    show_leds("before", board.as_ref());
    let reopened = target.clone();
    let outcome = exec::serve_for(server, session, move || reopened.open()?.session(), client);
    show_leds("after", board.as_ref());
    outcome
}

/// A command with the prompt before it.
fn shown(client: &mut Command, command: &str) {
    client.args(["-ex", &format!("echo (gdb) {command}\\n"), "-ex", command]);
}

fn show_leds(when: &str, board: Option<&VirtualBoard>) {
    if let Some(board) = board {
        let lit = board.with(|board| board.leds());
        let lamps: Vec<&str> = lit
            .iter()
            .map(|lit| if *lit { "on" } else { "off" })
            .collect();
        println!(
            "LEDs {when}: LD1 {}, LD2 {}, LD3 {}, LD4 {}",
            lamps[0], lamps[1], lamps[2], lamps[3]
        );
    }
}

/// The first GDB on PATH.
fn find_gdb() -> anyhow::Result<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    gdbs::NAMES
        .iter()
        .flat_map(|name| env::split_paths(&folders).map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
        .context(
            "no GDB for ARM on PATH: install gdb-multiarch (Debian, Ubuntu) or arm-none-eabi-gdb",
        )
}

/// A folder that goes with us.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path = env::temp_dir().join(format!("xspi-gdb-demo-{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path })
    }

    fn file(&self, name: &str, contents: &[u8]) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::debug!(%error, "the demo's folder stays");
        }
    }
}
