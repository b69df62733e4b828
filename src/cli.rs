//! The command line: one file a subcommand, whose doc comment is its manual.

mod boot;
mod client_host;
mod config;
mod demo;
mod doctor;
mod exec;
mod explain;
mod fault;
mod flash;
mod gdbs;
mod gdbserver;
mod init;
mod loader;
mod loaders;
mod manual;
mod mishaps;
mod power;
mod probes;
mod progress;
mod rack;
mod run;
mod serve;
mod session;
mod target;
mod virtual_probe;
mod window;

use std::{io::IsTerminal, process::ExitCode};

use clap::{ArgAction, Parser, Subcommand};

use crate::{fault::Fault, session::Session};

/// Debug firmware that executes in place from external flash on STM32H7RS and STM32H7S.
#[derive(Debug, Parser)]
#[command(name = "xspi-gdb", version, propagate_version = true)]
struct Arguments {
    /// Say more on stderr: -v one line an operation, -vv the wire. RUST_LOG overrides it.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    #[command(name = "gdbserver")]
    GdbServer(gdbserver::GdbServer),
    Boot(boot::Boot),
    Flash(flash::Flash),
    Window(window::Window),
    Fault(fault::Explanation),
    Loader(loader::Loader),
    Doctor(doctor::Doctor),
    Init(init::Init),
    Run(run::Run),
    Exec(exec::Exec),
    Session(session::SessionCommand),
    Probes(probes::Probes),
    Explain(explain::Explain),
    Completions(manual::Completions),
    #[command(hide = true)]
    Man(manual::Man),
}

/// Whether a client writes to our terminal too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Screen {
    /// Nobody else does: the log tells what happens.
    Ours,
    /// Nobody else does, and the command prints the faults of its session itself.
    Command,
    /// A client does: what it shows of our faults is enough.
    Shared,
}

impl Command {
    fn screen(&self) -> Screen {
        match self {
            Self::Demo(_) | Self::Exec(_) => Screen::Shared,
            Self::Serve(_) | Self::GdbServer(_) => Screen::Ours,
            _ => Screen::Command,
        }
    }
}

/// Why a command ended without success.
#[derive(Debug)]
pub enum Failure {
    /// An explained fault.
    Fault(Fault),
    /// Something of this machine: a file, a socket, a process.
    Other(anyhow::Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// What a command returns: the exit code when it did what was asked.
pub type Outcome = Result<ExitCode, Failure>;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_stderr(arguments.verbose, arguments.command.screen());
    let outcome = match arguments.command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::GdbServer(command) => command.run(),
        Command::Boot(command) => command.run(),
        Command::Flash(command) => command.run(),
        Command::Window(command) => command.run(),
        Command::Fault(command) => command.run(),
        Command::Loader(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Init(command) => command.run(),
        Command::Run(command) => command.run(),
        Command::Exec(command) => command.run(),
        Command::Session(command) => command.run(),
        Command::Probes(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    outcome.unwrap_or_else(|failure| {
        match failure {
            Failure::Fault(fault) => eprintln!("error: {fault}"),
            Failure::Other(error) => eprintln!("error: {error:#}"),
        }
        ExitCode::from(3)
    })
}

/// What the session has to tell beside the answer; a boot stage that did not start the appli is worth a line too.
fn print_notices(session: &mut Session) {
    print_console(session);
    if let Some(fault) = session.boot_fault() {
        eprintln!("notice: the appli was not started: {fault}");
    }
}

/// What is worth knowing of what was done, also where it failed.
fn print_console(session: &mut Session) {
    for line in session.take_console() {
        eprintln!("notice: {line}");
    }
}

/// Logs go to stderr, so that stdout holds what was asked for and nothing else.
fn log_to_stderr(verbose: u8, screen: Screen) {
    let default = match (verbose, screen) {
        (0, Screen::Shared) => "error",
        (0, Screen::Ours) => "warn,xspi_gdb=info,probe_rs=error",
        (0, Screen::Command) => "warn,xspi_gdb::session=error,probe_rs=error",
        (1, _) => "info,xspi_gdb=debug,virtual_board=debug",
        _ => "debug,xspi_gdb=trace,virtual_board=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        // It would be written to stderr, which is what failed, and end the thread.
        .log_internal_errors(false)
        .init();
}
