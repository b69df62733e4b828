//! `monitor threads`: the threads of the appli's kernel, with what each is at.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session, verbs};

pub const COMMAND: Command = Command {
    names: &["threads"],
    usage: "",
    help: "threads of FreeRTOS, ThreadX, Zephyr or Embassy",
    run,
};

fn run(_: Arguments<'_>, session: &mut Session, out: &mut Console<'_>) -> Result<(), Fault> {
    super::say(out, [verbs::threads(session)?]);
    Ok(())
}
