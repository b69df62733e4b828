//! Calls that a client serves on its own computer: what it is asked to do, and what its answer comes to (GDB manual, "File-I/O Remote
//! Protocol Extension").
//!
//! The program's memory is not the client's business: what it reads and writes goes with the errand and comes with the answer, so a
//! pointer is tried as for any other call, and a client that vanishes in the middle leaves nothing half done. A call may take several
//! errands. If the user interrupts the first of them, the call is made again when the program goes on; later, it is brought to its end.
//!
//! A file that is open when the program is reset stays open on the client's computer until the program opens the next one.

use super::{
    Errno, LARGEST_TRANSFER, Memory, Operation, Outcome, Refusal, Semihosting, block::Block, calls,
    files,
};
use crate::{fault::Fault, layout::Address};

/// The most bytes that an errand, or its answer, carries.
pub const ERRAND_BYTES: usize = 0x8000;

/// The client's console, by the numbers that its files have (GDB manual, "Console I/O").
pub(super) const INPUT: u32 = 0;
pub(super) const OUTPUT: u32 = 1;
pub(super) const ERRORS: u32 = 2;

/// Whose console and files a program has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// The server's: its clients' consoles, and the directory that the user has named.
    #[default]
    Ours,
    /// Those of the client that controls, on its computer.
    Clients,
}

/// What a client is asked to do. Files have the client's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Open a file; the answer is its number.
    Open {
        /// Its path.
        name: String,
        /// How.
        flags: Flags,
    },
    /// Close it.
    Close {
        /// Which.
        file: u32,
    },
    /// Read from where it is; the answer is how many bytes came.
    Read {
        /// Which.
        file: u32,
        /// Bytes at most.
        length: u32,
    },
    /// Write; the answer is how many bytes went.
    Write {
        /// Which.
        file: u32,
        /// What.
        bytes: Vec<u8>,
    },
    /// Go to a place, from the beginning.
    Seek {
        /// Which.
        file: u32,
        /// Where.
        position: u32,
    },
    /// Say how long a file is.
    Length {
        /// Which.
        file: u32,
    },
    /// Say whether it is a terminal.
    IsTerminal {
        /// Which.
        file: u32,
    },
    /// Remove a file.
    Remove {
        /// Its path.
        name: String,
    },
    /// Give it another name.
    Rename {
        /// Its path.
        from: String,
        /// The other one.
        to: String,
    },
    /// Say what time it is, in seconds since 1970.
    Time,
    /// Run a command; the answer is its exit code.
    System {
        /// For a shell.
        command: String,
    },
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// To read.
    pub read: bool,
    /// To write.
    pub write: bool,
    /// What is written goes to its end.
    pub append: bool,
    /// It is made if it is not there.
    pub create: bool,
    /// What is in it goes.
    pub truncate: bool,
}

/// What came of an errand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The value that the errand is for. [`Errno::Interrupted`] if nothing was done.
    pub value: Result<u32, Errno>,
    /// What was read.
    pub bytes: Vec<u8>,
}

/// An errand under way.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    operation: Operation,
    parameter: u32,
    errand: Errand,
    then: Then,
}

/// What its answer is for.
#[derive(Clone, Debug)]
enum Then {
    /// The call returns it.
    Value,
    /// The call returns 0.
    Done,
    /// It is a file's number.
    Opened,
    /// The handle is no more.
    Closed { handle: u32 },
    /// A file of the program before is closed; the call begins again.
    Swept { file: u32 },
    /// Bytes were written; more are left, and some more are not taken by this call at all.
    Written {
        done: usize,
        left: Vec<u8>,
        over: u32,
    },
    /// Bytes were read for a buffer of `length`, `done` before these.
    Read { buffer: u32, length: u32, done: u32 },
    /// One character was.
    Character,
}

/// Where a call has come to.
pub(super) enum Step {
    Returns(u32),
    Asks(Asked),
}

impl Asked {
    /// An errand of the same call has been done before.
    fn has_begun(&self) -> bool {
        match self.then {
            Then::Written { done, .. } => done > 0,
            Then::Read { done, .. } => done > 0,
            _ => false,
        }
    }

    /// The next bytes of `left`.
    fn write(call: (Operation, u32), file: u32, done: usize, mut left: Vec<u8>, over: u32) -> Self {
        let rest = left.split_off(left.len().min(ERRAND_BYTES));
        let then = Then::Written {
            done,
            left: rest,
            over,
        };
        Self::new(call, Errand::Write { file, bytes: left }, then)
    }

