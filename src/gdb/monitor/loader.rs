//! `monitor loader`: what programs each NOR window, and what it says of itself.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["loader"],
    usage: "",
    help: "what programs each NOR window: device, sectors, functions, RAM",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    super::say(out, verbs::loaders(session)?);
    Ok(())
}
