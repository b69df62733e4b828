//! What happens, for whoever started the server: one JSON object a line on stdout (`--json`), or the one line that says where
//! to connect. The log on stderr is for people; this is for programs.

use std::{io, net::SocketAddr};

use serde::Serialize;

use crate::{
    fault::Fault,
    flash::Report,
    layout::Address,
    link::{Phase, Progress},
};

/// One thing that happened. The field `event` holds its name.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// Clients can connect.
    Listening {
        /// Where.
        address: SocketAddr,
        /// The port alone.
        port: u16,
    },
    /// The boot stage was run, or looked at.
    Boot {
        /// The appli's first instruction was reached.
        armed: bool,
        /// What was said on the console.
        text: &'a [String],
    },
    /// Something about a window.
    Window {
        /// What was said on the console.
        text: &'a str,
    },
    /// Long work goes on: told at each twentieth.
    Progress {
        /// `erase`, `program`, `verify` or `boot`.
        phase: &'static str,
        /// Bytes; milliseconds while the boot stage runs.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// The board is switched off and on by itself, and what failed is tried once more.
    PowerCycle {
        /// What failed.
        because: &'a Fault,
    },
    /// A flash transaction ended well.
    Load {
        /// Bytes erased.
        erased: u64,
        /// Bytes programmed.
        programmed: u64,
        /// Bytes found as they should be.
        unchanged: u64,
        /// Bytes verified.
        verified: u64,
    },
    /// The target stopped.
    Stop {
        /// Why, in words.
        reason: String,
        /// The next instruction.
        pc: String,
    },
    /// The program said something by semihosting, or a breakpoint printed something.
    Program {
        /// `out`, `error`, `notice` for a line of ours about its call, or `dprintf` for what a breakpoint of the client's printed.
        stream: &'static str,
        /// What it said; bytes that are no text are replaced.
        text: &'a str,
    },
    /// A fault.
    Fault(&'a Fault),
    /// Readers of an RTT channel can connect.
    Rtt {
        /// The channel, both ways.
        channel: u32,
        /// Where.
        address: SocketAddr,
        /// The port alone.
        port: u16,
    },
    /// The program's console can be connected to.
    Console {
        /// Where.
        address: SocketAddr,
        /// The port alone.
        port: u16,
    },
    /// A client left.
    Closed {
        /// Clients that remain.
        clients: usize,
    },
}

impl<'a> From<&'a Fault> for Event<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Event<'_> {
    /// A flash transaction that ended well.
    pub fn load(report: &Report) -> Self {
        Self::Load {
            erased: report.erased_bytes(),
            programmed: report.programmed_bytes(),
            unchanged: report.unchanged_bytes(),
            verified: report.verified_bytes,
        }
    }
}

/// Tells progress at each twentieth of each phase, and not at each step.
#[derive(Debug, Default)]
pub struct Pace {
    told: Option<(Phase, u64)>,
}

impl Pace {
    /// The event, if it is time for one.
    pub fn event(&mut self, progress: &Progress) -> Option<Event<'static>> {
        let part = (progress.done * 20).checked_div(progress.total);
        let now = (progress.phase, part.unwrap_or(0));
        if self.told.replace(now) == Some(now) {
            return None;
        }
        Some(Event::Progress {
            phase: match progress.phase {
                Phase::Erase => "erase",
                Phase::Program => "program",
                Phase::Verify => "verify",
                Phase::Boot => "boot",
            },
            done: progress.done,
            total: progress.total,
        })
    }
}

/// A stop of the target.
pub fn stop<'a>(reason: impl std::fmt::Display, pc: Address) -> Event<'a> {
    Event::Stop {
        reason: reason.to_string(),
        pc: pc.to_string(),
    }
}

/// How events are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Events {
    /// The ready line only.
    #[default]
    ReadyLine,
    /// The ready line in pyOCD's words, which IDEs wait for.
    PyOcd,
    /// Each as a line of JSON.
    Json,
    /// Not at all: the server runs inside another command.
    Silent,
}

impl Events {
    /// Tells one event. Whoever started us may have closed stdout: that ends nothing.
    pub fn tell(self, event: &Event<'_>) {
        if let Err(error) = self.write(event, &mut io::stdout().lock()) {
            tracing::debug!(%error, "nobody reads the events");
        }
    }

    fn write(self, event: &Event<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        match (self, event) {
            (Self::ReadyLine, Event::Listening { address, .. }) => {
                writeln!(out, "Listening for GDB on {address}")?;
            }
            (Self::PyOcd, Event::Listening { port, .. }) => {
                writeln!(out, "GDB server listening on port {port}")?;
            }
            // Stdout has the one line that scripts wait for.
            (
                Self::ReadyLine | Self::PyOcd,
                Event::Rtt {
                    channel, address, ..
                },
            ) => {
                eprintln!("RTT channel {channel} on {address}");
            }
            (Self::ReadyLine | Self::PyOcd, Event::Console { address, .. }) => {
                eprintln!("the program's console on {address}");
            }
            (Self::Json, event) => {
                let line = serde_json::to_string(event)?;
                writeln!(out, "{line}")?;
            }
            (Self::ReadyLine | Self::PyOcd | Self::Silent, _) => return Ok(()),
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Code;

    fn written(events: Events, event: &Event<'_>) -> String {
        let mut out = Vec::new();
        events
            .write(event, &mut out)
            .unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8_lossy(&out).into_owned()
    }

    fn listening() -> Event<'static> {
        Event::Listening {
            address: SocketAddr::from(([127, 0, 0, 1], 3333)),
            port: 3333,
        }
    }

    #[test]
    fn the_ready_line_is_what_scripts_wait_for() {
        assert_eq!(
            written(Events::ReadyLine, &listening()),
            "Listening for GDB on 127.0.0.1:3333\n"
        );
        assert_eq!(
            written(Events::PyOcd, &listening()),
            "GDB server listening on port 3333\n"
        );
        assert_eq!(written(Events::Silent, &listening()), "");
    }

    #[test]
    fn progress_is_told_at_each_twentieth_of_a_phase() {
        let mut pace = Pace::default();
        let told: Vec<u64> = (0..=1000)
            .filter_map(|done| {
                let progress = Progress {
                    phase: Phase::Program,
                    done,
                    total: 1000,
                };
                match pace.event(&progress)? {
                    Event::Progress { done, .. } => Some(done),
                    _ => None,
                }
            })
            .collect();
        assert_eq!(told, (0..=20).map(|part| part * 50).collect::<Vec<_>>());
    }

    #[test]
    fn json_is_one_object_a_line() {
        assert_eq!(
            written(Events::Json, &listening()),
            "{\"event\":\"listening\",\"address\":\"127.0.0.1:3333\",\"port\":3333}\n"
        );
        let fault = Fault {
            code: Code::XG001,
            headline: "link lost".to_owned(),
            causes: vec!["unplugged".to_owned()],
            remedy: "plug it in".to_owned(),
        };
        assert_eq!(
            written(Events::Json, &Event::from(&fault)),
            "{\"event\":\"fault\",\"code\":\"XG001\",\"headline\":\"link lost\",\"causes\":[\"unplugged\"],\"remedy\":\"plug it in\"}\n"
        );
    }
}
