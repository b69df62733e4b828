//! Handles: the console, the list of features, and files in the one directory that the user has named.
//!
//! cap-std opens everything relative to that directory and refuses what leads out of it: absolute paths, `..` beyond it, symbolic links
//! that point elsewhere. Only plain files are opened: a pipe or a device would keep the session waiting.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, File, OpenOptions},
};

use super::{
    Errno, Stream,
    client::{ERRORS, Flags, INPUT, OUTPUT},
};

/// Handles at a time.
const MOST_HANDLES: usize = 64;

/// The console's name.
const CONSOLE: &str = ":tt";
/// The name of the list of features.
const FEATURES_NAME: &str = ":semihosting-features";

/// Magic, then SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR (Semihosting, 4: "Semihosting extensions").
const FEATURES: &[u8] = b"SHFB\x03";

/// How a file is opened: ISO C's fopen in its order of r, r+, w, w+, a, a+, each also binary, which makes no difference here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    access: Access,
    update: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Append,
}

impl Mode {
    /// 0 to 11.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        let access = match number / 4 {
            0 => Access::Read,
            1 => Access::Write,
            2 => Access::Append,
            _ => return None,
        };
        Some(Self {
            access,
            update: number & 2 != 0,
        })
    }

    /// The same for a client.
    pub(super) fn flags(self) -> Flags {
        Flags {
            read: self.access == Access::Read || self.update,
            write: self.access != Access::Read || self.update,
            append: self.access == Access::Append,
            create: self.access != Access::Read,
            truncate: self.access == Access::Write,
        }
    }

    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        match self.access {
            Access::Read => options.read(true).write(self.update),
            Access::Write => options
                .write(true)
                .create(true)
                .truncate(true)
                .read(self.update),
            Access::Append => options.append(true).create(true).read(self.update),
        };
        options
    }
}

/// What is opened that is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Input,
    Output(Stream),
    Features,
}

impl Target {
    /// `:tt` is standard input to read, standard output to write, standard error to append.
    pub(super) fn of(name: &str, mode: Mode) -> Option<Self> {
        match (name, mode.access) {
            (CONSOLE, Access::Read) => Some(Self::Input),
            (CONSOLE, Access::Write) => Some(Self::Output(Stream::Out)),
            (CONSOLE, Access::Append) => Some(Self::Output(Stream::Error)),
            (FEATURES_NAME, _) => Some(Self::Features),
            _ => None,
        }
    }
}

#[derive(Debug)]
enum Handle {
    Special(Target),
    Features(io::Cursor<&'static [u8]>),
    File(File),
    /// Of the client's, by its number there.
    Client(u32),
}

/// What a program has open.
#[derive(Debug)]
pub(super) struct Files {
    directory: Option<Dir>,
    handles: BTreeMap<u32, Handle>,
    /// Open at the client, and no longer here.
    left_behind: Vec<u32>,
}

impl Files {
    pub(super) fn new(directory: Option<&Path>) -> io::Result<Self> {
        let open = |path| Dir::open_ambient_dir(path, ambient_authority());
        Ok(Self {
            directory: directory.map(open).transpose()?,
            handles: BTreeMap::new(),
            left_behind: Vec::new(),
        })
    }

    pub(super) fn has_directory(&self) -> bool {
        self.directory.is_some()
    }

    pub(super) fn close_all(&mut self) {
        for handle in std::mem::take(&mut self.handles).into_values() {
            if let Handle::Client(file) = handle {
                self.left_behind.push(file);
            }
        }
    }

    /// The client has gone, and what it had open with it.
    pub(super) fn forget_clients(&mut self) {
        self.handles
            .retain(|_, handle| !matches!(handle, Handle::Client(_)));
        self.left_behind.clear();
    }

    /// A file that the client still has open for a program that was reset.
    pub(super) fn left_behind(&self) -> Option<u32> {
        self.left_behind.first().copied()
    }

    /// It was closed.
    pub(super) fn swept(&mut self, file: u32) {
        self.left_behind.retain(|left| *left != file);
    }

    /// A file that the client has opened.
    pub(super) fn keep_clients(&mut self, file: u32) -> Result<u32, Errno> {
        self.keep(Handle::Client(file))
    }

    /// The client's number of what it has opened itself.
    pub(super) fn opened_by_client(&self, number: u32) -> Result<Option<u32>, Errno> {
        Ok(match self.handle(number)? {
            Handle::Client(file) => Some(*file),
            _ => None,
        })
    }

    /// The client's number of what is read and written there: files that it has opened, and its console.
    pub(super) fn clients(&self, number: u32) -> Result<Option<u32>, Errno> {
        Ok(match self.handle(number)? {
            Handle::Client(file) => Some(*file),
            Handle::Special(Target::Input) => Some(INPUT),
            Handle::Special(Target::Output(Stream::Error)) => Some(ERRORS),
            Handle::Special(Target::Output(_)) => Some(OUTPUT),
            Handle::Special(Target::Features) | Handle::Features(_) | Handle::File(_) => None,
        })
    }

