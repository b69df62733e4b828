//! `xspi-gdb doctor`: what stands between this machine, this board and a debug session, each finding with its remedy.

use std::{
    fmt::Display,
    net::{Ipv4Addr, TcpListener},
    process::{Command, ExitCode},
};

use super::{Outcome, target::Target};
use crate::{
    fault::Fault,
    gdb::server::DEFAULT_PORT,
    link::probe,
    session::{Leave, OnAttach, Session},
    stage::StageError,
    verbs,
};

/// Debuggers that know the Cortex-M7, as distributions and vendors call them.
const DEBUGGERS: [&str; 3] = ["gdb-multiarch", "arm-none-eabi-gdb", "gdb"];

/// Look at everything that a debug session needs: GDB, probes, board, loaders, boot stage, windows.
///
/// The core is halted for a moment; nothing is reset, nothing is programmed. The exit code is 1 if something is in the way.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb doctor --probe virtual
  xspi-gdb doctor --probe 0483:3754 --board stm32h7s78-dk --loader build/ExtMemLoader.elf")]
pub struct Doctor {
    #[command(flatten)]
    target: Target,
}

/// What was found, told at once.
#[derive(Debug, Default)]
struct Findings {
    faults: u32,
}

impl Findings {
    fn good(&self, what: &str, finding: impl Display) {
        for line in finding.to_string().lines() {
            println!("ok     {what:<10} {line}");
        }
    }

    fn note(&self, what: &str, finding: impl Display) {
        println!("note   {what:<10} {finding}");
    }

    fn bad(&mut self, what: &str, finding: impl Display, remedy: impl Display) {
        self.faults += 1;
        println!("fault  {what:<10} {finding}");
        println!("       {:<10} remedy: {remedy}", "");
    }

    fn fault(&mut self, what: &str, fault: &Fault) {
        let code = fault.code.name();
        self.bad(
            what,
            format_args!("{code} {}", fault.headline),
            &fault.remedy,
        );
    }
}

impl Doctor {
    /// Does it.
    pub fn run(self) -> Outcome {
        let mut findings = Findings::default();
        look_for_gdb(&mut findings);
        look_for_probes(&findings);
        look_at_port(&findings);
        if let Err(fault) = self.look_at_board(&mut findings) {
            findings.fault("board", &fault);
        }
        Ok(match findings.faults {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(1),
        })
    }

    fn look_at_board(self, findings: &mut Findings) -> Result<(), Fault> {
        let mut opened = self.target.open()?;
        opened.settings.on_attach = OnAttach::Run;
        let profile = &opened.settings.profile;
        findings.good("board", format_args!("{}, {}", profile.name, profile.chip));
        let mut session = opened.session()?;
        let was_running = !session.is_halted();
        session.halt()?;
        look_at_loaders(&session, findings)?;
        look_at_boot_stage(&mut session, findings)?;
        for window in verbs::windows(&mut session)? {
            findings.note("window", window);
        }
        for line in session.take_console() {
            findings.note("notice", line);
        }
        session.close(match was_running {
            true => Leave::Running,
            false => Leave::Halted,
        })
    }
}

fn look_for_gdb(findings: &mut Findings) {
    let version = |program: &&str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let first = text.lines().next().filter(|_| output.status.success())?;
        Some(format!("{program}: {first}"))
    };
    match DEBUGGERS.iter().find_map(version) {
        Some(found) => findings.good("gdb", found),
        None => findings.bad(
            "gdb",
            "no GDB is found in PATH",
            "install gdb-multiarch (Debian, Ubuntu), or the GNU Arm toolchain's arm-none-eabi-gdb",
        ),
    }
}

fn look_for_probes(findings: &Findings) {
    let found = probe::list();
    for probe in &found {
        findings.good("probe", format_args!("{} {}", probe.selector, probe.name));
    }
    if found.is_empty() {
        findings.note(
            "probe",
            "none but the virtual one: a real one has to be plugged in, and docs/real-board.md has the udev rule",
        );
    }
}

fn look_at_port(findings: &Findings) {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, DEFAULT_PORT)) {
        Ok(_) => findings.good("port", format_args!("{DEFAULT_PORT} is free")),
        Err(error) => findings.note(
            "port",
            format_args!("{DEFAULT_PORT}: {error}; `serve --port 0` takes any that is free"),
        ),
    }
}

fn look_at_loaders(session: &Session, findings: &mut Findings) -> Result<(), Fault> {
    for report in verbs::loaders(session)? {
        let (window, loader) = (&report.window, &report.description);
        findings.good("loader", format_args!("{window} by {}", loader.name));
        for conflict in &loader.conflicts {
            findings.bad(
                "loader",
                conflict,
                format_args!(
                    "`xspi-gdb loader info {}` shows the whole of it",
                    loader.name
                ),
            );
        }
    }
    Ok(())
}

fn look_at_boot_stage(session: &mut Session, findings: &mut Findings) -> Result<(), Fault> {
    let status = verbs::boot_status(session)?.status;
    match status.finding {
        Some(finding) => findings.fault("boot stage", &StageError::from(finding).into()),
        None => findings.good("boot stage", status.boot),
    }
    Ok(())
}
