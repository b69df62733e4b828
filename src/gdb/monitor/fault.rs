//! `monitor fault`: the core's fault explained: what, where, the instruction and its registers, who called.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["fault"],
    usage: "",
    help: "the fault that the core is halted at: what, where, the instruction, its registers, backtrace",
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
    match verbs::fault(session)? {
        Some(report) => super::say(out, report.to_string().lines()),
        None => super::say(
            out,
            ["the core is in no fault; `monitor why` has the last one"],
        ),
    }
    Ok(())
}
