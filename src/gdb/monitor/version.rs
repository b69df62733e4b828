//! `monitor version`: ours.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["version"],
    usage: "",
    help: "version of the server, board it serves",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    let board = &session.settings().profile.name;
    super::say(
        out,
        [format!("xspi-gdb {} on {board}", env!("CARGO_PKG_VERSION"))],
    );
    Ok(())
}
