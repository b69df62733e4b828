//! xspi-gdb.toml: the options of the command line, kept beside the project. The command line wins.
//!
//! ```toml
//! probe = "0483:3754"
//! board = "stm32h7s78-dk"
//! appli = "build/appli.elf"
//! boot = "Boot_XIP.hex"
//! loader = "MX66UW1G45G_STM32H7S78-DK.stldr"
//! vectors = 0x70020000
//! boot-mode = "lrun"
//! lrun = { source = 0x70000000, destination = 0x24000000, size = 0x10000 }
//! ```
//! Paths are relative to the file's own folder. A board with several NOR windows names their loaders apart: `loader = { nor = "own" }`.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    loaders::Loaders,
    mishaps::Mishaps,
    power::PowerCycle,
    rack::RackBoard,
    target::{OnAttach, VirtualTime},
};
use crate::{
    fault::{Code, Explain},
    layout::{Address, BoardProfile, BootMode, LoadAndRun},
};

/// The file that is read when --config names none.
pub const DEFAULT_FILE: &str = "xspi-gdb.toml";

/// What the file may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the file is: the project's folder. Empty for the current one.
    #[serde(skip)]
    pub folder: PathBuf,
    pub probe: Option<String>,
    pub on: Option<String>,
    pub wait_for_probe: Option<u64>,
    pub power_cycle_cmd: Option<String>,
    pub power_cycle: Option<PowerCycle>,
    /// The boards of a rack, by name.
    #[serde(default)]
    pub boards: BTreeMap<String, RackBoard>,
    pub board: Option<String>,
    pub chip: Option<String>,
    pub appli: Option<PathBuf>,
    pub image: Option<PathBuf>,
    pub boot: Option<PathBuf>,
    pub boot_mode: Option<BootMode>,
    pub lrun: Option<LoadAndRun>,
    pub loader: Option<Loaders>,
    pub install_boot: Option<bool>,
    pub boot_timeout: Option<u64>,
    pub vectors: Option<Address>,
    pub speed: Option<u32>,
    pub under_reset: Option<bool>,
    pub on_attach: Option<OnAttach>,
    pub live_window: Option<bool>,
    pub virtual_state: Option<PathBuf>,
    pub virtual_mishap: Option<Mishaps>,
    pub virtual_time: Option<VirtualTime>,
    pub trace_link: Option<PathBuf>,
    pub semihosting: Option<bool>,
    pub semihosting_dir: Option<PathBuf>,
    pub semihosting_cmdline: Option<String>,
    pub semihosting_gdb: Option<bool>,
}

