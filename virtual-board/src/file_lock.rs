//! A file that says that something belongs to one process at a time: a state file, a probe.
//!
//! The lock is the operating system's (advisory on Unix), which takes it back when the process ends in whatever way: nobody has to
//! look whether a holder still lives. The file itself stays: whoever removed it could remove it under somebody who has just opened it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(20);

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is locked by {holder}", path.display())]
    Taken {
        /// The lock's file.
        path: PathBuf,
        /// Process id and command of who has it, as far as they are known.
        holder: String,
    },
    /// The file cannot be opened or locked.
    #[error("{} cannot be locked", path.display())]
    Failed {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A lock that this process has.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    file: File,
}

impl FileLock {
    /// Takes the lock of `path`, which need not exist; waits so long for another process to give it back.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let failed = |source| LockError::Failed {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Taken {
                        path: path.to_owned(),
                        holder: holder(&mut file),
                    });
                }
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    tracing::warn!(
                        "{} lies where files cannot be locked: nothing keeps another process from using it too",
                        path.display()
                    );
                    break;
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        if let Err(error) = introduce(&mut file) {
            tracing::debug!("{} does not say who has it: {error}", path.display());
        }
        let path = path.to_owned();
        Ok(Self { path, file })
    }
}

/// Says who has the lock, for those who wait.
fn introduce(file: &mut File) -> io::Result<()> {
    let command: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {} ({})", process::id(), command.join(" "))
}

/// Who has the lock, by its own words.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(1..) => text.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}

/// A process that is just being started may share the open file for a moment, and the lock with it, unless it is given back.
impl Drop for FileLock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!("{} stays locked for now: {error}", self.path.display());
        }
    }
}
