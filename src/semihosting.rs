//! Semihosting: the program asks its debugger for a console, files, the time, and to end (Arm, "Semihosting for AArch32 and AArch64",
//! 2.0 and 3.0).
//!
//! A call is BKPT 0xAB with an operation in r0 and its parameter in r1: mostly the address of a block of words. The result goes to r0.
//! This module knows operations, files and the console; the session (`session/semihosting.rs`) knows when the core is at a call, and
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
mod errno;
mod exit;
mod files;
mod operation;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

pub use errno::Errno;
pub use exit::Exit;
pub use operation::Operation;

use crate::{
    fault::{Code, Disposition, Explain, Fault},
    layout::Address,
};
use block::Block;
use errno::Refusal;
use files::{Files, Mode, Target};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The program goes on with this in r0.
    Returns(u32),
    /// It has ended.
    Exits(Exit),
    /// It waits for input that has not come yet; the call is to be made again when it has.
    Waits,
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
    command_line: String,
    began: Instant,
    errno: Errno,
    input: Input,
    output: Vec<Output>,
}

impl Semihosting {
    /// Opens the directory, if there is one.
    pub fn new(options: &Options) -> Result<Self, SemihostingError> {
        let files = Files::new(options.directory.as_deref()).map_err(|source| {
            SemihostingError::Directory {
                path: options.directory.clone().unwrap_or_default(),
                source,
            }
        })?;
        Ok(Self {
            files,
            command_line: options.command_line.clone(),
            began: Instant::now(),
            errno: Errno::None,
            input: Input::default(),
            output: Vec::new(),
        })
    }

    /// What SYS_GET_CMDLINE answers from now on.
    pub fn set_command_line(&mut self, command_line: String) {
        self.command_line = command_line;
    }

