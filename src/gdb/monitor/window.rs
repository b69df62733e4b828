//! `monitor window`: state of each window, and why it is closed.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, gdb::events::Event, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["window"],
    usage: "",
    help: "state of each XSPI window",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    for window in verbs::windows(session)? {
        let text = window.to_string();
        out.events().tell(&Event::Window { text: &text });
        super::say(out, [text]);
    }
    Ok(())
}
