//! `monitor targets`: the one target that there is, and whether it runs; what scans of other servers are answered with.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &[
        "targets",
        "target",
        "poll",
        "status",
        "scan_chain",
        "swdp_scan",
        "jtag_scan",
        "auto_scan",
    ],
    usage: "",
    help: "the target, and whether it runs",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    let state = if session.is_halted() {
        format!("halted at {}", session.last_stop().pc)
    } else {
        "running".to_owned()
    };
    let board = &session.settings().profile.name;
    super::say(out, [format!("1: Cortex-M7 of {board}, {state}")]);
    Ok(())
}
