//! The error numbers that a program sees: those of newlib and of GDB's File-I/O (GDB manual, "Errno Values"), which agree.

use std::io;

use crate::fault::Fault;

/// What SYS_ERRNO answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Errno {
    /// Nothing has failed yet.
    None = 0,
    /// EPERM.
    NotPermitted = 1,
    /// ENOENT.
    NotFound = 2,
    /// EINTR: the user interrupted before anything was done; no program sees it.
    Interrupted = 4,
    /// EIO.
    Io = 5,
    /// EBADF: no such handle.
    BadHandle = 9,
    /// EACCES.
    AccessDenied = 13,
    /// EFAULT: a pointer that leads nowhere.
    BadAddress = 14,
    /// EBUSY.
    Busy = 16,
    /// EEXIST.
    Exists = 17,
    /// ENODEV.
    NoDevice = 19,
    /// ENOTDIR.
    NotADirectory = 20,
    /// EISDIR.
    IsADirectory = 21,
    /// EINVAL.
    Invalid = 22,
    /// ENFILE.
    TableFull = 23,
    /// EMFILE.
    TooManyFiles = 24,
    /// EFBIG.
    TooLarge = 27,
    /// ENOSPC.
    NoSpace = 28,
    /// ESPIPE: a console cannot be sought in.
    NotSeekable = 29,
    /// EROFS.
    ReadOnly = 30,
    /// ENOSYS, as newlib has it.
    NotImplemented = 88,
    /// ENAMETOOLONG, as newlib has it.
    NameTooLong = 91,
}

impl Errno {
    /// By the number in an answer of a client; EUNKNOWN, and what else is none of these, is EIO.
    pub fn from_number(number: u32) -> Self {
        const ALL: [Errno; 20] = [
            Errno::NotPermitted,
            Errno::NotFound,
            Errno::Interrupted,
            Errno::BadHandle,
            Errno::AccessDenied,
            Errno::BadAddress,
            Errno::Busy,
            Errno::Exists,
            Errno::NoDevice,
            Errno::NotADirectory,
            Errno::IsADirectory,
            Errno::Invalid,
            Errno::TableFull,
            Errno::TooManyFiles,
            Errno::TooLarge,
            Errno::NoSpace,
            Errno::NotSeekable,
            Errno::ReadOnly,
            Errno::NotImplemented,
            Errno::NameTooLong,
        ];
        let known = ALL.into_iter().find(|errno| *errno as u32 == number);
        known.unwrap_or(Self::Io)
    }
}

impl From<&io::Error> for Errno {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::AccessDenied,
            io::ErrorKind::AlreadyExists => Self::Exists,
            io::ErrorKind::NotADirectory => Self::NotADirectory,
            io::ErrorKind::IsADirectory => Self::IsADirectory,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => Self::Invalid,
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io,
        }
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Self::from(&error)
    }
}

/// Why a call returns -1.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The program was wrong, or the host could not.
    Errno(Errno),
    /// The same, and the user should know.
    Told(Errno, String),
    /// A pointer leads nowhere; or the link is lost.
    Memory(Fault),
    /// Nobody has typed yet.
    Waits,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Errno(Errno::from(&error))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Memory(fault)
    }
}
