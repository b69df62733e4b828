//! Monitor commands: what `monitor ...` in GDB offers, one file a command.
//!
//! Each is a thin layer over `verbs.rs`. The dialects of other servers are served, so that the launch configurations that people
//! have keep working (cortex-debug, Eclipse, CubeIDE): by [`Command::names`], and by `dialect.rs` where more than the name differs.
//! An unknown command fails and says what there is.
//!
//! Adding one: copy `window.rs`, change three lines, add it to [`COMMANDS`]; the test `every_command_has_help_and_a_golden` tells
//! what is missing.

use std::fmt::{self, Write as _};

use super::refusal::Refusal;
use crate::{fault::Fault, link::Attendant, session::Session};

mod boot;
mod catch;
mod console;
mod delay;
mod dialect;
mod fault;
mod flash;
mod gdb_sync;
mod halt;
mod help;
mod loader;
mod maskisr;
mod memory;
mod power_cycle;
mod registers;
mod reset;
mod resume;
mod rtt;
mod semihosting;
mod targets;
mod threads;
mod version;
mod why;
mod window;

use console::Reader;
pub use console::{Asking, Console, Listener};
use dialect::Typed;

/// All commands, as `monitor help` lists them.
pub const COMMANDS: &[Command] = &[
    help::COMMAND,
    reset::COMMAND,
    halt::COMMAND,
    resume::COMMAND,
    targets::COMMAND,
    boot::COMMAND,
    window::COMMAND,
    flash::COMMAND,
    loader::COMMAND,
    why::COMMAND,
    fault::COMMAND,
    rtt::COMMAND,
    semihosting::COMMAND,
    threads::COMMAND,
    memory::COMMAND,
    registers::COMMAND,
    maskisr::COMMAND,
    catch::COMMAND,
    power_cycle::COMMAND,
    delay::COMMAND,
    gdb_sync::COMMAND,
    version::COMMAND,
];

/// One monitor command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// How it is called; the first name is ours, the others are what other servers call it.
    pub names: &'static [&'static str],
    /// Arguments, as help shows them.
    pub usage: &'static str,
    /// One line.
    pub help: &'static str,
    /// Does it.
    pub run: fn(Arguments<'_>, &mut Session, &mut Console<'_>) -> Result<(), Fault>,
}

impl Command {
    /// Our name for it.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// The fault for arguments that it does not take.
    fn wrong(&self, arguments: Arguments<'_>) -> Fault {
        Refusal::Arguments {
            command: self.name(),
            arguments: arguments.text.to_owned(),
            usage: self.usage,
        }
        .into()
    }
}

/// What stands after a command's name.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    text: &'a str,
}

impl<'a> Arguments<'a> {
    /// Words.
    pub fn words(self) -> Vec<&'a str> {
        self.text.split_whitespace().collect()
    }
}

/// Runs the command that was typed, in whichever server's words. No command at all is `help`.
pub fn run(typed: &str, session: &mut Session, console: &mut Console<'_>) -> Result<(), Fault> {
    let typed = typed.trim();
    match dialect::translate(typed) {
        Typed::Command(command) => run_ours(&command, session, console),
        Typed::NotNeeded(why) => {
            say(console, [format!("nothing to do: {why}")]);
            Ok(())
        }
        Typed::Refused(instead) => Err(Refusal::OtherServers {
            command: typed.to_owned(),
            instead,
        }
        .into()),
    }
}

fn run_ours(typed: &str, session: &mut Session, console: &mut Console<'_>) -> Result<(), Fault> {
    let (name, text) = typed
        .split_once(char::is_whitespace)
        .map_or((typed, ""), |(name, text)| (name, text.trim()));
    let arguments = Arguments { text };
    if name.is_empty() {
        return (help::COMMAND.run)(arguments, session, console);
    }
    match find(name) {
        Some(command) => (command.run)(arguments, session, console),
        None => Err(Refusal::UnknownCommand {
            command: typed.to_owned(),
        }
        .into()),
    }
}

/// Runs a command for somebody without a console; what it said.
pub fn said_by(
    typed: &str,
    session: &mut Session,
    attendant: &mut dyn Attendant,
) -> Result<String, Fault> {
    let mut reader = Reader {
        said: String::new(),
        attendant,
    };
    run(typed, session, &mut Console::new(&mut reader))?;
    Ok(reader.said)
}

/// True for what a client that only looks may ask: it touches nothing.
pub fn is_for_everybody(typed: &str) -> bool {
    let name = typed
        .split_whitespace()
        .next()
        .unwrap_or(help::COMMAND.name());
    [help::COMMAND, why::COMMAND, version::COMMAND]
        .iter()
        .any(|command| command.names.contains(&name))
}

/// True for `monitor why`: each client has its own.
pub fn asks_why(typed: &str) -> bool {
    why::COMMAND.names.contains(&typed.trim())
}

/// The command that is called `name`.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.names.contains(&name))
}

/// Writes lines; the console takes everything.
fn say<T: fmt::Display>(console: &mut Console<'_>, lines: impl IntoIterator<Item = T>) {
    for line in lines {
        let _ = writeln!(console, "{line}");
    }
}
