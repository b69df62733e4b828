//! `xspi-gdb session`: a headless session from a file.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use virtual_board::handle::VirtualBoard;

use super::{
    Outcome,
    progress::{Form, Watcher},
    target::Target,
};
use crate::{
    fault::Fault,
    gdb::monitor,
    link::Attendant,
    script::{self, Host, Line, Script, junit, report::Summary},
    session::{Leave, Session},
};

/// What is wrong with the command line or the session's file ends a session before it begins.
const USAGE: u8 = 2;

/// Run a headless session: steps from a JSON file, one after the other.
///
/// Ends with 0 if every step held, 1 if an expectation failed, 2 if the file is no session (nothing is done to the target then), 3 at a
/// fault, 4 if a step timed out, 130 after Ctrl-C or SIGTERM. The core is left as the last step left it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb session smoke.json --probe virtual --virtual-state board.state
  xspi-gdb session smoke.json --json --junit report.xml --appli build/appli.elf

docs/headless.md describes the steps; docs/session.schema.json is the schema of the file.")]
pub struct SessionCommand {
    /// The session.
    file: PathBuf,
    /// One JSON object a line on stdout: one for each step, and one at the end.
    #[arg(long)]
    json: bool,
    /// A report for CI systems: JUnit XML, a test case a step.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

impl SessionCommand {
    /// Runs it.
    pub(super) fn run(self) -> Outcome {
        let script = match Script::read(&self.file) {
            Ok(script) => script,
            Err(error) => return Ok(usage(&error.into())),
        };
        // A report that cannot be written is told before the session, not behind it.
        let report = match &self.junit {
            Some(path) => {
                let cannot = || format!("cannot write {}", path.display());
                Some(File::create(path).with_context(cannot)?)
            }
            None => None,
        };
        let summary = match self.play(&script)? {
            Ok(summary) => summary,
            Err(refused) => return Ok(refused),
        };
        if let Some(file) = report {
            junit::write(&summary, file).context("cannot write the JUnit report")?;
        }
        Ok(ExitCode::from(summary.exit_code))
    }

    /// The session as it went, or the exit code of what cannot be begun.
    fn play(&self, script: &Script) -> Result<Result<Summary, ExitCode>, super::Failure> {
        let mut player = Player {
            watcher: Watcher::new(Form::Bar)?,
            began: Instant::now(),
            board: None,
            json: self.json,
        };
        let opened = match self.target.clone().unattended().open() {
            Ok(opened) => opened,
            Err(fault) => return Ok(Ok(player.without_session(script, fault))),
        };
        if let Err(error) = script.check(&opened.settings) {
            return Ok(Err(usage(&error.into())));
        }
        player.board.clone_from(&opened.board);
        let mut session = match opened.session() {
            Ok(session) => session,
            Err(fault) => return Ok(Ok(player.without_session(script, fault))),
        };
        let summary = script::run(script, &mut session, &mut player);
        let leave = match session.is_halted() {
            true => Leave::Halted,
            false => Leave::Running,
        };
        // A link that is lost has been told by the step that lost it.
        if let Err(fault) = session.close(leave) {
            tracing::warn!("{fault}");
        }
        player.tell(&Line::End(&summary));
        Ok(Ok(summary))
    }
}

fn usage(fault: &Fault) -> ExitCode {
    eprintln!("error: {fault}");
    ExitCode::from(USAGE)
}

/// Whoever runs the session: the command line.
struct Player {
    watcher: Watcher,
    began: Instant,
    /// Its clock is the target's.
    board: Option<VirtualBoard>,
    json: bool,
}

impl Player {
    fn without_session(&mut self, script: &Script, fault: Fault) -> Summary {
        let summary = script::not_run(script, fault);
        for step in &summary.steps {
            self.tell(&Line::Step(step));
        }
        self.tell(&Line::End(&summary));
        summary
    }
}

impl Host for Player {
    fn now(&self) -> Duration {
        match &self.board {
            Some(board) => board.with(|board| board.now()).into(),
            None => self.began.elapsed(),
        }
    }

    fn attendant(&mut self) -> &mut dyn Attendant {
        &mut self.watcher
    }

    fn is_interrupted(&self) -> bool {
        self.watcher.is_cancelled()
    }

    fn forget_interruption(&mut self) {
        self.watcher.forget_cancellation();
    }

    fn monitor(&mut self, command: &str, session: &mut Session) -> Result<String, Fault> {
        monitor::said_by(command, session, &mut self.watcher)
    }

    fn tell(&mut self, line: &Line<'_>) {
        self.watcher.finish();
        let mut out = io::stdout().lock();
        let written = match self.json {
            true => serde_json::to_string(line)
                .map_err(io::Error::from)
                .and_then(|text| writeln!(out, "{text}")),
            false => writeln!(out, "{line}"),
        };
        // Whoever started us may have closed stdout: the session goes on, and its exit code tells.
        if let Err(error) = written.and_then(|()| out.flush()) {
            tracing::debug!(%error, "nobody reads the lines");
        }
    }
}
