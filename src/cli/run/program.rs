//! A program that runs: its output, its input, and how it ends.

use std::time::{Duration, Instant};

use virtual_board::handle::VirtualBoard;

use super::{input::Input, output::Output};
use crate::{
    cli::progress::Watcher,
    fault::{Disposition, Fault},
    session::{Leave, Resumed, Session, Stop, StopReason},
    verbs,
};

/// Waits between two looks; the first one, and the longest: 50 looks a second while nothing happens.
const SHORTEST_WAIT: Duration = Duration::from_micros(250);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// A Rust program that panicked on this computer would end so.
const CRASHED: u8 = 101;

/// 128 and SIGINT.
const INTERRUPTED: u8 = 130;

/// How a program came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It said so itself.
    Exited(u8),
    /// A fault, a lockup, or a BKPT of its own.
    Crashed,
    /// Ctrl-C.
    Interrupted,
    /// It took too long.
    TimedOut,
}

impl Ended {
    /// As a process would end.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Crashed | Self::TimedOut => CRASHED,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// What a test's time limit is measured by: a virtual board has its own time.
pub enum Clock {
    /// This computer's.
    Ours(Instant),
    /// The virtual board's.
    Board(VirtualBoard),
}

impl Clock {
    /// Of the board that the program runs on.
    pub fn of(board: Option<VirtualBoard>) -> Self {
        board.map_or_else(|| Self::Ours(Instant::now()), Self::Board)
    }

    fn now(&self) -> Duration {
        match self {
            Self::Ours(start) => start.elapsed(),
            Self::Board(board) => {
                Duration::from_secs_f64(board.with(|board| board.now()).as_secs_f64())
            }
        }
    }
}

/// A session in which a program runs.
pub struct Program {
    session: Session,
    output: Output,
    input: Input,
    watcher: Watcher,
    clock: Clock,
    /// Nothing has run since the core was brought to the program's first instruction.
    is_fresh: bool,
    /// How it ended, in words.
    end: Vec<String>,
}

impl Program {
    /// The core is at the program's first instruction.
    pub fn new(session: Session, output: Output, watcher: Watcher, clock: Clock) -> Self {
        Self {
            session,
            output,
            input: Input::none(),
            watcher,
            clock,
            is_fresh: true,
            end: Vec::new(),
        }
    }

    /// What is typed goes to the program.
    pub fn read_input(&mut self) {
        if let Some(host) = self.session.semihosting() {
            host.open_input();
        }
        self.input = Input::stdin();
    }

    /// Brings the core to the program's first instruction again; what it gets for arguments by semihosting is `arguments`.
    pub fn begin_again(&mut self, arguments: String) -> Result<(), Fault> {
        self.session.set_semihosting_command_line(arguments);
        if !self.is_fresh {
            verbs::arm(&mut self.session, &mut self.watcher)?;
            self.watcher.finish();
            self.output.reset();
        }
        Ok(())
    }

    /// Runs to the program's end, `limit` or Ctrl-C; the core is halted then.
    pub fn run(&mut self, limit: Option<Duration>) -> Result<Ended, Fault> {
        self.is_fresh = false;
        let began = self.clock.now();
        let mut stop = match self.session.resume()? {
            Resumed::Running => None,
            Resumed::Stopped(stop) | Resumed::Refused(stop) => Some(stop),
        };
        let mut wait = SHORTEST_WAIT;
        loop {
            if let Some(stop) = stop {
                if let Some(ended) = self.ended(&stop)? {
                    return Ok(ended);
                }
                self.session.resume()?;
            }
            let timed_out =
                limit.is_some_and(|limit| self.clock.now().saturating_sub(began) >= limit);
            if timed_out || self.watcher.is_cancelled() {
                self.session.halt()?;
                self.finish_output()?;
                return Ok(match timed_out {
                    true => Ended::TimedOut,
                    false => Ended::Interrupted,
                });
            }
            stop = self.session.poll()?;
            if stop.is_none() && !self.carry()? {
                self.session.idle(wait)?;
                wait = (wait * 2).min(LONGEST_WAIT);
            } else {
                wait = SHORTEST_WAIT;
            }
        }
    }

    /// Carries text both ways; true if there was any.
    fn carry(&mut self) -> Result<bool, Fault> {
        let given = survived(self.input.give(&mut self.session))?;
        for line in self.session.take_console() {
            eprintln!("notice: {line}");
        }
        let shown = survived(self.output.show(&mut self.session))?;
        Ok(given || shown)
    }

    /// What it had said when it stopped.
    fn finish_output(&mut self) -> Result<(), Fault> {
        while self.carry()? {}
        self.output.finish_lines();
        Ok(())
    }

    /// What a stop means; `None` if the program goes on.
    fn ended(&mut self, stop: &Stop) -> Result<Option<Ended>, Fault> {
        self.finish_output()?;
        self.end.clone_from(&stop.console);
        let ended = match &stop.reason {
            StopReason::Exited(exit) => Ended::Exited(exit.status()),
            StopReason::Boot(fault) => return Err((**fault).clone()),
            StopReason::Fault(_) => Ended::Crashed,
            StopReason::Unrequested | StopReason::SemihostingCall | StopReason::ClientCall(_) => {
                let line = format!("the program stopped itself at a BKPT, {}", stop.pc);
                self.end.push(line);
                Ended::Crashed
            }
            // Nobody here asks for any of these: a reset vector that was caught, a step.
            StopReason::Halt
            | StopReason::Reset
            | StopReason::Breakpoint
            | StopReason::Passed
            | StopReason::Watchpoint { .. }
            | StopReason::Step => return Ok(None),
        };
        Ok(Some(ended))
    }

    /// How it ended, on stderr.
    pub fn show_end(&mut self) {
        for line in self.end.drain(..) {
            eprintln!("{line}");
        }
    }

    /// How it ended and where the core is, on stderr.
    pub fn show_where(&mut self) -> Result<(), Fault> {
        self.show_end();
        let backtrace = self.session.backtrace()?;
        eprint!("backtrace:\n{backtrace}");
        Ok(())
    }

    /// Ends the session.
    pub fn close(self, leave: Leave) -> Result<(), Fault> {
        self.session.close(leave)
    }
}

/// The program runs on whatever becomes of its words: a control block that it has overwritten is told. Only a lost link ends it.
fn survived(carried: Result<bool, Fault>) -> Result<bool, Fault> {
    match carried {
        Err(fault) if fault.disposition() == Disposition::Refuse => {
            eprintln!("warning: {fault}");
            Ok(false)
        }
        carried => carried,
    }
}
