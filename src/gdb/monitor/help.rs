//! `monitor help`: every command with its line.

use std::fmt::Write as _;

use super::{Arguments, COMMANDS, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["help"],
    usage: "",
    help: "this list",
    run,
};

fn run(_: Arguments<'_>, _: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    for command in COMMANDS {
        let call = format!("{} {}", command.name(), command.usage);
        let _ = writeln!(out, "{:<42} {}", call.trim_end(), command.help);
    }
    Ok(())
}
