//! Semihosting: the program asks its debugger for a console, files, the time, and to end (Arm, "Semihosting for AArch32 and AArch64",
//! 2.0 and 3.0).
//!
//! A call is BKPT 0xAB with an operation in r0 and its parameter in r1: mostly the address of a block of words. The result goes to r0.
//! This module knows operations (`calls.rs`), files, the console, and what a client may serve instead (`client.rs`); the session (`session/semihosting.rs`) knows when the core is at a call, and
//! lets it go on behind it.
//!
//! Nothing that a program passes is believed: strings and buffers are bounded, each pointer is tried, and a call that cannot be served
//! returns -1 with an errno and leaves a notice. Files are only in a directory that the user has named ([`Options::directory`]);
//! cap-std keeps every path inside it, `..` and symbolic links included. SYS_SYSTEM, which would run a command of the program's on
//! this machine, is refused.
//!
//! Deviations: READC and READ from the console report the end of the input when nobody types (see [`Semihosting::open_input`]), and
//! HEAPINFO answers with zeros, "not known", with which newlib takes what its linker script says.

mod block;
mod calls;
mod client;
mod errno;
mod exit;
mod files;
mod operation;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, io, path::PathBuf, time::Duration};

pub use client::{Answer, ERRAND_BYTES, Errand, Flags, Host};
pub use errno::Errno;
pub use exit::Exit;
pub use operation::Operation;

use crate::{
    fault::{Code, Disposition, Explain, Fault},
    layout::Address,
};
use block::Block;
use client::{Asked, Step};
use errno::Refusal;
use files::Files;

/// BKPT 0xAB, as it lies in memory.
pub const CALL: [u8; 2] = [0xAB, 0xBE];

/// What a program wants to show with SYS_WRITE0 in one call ends here.
const LONGEST_TEXT: usize = 64 * 1024;
/// What one SYS_READ or SYS_WRITE moves at most; the program sees a short count and calls again.
const LARGEST_TRANSFER: u32 = 1 << 20;
/// What is moved at a time.
const CHUNK: usize = 4096;

/// Returned where something went wrong.
const FAILED: u32 = u32::MAX;

/// What is served.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory in which the program may have files; without one it has none.
    pub directory: Option<PathBuf>,
    /// What SYS_GET_CMDLINE answers.
    pub command_line: String,
    /// Whose console and files the program has, unless a client wishes it otherwise.
    pub host: Host,
    /// Somebody may type at any time; see [`Semihosting::open_input`].
    pub is_typed_into: bool,
}

/// Why semihosting cannot be served as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SemihostingError {
    /// The directory cannot be opened.
    #[error("the program's files cannot be in {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl Explain for SemihostingError {
    fn code(&self) -> Code {
        match self {
            Self::Directory { .. } => Code::XG120,
        }
    }
}

/// Memory of the halted core, whole or not at all.
pub trait Memory {
    /// Reads `data.len()` bytes.
    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault>;

    /// Writes `data`.
    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), Fault>;
}

/// Where something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The program's standard output, or the debugger's console (SYS_WRITEC, SYS_WRITE0).
    Out,
    /// Its standard error.
    Error,
    /// A whole line of ours about a call that was not served as the program wants.
    Notice,
}

/// What a program has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where to.
    pub stream: Stream,
    /// Bytes as they are; mostly text.
    pub bytes: Vec<u8>,
}

/// What a call comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program goes on with this in r0.
    Returns(u32),
    /// It has ended.
    Exits(Exit),
    /// It waits for input that has not come yet; the call is to be made again when it has.
    Waits,
    /// It waits for a client, which is to do this; see [`Semihosting::answer`].
    Asks(Errand),
    /// The client has done nothing of it, and was interrupted; the call is to be made again when the program goes on.
    Interrupted,
}

/// What the program types into.
#[derive(Debug, Default)]
struct Input {
    bytes: VecDeque<u8>,
    /// More may come.
    open: bool,
}

/// A program's debugger, as semihosting has it.
#[derive(Debug)]
pub struct Semihosting {
    files: Files,
    host: Host,
    /// What a client is asked to do for the call under way.
    asked: Option<Asked>,
    command_line: String,
    /// By the target's clock.
    began: Duration,
    now: Duration,
    errno: Errno,
    input: Input,
    output: Vec<Output>,
}