    /// The program was reset: its files are closed and its time begins again.
    pub fn restart(&mut self) {
        self.files.close_all();
        self.began = Instant::now();
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

    /// Serves a call. Only a lost link is a fault.
    pub fn serve(
        &mut self,
        number: u32,
        parameter: u32,
        memory: &mut dyn Memory,
    ) -> Result<Outcome, Fault> {
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
        let errno = match self.returned(operation, &mut block) {
            Ok(value) => return Ok(Outcome::Returns(value)),
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

    fn returned(&mut self, operation: Operation, block: &mut Block<'_>) -> Result<u32, Refusal> {
        match operation {
            Operation::Open => self.open(block),
            Operation::Close => Ok(self.files.close(block.word(0)?).map(|()| 0)?),
            Operation::WriteCharacter => {
                let mut byte = [0];
                block.memory.read(Address(block.address), &mut byte)?;
                self.say(Stream::Out, &byte);
                Ok(0)
            }
            Operation::WriteText => self.write_text(block),
            Operation::Write => self.write(block),
            Operation::Read => self.read(block),
            Operation::ReadCharacter => match self.type_ahead(1)?.first() {
                Some(byte) => Ok(u32::from(*byte)),
                None => Err(Errno::Io.into()),
            },
            Operation::IsError => Ok(u32::from(block.word(0)?.cast_signed() < 0)),
            Operation::IsTerminal => Ok(u32::from(self.files.is_console(block.word(0)?)?)),
            Operation::Seek => Ok(self
                .files
                .seek(block.word(0)?, block.word(1)?)
                .map(|()| 0)?),
            Operation::Length => Ok(self.files.length(block.word(0)?)?),
            Operation::TemporaryName => temporary_name(block),
            Operation::Remove => {
                let name = block.name(0)?;
                self.with_directory(&name, |files| files.remove(&name))
            }
            Operation::Rename => {
                let (from, to) = (block.name(0)?, block.name(2)?);
                self.with_directory(&from, |files| files.rename(&from, &to))
            }
            Operation::Clock => Ok((self.began.elapsed().as_millis() / 10) as u32),
            Operation::Time => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                Ok(now.map_err(|_| Errno::Io)?.as_secs() as u32)
            }
            Operation::System => Err(Refusal::Told(
                Errno::NotPermitted,
                "no command of the program's is run on this machine".to_owned(),
            )),
            Operation::Errno => Ok(self.errno as u32),
            Operation::CommandLine => self.command_line(block),
            Operation::HeapInfo => {
                let answer = block.word(0)?;
                block.memory.write(Address(answer), &[0; 16])?;
                Ok(0)
            }
            Operation::Elapsed => {
                let ticks = self.began.elapsed().as_micros() as u64;
                let place = Address(block.address);
                block.memory.write(place, &ticks.to_le_bytes())?;
                Ok(0)
            }
            Operation::TickFrequency => Ok(1_000_000),
            Operation::Exit | Operation::ExitExtended => Err(Errno::NotImplemented.into()),
        }
    }

    /// `[name, mode, length of name]`.
    fn open(&mut self, block: &mut Block<'_>) -> Result<u32, Refusal> {
        let mode = Mode::from_number(block.word(1)?).ok_or(Errno::Invalid)?;
        let name = block.name_of(0, 2)?;
        match Target::of(&name, mode) {
            Some(target) => Ok(self.files.open_special(target)?),
            None => self.with_directory(&name, |files| files.open(&name, mode)),
        }
    }

    /// What only a directory allows; what is refused for its path is told.
    fn with_directory(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Files) -> Result<u32, Errno>,
    ) -> Result<u32, Refusal> {
        if !self.files.has_directory() {
            let sentence =
                format!("`{name}` is refused: --semihosting-dir names no directory for files");
            return Err(Refusal::Told(Errno::AccessDenied, sentence));
        }
        act(&mut self.files).map_err(|errno| match errno {
            Errno::AccessDenied => {
                Refusal::Told(errno, format!("`{name}` is not allowed in its directory"))
            }
            errno => errno.into(),
        })
    }

    /// Up to the NUL, in pieces that end where a page of any memory may end.
    fn write_text(&mut self, block: &mut Block<'_>) -> Result<u32, Refusal> {
        const PIECE: usize = 256;
        let mut text = Vec::new();
        let mut at = block.address;
        let cut = loop {
            let mut piece = [0; PIECE];
            let length = PIECE - at as usize % PIECE;
            let piece = piece.get_mut(..length).unwrap_or_default();
            if let Err(fault) = block.memory.read(Address(at), piece) {
                self.say(Stream::Out, &text);
                return Err(fault.into());
            }
            if let Some(end) = piece.iter().position(|byte| *byte == 0) {
                text.extend(piece.iter().take(end));
                break false;
            }
            text.extend_from_slice(piece);
            at = at.wrapping_add(length as u32);
            if text.len() >= LONGEST_TEXT {
                break true;
            }
        };
        self.say(Stream::Out, &text);
        if cut {
            let sentence = format!("a text without an end is cut after {} bytes", text.len());
            return Err(Refusal::Told(Errno::Invalid, sentence));
        }
        Ok(0)
    }

    /// `[handle, buffer, length]`; returns how many bytes were not written.
    fn write(&mut self, block: &mut Block<'_>) -> Result<u32, Refusal> {
        let (handle, buffer, length) = (block.word(0)?, block.word(1)?, block.word(2)?);
        self.files.check(handle)?;
        let mut done = 0;
        let mut chunk = [0; CHUNK];
        while done < length.min(LARGEST_TRANSFER) {
            let count = CHUNK.min((length - done) as usize);
            let chunk = chunk.get_mut(..count).unwrap_or_default();
            block
                .memory
                .read(Address(buffer.wrapping_add(done)), chunk)?;
            match self.files.stream(handle)? {
                Some(stream) => self.say(stream, chunk),
                None => match self.files.write(handle, chunk) {
                    Ok(()) => {}
                    Err(errno) => {
                        self.errno = errno;
                        break;
                    }
                },
            }
            done += count as u32;
        }
        Ok(length - done)
    }

    /// `[handle, buffer, length]`; returns how many bytes were not read: all of them at the end of the file.
    fn read(&mut self, block: &mut Block<'_>) -> Result<u32, Refusal> {
        let (handle, buffer, length) = (block.word(0)?, block.word(1)?, block.word(2)?);
        self.files.check(handle)?;
        let wanted = length.min(LARGEST_TRANSFER);
        let mut done = 0;
        while done < wanted {
            let count = CHUNK.min((wanted - done) as usize);
            let is_input = self.files.is_input(handle)?;
            let bytes = if is_input {
                self.type_ahead(count)?
            } else {
                self.files.read(handle, count)?
            };
            block
                .memory
                .write(Address(buffer.wrapping_add(done)), &bytes)?;
            done += bytes.len() as u32;
            // A console gives what there is: a program that asks for a line gets a line.
            if bytes.is_empty() || is_input {
                break;
            }
        }
        Ok(length - done)
    }

    /// What was typed, up to `count` bytes and to the end of a line; nothing at the end of the input.
    fn type_ahead(&mut self, count: usize) -> Result<Vec<u8>, Refusal> {
        if !self.has_input() {
            return Err(Refusal::Waits);
        }
        let mut typed = Vec::new();
        while typed.len() < count && typed.last() != Some(&b'\n') {
            match self.input.bytes.pop_front() {
                Some(byte) => typed.push(byte),
                None => break,
            }
        }
        Ok(typed)
    }

    /// `[buffer, its length]`; the length becomes that of the text.
    fn command_line(&mut self, block: &mut Block<'_>) -> Result<u32, Refusal> {
        let (buffer, room) = (block.word(0)?, block.word(1)?);
        let mut text = self.command_line.clone().into_bytes();
        let length = text.len() as u32;
        text.push(0);
        if text.len() > room as usize {
            return Err(Errno::Invalid.into());
        }
        block.memory.write(Address(buffer), &text)?;
        block.write_word(1, length)?;
        Ok(0)
    }

    fn say(&mut self, stream: Stream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.output.last_mut() {
            Some(last) if last.stream == stream => last.bytes.extend_from_slice(bytes),
            _ => self.output.push(Output {
                stream,
                bytes: bytes.to_vec(),
            }),
        }
    }

    fn notice(&mut self, sentence: &str) {
        self.say(
            Stream::Notice,
            format!("semihosting: {sentence}\n").as_bytes(),
        );
    }
}

/// `[buffer, identifier, its length]`: a name for each identifier from 0 to 255.
fn temporary_name(block: &mut Block<'_>) -> Result<u32, Refusal> {
    let (buffer, identifier, room) = (block.word(0)?, block.word(1)?, block.word(2)?);
    if identifier > 255 {
        return Err(Errno::Invalid.into());
    }
    let name = format!("temporary-{identifier:03}\0");
    if name.len() > room as usize {
        return Err(Errno::Invalid.into());
    }
    block.memory.write(Address(buffer), name.as_bytes())?;
    Ok(0)
}
