//! `xspi-gdb window`: whether the windows are open, and what they hold.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;

use super::{Outcome, target::Target};
use crate::{
    layout::{Address, parse_number},
    session::{Leave, OnAttach, Session},
    verbs,
};

/// Bytes of a line of the dump.
const LINE: usize = 16;

/// Tell whether the XSPI windows are open, and why not, or read from one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb window status --probe virtual
  xspi-gdb window read 0x70000000 64 --on-attach arm --appli build/appli.elf
  xspi-gdb window read 0x70000000 0x10000 nor.bin")]
pub struct Window {
    /// What to do.
    #[arg(value_enum)]
    action: Action,
    /// First address to read.
    #[arg(required_if_eq("action", "read"))]
    address: Option<Address>,
    /// Bytes to read.
    #[arg(required_if_eq("action", "read"), value_parser = parse_number)]
    length: Option<u32>,
    /// Where the bytes go; printed if no file is given.
    file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Action {
    /// The state of each window.
    Status,
    /// Memory of a window, from the chip; from --appli while the window is closed.
    Read,
}

impl Window {
    /// Does it.
    pub fn run(self) -> Outcome {
        let mut opened = self.target.open()?;
        if opened.settings.on_attach == OnAttach::Halt {
            opened.settings.on_attach = OnAttach::Run;
        }
        let mut session = opened.session()?;
        let was_running = !session.is_halted();
        let done = self.act(&mut session);
        super::print_notices(&mut session);
        done?;
        session.close(match was_running {
            true => Leave::Running,
            false => Leave::Halted,
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn act(&self, session: &mut Session) -> Result<(), super::Failure> {
        match self.action {
            Action::Status => {
                for window in verbs::windows(session)? {
                    println!("{window}");
                }
            }
            Action::Read => {
                if !session.is_halted() {
                    session.halt()?;
                }
                let address = self.address.unwrap_or_default();
                let bytes = read(session, address, self.length.unwrap_or(0))?;
                match &self.file {
                    Some(file) => fs::write(file, &bytes)
                        .with_context(|| format!("cannot write {}", file.display()))?,
                    None => dump(address, &bytes),
                }
            }
        }
        Ok(())
    }
}

/// Reads until the length is reached or memory ends.
fn read(session: &mut Session, address: Address, length: u32) -> Result<Vec<u8>, super::Failure> {
    const PIECE: usize = 64 << 10;
    let mut bytes = Vec::new();
    while bytes.len() < length as usize {
        let mut piece = vec![0; PIECE.min(length as usize - bytes.len())];
        let Some(at) = address.checked_add(bytes.len() as u32) else {
            break;
        };
        match session.read_memory(at, &mut piece) {
            Ok(0) => break,
            Ok(count) => bytes.extend(&piece[..count]),
            Err(fault) if bytes.is_empty() => return Err(fault.into()),
            Err(fault) => {
                eprintln!("ends at {at}: {}", fault.headline);
                break;
            }
        }
    }
    Ok(bytes)
}

fn dump(address: Address, bytes: &[u8]) {
    for (at, line) in (address.0..).step_by(LINE).zip(bytes.chunks(LINE)) {
        let hexadecimal: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = line
            .iter()
            .map(|byte| match byte {
                0x20..=0x7E => char::from(*byte),
                _ => '.',
            })
            .collect();
        println!("{} {:<47} {text}", Address(at), hexadecimal.join(" "));
    }
}
