//! `monitor flash`: programs what differs of a file, verifies, and arms the board; `load` for files that GDB cannot read.

use std::path::PathBuf;

use super::{Arguments, Command, Console};
use crate::{fault::Fault, gdb::events::Event, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["flash"],
    usage: "[FILE]",
    help: "programs what differs of FILE, or of the appli, and arms the board",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let appli = session.settings().appli.clone();
    let file = match arguments.text {
        "" => appli.ok_or_else(|| COMMAND.wrong(arguments))?,
        path => PathBuf::from(path),
    };
    let report = verbs::flash(session, &[file], &mut out.meanwhile())?;
    out.events().tell(&Event::load(&report));
    super::say(out, [report]);
    Ok(())
}
