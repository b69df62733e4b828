//! A part: what distinguishes one NOR from another, as data.
//!
//! A file of `parts/` says the name, the identity, the parameter table (JESD216, from which size, page and times follow), the times that
//! are not in it, and the command set, one of `parts/commands`. A new part: copy one of them, or name a file of your own in the
//! description of a board.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{
    opcode::Commands,
    sfdp::{Sfdp, SfdpError},
};
use crate::clock::Time;

/// The parts we know, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("MX66UW1G45G", include_str!("../../parts/mx66uw1g45g.toml")),
    (
        "MX25UW25645G",
        include_str!("../../parts/mx25uw25645g.toml"),
    ),
    ("W25Q64JV", include_str!("../../parts/w25q64jv.toml")),
    (
        "W25Q128JV-IM",
        include_str!("../../parts/w25q128jv-im.toml"),
    ),
];

/// The command sets, by name.
const COMMAND_SETS: &[(&str, &str)] = &[
    (
        "macronix-octal",
        include_str!("../../parts/commands/macronix-octal.toml"),
    ),
    (
        "winbond-quad",
        include_str!("../../parts/commands/winbond-quad.toml"),
    ),
];

/// How the bit QE leaves the factory (Winbond, status register 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QuadEnable {
    /// Clear: software sets it.
    #[default]
    Clear,
    /// Set, and it cannot be cleared.
    Fixed,
}

/// A NOR that can be soldered to a port.
#[derive(Clone, Debug)]
pub struct Part {
    /// Name as the maker writes it.
    pub name: String,
    /// Manufacturer, type, density.
    pub jedec_id: [u8; 3],
    /// Parameter table.
    pub sfdp: Sfdp,
    /// Commands by mode.
    pub commands: Commands,
    /// Bit QE.
    pub quad_enable: QuadEnable,
    /// Write of a non-volatile status or configuration register.
    pub write_status: Time,
    /// Recovery from a software reset while idle.
    pub reset_idle: Time,
    /// Recovery from a software reset during an erase or program.
    pub reset_busy: Time,
}

/// A part's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    commands: String,
    jedec_id: [u8; 3],
    #[serde(default)]
    quad_enable: QuadEnable,
    sfdp: String,
    times: Times,
}

/// Microseconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    write_status: u64,
    reset_idle: u64,
    reset_busy: u64,
}

/// Why a part cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// Neither known nor a file.
    #[error(
        "unknown part `{name}`; known are {}, or a file ending in .toml",
        known(BUILT_IN)
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("part file {} cannot be read", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, or not what a part has.
    #[error("part `{name}` is malformed")]
    Syntax {
        /// Which part.
        name: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// There is no such command set.
    #[error(
        "part `{name}` names command set `{commands}`; known are {}",
        known(COMMAND_SETS)
    )]
    Commands {
        /// Which part.
        name: String,
        /// What it names.
        commands: String,
    },
    /// One byte stands for two commands.
    #[error("command set `{commands}` lists opcode {opcode:#04x} twice in one mode")]
    Ambiguous {
        /// Which command set.
        commands: String,
        /// Which byte.
        opcode: u8,
    },
    /// The parameter table is of no use.
    #[error("part `{name}`")]
    Sfdp {
        /// Which part.
        name: String,
        /// Why.
        #[source]
        source: SfdpError,
    },
}

fn known(table: &[(&str, &str)]) -> String {
    let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn look_up<'text>(table: &[(&str, &'text str)], name: &str) -> Option<&'text str> {
    let row = table
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(row.1)
}

impl Part {
    /// The part called `name`.
    pub fn built_in(name: &str) -> Result<Self, PartError> {
        let text = look_up(BUILT_IN, name).ok_or_else(|| PartError::Unknown {
            name: name.to_owned(),
        })?;
        Self::parse(name, text)
    }

    /// The part called `name`, or of the file of that name when it ends in `.toml`: a relative one is looked for in `folder`.
    pub fn find(name: &str, folder: &Path) -> Result<Self, PartError> {
        if !name.ends_with(".toml") {
            return Self::built_in(name);
        }
        let path = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(name, &text),
            Err(source) => Err(PartError::Unreadable { path, source }),
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self, PartError> {
        let malformed = |source| PartError::Syntax {
            name: name.to_owned(),
            source: Box::new(source),
        };
        let file: File = toml::from_str(text).map_err(malformed)?;
        let set = look_up(COMMAND_SETS, &file.commands).ok_or_else(|| PartError::Commands {
            name: name.to_owned(),
            commands: file.commands.clone(),
        })?;
        let commands: Commands = toml::from_str(set).map_err(malformed)?;
        if let Some(opcode) = commands.ambiguous() {
            return Err(PartError::Ambiguous {
                commands: file.commands,
                opcode,
            });
        }
        let sfdp = Sfdp::parse(&file.sfdp).map_err(|source| PartError::Sfdp {
            name: name.to_owned(),
            source,
        })?;
        Ok(Self {
            name: file.name,
            jedec_id: file.jedec_id,
            sfdp,
            commands,
            quad_enable: file.quad_enable,
            write_status: Duration::from_micros(file.times.write_status).into(),
            reset_idle: Duration::from_micros(file.times.reset_idle).into(),
            reset_busy: Duration::from_micros(file.times.reset_busy).into(),
        })
    }

    /// Capacity in bytes. [`Sfdp::parse`] took no table without it.
    pub fn size(&self) -> u32 {
        self.sfdp.size().unwrap_or(0)
    }

    /// Largest program in bytes.
    pub fn page(&self) -> u32 {
        self.sfdp.page()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_that_is_built_in_is_well_formed_and_has_its_name() {
        for (name, _) in BUILT_IN {
            let part = Part::built_in(name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(part.name, *name);
            assert_eq!(part.page(), 256);
        }
    }

    #[test]
    fn a_part_that_nobody_knows_names_the_known_ones() {
        let error = Part::built_in("W25Q80").expect_err("unknown");
        assert!(error.to_string().contains("MX66UW1G45G"), "{error}");
        let folder = std::env::temp_dir();
        let error = Part::find("no-such-part.toml", &folder).expect_err("no file");
        assert!(matches!(error, PartError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused() {
        let text = look_up(BUILT_IN, "W25Q64JV").expect("known");
        let other = text.replace("winbond-quad", "winbond");
        let error = Part::parse("mine", &other).expect_err("no such commands");
        assert!(matches!(error, PartError::Commands { .. }), "{error}");
        let error = Part::parse("mine", &format!("{text}\nsize = 3\n")).expect_err("unknown key");
        assert!(matches!(error, PartError::Syntax { .. }), "{error}");
        let eternal = text.replace("write_status = ", "write_status = 900_000_000_000_0");
        let part = Part::parse("mine", &eternal).expect("it takes for ever");
        assert_eq!(part.write_status, Time(u64::MAX));
        let short = text.replace("E5 20 F9 FF", "");
        let error = Part::parse("mine", &short).expect_err("a table that is too short");
        assert!(matches!(error, PartError::Sfdp { .. }), "{error}");
    }
}
