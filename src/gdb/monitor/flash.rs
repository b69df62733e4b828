//! `monitor flash`: programs what differs of a file, verifies, and arms the board; `load` for files that GDB cannot read. `plan` and
//! `verify` only look.

use std::path::PathBuf;

use super::{Arguments, Command, Console};
use crate::{fault::Fault, gdb::events::Event, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["flash"],
    usage: "[plan|verify] [FILE]",
    help: "programs what differs of FILE, or of the appli, and arms the board; `plan` and `verify` only look",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let appli = session.settings().appli.clone();
    let (verb, rest) = match arguments.text.split_once(' ') {
        Some((verb @ ("plan" | "verify"), rest)) => (verb, rest.trim()),
        None if matches!(arguments.text, "plan" | "verify") => (arguments.text, ""),
        _ => ("program", arguments.text),
    };
    let file = match rest {
        "" => appli.ok_or_else(|| COMMAND.wrong(arguments))?,
        path => PathBuf::from(path),
    };
    match verb {
        "plan" => {
            super::say(out, [verbs::plan(session, &[file])?]);
            return Ok(());
        }
        "verify" => {
            let comparison = verbs::compare(session, &[file])?;
            super::say(out, [&comparison]);
            return Ok(comparison.verified()?);
        }
        _ => {}
    }
    let report = verbs::flash(session, &[file], &mut out.meanwhile())?;
    out.events().tell(&Event::load(&report));
    super::say(out, [report]);
    Ok(())
}
