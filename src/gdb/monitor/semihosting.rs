//! `monitor semihosting`: whether the program's semihosting calls are served, in the words of OpenOCD, pyOCD and J-Link too.

use super::{Arguments, Command, Console};
use crate::{
    fault::Fault,
    semihosting::{Host, Options},
    session::Session,
};

pub const COMMAND: Command = Command {
    names: &["semihosting", "arm"],
    usage: "[on|off|gdb] | cmdline WORDS",
    help: "who serves semihosting calls: the server (console, files in --semihosting-dir), nobody, or this GDB; what the program gets for arguments",
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
        // OpenOCD's word for GDB's own File-I/O.
        ["semihosting_fileio", rest @ ..] => match rest {
            [] | ["enable"] => session.serve_semihosting_by(Host::Clients),
            ["disable"] => session.serve_semihosting_by(Host::Ours),
            _ => Err(COMMAND.wrong(arguments)),
        },
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
            let told = told(session);
            super::say(out, told);
            Ok(())
        }
        ["on"] => session.serve_semihosting_by(Host::Ours),
        ["gdb"] => session.serve_semihosting_by(Host::Clients),
        // J-Link names the vector that is caught. OpenOCD's File-I/O stays on beside it.
        ["enable", ..] => {
            let host = session.semihosting_host();
            session.serve_semihosting_by(host)
        }
        ["off" | "disable"] => {
            session.refuse_semihosting();
            Ok(())
        }
        _ => Err(COMMAND.wrong(arguments)),
    }
}

fn told(session: &Session) -> Vec<String> {
    if !session.serves_semihosting() {
        return vec!["semihosting is not served: a call stops the program".to_owned()];
    }
    match (session.semihosting_host(), session.semihosting_options()) {
        (Host::Clients, _) => vec![
            "semihosting is served by the GDB that controls: its console, and files where it runs"
                .to_owned(),
        ],
        (Host::Ours, Options { directory, .. }) => {
            let files = match directory {
                Some(path) => format!("files of the program are in {}", path.display()),
                None => "the program has no files: --semihosting-dir names a directory for them"
                    .to_owned(),
            };
            vec!["semihosting is served".to_owned(), files]
        }
    }
}
