//! `--loader` and `loader = ` of xspi-gdb.toml: which loader serves which window.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{
    fault::{Code, Explain},
    layout::{BoardProfile, Memory},
    loader::{Choice, LoaderError, Plan},
};

/// Why a loader cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum LoadersError {
    /// A loader was named for a window that the board does not have.
    #[error("a loader is named for `{window}`, and {board} has no NOR window of that name")]
    NoWindow {
        /// What was named.
        window: String,
        /// The board.
        board: String,
    },
    /// The loader cannot be used.
    #[error(transparent)]
    Loader(#[from] LoaderError),
}

impl Explain for LoadersError {
    fn code(&self) -> Code {
        match self {
            Self::NoWindow { .. } => Code::XG072,
            Self::Loader(error) => error.code(),
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoWindow { .. } => {
                Some("`xspi-gdb window status` lists the windows by name".into())
            }
            Self::Loader(error) => error.remedy(),
        }
    }
}

/// Which loader serves which window, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Loaders {
    /// One for every NOR window.
    Every(String),
    /// By the windows' names.
    ByWindow(BTreeMap<String, String>),
}

impl Default for Loaders {
    fn default() -> Self {
        Self::ByWindow(BTreeMap::new())
    }
}

impl Loaders {
    /// `WINDOW=LOADER` names a window of the board; anything else is for all.
    pub fn from_options(options: &[String], profile: &BoardProfile) -> Self {
        let mut by_window = BTreeMap::new();
        for option in options {
            let named = option
                .split_once('=')
                .filter(|(window, _)| !window.contains(['/', '\\', '.']));
            match named {
                Some((window, loader)) => {
                    by_window.insert(window.to_owned(), loader.to_owned());
                }
                None => {
                    let nors = nor_windows(profile).map(|window| (window, option.clone()));
                    by_window.extend(nors);
                }
            }
        }
        Self::ByWindow(by_window)
    }

    /// The loaders as paths relative to `folder` where they are files.
    pub fn relative_to(self, folder: &Path) -> Self {
        let place = |loader| beside(folder, loader);
        match self {
            Self::Every(loader) => Self::Every(place(loader)),
            Self::ByWindow(loaders) => Self::ByWindow(
                loaders
                    .into_iter()
                    .map(|(window, loader)| (window, place(loader)))
                    .collect(),
            ),
        }
    }

    /// Puts them into the profile. Each is looked at now, so that a file that is no loader is told before a client waits for it.
    pub fn choose(self, profile: &mut BoardProfile) -> Result<(), LoadersError> {
        let by_window = match self {
            Self::ByWindow(loaders) => loaders,
            Self::Every(loader) => nor_windows(profile)
                .map(|window| (window, loader.clone()))
                .collect(),
        };
        for (name, loader) in by_window {
            let routine = Choice::parse(&loader).routine(profile)?;
            let mut windows = profile.windows.iter_mut();
            let window = windows
                .find(|window| window.name == name && window.memory == Memory::Nor)
                .ok_or_else(|| LoadersError::NoWindow {
                    window: name,
                    board: profile.name.clone(),
                })?;
            // What the profile says of a call is said of its own algorithm.
            if window.algorithm.as_ref() != Some(&loader) {
                window.program_bytes = None;
                window.algorithm = Some(loader);
            }
            Plan::new(&routine, profile, None).map_err(LoaderError::from)?;
        }
        Ok(())
    }
}

/// The files that a board profile names as loaders lie beside the profile, not where the command is given.
pub fn place_files(profile: &mut BoardProfile) {
    let folder = &profile.folder;
    for window in &mut profile.windows {
        window.algorithm = window.algorithm.take().map(|loader| beside(folder, loader));
    }
}

/// `loader` as a path in `folder`, if it is a file.
fn beside(folder: &Path, loader: String) -> String {
    match Choice::is_file(&loader) {
        true => folder.join(loader).to_string_lossy().into_owned(),
        false => loader,
    }
}

fn nor_windows(profile: &BoardProfile) -> impl Iterator<Item = String> {
    let nors = profile
        .windows
        .iter()
        .filter(|window| window.memory == Memory::Nor);
    nors.map(|window| window.name.clone())
}
