//! `monitor catch`: whether the core halts when it takes a fault (vector catch, ARM ARM C1.6.5, DEMCR).

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["catch"],
    usage: "[on|off]",
    help: "whether HardFault, BusFault, UsageFault and MemManage stop the core",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    match arguments.words().as_slice() {
        [] => {
            let state = if session.catches_faults() {
                "on"
            } else {
                "off"
            };
            super::say(out, [format!("catch {state}")]);
            Ok(())
        }
        ["on"] => session.set_catch_faults(true),
        ["off"] => session.set_catch_faults(false),
        _ => Err(COMMAND.wrong(arguments)),
    }
}