    /// The next bytes for a buffer.
    fn read(call: (Operation, u32), file: u32, buffer: u32, length: u32, done: u32) -> Self {
        let wanted = length.min(LARGEST_TRANSFER) - done;
        let errand = Errand::Read {
            file,
            length: wanted.min(ERRAND_BYTES as u32),
        };
        let then = Then::Read {
            buffer,
            length,
            done,
        };
        Self::new(call, errand, then)
    }

    /// False if nothing is to be written.
    fn has_bytes(&self) -> bool {
        !matches!(&self.errand, Errand::Write { bytes, .. } if bytes.is_empty())
    }

    /// What the client is to do.
    pub(super) fn errand(&self) -> &Errand {
        &self.errand
    }

    fn new((operation, parameter): (Operation, u32), errand: Errand, then: Then) -> Self {
        Self {
            operation,
            parameter,
            errand,
            then,
        }
    }
}

impl Semihosting {
    /// Whose console and files the program has.
    pub fn host(&self) -> Host {
        self.host
    }

    /// Changes whose console and files it has. Files that a client has open for it are gone with it.
    pub fn set_host(&mut self, host: Host) {
        if self.host != host {
            self.host = host;
            self.asked = None;
            self.files.forget_clients();
        }
    }

    /// The client has answered.
    pub fn answer(&mut self, answer: Answer, memory: &mut dyn Memory) -> Result<Outcome, Fault> {
        let Some(asked) = self.asked.take() else {
            return Ok(Outcome::Interrupted);
        };
        let operation = asked.operation;
        if answer.value == Err(Errno::Interrupted) {
            return match asked.has_begun() {
                true => self.conclude(operation, Ok(Step::Asks(asked))),
                false => Ok(Outcome::Interrupted),
            };
        }
        let step = self.go_on(asked, answer, memory);
        self.conclude(operation, step)
    }

    /// What of a call goes out to the client; `None` if all of it is served here.
    pub(super) fn ask(
        &mut self,
        operation: Operation,
        block: &mut Block<'_>,
    ) -> Result<Option<Asked>, Refusal> {
        if self.host == Host::Ours {
            return Ok(None);
        }
        let call = (operation, block.address);
        let (errand, then) = match operation {
            Operation::Open => return self.ask_to_open(call, block),
            Operation::Close => {
                let handle = block.word(0)?;
                let Some(file) = self.files.opened_by_client(handle)? else {
                    return Ok(None);
                };
                (Errand::Close { file }, Then::Closed { handle })
            }
            Operation::WriteCharacter => {
                let mut byte = vec![0];
                block.memory.read(Address(block.address), &mut byte)?;
                return Ok(Some(Asked::write(call, OUTPUT, 0, byte, 0)));
            }
            Operation::WriteText => {
                let (text, ended) = calls::text(block);
                ended?;
                let asked = Asked::write(call, OUTPUT, 0, text, 0);
                return Ok(asked.has_bytes().then_some(asked));
            }
            Operation::Write => {
                let (handle, buffer, length) = (block.word(0)?, block.word(1)?, block.word(2)?);
                let Some(file) = self.files.clients(handle)? else {
                    return Ok(None);
                };
                let mut bytes = vec![0; length.min(LARGEST_TRANSFER) as usize];
                block.memory.read(Address(buffer), &mut bytes)?;
                let over = length - bytes.len() as u32;
                let asked = Asked::write(call, file, 0, bytes, over);
                return Ok(asked.has_bytes().then_some(asked));
            }
            Operation::Read => {
                let (handle, buffer, length) = (block.word(0)?, block.word(1)?, block.word(2)?);
                let Some(file) = self.files.clients(handle)?.filter(|_| length > 0) else {
                    return Ok(None);
                };
                // Before anything is read: it would be lost to a buffer that is none.
                let last = length.min(LARGEST_TRANSFER) - 1;
                for at in [buffer, buffer.wrapping_add(last)] {
                    block.memory.read(Address(at), &mut [0])?;
                }
                return Ok(Some(Asked::read(call, file, buffer, length, 0)));
            }
            Operation::ReadCharacter => (
                Errand::Read {
                    file: INPUT,
                    length: 1,
                },
                Then::Character,
            ),
            Operation::IsTerminal => match self.files.opened_by_client(block.word(0)?)? {
                Some(file) => (Errand::IsTerminal { file }, Then::Value),
                None => return Ok(None),
            },
            Operation::Seek => match self.files.opened_by_client(block.word(0)?)? {
                Some(file) => {
                    let position = block.word(1)?;
                    (Errand::Seek { file, position }, Then::Done)
                }
                None => return Ok(None),
            },
            Operation::Length => match self.files.opened_by_client(block.word(0)?)? {
                Some(file) => (Errand::Length { file }, Then::Value),
                None => return Ok(None),
            },
            Operation::Remove => {
                let name = block.name(0)?;
                (Errand::Remove { name }, Then::Done)
            }
            Operation::Rename => {
                let (from, to) = (block.name(0)?, block.name(2)?);
                (Errand::Rename { from, to }, Then::Done)
            }
            Operation::Time => (Errand::Time, Then::Value),
            Operation::System => {
                let command = block.name(0)?;
                (Errand::System { command }, Then::Value)
            }
            _ => return Ok(None),
        };
        Ok(Some(Asked::new(call, errand, then)))
    }

