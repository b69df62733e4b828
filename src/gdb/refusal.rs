//! Requests of a client that are refused before they reach the session.

use std::{borrow::Cow, fmt};

use super::wire::framer::{Damage, PACKET_BYTES};
use crate::{
    fault::{Code, Explain},
    layout::Address,
};

/// Why a request of a client is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A known packet says something impossible.
    #[error("packet `{packet}` is malformed: expected {expected}")]
    Malformed {
        /// Its beginning.
        packet: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The frame was damaged.
    #[error("a packet was damaged: {damage}")]
    Damaged {
        /// How.
        damage: Damage,
    },
    /// Another client controls the target.
    #[error("another client controls the target; `{packet}` would change it")]
    OnlyLooks {
        /// The beginning of the packet.
        packet: String,
    },
    /// There is no place for another client.
    #[error("{clients} clients are connected, and there is no place for another")]
    TooMany {
        /// Clients that are here.
        clients: usize,
    },
    /// `QNonStop:1`.
    #[error("non-stop mode is not offered: the chip has one core, which halts as a whole")]
    NonStop,
    /// Long work is under way there.
    #[error(
        "external memory at {address} cannot be read while flash is programmed or the boot stage runs"
    )]
    Busy {
        /// First address of the read.
        address: Address,
    },
    /// It has to answer a request of ours first.
    #[error("a call of the program waits for this client's answer; `{packet}` comes too early")]
    AnswerFirst {
        /// The beginning of the packet.
        packet: String,
    },
    /// It answers what nobody has asked.
    #[error("no call of the program waits for this client's answer")]
    NotAsked,
    /// A register value of the wrong size.
    #[error("register number {number} takes {expected} bytes, not {bytes}")]
    RegisterSize {
        /// Its number in the target description.
        number: u16,
        /// Bytes that it has.
        expected: usize,
        /// Bytes that came.
        bytes: usize,
    },
    /// A register that is only known while the core is halted.
    #[error("register number {number} cannot be read while the core runs")]
    Runs {
        /// Its number in the target description.
        number: u16,
    },
    /// No such monitor command.
    #[error("there is no monitor command `{command}`")]
    UnknownCommand {
        /// What was typed.
        command: String,
    },
    /// A monitor command of other servers that this one does not have.
    #[error("`monitor {command}` is not served here")]
    OtherServers {
        /// What was typed.
        command: String,
        /// What does it.
        instead: &'static str,
    },
    /// A monitor command with arguments that it does not take.
    #[error("`monitor {command}` does not take `{arguments}`: {usage}")]
    Arguments {
        /// The command.
        command: &'static str,
        /// What was typed.
        arguments: String,
        /// How it goes.
        usage: &'static str,
    },
    /// A port is asked for where no server runs.
    #[error("there is no server here that could open a port")]
    NoServer,
    /// gdbstub could not serve a packet that we had validated.
    #[error("packet `{packet}` could not be served: {reason}")]
    NotServed {
        /// Its beginning.
        packet: String,
        /// gdbstub's words.
        reason: String,
    },
}

/// What of a packet is shown in a message: its beginning, in ASCII.
pub struct Shown<'p>(pub &'p [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_BYTES: usize = 32;
        let beginning = self.0.get(..SHOWN_BYTES).unwrap_or(self.0);
        let dots = if self.0.len() > SHOWN_BYTES {
            "..."
        } else {
            ""
        };
        write!(f, "{}{dots}", beginning.escape_ascii())
    }
}

impl Explain for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::Malformed { .. }
            | Self::Damaged { .. }
            | Self::RegisterSize { .. }
            | Self::NotAsked => Code::XG062,
            Self::OnlyLooks { .. } | Self::TooMany { .. } => Code::XG063,
            Self::UnknownCommand { .. } | Self::OtherServers { .. } => Code::XG064,
            Self::Arguments { .. } | Self::NoServer => Code::XG065,
            Self::NonStop => Code::XG066,
            Self::Busy { .. } | Self::Runs { .. } | Self::AnswerFirst { .. } => Code::XG067,
            Self::NotServed { .. } => Code::XG068,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Damaged {
                damage: Damage::Oversize { .. },
            } => Some(Cow::Owned(format!(
                "`set remote memory-write-packet-size` to at most {PACKET_BYTES}"
            ))),
            Self::OtherServers { instead, .. } => Some(Cow::Borrowed(instead)),
            Self::TooMany { .. } => Some(Cow::Borrowed("close one of them and connect again")),
            Self::Runs { .. } => Some(Cow::Borrowed(
                "`monitor halt`, or Ctrl-C in the controlling GDB",
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    /// No packet is known that gets there: the dispatcher lets none through that gdbstub could not serve.
    #[test]
    fn a_defect_of_ours_asks_to_be_reported() {
        let fault = Fault::from(Refusal::NotServed {
            packet: Shown(b"m0,4").to_string(),
            reason: "unknown".to_owned(),
        });
        assert_eq!(fault.code, Code::XG068);
        assert!(fault.remedy.contains("please report it"), "{fault}");
    }
}