/// Why the file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It is not what we expect.
    #[error("{} is no configuration of xspi-gdb", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what is wrong there.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The rack has no such board.
    #[error("there is no board `{name}`; {}", boards(known))]
    NoSuchBoard {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

fn boards(known: &[String]) -> String {
    match known {
        [] => "the configuration names none".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    }
}

impl Explain for ConfigError {
    fn code(&self) -> Code {
        match self {
            Self::NoSuchBoard { .. } => Code::XG070,
            _ => Code::XG072,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoSuchBoard { .. } => {
                Some("name one of them, or add a table [boards.NAME] to xspi-gdb.toml".into())
            }
            _ => None,
        }
    }
}

impl Config {
    /// Reads the file named, or [`DEFAULT_FILE`] of this folder if there is one.
    pub fn read(named: Option<&Path>) -> Result<Self, ConfigError> {
        let path = match named {
            Some(path) => path,
            None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|source| ConfigError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.folder = folder.to_owned();
        for file in [
            &mut config.appli,
            &mut config.image,
            &mut config.boot,
            &mut config.virtual_state,
            &mut config.trace_link,
            &mut config.semihosting_dir,
        ] {
            *file = file.take().map(|relative| folder.join(relative));
        }
        for rack in config.boards.values_mut() {
            rack.virtual_state = rack.virtual_state.take().map(|state| folder.join(state));
            rack.board = rack.board.take().map(|board| placed(folder, board));
        }
        config.loader = config.loader.map(|loaders| loaders.relative_to(folder));
        config.board = config.board.map(|board| placed(folder, board));
        Ok(config)
    }

    /// With what the rack says of its board `name`.
    pub fn with_board(mut self, name: &str) -> Result<Self, ConfigError> {
        let Some(rack) = self.boards.remove(name) else {
            return Err(ConfigError::NoSuchBoard {
                name: name.to_owned(),
                known: self.boards.into_keys().collect(),
            });
        };
        self.probe = rack.probe.or(self.probe);
        self.board = rack.board.or(self.board);
        self.chip = rack.chip.or(self.chip);
        self.power_cycle_cmd = rack.power_cycle_cmd.or(self.power_cycle_cmd);
        self.power_cycle = rack.power_cycle.or(self.power_cycle);
        self.speed = rack.speed.or(self.speed);
        self.under_reset = rack.under_reset.or(self.under_reset);
        self.virtual_state = rack.virtual_state.or(self.virtual_state);
        Ok(self)
    }
}

/// A board's own file is looked for beside the configuration.
fn placed(folder: &Path, board: String) -> String {
    match BoardProfile::is_file(&board) {
        true => folder.join(board).to_string_lossy().into_owned(),
        false => board,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(DEFAULT_FILE);
        std::fs::write(&path, text).expect("a file");
        (folder, path)
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let (folder, path) = written("board = \"stm32h7s78-dk\"\nappli = \"build/appli.elf\"\n");
        let config = Config::read(Some(&path)).expect("a configuration");
        assert_eq!(config.board.as_deref(), Some("stm32h7s78-dk"));
        assert_eq!(config.appli, Some(folder.path().join("build/appli.elf")));
    }

    #[test]
    fn a_profile_is_a_path_too_and_a_known_board_is_none() {
        let (folder, path) = written("board = \"boards/mine.toml\"\n");
        let config = Config::read(Some(&path)).expect("a configuration");
        let mine = folder.path().join("boards/mine.toml");
        assert_eq!(config.board.as_deref(), mine.to_str());
    }

    #[test]
    fn a_loader_is_a_file_or_a_name_for_all_windows_or_for_each() {
        let loader = |text: &str| {
            let (folder, path) = written(text);
            let config = Config::read(Some(&path)).expect("a configuration");
            (config.loader.expect("a loader"), folder)
        };
        let (every, _folder) = loader("loader = \"own\"\n");
        assert_eq!(every, Loaders::Every("own".into()));
        let (each, folder) = loader("loader = { nor = \"a.stldr\" }\n");
        let file = folder.path().join("a.stldr").to_string_lossy().into_owned();
        assert_eq!(each, Loaders::ByWindow([("nor".into(), file)].into()));
    }

    #[test]
    fn every_option_of_the_target_is_a_key() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            _target: super::super::target::Target,
        }
        let line = <Line as clap::CommandFactory>::command();
        for option in line.get_arguments().filter_map(clap::Arg::get_long) {
            // What an option switches off, the key holds.
            let key = option.strip_prefix("no-").unwrap_or(option);
            let (_folder, path) = written(&format!("{key} = []\n"));
            let error = Config::read(Some(&path)).expect_err("a list is no setting");
            let ConfigError::Syntax { source, .. } = error else {
                panic!("{option}: {error}");
            };
            let is_unknown = source.message().contains("unknown field");
            // --config names the file itself.
            assert_eq!(is_unknown, option == "config", "{option}: {source}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let (_folder, path) = written("aplli = \"appli.elf\"\n");
        assert!(matches!(
            Config::read(Some(&path)),
            Err(ConfigError::Syntax { .. })
        ));
    }

    #[test]
    fn a_missing_file_is_an_error_only_when_it_was_named() {
        assert!(matches!(
            Config::read(Some(Path::new("no/such/file.toml"))),
            Err(ConfigError::Unreadable { .. })
        ));
    }
}
