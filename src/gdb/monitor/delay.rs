//! `monitor delay`: waits, as Eclipse's launch configurations ask for.

use std::time::Duration;

use super::{Arguments, Command, Console};
use crate::{fault::Fault, session::Session};

pub const COMMAND: Command = Command {
    names: &["delay", "sleep"],
    usage: "MS",
    help: "waits so many milliseconds, at most a minute",
    run,
};

/// Nobody means to wait longer.
const LONGEST: u64 = 60_000;

/// Between two looks at whether the server shall end.
const SLICE: u64 = 20;

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let milliseconds = match arguments.words().as_slice() {
        [text] => text.parse::<u64>().ok().filter(|wait| *wait <= LONGEST),
        _ => None,
    };
    let Some(mut left) = milliseconds else {
        return Err(COMMAND.wrong(arguments));
    };
    while left > 0 && !out.is_ending() {
        let slice = left.min(SLICE);
        session.idle(Duration::from_millis(slice))?;
        left -= slice;
    }
    Ok(())
}
