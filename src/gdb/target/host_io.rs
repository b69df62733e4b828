//! Host files (gdbstub's `host_io`): the appli's file, for reading, and no other.
//!
//! With `target extended-remote` alone GDB asks for the name of the program (`qXfer:exec-file`) and reads it through the
//! server, so that symbols are there without `file`. A debug server that opened any path would be a file server.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::UNIX_EPOCH,
};

use gdbstub::target::ext::host_io::{
    FsKind, HostIo, HostIoClose, HostIoCloseOps, HostIoErrno, HostIoError, HostIoFstat,
    HostIoFstatOps, HostIoOpen, HostIoOpenFlags, HostIoOpenMode, HostIoOpenOps, HostIoPread,
    HostIoPreadOps, HostIoResult, HostIoSetfs, HostIoSetfsOps, HostIoStat,
};

use super::Debuggee;

/// Files that a client may have open at a time.
const OPEN_FILES: usize = 16;

/// A client's open files by their number.
#[derive(Debug, Default)]
pub struct Files {
    open: BTreeMap<u32, File>,
}

impl Files {
    /// The lowest number that is free, as POSIX has it.
    fn free(&self) -> Option<u32> {
        (0..OPEN_FILES as u32).find(|number| !self.open.contains_key(number))
    }

    fn get(&mut self, number: u32) -> Result<&mut File, HostIoError<std::convert::Infallible>> {
        self.open
            .get_mut(&number)
            .ok_or(HostIoError::Errno(HostIoErrno::EBADF))
    }
}

/// The protocol's number for an error of the host.
fn errno(error: &std::io::Error) -> HostIoError<std::convert::Infallible> {
    HostIoError::Errno(match error.kind() {
        ErrorKind::NotFound => HostIoErrno::ENOENT,
        ErrorKind::PermissionDenied => HostIoErrno::EACCES,
        _ => HostIoErrno::EUNKNOWN,
    })
}

/// Whether `asked` names the file `appli`, however either is written.
fn same_file(asked: &Path, appli: &Path) -> bool {
    asked == appli
        || match (asked.canonicalize(), appli.canonicalize()) {
            (Ok(asked), Ok(appli)) => asked == appli,
            _ => false,
        }
}

impl HostIo for Debuggee {
    fn support_open(&mut self) -> Option<HostIoOpenOps<'_, Self>> {
        Some(self)
    }

    fn support_close(&mut self) -> Option<HostIoCloseOps<'_, Self>> {
        Some(self)
    }

    fn support_pread(&mut self) -> Option<HostIoPreadOps<'_, Self>> {
        Some(self)
    }

    fn support_fstat(&mut self) -> Option<HostIoFstatOps<'_, Self>> {
        Some(self)
    }

    fn support_setfs(&mut self) -> Option<HostIoSetfsOps<'_, Self>> {
        Some(self)
    }
}

impl HostIoOpen for Debuggee {
    fn open(
        &mut self,
        name: &[u8],
        flags: HostIoOpenFlags,
        _mode: HostIoOpenMode,
    ) -> HostIoResult<u32, Self> {
        let writes = HostIoOpenFlags::O_WRONLY
            | HostIoOpenFlags::O_RDWR
            | HostIoOpenFlags::O_CREAT
            | HostIoOpenFlags::O_TRUNC
            | HostIoOpenFlags::O_APPEND;
        if flags.intersects(writes) {
            return Err(HostIoError::Errno(HostIoErrno::EROFS));
        }
        let asked = std::str::from_utf8(name)
            .map(Path::new)
            .map_err(|_| HostIoError::Errno(HostIoErrno::ENOENT))?;
        let appli = self
            .session
            .settings()
            .appli
            .as_deref()
            .filter(|appli| same_file(asked, appli))
            .ok_or(HostIoError::Errno(HostIoErrno::ENOENT))?;
        let file = File::open(appli).map_err(|error| errno(&error))?;
        let files = self.files();
        let number = files
            .free()
            .ok_or(HostIoError::Errno(HostIoErrno::EMFILE))?;
        files.open.insert(number, file);
        Ok(number)
    }
}

impl HostIoClose for Debuggee {
    fn close(&mut self, number: u32) -> HostIoResult<(), Self> {
        match self.files().open.remove(&number) {
            Some(_) => Ok(()),
            None => Err(HostIoError::Errno(HostIoErrno::EBADF)),
        }
    }
}

impl HostIoPread for Debuggee {
    fn pread(
        &mut self,
        number: u32,
        count: usize,
        offset: u64,
        buffer: &mut [u8],
    ) -> HostIoResult<usize, Self> {
        let file = self.files().get(number)?;
        let length = count.min(buffer.len());
        let part = buffer.get_mut(..length).unwrap_or_default();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.read(part))
            .map_err(|error| errno(&error))
    }
}

impl HostIoFstat for Debuggee {
    fn fstat(&mut self, number: u32) -> HostIoResult<HostIoStat, Self> {
        let meta = self
            .files()
            .get(number)?
            .metadata()
            .map_err(|error| errno(&error))?;
        let modified = meta
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_secs() as u32);
        Ok(HostIoStat {
            st_dev: 0,
            st_ino: 0,
            st_mode: HostIoOpenMode::S_IFREG | HostIoOpenMode::S_IRUSR,
            st_nlink: 1,
            st_uid: 0,
            st_gid: 0,
            st_rdev: 0,
            st_size: meta.len(),
            st_blksize: 0,
            st_blocks: 0,
            st_atime: modified,
            st_mtime: modified,
            st_ctime: modified,
        })
    }
}

impl HostIoSetfs for Debuggee {
    fn setfs(&mut self, _filesystem: FsKind) -> HostIoResult<(), Self> {
        Ok(())
    }
}