    pub(super) fn check_room(&self) -> Result<(), Errno> {
        match self.handles.len() < MOST_HANDLES {
            true => Ok(()),
            false => Err(Errno::TooManyFiles),
        }
    }

    pub(super) fn open_special(&mut self, target: Target) -> Result<u32, Errno> {
        self.keep(match target {
            Target::Features => Handle::Features(io::Cursor::new(FEATURES)),
            target => Handle::Special(target),
        })
    }

    pub(super) fn open(&mut self, name: &str, mode: Mode) -> Result<u32, Errno> {
        let directory = self.directory()?;
        match directory.metadata(name) {
            Ok(found) if found.is_dir() => return Err(Errno::IsADirectory),
            Ok(found) if !found.is_file() => return Err(Errno::AccessDenied),
            _ => {}
        }
        let file = directory.open_with(name, &mode.options())?;
        self.keep(Handle::File(file))
    }

    /// The lowest free number; 0 is none.
    fn keep(&mut self, handle: Handle) -> Result<u32, Errno> {
        self.check_room()?;
        let free = (1..).find(|number| !self.handles.contains_key(number));
        let number = free.ok_or(Errno::TooManyFiles)?;
        self.handles.insert(number, handle);
        Ok(number)
    }

    pub(super) fn close(&mut self, number: u32) -> Result<(), Errno> {
        self.handles
            .remove(&number)
            .map(|_| ())
            .ok_or(Errno::BadHandle)
    }

    pub(super) fn check(&self, number: u32) -> Result<(), Errno> {
        self.handle(number).map(|_| ())
    }

    pub(super) fn is_console(&self, number: u32) -> Result<bool, Errno> {
        Ok(matches!(self.handle(number)?, Handle::Special(_)))
    }

    pub(super) fn is_input(&self, number: u32) -> Result<bool, Errno> {
        Ok(matches!(
            self.handle(number)?,
            Handle::Special(Target::Input)
        ))
    }

    /// Where on the console a handle writes, if it is the console.
    pub(super) fn stream(&self, number: u32) -> Result<Option<Stream>, Errno> {
        Ok(match self.handle(number)? {
            Handle::Special(Target::Output(stream)) => Some(*stream),
            _ => None,
        })
    }

    pub(super) fn seek(&mut self, number: u32, position: u32) -> Result<(), Errno> {
        let place = SeekFrom::Start(u64::from(position));
        match self.handle_mut(number)? {
            Handle::Special(_) => return Err(Errno::NotSeekable),
            Handle::Client(_) => return Err(Errno::BadHandle),
            Handle::Features(list) => list.seek(place)?,
            Handle::File(file) => file.seek(place)?,
        };
        Ok(())
    }

    pub(super) fn length(&self, number: u32) -> Result<u32, Errno> {
        match self.handle(number)? {
            Handle::Special(_) => Ok(0),
            Handle::Client(_) => Err(Errno::BadHandle),
            Handle::Features(_) => Ok(FEATURES.len() as u32),
            Handle::File(file) => {
                u32::try_from(file.metadata()?.len()).map_err(|_| Errno::TooLarge)
            }
        }
    }

    pub(super) fn write(&mut self, number: u32, bytes: &[u8]) -> Result<(), Errno> {
        match self.handle_mut(number)? {
            Handle::File(file) => Ok(file.write_all(bytes)?),
            Handle::Special(_) | Handle::Features(_) | Handle::Client(_) => Err(Errno::BadHandle),
        }
    }

    /// Up to `count` bytes; fewer only at the end of the file.
    pub(super) fn read(&mut self, number: u32, count: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        let count = count as u64;
        match self.handle_mut(number)? {
            Handle::File(file) => file.take(count).read_to_end(&mut bytes)?,
            Handle::Features(list) => list.take(count).read_to_end(&mut bytes)?,
            Handle::Special(_) | Handle::Client(_) => return Err(Errno::BadHandle),
        };
        Ok(bytes)
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<u32, Errno> {
        Ok(self.directory()?.remove_file(name).map(|()| 0)?)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<u32, Errno> {
        let directory = self.directory()?;
        Ok(directory.rename(from, directory, to).map(|()| 0)?)
    }

    fn directory(&self) -> Result<&Dir, Errno> {
        self.directory.as_ref().ok_or(Errno::AccessDenied)
    }

    fn handle(&self, number: u32) -> Result<&Handle, Errno> {
        self.handles.get(&number).ok_or(Errno::BadHandle)
    }

    fn handle_mut(&mut self, number: u32) -> Result<&mut Handle, Errno> {
        self.handles.get_mut(&number).ok_or(Errno::BadHandle)
    }
}