    fn ask_to_open(
        &mut self,
        call: (Operation, u32),
        block: &mut Block<'_>,
    ) -> Result<Option<Asked>, Refusal> {
        let mode = files::Mode::from_number(block.word(1)?).ok_or(Errno::Invalid)?;
        let name = block.name_of(0, 2)?;
        if files::Target::of(&name, mode).is_some() {
            return Ok(None);
        }
        if let Some(file) = self.files.left_behind() {
            let errand = Errand::Close { file };
            return Ok(Some(Asked::new(call, errand, Then::Swept { file })));
        }
        self.files.check_room()?;
        let flags = mode.flags();
        Ok(Some(Asked::new(
            call,
            Errand::Open { name, flags },
            Then::Opened,
        )))
    }

    fn go_on(
        &mut self,
        asked: Asked,
        answer: Answer,
        memory: &mut dyn Memory,
    ) -> Result<Step, Refusal> {
        let call = (asked.operation, asked.parameter);
        Ok(Step::Returns(match (asked.then, asked.errand) {
            (Then::Value, _) => answer.value?,
            (Then::Done, _) => answer.value.map(|_| 0)?,
            (Then::Opened, _) => self.files.keep_clients(answer.value?)?,
            (Then::Closed { handle }, _) => {
                self.files.close(handle)?;
                answer.value.map(|_| 0)?
            }
            (Then::Swept { file }, _) => {
                self.files.swept(file);
                let mut block = Block {
                    address: asked.parameter,
                    memory,
                };
                return match self.ask(asked.operation, &mut block)? {
                    Some(asked) => Ok(Step::Asks(asked)),
                    None => self
                        .returned(asked.operation, &mut block)
                        .map(Step::Returns),
                };
            }
            (
                Then::Written {
                    done,
                    mut left,
                    over,
                },
                Errand::Write { file, mut bytes },
            ) => {
                let written = match answer.value {
                    Ok(count) => bytes.len().min(count as usize),
                    Err(errno) => {
                        self.errno = errno;
                        0
                    }
                };
                bytes.drain(..written);
                if bytes.is_empty() && !left.is_empty() {
                    return Ok(Step::Asks(Asked::write(
                        call,
                        file,
                        done + written,
                        left,
                        over,
                    )));
                }
                left.extend(bytes);
                match asked.operation {
                    Operation::Write => left.len() as u32 + over,
                    _ => 0,
                }
            }
            (
                Then::Read {
                    buffer,
                    length,
                    done,
                },
                Errand::Read {
                    file,
                    length: wanted,
                },
            ) => {
                match answer.value {
                    Ok(_) => {}
                    Err(errno) if done == 0 => return Err(errno.into()),
                    Err(errno) => self.errno = errno,
                }
                let place = Address(buffer.wrapping_add(done));
                memory.write(place, &answer.bytes)?;
                let done = done + answer.bytes.len() as u32;
                let is_whole = answer.bytes.len() as u32 == wanted && file != INPUT;
                if is_whole && done < length.min(LARGEST_TRANSFER) {
                    return Ok(Step::Asks(Asked::read(call, file, buffer, length, done)));
                }
                length - done
            }
            (Then::Character, _) => {
                answer.value?;
                u32::from(*answer.bytes.first().ok_or(Errno::Io)?)
            }
            (Then::Written { .. } | Then::Read { .. }, _) => return Err(Errno::Io.into()),
        }))
    }
}
