//! `monitor halt`: debug state, where the core is now.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["halt"],
    usage: "",
    help: "halts the core where it is",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    let stop = session.halt()?;
    super::say(out, [format!("halted at {}", stop.pc)]);
    Ok(())
}
