//! `monitor semihosting`: whether the program's semihosting calls are served, in the words of OpenOCD, pyOCD and J-Link too.

use super::{Arguments, Command, Console};
use crate::{fault::Fault, semihosting::Options, session::Session};

pub const COMMAND: Command = Command {
    names: &["semihosting", "arm"],
    usage: "[on|off] | cmdline WORDS",
    help: "whether semihosting calls are served: console, files (--semihosting-dir), exit; what the program gets for arguments",
    run,
};

fn run(
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    let words = arguments.words();
    // OpenOCD says `arm semihosting enable`, and `arm semihosting_cmdline WORDS`.
    match words.as_slice() {
        ["semihosting", rest @ ..] => serve(rest, arguments, session, out),
        ["semihosting_cmdline", rest @ ..] | ["cmdline", rest @ ..] => {
            let command_line = rest.join(" ");
            session.set_semihosting_command_line(command_line);
            Ok(())
        }
        // A second BKPT to stop at, and traps of other cores: nothing to set here.
        ["semihosting_resexit", ..] | ["thumbswi" | "ThumbSWI" | "armswi" | "ARMSWI", ..] => Ok(()),
        rest => serve(rest, arguments, session, out),
    }
}

fn serve(
    words: &[&str],
    arguments: Arguments<'_>,
    session: &mut Session,
    out: &mut Console<'_>,
) -> Result<(), Fault> {
    match words {
        [] => {
            let told = told(session.semihosting_options(), session.serves_semihosting());
            super::say(out, told);
            Ok(())
        }
        // J-Link names the vector that is caught.
        ["on" | "enable", ..] => {
            let options = session.semihosting_options().clone();
            session.serve_semihosting(options)
        }
        ["off" | "disable"] => {
            session.refuse_semihosting();
            Ok(())
        }
        _ => Err(COMMAND.wrong(arguments)),
    }
}

fn told(options: &Options, serves: bool) -> Vec<String> {
    let state = if serves {
        "semihosting is served"
    } else {
        "semihosting is not served: a call stops the program"
    };
    let files = match &options.directory {
        Some(path) => format!("files of the program are in {}", path.display()),
        None => "the program has no files: --semihosting-dir names a directory for them".to_owned(),
    };
    vec![state.to_owned(), files]
}
