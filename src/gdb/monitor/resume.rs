//! `monitor resume`: lets the core run, of which GDB learns nothing; for scripts that end with it.

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    session::{Resumed, Session},
};

pub const COMMAND: Command = Command {
    names: &["resume", "go"],
    usage: "",
    help: "lets the core run behind GDB's back; `continue` does it before its eyes",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    if !session.is_halted() {
        return Ok(());
    }
    match session.resume()? {
        Resumed::Running => {}
        Resumed::Stopped(stop) | Resumed::Refused(stop) => {
            super::say(out, stop.console);
            super::say(out, [format!("halted at {}", stop.pc)]);
        }
    }
    Ok(())
}
