//! `--power-cycle-cmd`: how a board is switched off and on, and found again.

use std::{
    process::{ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tokio::{process::Command, time::timeout};
use virtual_board::handle::VirtualBoard;

use crate::{
    fault::{Code, Explain, Fault},
    link::{
        Link, connect,
        probe::{ProbeLink, ProbeSettings},
        trace::Trace,
    },
    platform,
    session::{PowerSwitch, in_vain},
};

use super::rack;

/// What switches a board does not take longer.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// A probe that lost its power with the board is found again within this time.
const RETURN_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(100);

/// Who switches a board off and on where that is the remedy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PowerCycle {
    /// You do, or a step or command of yours: a hung unit keeps its evidence.
    #[default]
    Manual,
    /// `run`, `session`, `flash` and `boot arm` do, once, and try again. Servers leave it to `monitor power-cycle`.
    Auto,
}

/// How a link is made, as often as it has to be.
pub struct Connector {
    /// The probe, if it is a real one.
    pub probe: Option<String>,
    /// SWD clock.
    pub speed_khz: Option<u32>,
    /// Connect while nRST is asserted.
    pub under_reset: bool,
    /// How long another process is waited for that has the probe.
    pub patience: Duration,
    /// The virtual board and what selects its probe.
    pub board: Option<(VirtualBoard, String)>,
}

impl Connector {
    /// Connects.
    pub fn connect(&self, trace: Option<Trace>) -> Result<ProbeLink, Fault> {
        let (speed_khz, under_reset) = (self.speed_khz, self.under_reset);
        if let Some((board, selector)) = &self.board {
            let clock = Box::new(board.clone());
            return Ok(ProbeLink::open(ProbeSettings {
                selector: Some(selector.clone()),
                speed_khz,
                under_reset,
                clock: Some(clock),
                trace,
                claim: None,
            })?);
        }
        let lock = rack::claim(self.probe.as_deref(), self.patience)?;
        Ok(ProbeLink::open(ProbeSettings {
            selector: self.probe.clone(),
            speed_khz,
            under_reset,
            clock: None,
            trace,
            claim: lock.map(|lock| Box::new(lock) as _),
        })?)
    }

    /// The probe is there: what does not answer is the board behind it.
    fn finds_probe(&self) -> bool {
        let selector = match &self.board {
            Some((_, selector)) => Some(selector),
            None => self.probe.as_ref(),
        };
        connect::list().iter().any(|found| {
            let named = selector.map(|one| one.to_ascii_lowercase());
            named.is_none_or(|named| found.selector.to_ascii_lowercase().starts_with(&named))
        })
    }
}

/// The board was not switched.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// It is to be switched, and nobody said how.
    #[error(
        "--power-cycle auto needs a command that switches the board off and on, and none is given"
    )]
    NoCommand,
    /// The shell is not there.
    #[error("`{command}` cannot be run")]
    Start {
        /// The command.
        command: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It did not end.
    #[error("`{command}` was still running after {COMMAND_LIMIT:?}")]
    Late {
        /// The command.
        command: String,
    },
    /// It says that it failed.
    #[error("`{command}` ended with {status}: {said}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
}

impl Explain for PowerError {
    fn code(&self) -> Code {
        Code::XG137
    }
}

/// What switches the board of a session.
pub struct Switch {
    /// The user's command.
    pub command: Option<String>,
    /// How the board is reached again.
    pub connector: Connector,
}

impl Switch {
    /// Connects. A board that does not answer is switched off and on if the session `may` do that by itself, which it then has done: the
    /// fault says why.
    pub fn connect(
        &self,
        trace: Option<Trace>,
        may: bool,
    ) -> Result<(ProbeLink, Option<Fault>), Fault> {
        let fault = match self.connector.connect(trace) {
            Ok(link) => return Ok((link, None)),
            Err(fault) => fault,
        };
        let is_silent = matches!(fault.code, Code::XG001 | Code::XG005 | Code::XG009);
        if !(may && is_silent && self.connector.finds_probe()) {
            return Err(fault);
        }
        self.switch()?;
        let link = self.reconnect().map_err(in_vain)?;
        Ok((link, Some(fault)))
    }

    /// Switches the board off and on; what the command said.
    fn switch(&self) -> Result<String, Fault> {
        let said = match &self.command {
            Some(command) => run(command)?,
            None => String::new(),
        };
        if let Some((board, _)) = &self.connector.board {
            board.with(|board| board.power_cycle());
        }
        Ok(said)
    }

    fn reconnect(&self) -> Result<ProbeLink, Fault> {
        let deadline = Instant::now() + RETURN_LIMIT;
        loop {
            match self.connector.connect(None) {
                Err(fault)
                    if matches!(fault.code, Code::XG003 | Code::XG009)
                        && Instant::now() < deadline =>
                {
                    thread::sleep(POLL);
                }
                connected => return connected,
            }
        }
    }
}

impl PowerSwitch for Switch {
    fn cycle(&mut self, link: Box<dyn Link>) -> Result<(Box<dyn Link>, Vec<String>), Fault> {
        drop(link);
        let said = self.switch()?;
        let lines = said.lines().map(|line| format!("power cycle: {line}"));
        Ok((Box::new(self.reconnect()?), lines.collect()))
    }
}

/// Runs the user's command to its end; what it said.
#[tokio::main(flavor = "current_thread")]
async fn run(command: &str) -> Result<String, PowerError> {
    let mut shell = Command::from(platform::shell(command));
    shell.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(COMMAND_LIMIT, shell.output())
        .await
        .map_err(|_| PowerError::Late {
            command: command.to_owned(),
        })?
        .map_err(|source| PowerError::Start {
            command: command.to_owned(),
            source,
        })?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim().to_owned();
    match output.status.success() {
        true => Ok(said),
        false => Err(PowerError::Failed {
            command: command.to_owned(),
            status: output.status,
            said,
        }),
    }
}
