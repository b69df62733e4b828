//! What each operation does here, on this computer: its console, the files in the user's directory, the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{
    CHUNK, Errno, LARGEST_TRANSFER, LONGEST_TEXT, Operation, Output, Refusal, Semihosting, Stream,
    block::Block,
    files::{Files, Mode, Target},
};
use crate::layout::Address;

impl Semihosting {
    pub(super) fn returned(
        &mut self,
        operation: Operation,
        block: &mut Block<'_>,
    ) -> Result<u32, Refusal> {
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
            Operation::Clock => Ok((self.elapsed().as_millis() / 10) as u32),
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
                let ticks = self.elapsed().as_micros() as u64;
                let place = Address(block.address);
                block.memory.write(place, &ticks.to_le_bytes())?;
                Ok(0)
            }
            Operation::TickFrequency => Ok(1_000_000),
            Operation::Exit | Operation::ExitExtended => Err(Errno::NotImplemented.into()),
        }
    }

    /// Since the program began. A virtual board that was switched off and on has begun to count anew.
    fn elapsed(&self) -> Duration {
        self.now.saturating_sub(self.began)
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

    /// Up to the NUL, or as much of it as there is.
    fn write_text(&mut self, block: &mut Block<'_>) -> Result<u32, Refusal> {
        let (text, ended) = text(block);
        self.say(Stream::Out, &text);
        ended.map(|()| 0)
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

    pub(super) fn notice(&mut self, sentence: &str) {
        self.say(
            Stream::Notice,
            format!("semihosting: {sentence}\n").as_bytes(),
        );
    }
}

/// The text that the parameter points to, up to its NUL, and why it ends elsewhere. In pieces that end where a page of any memory may end.
pub(super) fn text(block: &mut Block<'_>) -> (Vec<u8>, Result<(), Refusal>) {
    const PIECE: usize = 256;
    let mut text = Vec::new();
    let mut at = block.address;
    while text.len() < LONGEST_TEXT {
        let mut piece = [0; PIECE];
        let length = PIECE - at as usize % PIECE;
        let piece = piece.get_mut(..length).unwrap_or_default();
        if let Err(fault) = block.memory.read(Address(at), piece) {
            return (text, Err(fault.into()));
        }
        if let Some(end) = piece.iter().position(|byte| *byte == 0) {
            text.extend(piece.iter().take(end));
            return (text, Ok(()));
        }
        text.extend_from_slice(piece);
        at = at.wrapping_add(length as u32);
    }
    let sentence = format!("a text without an end is cut after {} bytes", text.len());
    (text, Err(Refusal::Told(Errno::Invalid, sentence)))
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
