//! A project as a whole: what its files say, put together into settings.

use std::path::{Path, PathBuf};

use super::{
    board::Clues,
    cargo::CargoPackage,
    eclipse::{self, EclipseProject},
    extmem,
    images::{self, Built},
    ioc::Ioc,
    launch::Launch,
    mode::Mode,
    settings::{Setting, State},
    survey::{Survey, slashed},
};
use crate::layout::{BoardProfile, Controller, ProfileError};

/// The board whose memories stand for all while none is known: internal flash and RAM are the same on every chip of the family.
const ANY_BOARD: &str = "stm32h7s78-dk";

/// A project, looked at.
pub struct Project {
    /// Its files.
    pub survey: Survey,
    ioc: Option<(PathBuf, Ioc)>,
    /// Its projects for STM32CubeIDE.
    pub eclipse: Vec<EclipseProject>,
    /// Its launch configurations for STM32CubeIDE.
    pub launches: Vec<Launch>,
    /// Its Cargo package.
    pub cargo: Option<CargoPackage>,
    /// What it has built, the newest first.
    pub built: Vec<Built>,
}

impl Project {
    /// Looks at a folder; `None` if no project that is known is there.
    pub fn look(survey: Survey, any: &BoardProfile) -> Option<Self> {
        let ioc = survey.ending("ioc").next().and_then(|file| {
            let ioc = Ioc::parse(&survey.text(file)?)?;
            Some((file.to_owned(), ioc))
        });
        let project = Self {
            eclipse: EclipseProject::all(&survey),
            launches: Launch::all(&survey),
            cargo: CargoPackage::read(&survey),
            built: images::built(&survey, any),
            ioc,
            survey,
        };
        (!project.kinds().is_empty()).then_some(project)
    }

    /// The board whose memories stand for all.
    pub fn any_board() -> Result<BoardProfile, ProfileError> {
        BoardProfile::find(ANY_BOARD)
    }

    /// What it is, in words.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds = Vec::new();
        if let Some(package) = &self.cargo {
            kinds.push(format!("Cargo package {}", package.name));
        }
        if let Some((file, _)) = &self.ioc {
            kinds.push(format!("CubeMX project {}", slashed(file)));
        }
        let names: Vec<&str> = self
            .eclipse
            .iter()
            .map(|project| project.name.as_str())
            .collect();
        if !names.is_empty() {
            kinds.push(format!("STM32CubeIDE projects {}", names.join(", ")));
        }
        if self.survey.has(Path::new("CMakeLists.txt")) {
            kinds.push("CMake project".to_owned());
        }
        if kinds.is_empty() {
            let foreign = [("ewp", "IAR"), ("uvprojx", "Keil")];
            kinds.extend(foreign.into_iter().filter_map(|(ending, maker)| {
                let file = self.survey.ending(ending).next()?;
                Some(format!(
                    "{maker} project {}, whose settings are not read",
                    slashed(file)
                ))
            }));
        }
        kinds
    }

    /// Where it has an appli, if it has several: they are several projects.
    pub fn applis(&self) -> impl Iterator<Item = String> {
        let applis = self.eclipse.iter();
        applis
            .filter(|project| project.role == Some(eclipse::Role::Appli))
            .map(|project| slashed(&project.folder))
    }

    /// The lines of xspi-gdb.toml.
    pub fn settings(&self, board: Option<&str>, any: &BoardProfile) -> Vec<Setting> {
        let mode = self.mode();
        let nor = self.nor(&mode);
        let mut settings = vec![Setting::open(
            "probe",
            "0483:3754",
            "needed if several probes are connected (`xspi-gdb probes` lists them), or to try without hardware: \"virtual\"",
        )];
        let board = self.clues().board(board, nor);
        let profile = match board.state {
            State::Known => board
                .value
                .as_str()
                .and_then(|name| BoardProfile::find(name).ok()),
            State::Open => None,
        };
        settings.push(board);
        settings.extend(mode.settings(self.controllers(), profile.as_ref()));
        settings.push(self.appli(&mode));
        settings.extend(self.boot(&mode));
        settings.extend(self.loader(profile.as_ref().unwrap_or(any), profile.is_some()));
        settings
    }

    fn clues(&self) -> Clues<'_> {
        Clues {
            survey: &self.survey,
            ioc: self.ioc.as_ref().map(|(file, ioc)| (file.as_path(), ioc)),
            eclipse: &self.eclipse,
            launches: &self.launches,
            cargo: self.cargo.as_ref(),
        }
    }

    /// A source file of the boot stage: a project for the loader has files of the same names.
    pub fn boot_source<'a>(&'a self, name: &'a str) -> Option<(&'a Path, String)> {
        let mut files = self.survey.named(name);
        let file = files.find(|file| !file.iter().any(|part| part == "ExtMemLoader"))?;
        Some((file, self.survey.text(file)?))
    }

    /// The controllers of the first and the second external memory.
    fn controllers(&self) -> [Option<Controller>; 2] {
        let of_source = self
            .boot_source("extmem_manager.c")
            .map_or([None, None], |(_, text)| extmem::parse_controllers(&text));
        let of_ioc = self.ioc.as_ref().and_then(|(_, ioc)| ioc.first_memory);
        [of_source[0].or(of_ioc), of_source[1]]
    }

    /// The controller that serves the NOR.
    fn nor(&self, mode: &Mode) -> Option<Controller> {
        let [first, _] = self.controllers();
        first.or(match mode {
            Mode::InPlace(address, _) => address.and_then(extmem::controller_of),
            _ => None,
        })
    }

    /// The project for STM32CubeIDE that has this role.
    pub fn subproject(&self, role: eclipse::Role) -> Option<&EclipseProject> {
        self.eclipse
            .iter()
            .find(|project| project.role == Some(role))
    }
}
