//! `monitor reset`: through the boot stage to the appli, or as far as asked; in any server's words.
//!
//! Every client resets before it downloads, onto a blank NOR or an old appli. So a boot stage that does not arrive is told and
//! is no failure of the command (see [`Session::reset`]).

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    gdb::events::Event,
    session::{ResetKind, Session},
    verbs,
};

pub const COMMAND: Command = Command {
    names: &["reset", "jtag_reset"],
    usage: "[halt|init|core|hardware|0|boot|run]",
    help: "to the appli's first instruction; `boot`: halted in the boot stage; `run`: runs",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let kind = match arguments.words().as_slice() {
        // OpenOCD and pyOCD, Black Magic and ST, SEGGER (a number is its reset strategy).
        []
        | ["halt" | "init" | "core" | "hardware" | "system" | "arm" | "0" | "1" | "2" | "-halt"] => {
            ResetKind::Arm
        }
        ["boot"] => ResetKind::Boot,
        ["run"] => ResetKind::Run,
        _ => return Err(COMMAND.wrong(arguments)),
    };
    let outcome = verbs::reset(session, kind, &mut out.meanwhile())?;
    if kind == ResetKind::Arm {
        out.events().tell(&Event::Boot {
            armed: session.boot_fault().is_none(),
            text: &outcome.console,
        });
    }
    super::say(out, outcome.console);
    // What was said holds the fault that the next resume would run into.
    session.journal().take_unshown();
    Ok(())
}
