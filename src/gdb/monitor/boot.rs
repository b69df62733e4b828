//! `monitor boot`: where the boot stage is and why, or through it to the appli.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["boot"],
    usage: "[status|arm [--reset-nor]]",
    help: "what the chip shows of its boot stage; `arm`: run it to the appli or fail, after a reset of the NOR's protocol if asked",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    match arguments.words().as_slice() {
        [] | ["status"] => {
            let status = verbs::boot_status(session)?;
            super::say(out, [status]);
        }
        ["arm", options @ ..] if options.iter().all(|option| *option == "--reset-nor") => {
            if !options.is_empty() {
                verbs::reset_nor(session)?;
            }
            let armed = verbs::arm(session, &mut out.meanwhile())?;
            super::say(
                out,
                [format!(
                    "halted at the appli's first instruction, {}",
                    armed.entry
                )],
            );
            super::say(out, armed.notices);
        }
        _ => return Err(COMMAND.wrong(arguments)),
    }
    Ok(())
}
