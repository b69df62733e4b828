//! The requests of the remote protocol that we know, in words.

use super::file_io::Reply;
use crate::{
    breakpoints::{self, Terms},
    threads::ThreadId,
};

/// What a client must be allowed to do for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Everybody: memory, the registers of the last halt, descriptions.
    Look,
    /// The controlling client: it changes registers, memory, requests or flash.
    Change,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// For gdbstub, in its plainest form.
    Stub {
        /// The packet's body.
        packet: Vec<u8>,
        /// What the client must be allowed to do.
        need: Need,
    },
    /// `Z0` and `Z1` with conditions or commands.
    Insert {
        /// The breakpoint.
        request: breakpoints::Request,
        /// When it stops.
        terms: Terms,
    },
    /// `vCont` and its predecessors `c`, `C`, `s`, `S`.
    Resume {
        /// Where to continue, if not at the current pc.
        from: Option<u32>,
        /// What to do.
        action: Action,
        /// With which thread, if it says so.
        thread: Option<ThreadId>,
    },
    /// `vCont?`.
    ResumeActions,
    /// `qSupported`.
    Supported {
        /// The client shows the text of `E.text` replies.
        error_text: bool,
        /// The client takes `hwbreak` in a stop reply; GDB takes it for an error if it has not said so.
        hwbreak: bool,
    },
    /// `QStartNoAckMode`.
    StartNoAckMode,
    /// `?`.
    WhyStopped,
    /// `qRcmd`: a monitor command.
    Monitor(String),
    /// `!`.
    ExtendedMode,
    /// `R`: restart, without a reply.
    Restart,
    /// `vRun`: restart, with a stop reply.
    Run,
    /// `vAttach`.
    Attach,
    /// `k`: end of the session, without a reply.
    Kill,
    /// `vKill`.
    KillProcess,
    /// `D`.
    Detach,
    /// `qC`.
    CurrentThread,
    /// `H`: thread for what follows.
    SelectThread {
        /// For what.
        purpose: Purpose,
        /// Which; `None` for any.
        thread: Option<ThreadId>,
    },
    /// `T`: is the thread alive?
    ThreadAlive(Option<ThreadId>),
    /// `qfThreadInfo`: all threads.
    ThreadIds,
    /// `qsThreadInfo`: those that did not fit; there are none.
    MoreThreadIds,
    /// `qXfer:...:read`.
    Read {
        /// What.
        document: Document,
        /// Which part of it.
        part: Part,
    },
    /// `qThreadExtraInfo`.
    ThreadExtraInfo(Option<ThreadId>),
    /// `qAttached`.
    Attached,
    /// `qSymbol::`.
    Symbols,
    /// `qCRC`.
    Crc {
        /// First address.
        address: u32,
        /// Bytes.
        length: u32,
    },
    /// `qSearch:memory`.
    Search {
        /// First address.
        address: u32,
        /// Bytes to look through.
        length: u32,
        /// What to look for.
        pattern: Vec<u8>,
    },
    /// `x`: memory in binary form.
    ReadBinary {
        /// First address.
        address: u32,
        /// Bytes, at most as many as a reply holds.
        length: u32,
    },
    /// `F`: a call of the program's was served.
    Answered(Reply),
    /// `QNonStop`.
    NonStop(bool),
    /// Nothing we know: the reply is empty.
    Unknown,
    /// A known packet that says something impossible.
    Malformed {
        /// What was expected.
        expected: &'static str,
    },
}

impl Request {
    /// What the client must be allowed to do. A monitor command may change anything.
    pub fn need(&self) -> Need {
        match self {
            Self::Stub { need, .. } => *need,
            Self::Insert { .. }
            | Self::Resume { .. }
            | Self::Monitor(_)
            | Self::Restart
            | Self::Run
            | Self::Attach
            | Self::Kill
            | Self::KillProcess
            | Self::Answered(_)
            | Self::NonStop(true) => Need::Change,
            _ => Need::Look,
        }
    }
}

/// What a thread is selected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `Hg`: registers and memory.
    Look,
    /// `Hc`, which `vCont` has replaced, and what nobody sends.
    Other,
}

/// How to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run.
    Continue,
    /// One instruction.
    Step,
    /// Until the pc leaves the range.
    StepRange {
        /// First address.
        start: u32,
        /// First address after the range.
        end: u32,
    },
    /// Stop.
    Stop,
}

impl Action {
    /// True if it ends by itself.
    pub fn is_step(self) -> bool {
        matches!(self, Self::Step | Self::StepRange { .. })
    }

    /// The packet that gdbstub takes for this action.
    pub fn packet(self) -> Vec<u8> {
        match self {
            Self::Continue => b"vCont;c:1".to_vec(),
            Self::Step => b"vCont;s:1".to_vec(),
            Self::StepRange { start, end } => format!("vCont;r{start:x},{end:x}:1").into_bytes(),
            Self::Stop => b"vCont;t:1".to_vec(),
        }
    }
}

/// What `qXfer` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The target description.
    Features,
    /// The memory map.
    MemoryMap,
    /// The list of threads.
    Threads,
    /// The path of the appli's file.
    ExecFile,
}

/// A part of a document, as `qXfer` asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes to skip.
    pub offset: usize,
    /// Most bytes to send.
    pub length: usize,
}