impl Semihosting {
    /// Opens the directory, if there is one. The program begins `now`, by the target's clock.
    pub fn new(options: &Options, now: Duration) -> Result<Self, SemihostingError> {
        let files = Files::new(options.directory.as_deref()).map_err(|source| {
            SemihostingError::Directory {
                path: options.directory.clone().unwrap_or_default(),
                source,
            }
        })?;
        Ok(Self {
            files,
            host: options.host,
            asked: None,
            command_line: options.command_line.clone(),
            began: now,
            now,
            errno: Errno::None,
            input: Input {
                open: options.is_typed_into,
                ..Input::default()
            },
            output: Vec::new(),
        })
    }

    /// What SYS_GET_CMDLINE answers from now on.
    pub fn set_command_line(&mut self, command_line: String) {
        self.command_line = command_line;
    }

    /// The program was reset `now`: its files are closed and its time begins again.
    pub fn restart(&mut self, now: Duration) {
        self.files.close_all();
        self.asked = None;
        self.began = now;
        self.errno = Errno::None;
    }

    /// Somebody will type: reading waits from now on, until [`Semihosting::close_input`].
    pub fn open_input(&mut self) {
        self.input.open = true;
    }

    /// Somebody has typed.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.bytes.extend(bytes);
    }

    /// Nobody types any more: behind what is there, reading reports the end.
    pub fn close_input(&mut self) {
        self.input.open = false;
    }

    /// True if a call that waits for input would go on.
    pub fn has_input(&self) -> bool {
        !self.input.bytes.is_empty() || !self.input.open
    }

    /// What the program has said since this was asked last.
    pub fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.output)
    }

    /// Serves a call that is made `now`, by the target's clock. Only a lost link is a fault.
    pub fn serve(
        &mut self,
        number: u32,
        parameter: u32,
        now: Duration,
        memory: &mut dyn Memory,
    ) -> Result<Outcome, Fault> {
        self.now = now;
        let Some(operation) = Operation::from_number(number) else {
            self.notice(&format!("semihosting has no operation 0x{number:x}"));
            self.errno = Errno::NotImplemented;
            return Ok(Outcome::Returns(FAILED));
        };
        let mut block = Block {
            address: parameter,
            memory,
        };
        if let Operation::Exit | Operation::ExitExtended = operation {
            return self.exit(operation, &mut block);
        }
        let step = match self.ask(operation, &mut block) {
            Ok(Some(asked)) => Ok(Step::Asks(asked)),
            Ok(None) => self.returned(operation, &mut block).map(Step::Returns),
            Err(refusal) => Err(refusal),
        };
        self.conclude(operation, step)
    }

    /// What a call, or a client's answer, comes to.
    fn conclude(
        &mut self,
        operation: Operation,
        step: Result<Step, Refusal>,
    ) -> Result<Outcome, Fault> {
        let errno = match step {
            Ok(Step::Returns(value)) => return Ok(Outcome::Returns(value)),
            Ok(Step::Asks(asked)) => {
                let errand = asked.errand().clone();
                self.asked = Some(asked);
                return Ok(Outcome::Asks(errand));
            }
            Err(Refusal::Waits) => return Ok(Outcome::Waits),
            Err(Refusal::Errno(errno)) => errno,
            Err(Refusal::Told(errno, sentence)) => {
                self.notice(&format!("{operation}: {sentence}"));
                errno
            }
            Err(Refusal::Memory(fault)) => self.bad_pointer(operation, fault)?,
        };
        self.errno = errno;
        Ok(Outcome::Returns(FAILED))
    }

    fn bad_pointer(&mut self, operation: Operation, fault: Fault) -> Result<Errno, Fault> {
        if fault.disposition() == Disposition::EndSession {
            return Err(fault);
        }
        self.notice(&format!("{operation}: {}", fault.headline));
        Ok(Errno::BadAddress)
    }

    /// SYS_EXIT has its reason in r1, SYS_EXIT_EXTENDED a block of reason and code. A program that wants to end does so in any case.
    fn exit(&mut self, operation: Operation, block: &mut Block<'_>) -> Result<Outcome, Fault> {
        if operation == Operation::Exit {
            return Ok(Outcome::Exits(Exit::new(block.address, 0)));
        }
        let exit = match (block.word(0), block.word(1)) {
            (Ok(reason), Ok(code)) => Exit::new(reason, code),
            (Err(fault), _) | (_, Err(fault)) => {
                self.bad_pointer(operation, fault)?;
                Exit::new(0, 1)
            }
        };
        Ok(Outcome::Exits(exit))
    }
}
