//! The claim on a state file: two boards that had one file would each lose what the other saved.
//!
//! The state file itself is replaced at each save, so that a lock on it would stay with a file that has no name any more. An empty
//! file beside it carries the lock, which the operating system takes back when the process ends in whatever way. That file stays:
//! whoever removed it could remove it under somebody who has just opened it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{StateError, beside};

/// How long a board that is about to save itself and go is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(20);

/// A state file that nobody else can claim.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    file: File,
}

impl Claim {
    /// Claims the state file `path`, which need not exist yet.
    pub fn take(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Write {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(beside(path, ".lock")).map_err(failed)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(StateError::InUse {
                        path: path.to_owned(),
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
        let path = path.to_owned();
        Ok(Self { path, file })
    }

    /// The state file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A process that is just being started may share the open file for a moment, and the lock with it, unless it is given back.
impl Drop for Claim {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!("{} stays locked for now: {error}", self.path.display());
        }
    }
}
