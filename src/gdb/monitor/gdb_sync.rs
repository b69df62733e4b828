//! `monitor gdb_sync`: cortex-debug sends it to OpenOCD before a `stepi` that makes GDB read the registers again. Our steps
//! report the registers as they are, so there is nothing to do.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["gdb_sync"],
    usage: "",
    help: "nothing to do here; kept for launch configurations made for OpenOCD",
    run,
};

fn run(_: Arguments<'_>, _: &mut Session, _: &mut Console<'_>) -> Result<(), Fault> {
    Ok(())
}
