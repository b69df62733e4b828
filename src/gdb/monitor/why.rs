//! `monitor why`: the last fault, with its causes and what to do.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["why"],
    usage: "[all]",
    help: "the last fault, its causes and its remedy; all that are kept",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let journal = session.journal();
    match arguments.words().as_slice() {
        [] => match journal.last() {
            Some(fault) => super::say(out, [fault]),
            None => super::say(out, ["nothing has gone wrong"]),
        },
        ["all"] => super::say(out, journal.iter()),
        _ => return Err(COMMAND.wrong(arguments)),
    }
    journal.take_unshown();
    Ok(())
}
