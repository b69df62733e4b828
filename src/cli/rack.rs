//! Racks of boards: one process a probe, and boards by name.
//!
//! A probe is claimed by a locked file in the user's runtime folder, named by what selects it (VID:PID:SERIAL). The lock is the operating
//! system's: it goes with its process, however that ends. Probes that another user's processes have are refused by USB itself.

use std::{borrow::Cow, env, fs, path::PathBuf, time::Duration};

use serde::Deserialize;
use virtual_board::file_lock::{FileLock, LockError};

use super::power::PowerCycle;
use crate::{
    fault::{Code, Explain},
    link::connect,
};

/// Locks lie in this folder of the user's runtime folder.
const FOLDER: &str = "xspi-gdb";

/// A board of a rack: `[boards.NAME]` in xspi-gdb.toml. What it leaves out is as for every board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RackBoard {
    pub probe: Option<String>,
    pub board: Option<String>,
    pub chip: Option<String>,
    pub speed: Option<u32>,
    pub under_reset: Option<bool>,
    pub virtual_state: Option<PathBuf>,
    pub power_cycle_cmd: Option<String>,
    pub power_cycle: Option<PowerCycle>,
}

/// Another process has the probe.
#[derive(Debug, thiserror::Error)]
#[error("probe {probe} is in use: {holder} has it")]
pub struct ProbeInUse {
    probe: String,
    holder: String,
}

impl Explain for ProbeInUse {
    fn code(&self) -> Code {
        Code::XG136
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        None
    }
}

/// Keeps other processes from a probe as long as the lock lives; waits so long for one that has it. `None` where nothing can be locked.
pub fn claim(selector: Option<&str>, patience: Duration) -> Result<Option<FileLock>, ProbeInUse> {
    let Some(probe) = identity(selector) else {
        return Ok(None);
    };
    let folder = runtime_folder().join(FOLDER);
    if let Err(error) = fs::create_dir_all(&folder) {
        tracing::warn!(%error, "{}: nothing keeps another process from the probe", folder.display());
        return Ok(None);
    }
    match FileLock::take(&folder.join(file_name(&probe)), patience) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Taken { holder, .. }) => Err(ProbeInUse { probe, holder }),
        Err(error @ LockError::Failed { .. }) => {
            tracing::warn!("{error}: nothing keeps another process from the probe");
            Ok(None)
        }
    }
}

/// What selects this probe and no other, as far as that can be told without opening it.
fn identity(selector: Option<&str>) -> Option<String> {
    if let Some(selector) = selector
        && selector.splitn(3, ':').count() == 3
    {
        return Some(selector.to_owned());
    }
    let found = connect::list();
    let mut fitting = found.iter().filter(|probe| {
        selector.is_none_or(|selector| {
            let head = probe.selector.get(..selector.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(selector))
        })
    });
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only.selector.clone()),
        // Which of several, or that there is none, is told when one is opened.
        _ => None,
    }
}

/// VID and PID are hexadecimal digits in either case; a serial number may hold anything.
fn file_name(probe: &str) -> String {
    let mut parts = probe.splitn(3, ':');
    let mut name = String::new();
    for part in [parts.next(), parts.next()].into_iter().flatten() {
        name += &part.to_ascii_lowercase();
        name.push('-');
    }
    for character in parts.next().unwrap_or_default().chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' => name.push(character),
            other => name += &format!("_{:x}", u32::from(other)),
        }
    }
    name + ".lock"
}

fn runtime_folder() -> PathBuf {
    env::var_os("XDG_RUNTIME_DIR").map_or_else(env::temp_dir, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_has_one_file_however_it_is_written() {
        assert_eq!(file_name("0483:374E:00AB"), file_name("0483:374e:00AB"));
        assert_ne!(file_name("0483:374e:00AB"), file_name("0483:374e:00ab"));
        assert_ne!(file_name("1:2:a/b"), file_name("1:2:a_b"));
        assert!(!file_name("1:2:../../x").contains('/'));
    }

    #[test]
    fn a_selector_with_a_serial_number_is_its_own_identity() {
        assert_eq!(
            identity(Some("0483:374e:00AB")).as_deref(),
            Some("0483:374e:00AB")
        );
    }
}
