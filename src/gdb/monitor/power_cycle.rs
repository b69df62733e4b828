//! `monitor power-cycle`: what no reset reaches begins anew.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["power-cycle"],
    usage: "",
    help: "switches the board off and on, by --power-cycle-cmd; a virtual board does it by itself",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    if !arguments.words().is_empty() {
        return Err(COMMAND.wrong(arguments));
    }
    verbs::power_cycle(session)?;
    let state = if session.is_halted() {
        "the board was switched off and on, and its core is halted"
    } else {
        "the board was switched off and on, and its core runs"
    };
    super::say(out, [state.to_owned()]);
    Ok(())
}
