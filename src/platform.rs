//! What differs between operating systems, in one place: how a program is asked to end, how an ended one is told of, how a client's errors come
//! to stdout, what runs a command line, what makes a script executable, and who may open a probe. Everything else is the standard library's and
//! tokio's.
//!
//! Windows has no SIGTERM: Ctrl-Break is what another program can send in its place, and a console that is closed stands for a terminal
//! that hangs up (Microsoft, "Console Control Handlers"). A program there always ends with a code.

use std::io;

pub use system::{
    Hangup, Interrupt, MAY_NOT_OPEN_PROBE, RUNS_SCRIPTS, Terminate, exit_code, make_executable,
    shell, stdout,
};

/// Catches requests to end, from now on.
pub fn terminate() -> io::Result<Terminate> {
    system::terminate()
}

/// Catches Ctrl-C, from now on.
pub fn interrupt() -> io::Result<Interrupt> {
    system::interrupt()
}

/// Catches the end of the terminal, from now on.
pub fn hangup() -> io::Result<Hangup> {
    system::hangup()
}

#[cfg(unix)]
mod system {
    use std::{
        io,
        os::{
            fd::AsFd as _,
            unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
        },
        path::Path,
        process::{ExitStatus, Stdio},
    };

    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// SIGTERM.
    pub type Terminate = Signal;
    /// SIGINT.
    pub type Interrupt = Signal;
    /// SIGHUP.
    pub type Hangup = Signal;

    /// What to do about a probe that cannot be opened. Systems without udev have no such rule, and need none.
    pub const MAY_NOT_OPEN_PROBE: &str = "end the program that has it, or allow your user to open it: \
         `sudo cp docs/70-xspi-gdb.rules /etc/udev/rules.d/ && sudo udevadm control --reload`, then plug it in again";

    /// A shell's exit code for a process that a signal ended is this and the signal.
    const ENDED_BY_SIGNAL: i32 = 128;

    pub(super) fn terminate() -> io::Result<Terminate> {
        signal(SignalKind::terminate())
    }

    pub(super) fn interrupt() -> io::Result<Interrupt> {
        signal(SignalKind::interrupt())
    }

    pub(super) fn hangup() -> io::Result<Hangup> {
        signal(SignalKind::hangup())
    }

    /// The exit code of an ended program as a shell would give it.
    pub fn exit_code(status: ExitStatus) -> u8 {
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| ENDED_BY_SIGNAL + signal))
            .and_then(|code| u8::try_from(code).ok());
        code.unwrap_or(u8::MAX)
    }

    /// A script with a first line that names its shell can be run.
    pub const RUNS_SCRIPTS: bool = true;

    /// Lets a script be run by whoever may read it.
    pub fn make_executable(path: &Path) -> io::Result<()> {
        const RUN: u32 = 0o111;
        let mut permissions = path.metadata()?.permissions();
        permissions.set_mode(permissions.mode() | RUN);
        std::fs::set_permissions(path, permissions)
    }

    /// A command line of the user's, for the system's shell.
    pub fn shell(command: &str) -> std::process::Command {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", command]);
        shell
    }

    /// Our stdout, for another program to write to.
    pub fn stdout() -> io::Result<Stdio> {
        Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_program_ends_as_a_shell_would_say() {
            assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
            assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
        }
    }
}

#[cfg(windows)]
mod system {
    use std::{
        io,
        os::windows::io::AsHandle as _,
        path::Path,
        process::{ExitStatus, Stdio},
    };

    use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

    /// Ctrl-Break.
    pub type Terminate = CtrlBreak;
    /// Ctrl-C.
    pub type Interrupt = CtrlC;
    /// The console is closed.
    pub type Hangup = CtrlClose;

    pub(super) fn terminate() -> io::Result<Terminate> {
        ctrl_break()
    }

    pub(super) fn interrupt() -> io::Result<Interrupt> {
        ctrl_c()
    }

    pub(super) fn hangup() -> io::Result<Hangup> {
        ctrl_close()
    }

    /// What to do about a probe that cannot be opened.
    pub const MAY_NOT_OPEN_PROBE: &str = "end the program that has it, or install its driver: ST-LINK's comes with STM32CubeProgrammer";

    /// A script needs a shell to be named.
    pub const RUNS_SCRIPTS: bool = false;

    /// Files need no mark to be run.
    pub fn make_executable(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    /// The exit code of an ended program; one that does not fit becomes 255.
    pub fn exit_code(status: ExitStatus) -> u8 {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        code.unwrap_or(u8::MAX)
    }

    /// A command line of the user's, for the system's shell.
    pub fn shell(command: &str) -> std::process::Command {
        let mut shell = std::process::Command::new("cmd");
        shell.args(["/C", command]);
        shell
    }

    /// Our stdout, for another program to write to.
    pub fn stdout() -> io::Result<Stdio> {
        Ok(io::stdout().as_handle().try_clone_to_owned()?.into())
    }
}
