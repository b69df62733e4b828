//! Which board a project is for. A chip is not a board, and the wrong loader can harm one: so only a name counts, and a chip with its wiring makes a
//! proposal at most.

use std::path::Path;

use super::{
    cargo::CargoPackage,
    eclipse::EclipseProject,
    ioc::Ioc,
    launch::Launch,
    settings::Setting,
    survey::{Survey, slashed},
};
use crate::layout::Controller;

/// ST's boards, and how their makers and tools call them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// STM32H7S78-DK.
    Kit,
    /// NUCLEO-H7S3L8.
    Nucleo,
}

impl Family {
    const ALL: [Self; 2] = [Self::Kit, Self::Nucleo];

    /// Parts of names; ST's tools have called the NUCLEO by its first name in some loaders.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Kit => &["STM32H7S78-DK", "STM32H7S78_DK", "STM32H7S78_DISCOVERY"],
            Self::Nucleo => &["NUCLEO-H7S3L8", "NUCLEO_H7S3L8", "STM32H7S38-NUCLEO"],
        }
    }

    fn chip(self) -> &'static str {
        match self {
            Self::Kit => "STM32H7S7L8",
            Self::Nucleo => "STM32H7S3L8",
        }
    }

    fn named_in(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        Self::ALL
            .into_iter()
            .find(|family| family.names().iter().any(|name| text.contains(name)))
    }

    /// The profile of the board with its NOR behind `controller`.
    pub fn profile(self, nor: Option<Controller>) -> &'static str {
        match (self, nor) {
            (Self::Kit, Some(Controller::Xspi1)) => "stm32h7s78-dk-swapped",
            (Self::Kit, _) => "stm32h7s78-dk",
            (Self::Nucleo, Some(Controller::Xspi1)) => "nucleo-h7s3l8-swapped",
            (Self::Nucleo, _) => "nucleo-h7s3l8",
        }
    }
}

/// What may name a board, and where that stands.
pub struct Clues<'a> {
    pub survey: &'a Survey,
    pub ioc: Option<(&'a Path, &'a Ioc)>,
    pub eclipse: &'a [EclipseProject],
    pub launches: &'a [Launch],
    pub cargo: Option<&'a CargoPackage>,
}

impl Clues<'_> {
    /// Every family that something names, with what names it.
    pub fn families(&self) -> Vec<(Family, String)> {
        let mut named: Vec<(Family, String)> = Vec::new();
        let mut add = |text: &str, place: String| {
            if let Some(family) = Family::named_in(text)
                && !named.iter().any(|(known, _)| *known == family)
            {
                named.push((family, place));
            }
        };
        for project in self.eclipse {
            let board = project.board.as_deref().unwrap_or_default();
            add(
                board,
                format!("{}/.cproject is made for {board}", slashed(&project.folder)),
            );
        }
        if let Some((file, ioc)) = self.ioc {
            for name in &ioc.names {
                add(name, format!("{} names {name}", slashed(file)));
            }
        }
        for launch in self.launches {
            for loader in &launch.loaders {
                add(loader, format!("{} takes {loader}", slashed(&launch.file)));
            }
        }
        for header in self.survey.ending("h") {
            let name = header.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("stm32h7s78_discovery") {
                add("STM32H7S78_DISCOVERY", slashed(header));
            } else if name.starts_with("stm32h7rsxx_nucleo") {
                add("NUCLEO-H7S3L8", slashed(header));
            }
        }
        if let Some(board) = self.folder_of_st() {
            add(&board, format!("the project lies in Projects/{board}"));
        }
        named
    }

    /// `Projects/BOARD`, as ST's firmware packages have it.
    fn folder_of_st(&self) -> Option<String> {
        let root = self.survey.root().canonicalize().ok()?;
        let parts: Vec<String> = root
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let at = parts.iter().rposition(|part| part == "Projects")?;
        parts.get(at + 1).cloned()
    }

    /// The chip, as whatever names it first.
    pub fn chip(&self) -> Option<String> {
        let of_cube = self.ioc.and_then(|(_, ioc)| ioc.chip.clone());
        let of_eclipse = || self.eclipse.iter().find_map(|project| project.chip.clone());
        let of_cargo = || self.cargo.and_then(|package| package.chip.clone());
        of_cube.or_else(of_eclipse).or_else(of_cargo)
    }

    /// The setting, and the profile that it names for sure.
    pub fn board(&self, given: Option<&str>, nor: Option<Controller>) -> Setting {
        if let Some(board) = given {
            return Setting::known("board", board, "as it was given to init");
        }
        let families = self.families();
        match &families[..] {
            [(family, because)] => {
                let wiring = match nor {
                    Some(controller) => format!(", and its NOR is behind {controller}"),
                    None => String::new(),
                };
                Setting::known("board", family.profile(nor), format!("{because}{wiring}"))
            }
            [(one, first), (_, second), ..] => Setting::open(
                "board",
                one.profile(nor),
                format!("two boards are named ({first}; {second}): which is it?"),
            ),
            [] => self.proposal(nor),
        }
    }

    fn proposal(&self, nor: Option<Controller>) -> Setting {
        let chip = self.chip().unwrap_or_default();
        let likely = Family::ALL
            .into_iter()
            .find(|family| chip.to_ascii_uppercase().starts_with(family.chip()));
        let is_wired_alike = self.ioc.is_none_or(|(_, ioc)| {
            let ports = &ioc.ports;
            ports.is_empty()
                || ports
                    .iter()
                    .any(|(controller, port)| Some(*controller) == nor && *port == 2)
        });
        match likely.filter(|_| is_wired_alike) {
            Some(family) => Setting::open(
                "board",
                family.profile(nor),
                format!(
                    "nothing names the board; the chip is a {chip}, as on this one. If it is yours, take away the `#`; if not: docs/custom-board.md"
                ),
            ),
            None if chip.is_empty() => Setting::open(
                "board",
                "stm32h7s78-dk",
                "nothing names the board or its chip: which is it? docs/custom-board.md shows how to describe yours in a file",
            ),
            None => Setting::open(
                "board",
                "my-board.toml",
                format!(
                    "no board is known for chip {chip:?} with this wiring: docs/custom-board.md shows how to describe yours in a file"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_boards_are_known_in_every_spelling() {
        for (text, family) in [
            ("STM32H7S78-DK", Some(Family::Kit)),
            ("MX66UW1G45G_STM32H7S78-DK_XSPIM1.stldr", Some(Family::Kit)),
            ("EXTMEMLOADER_STM32H7S38-NUCLEO", Some(Family::Nucleo)),
            ("nucleo-h7s3l8", Some(Family::Nucleo)),
            ("genericBoard", None),
            ("custom", None),
        ] {
            assert_eq!(Family::named_in(text), family, "{text}");
        }
    }

    #[test]
    fn every_profile_that_is_named_is_there() {
        for family in Family::ALL {
            for nor in [None, Some(Controller::Xspi1), Some(Controller::Xspi2)] {
                let profile =
                    crate::layout::BoardProfile::find(family.profile(nor)).expect("a profile");
                let found = profile.nor().map(|window| window.controller);
                assert!(nor.is_none() || found == nor, "{}", profile.name);
            }
        }
    }
}
