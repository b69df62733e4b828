//! The claim on a state file: two boards that had one file would each lose what the other saved.
//!
//! The state file itself is replaced at each save, so that a lock on it would stay with a file that has no name any more: a file beside
//! it carries the lock.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{StateError, beside};
use crate::file_lock::{FileLock, LockError};

/// How long a board that is about to save itself and go is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// A state file that nobody else can claim.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    _lock: FileLock,
}

impl Claim {
    /// Claims the state file `path`, which need not exist yet.
    pub fn take(path: &Path) -> Result<Self, StateError> {
        let lock =
            FileLock::take(&beside(path, ".lock"), PATIENCE).map_err(|error| match error {
                source @ LockError::Taken { .. } => StateError::InUse {
                    path: path.to_owned(),
                    source,
                },
                LockError::Failed { source, .. } => StateError::Write {
                    path: path.to_owned(),
                    source,
                },
            })?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The state file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
