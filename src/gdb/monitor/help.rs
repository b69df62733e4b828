//! `monitor help`: every command with its line, and what words of other servers mean here.

use std::fmt::Write as _;

use super::{
    Arguments, COMMANDS, Command, Console,
    dialect::{Meaning, PHRASES},
};
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
    let _ = writeln!(out, "words of other servers:");
    for phrases in PHRASES {
        let said = phrases.said.join(", ");
        let _ = match phrases.meaning {
            Meaning::Ours(command) => writeln!(out, "  {said}: `{command}`"),
            Meaning::NotNeeded(why) => writeln!(out, "  {said}: accepted; {why}"),
            Meaning::Refused(instead) => writeln!(out, "  {said}: refused; {instead}"),
        };
    }
    Ok(())
}
