//! Which files of a project are appli, boot stage and loader; where they will be, if they are not built yet.

use std::path::PathBuf;

use super::{
    eclipse, images::Role, launch::Launch, mode::Mode, project::Project, settings::Setting,
    survey::slashed,
};
use crate::{
    layout::BoardProfile,
    loader::{Choice, Description},
};

impl Project {
    /// The appli's ELF file.
    pub fn appli(&self, mode: &Mode) -> Setting {
        let mut applis = self
            .built
            .iter()
            .filter(|built| matches!(built.role, Role::Appli(_)) && built.is_elf);
        if let Some(newest) = applis.next() {
            let others = applis.count();
            let because = match others {
                0 => "the ELF file with its vectors where an appli has them".to_owned(),
                count => format!(
                    "the newest of {} ELF files with their vectors where an appli has them",
                    count + 1
                ),
            };
            return Setting::known("appli", slashed(&newest.path), because);
        }
        let of_launch = self
            .launches
            .iter()
            .find(|launch| self.is_for_appli(launch));
        if let Some(launch) = of_launch {
            let because = format!("not built yet; {} debugs it", slashed(&launch.file));
            return Setting::known("appli", slashed(&launch.program), because);
        }
        if let Some(project) = self.subproject(eclipse::Role::Appli) {
            let because = "not built yet; this is where STM32CubeIDE builds it".to_owned();
            return Setting::known("appli", slashed(&project.usual_elf()), because);
        }
        match (&self.cargo, mode) {
            (Some(package), Mode::InPlace(..) | Mode::InRam(..)) => {
                let because = "not built yet; this is where cargo builds it";
                Setting::known("appli", package.usual_elf(), because)
            }
            _ => Setting::open(
                "appli",
                "build/appli.elf",
                "no ELF file of an appli is here: where is it built?",
            ),
        }
    }

    /// True if a launch configuration debugs neither the boot stage nor the loader.
    pub fn is_for_appli(&self, launch: &Launch) -> bool {
        let project = self
            .eclipse
            .iter()
            .find(|project| launch.file.starts_with(&project.folder));
        let role = project.and_then(|project| project.role);
        let is_boot_stage = self
            .built
            .iter()
            .any(|built| built.path == launch.program && built.role == Role::Boot);
        !is_boot_stage && !matches!(role, Some(eclipse::Role::Boot | eclipse::Role::Loader))
    }

    /// The boot stage's image, to compare with.
    pub fn boot(&self, mode: &Mode) -> Option<Setting> {
        let mut stages = self.built.iter().filter(|built| built.role == Role::Boot);
        let elf = stages.clone().find(|built| built.is_elf);
        if let Some(elf) = elf {
            return Some(Setting::known(
                "boot",
                slashed(&elf.path),
                "the ELF file with its vectors in internal flash",
            ));
        }
        match (stages.next(), stages.next()) {
            (Some(hex), None) => {
                return Some(Setting::known(
                    "boot",
                    slashed(&hex.path),
                    "the image with its vectors in internal flash",
                ));
            }
            (Some(hex), Some(other)) => {
                let because = format!(
                    "there is {} too: which is on the board?",
                    slashed(&other.path)
                );
                return Some(Setting::open("boot", slashed(&hex.path), because));
            }
            _ => {}
        }
        if let Some(project) = self.subproject(eclipse::Role::Boot) {
            let because = "not built yet; with it, the boot stage on the board is compared";
            return Some(Setting::open(
                "boot",
                slashed(&project.usual_elf()),
                because,
            ));
        }
        let hex = self
            .boot_of_package()
            .filter(|_| matches!(mode, Mode::InPlace(..)))?;
        Some(Setting::known(
            "boot",
            slashed(&hex),
            "the boot stage of ST's firmware package",
        ))
    }

    /// Examples of ST's firmware packages have no boot stage of their own.
    fn boot_of_package(&self) -> Option<PathBuf> {
        const BOOT_XIP: &str = "Templates/Template_XIP/Binary/Boot_XIP.hex";
        let root = self.survey.root().canonicalize().ok()?;
        let mut up = PathBuf::new();
        for folder in root.ancestors() {
            if folder
                .parent()?
                .file_name()
                .is_some_and(|name| name == "Projects")
            {
                return folder.join(BOOT_XIP).is_file().then(|| up.join(BOOT_XIP));
            }
            up.push("..");
        }
        None
    }

    /// The project's own loader. `profile` is the board's if `is_certain`.
    pub fn loader(&self, profile: &BoardProfile, is_certain: bool) -> Option<Setting> {
        let built = self.built.iter().find(|built| built.role == Role::Loader);
        if let Some(built) = built {
            let path = self.survey.root().join(&built.path);
            let routine = Choice::File(path).routine(profile).ok()?;
            let conflicts = Description::of(&routine, profile, None).conflicts;
            let value = slashed(&built.path);
            return Some(match conflicts.first() {
                Some(conflict) if is_certain => Setting::open(
                    "loader",
                    value,
                    format!("it does not fit {}: {conflict}", profile.name),
                ),
                _ => Setting::known("loader", value, "the external loader of the project"),
            });
        }
        if let Some(project) = self.subproject(eclipse::Role::Loader) {
            let because = "the project's own loader is not built; without it, the board's is taken";
            return Some(Setting::open(
                "loader",
                slashed(&project.usual_elf()),
                because,
            ));
        }
        let (launch, name) = self
            .launches
            .iter()
            .find_map(|launch| Some((launch, launch.loaders.first()?)))?;
        let because = format!(
            "{} takes it from STM32CubeProgrammer's folder; without it, the board's own is taken",
            slashed(&launch.file)
        );
        Some(Setting::open("loader", name.clone(), because))
    }
}
