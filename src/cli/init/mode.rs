//! What the boot stage does with the appli, as far as a project says: by the boot stage's sources, or by where the appli is linked.

use std::path::PathBuf;

use toml::{Table, Value};

use super::{
    eclipse,
    extmem::{self, Use},
    images::Role,
    linker,
    project::Project,
    settings::Setting,
    survey::slashed,
};
use crate::layout::{Address, BoardProfile, Controller};

/// What stands in proposals: the NOR of ST's kit, AXI SRAM, and 64 KB.
const USUAL_NOR: Address = Address(0x7000_0000);
const USUAL_RAM: Address = Address(0x2400_0000);
const USUAL_SIZE: u32 = 0x1_0000;

/// What the boot stage does, as far as a project says.
pub enum Mode {
    /// In place, at this address if that is known.
    InPlace(Option<Address>, String),
    /// Copied by ST's boot stage.
    Copied(extmem::Copy, String),
    /// Linked for RAM, and nothing says who copies it.
    InRam(Address, Option<u32>, String),
    /// Behind a header.
    Signed(String),
    /// The project is a boot stage alone.
    BootStage(String),
    /// Nothing says it.
    Unknown,
}

impl Project {
    /// What the boot stage does.
    pub fn mode(&self) -> Mode {
        if let Some((file, text)) = self.boot_source("stm32_extmem_conf.h") {
            let because = slashed(file);
            match extmem::parse_use(&text) {
                Some(Use::Copied(copy)) => return Mode::Copied(copy, because),
                Some(Use::InPlace) => return Mode::InPlace(None, because),
                None => {}
            }
        }
        let Some((address, length, because)) = self.code() else {
            return match self.signed() {
                Some(because) => Mode::Signed(because),
                None => Mode::Unknown,
            };
        };
        if let Some(because) = self.signed() {
            Mode::Signed(because)
        } else if extmem::controller_of(address).is_some() {
            Mode::InPlace(Some(address), because)
        } else if address.0 >> 28 == 2 {
            Mode::InRam(address, length, because)
        } else {
            Mode::BootStage(because)
        }
    }

    /// Where the appli is linked: by its file, by its linker script, by memory.x.
    fn code(&self) -> Option<(Address, Option<u32>, String)> {
        let newest = self.built.iter().find_map(|built| match built.role {
            Role::Appli(vectors) if built.is_elf => Some((vectors, None, slashed(&built.path))),
            _ => None,
        });
        let of_script = || {
            let (file, text) = self.appli_script()?;
            let region = linker::code_region(&text)?;
            Some((region.origin, region.length, slashed(&file)))
        };
        let of_cargo = || {
            let region = self.cargo.as_ref()?.code.clone()?;
            Some((region.origin, region.length, "memory.x".to_owned()))
        };
        newest.or_else(of_script).or_else(of_cargo)
    }

    /// The linker script of the appli: the one that its project names, or the only one that is not for internal flash.
    fn appli_script(&self) -> Option<(PathBuf, String)> {
        let of_project = self
            .subproject(eclipse::Role::Appli)
            .and_then(|project| project.script.clone());
        if let Some(file) = of_project {
            let text = self.survey.text(&file)?;
            return Some((file, text));
        }
        let cmake = self.survey.files().filter(|file| {
            file.file_name()
                .is_some_and(|name| name == "CMakeLists.txt")
                || file.extension().is_some_and(|own| own == "cmake")
        });
        let named: String = cmake.filter_map(|file| self.survey.text(file)).collect();
        let mut scripts = self.survey.ending("ld").filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            named.is_empty() || named.contains(&*name)
        });
        scripts.find_map(|file| {
            let text = self.survey.text(file)?;
            let region = linker::code_region(&text)?;
            (region.origin.0 >> 28 != 0).then(|| (file.to_owned(), text))
        })
    }

    /// Whether a header is checked before the appli is started.
    fn signed(&self) -> Option<String> {
        let of_script = self.appli_script().and_then(|(file, text)| {
            let words = ["IMAGE_HEADER_SIZE", "CODE_OFFSET"];
            words
                .iter()
                .all(|word| text.contains(word))
                .then(|| slashed(&file))
        });
        let is_rot = |name: &str| name.contains("iROT") || name.contains("uROT");
        let of_name = || {
            let project = self.eclipse.iter().find(|project| is_rot(&project.name))?;
            Some(format!("the name of {}", project.name))
        };
        of_name().or(of_script)
    }
}

impl Mode {
    /// The lines that say it.
    pub fn settings(
        &self,
        controllers: [Option<Controller>; 2],
        profile: Option<&BoardProfile>,
    ) -> Vec<Setting> {
        let nor = controllers[0].map(extmem::base).or_else(|| {
            profile
                .and_then(BoardProfile::nor)
                .map(|window| window.base)
        });
        match self {
            Self::InPlace(_, because) => vec![Setting::known("boot-mode", "xip", because)],
            Self::Copied(copy, because) => {
                let second = controllers[1].map(extmem::base);
                let destination = match copy.on_chip {
                    true => Some(Address(copy.destination)),
                    false => second.and_then(|base| base.checked_add(copy.destination)),
                };
                let source = nor.and_then(|nor| nor.checked_add(copy.source));
                let known = source.zip(destination);
                copied(known, copy.size, because)
            }
            Self::InRam(address, length, because) => {
                let source = nor.unwrap_or(USUAL_NOR);
                vec![
                    Setting::open(
                        "boot-mode",
                        "lrun",
                        format!(
                            "{because} puts the appli at {address}, in RAM: does a boot stage copy it there from NOR?"
                        ),
                    ),
                    Setting::open(
                        "lrun",
                        lrun(source, *address, length.unwrap_or(USUAL_SIZE)),
                        "and what does it copy: from where, to where, how many bytes?",
                    ),
                ]
            }
            Self::Signed(because) => vec![
                Setting::open(
                    "boot-mode",
                    "signed",
                    format!("{because} says that a header is checked first"),
                ),
                Setting::open(
                    "image",
                    format!("appli.signed.bin@{}", nor.unwrap_or(USUAL_NOR)),
                    "what is flashed then: the signed image, and where it goes",
                ),
            ],
            Self::BootStage(because) => vec![Setting::open(
                "boot-mode",
                "xip",
                format!(
                    "{because} puts code into internal flash: what does this boot stage do with its appli?"
                ),
            )],
            Self::Unknown => vec![Setting::open(
                "boot-mode",
                "xip",
                "nothing says whether the appli executes in place (xip) or is copied to RAM (lrun); xip is what is taken",
            )],
        }
    }
}

fn copied(known: Option<(Address, Address)>, size: u32, because: &str) -> Vec<Setting> {
    match known {
        Some((source, destination)) => vec![
            Setting::known("boot-mode", "lrun", because),
            Setting::known("lrun", lrun(source, destination, size), because),
        ],
        None => vec![
            Setting::open("boot-mode", "lrun", because),
            Setting::open(
                "lrun",
                lrun(USUAL_NOR, USUAL_RAM, size),
                "where does the boot stage take the appli from, and where does it copy it to?",
            ),
        ],
    }
}

/// What is copied, as xspi-gdb.toml has it.
fn lrun(source: Address, destination: Address, size: u32) -> Table {
    let pairs = [
        ("source", source.0),
        ("destination", destination.0),
        ("size", size),
    ];
    let pairs = pairs.into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), Value::Integer(value.into())))
        .collect()
}
