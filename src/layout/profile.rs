//! Board profiles: TOML files, those we know embedded from `profiles/`, any other by its path.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{Address, BootMode, LoadAndRun, Memory, OwnBoot, Ram, VirtualBoard, Window};
use crate::fault::{Code, Explain};

/// The boards we know, by name.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "stm32h7s78-dk",
        include_str!("../../profiles/stm32h7s78-dk.toml"),
    ),
    (
        "stm32h7s78-dk-swapped",
        include_str!("../../profiles/stm32h7s78-dk-swapped.toml"),
    ),
    (
        "nucleo-h7s3l8",
        include_str!("../../profiles/nucleo-h7s3l8.toml"),
    ),
    (
        "nucleo-h7s3l8-swapped",
        include_str!("../../profiles/nucleo-h7s3l8-swapped.toml"),
    ),
    (
        "quad-nor-xspi1",
        include_str!("../../profiles/quad-nor-xspi1.toml"),
    ),
];

/// A board: the chip, its windows and its boot stage. A chip is not a board; the wrong profile can harm one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoardProfile {
    /// `stm32h7s78-dk`.
    pub name: String,
    /// probe-rs's name of the chip.
    pub chip: String,
    /// Internal flash, first address.
    pub internal_flash: Address,
    /// Internal flash in bytes.
    pub internal_flash_bytes: u32,
    /// Sector of the internal flash in bytes.
    pub internal_sector_bytes: u32,
    /// Name of probe-rs's algorithm for the internal flash.
    pub internal_algorithm: String,
    /// I/O voltage of the external memories in millivolts: HSLV only at 1800.
    pub io_millivolts: u16,
    /// What the boot stage does.
    #[serde(default)]
    pub boot_mode: BootMode,
    /// What the boot stage copies (`lrun`).
    #[serde(default)]
    pub lrun: Option<LoadAndRun>,
    /// Where the boot stage looks for the appli's vector table, if the appli's file does not name it.
    #[serde(default)]
    pub vectors: Option<Address>,
    /// Our boot stage for the board, with which a fresh virtual one comes.
    #[serde(default)]
    pub own_boot: Option<OwnBoot>,
    /// The virtual board that is like it.
    #[serde(default)]
    pub virtual_board: Option<VirtualBoard>,
    /// Where the profile's file is: what it names by a relative path is looked for here.
    #[serde(skip)]
    pub folder: PathBuf,
    /// RAM on the chip.
    #[serde(rename = "ram")]
    pub rams: Vec<Ram>,
    /// External windows.
    #[serde(rename = "window")]
    pub windows: Vec<Window>,
}

impl BoardProfile {
    /// The names of the boards that need no file.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The board called `name`, or the profile in the file of that name when it ends in `.toml`.
    pub fn find(name: &str) -> Result<Self, ProfileError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(text, Path::new(name));
        }
        if Self::is_file(name) {
            return Self::open(Path::new(name));
        }
        Err(ProfileError::UnknownBoard {
            name: name.to_owned(),
        })
    }

    /// True if a board is named by the path of its profile.
    pub fn is_file(name: &str) -> bool {
        name.ends_with(".toml")
    }

    /// Reads a profile from a file.
    pub fn open(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Reads a profile from its text; `path` is for messages.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProfileError> {
        let mut profile: Self = toml::from_str(text).map_err(|source| ProfileError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        profile.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        profile
            .check()
            .map_err(|inconsistency| ProfileError::Inconsistent {
                path: path.to_owned(),
                inconsistency,
            })?;
        Ok(profile)
    }

    /// The addresses of the internal flash.
    pub fn internal_range(&self) -> Range<u64> {
        let start = u64::from(self.internal_flash.0);
        start..start + u64::from(self.internal_flash_bytes)
    }

    /// True if `address` lies in the internal flash.
    pub fn is_internal(&self, address: Address) -> bool {
        self.internal_range().contains(&u64::from(address.0))
    }

    /// The window that `address` lies in.
    pub fn window(&self, address: Address) -> Option<&Window> {
        self.windows.iter().find(|window| window.contains(address))
    }

    /// The RAM on the chip that `address` lies in.
    pub fn ram(&self, address: Address) -> Option<&Ram> {
        self.rams.iter().find(|ram| ram.contains(address))
    }

    /// The first NOR window: where the appli lives.
    pub fn nor(&self) -> Option<&Window> {
        self.windows
            .iter()
            .find(|window| window.memory == Memory::Nor)
    }

    /// Looks for contradictions: also after the command line has changed what the file says.
    pub fn check(&self) -> Result<(), Inconsistency> {
        let mut ranges = vec![("internal flash".to_owned(), self.internal_range())];
        ranges.extend(self.rams.iter().map(|ram| (ram.name.clone(), ram.range())));
        ranges.extend(self.windows.iter().map(|w| (w.name.clone(), w.range())));
        ranges.sort_by_key(|(_, range)| range.start);
        for (name, range) in &ranges {
            if range.is_empty() || range.end > 1 << 32 {
                return Err(Inconsistency::Size { name: name.clone() });
            }
        }
        for pair in ranges.windows(2) {
            if pair[0].1.end > pair[1].1.start {
                return Err(Inconsistency::Overlap {
                    first: pair[0].0.clone(),
                    second: pair[1].0.clone(),
                });
            }
        }
        if !fills(self.internal_sector_bytes, &self.internal_range()) {
            return Err(Inconsistency::Sector {
                name: "internal flash".to_owned(),
            });
        }
        self.check_spaces()?;
        self.check_copy()?;
        for window in &self.windows {
            if !(1..=2).contains(&window.port) {
                return Err(Inconsistency::Port {
                    name: window.name.clone(),
                    port: window.port,
                });
            }
            if window.memory == Memory::Nor && !fills(window.sector_bytes, &window.range()) {
                return Err(Inconsistency::Sector {
                    name: window.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// A load-and-run boot stage copies from a NOR to RAM.
    fn check_copy(&self) -> Result<(), Inconsistency> {
        if self.boot_mode != BootMode::Lrun {
            return Ok(());
        }
        let copy = self.lrun.ok_or(Inconsistency::NoCopy)?;
        let source = u64::from(copy.source.0);
        let source = source..source + u64::from(copy.size);
        let destination = copy.destination_range();
        let holds = |range: Range<u64>, part: &Range<u64>| {
            range.start <= part.start && part.end <= range.end
        };
        let windows = |memory| {
            let windows = self.windows.iter();
            windows.filter(move |window| window.memory == memory)
        };
        let from_nor = windows(Memory::Nor).any(|nor| holds(nor.range(), &source));
        let to_ram = windows(Memory::Ram).any(|ram| holds(ram.range(), &destination))
            || self.rams.iter().any(|ram| holds(ram.range(), &destination));
        match copy.size > 0 && from_nor && to_ram {
            true => Ok(()),
            false => Err(Inconsistency::Copy),
        }
    }

    /// Only external addresses go through the gate of `window.rs`: a window elsewhere would be read without a look, and so would be
    /// memory on the chip that is said to be external.
    fn check_spaces(&self) -> Result<(), Inconsistency> {
        let windows = self.windows.iter().map(|w| (&w.name, w.range(), true));
        let rams = self.rams.iter().map(|r| (&r.name, r.range(), false));
        let internal = ("internal flash", self.internal_range(), false);
        let named = windows
            .chain(rams)
            .map(|(name, r, e)| (name.as_str(), r, e));
        for (name, range, external) in named.chain([internal]) {
            if is_external(&range) != [external; 2] {
                return Err(Inconsistency::Space {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Both ends of `range` are external, or neither is.
fn is_external(range: &Range<u64>) -> [bool; 2] {
    [range.start, range.end - 1].map(|at| Address(at as u32).is_external())
}

/// True if sectors of that size begin and end with `range`.
fn fills(sector_bytes: u32, range: &Range<u64>) -> bool {
    let sector = u64::from(sector_bytes);
    sector != 0 && range.start.is_multiple_of(sector) && range.end.is_multiple_of(sector)
}

/// What contradicts itself in a profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    /// Empty, or beyond the 32-bit space.
    #[error("{name} is empty or ends beyond 0xffffffff")]
    Size {
        /// Which range.
        name: String,
    },
    /// Two ranges share addresses.
    #[error("{first} and {second} overlap")]
    Overlap {
        /// The lower one.
        first: String,
        /// The higher one.
        second: String,
    },
    /// The sectors do not fill the flash.
    #[error("{name} does not begin and end with a sector")]
    Sector {
        /// Which flash.
        name: String,
    },
    /// A window on the chip, or memory of the chip outside it.
    #[error(
        "{name} is in the wrong address space: windows are at 0x60000000 to 0xdfffffff, memory on the chip is not"
    )]
    Space {
        /// Which range.
        name: String,
    },
    /// `lrun` without what is copied.
    #[error(
        "boot mode `lrun` needs to know what the boot stage copies: `lrun` with source, destination and size"
    )]
    NoCopy,
    /// The copy does not lie in the board's memories.
    #[error("what the boot stage copies (`lrun`) is not from a NOR window to one RAM of the board")]
    Copy,
    /// XSPIM has ports 1 and 2.
    #[error("{name} names port {port}, but XSPIM has ports 1 and 2")]
    Port {
        /// Which window.
        name: String,
        /// What it says.
        port: u8,
    },
}

/// A board that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither known nor a file.
    #[error("unknown board `{name}`")]
    UnknownBoard {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("board profile {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no profile.
    #[error("board profile {} is not valid", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The profile contradicts itself.
    #[error("board profile {} contradicts itself", path.display())]
    Inconsistent {
        /// The file.
        path: PathBuf,
        /// Where.
        #[source]
        inconsistency: Inconsistency,
    },
}

impl Explain for ProfileError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownBoard { .. } => Code::XG070,
            Self::Unreadable { .. } | Self::Syntax { .. } | Self::Inconsistent { .. } => {
                Code::XG071
            }
        }
    }

    fn remedy(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::UnknownBoard { .. } => Some(
                format!(
                    "known boards: {}; any other by the path of its profile, `--board FILE.toml`",
                    BoardProfile::names().collect::<Vec<_>>().join(", ")
                )
                .into(),
            ),
            Self::Unreadable { .. } => Some("check the path".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIT: &str = BUILT_IN[0].1;

    fn inconsistency(text: &str) -> Inconsistency {
        match BoardProfile::parse(text, Path::new("board.toml")) {
            Err(ProfileError::Inconsistent { inconsistency, .. }) => inconsistency,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_embedded_profile_is_valid_and_has_its_own_name() {
        for name in BoardProfile::names() {
            assert_eq!(BoardProfile::find(name).expect("valid").name, name);
        }
    }

    #[test]
    fn the_kit_has_nor_at_0x70000000_and_psram_at_0x90000000() {
        let kit = BoardProfile::find("stm32h7s78-dk").expect("the kit");
        let nor = kit.nor().expect("a NOR window");
        assert_eq!((nor.base, nor.size), (Address(0x7000_0000), 128 << 20));
        let psram = kit.window(Address(0x9000_0000)).expect("a PSRAM window");
        assert_eq!((psram.memory, psram.live), (Memory::Ram, true));
        assert!(kit.is_internal(Address(0x0800_FFFF)));
        assert!(!kit.is_internal(Address(0x0801_0000)));
        assert_eq!(
            kit.ram(Address(0x2000_0000)).map(|ram| &*ram.name),
            Some("dtcm")
        );
    }

    #[test]
    fn a_profile_is_read_from_a_file_and_an_unknown_board_names_the_known_ones() {
        let path =
            std::env::temp_dir().join(format!("xspi-gdb-profile-{}.toml", std::process::id()));
        std::fs::write(&path, KIT.replace("stm32h7s78-dk\"\nchip", "mine\"\nchip"))
            .expect("a file");
        let mine = BoardProfile::find(path.to_str().expect("a name")).expect("valid");
        std::fs::remove_file(&path).expect("ours");
        assert_eq!(mine.name, "mine");
        let unknown = BoardProfile::find("nucleo").expect_err("unknown");
        assert!(
            unknown
                .remedy()
                .expect("a remedy")
                .contains("stm32h7s78-dk")
        );
    }

    #[test]
    fn contradictions_are_found() {
        assert_eq!(
            inconsistency(&KIT.replace("base = 0x90000000", "base = 0x77000000")),
            Inconsistency::Overlap {
                first: "nor".into(),
                second: "psram".into()
            }
        );
        assert_eq!(
            inconsistency(&KIT.replace("base = 0x90000000", "base = 0x50000000")),
            Inconsistency::Space {
                name: "psram".into()
            }
        );
        assert_eq!(
            inconsistency(&KIT.replace("base = 0x30000000", "base = 0x68000000")),
            Inconsistency::Space {
                name: "ahb-sram".into()
            }
        );
        assert_eq!(
            inconsistency(&KIT.replace("size = 0x02000000", "size = 0x80000000")),
            Inconsistency::Size {
                name: "psram".into()
            }
        );
        assert_eq!(
            inconsistency(&KIT.replace("\nsector_bytes = 0x10000", "\nsector_bytes = 0x3000")),
            Inconsistency::Sector { name: "nor".into() }
        );
        assert_eq!(
            inconsistency(&KIT.replace("port = 2", "port = 3")),
            Inconsistency::Port {
                name: "nor".into(),
                port: 3
            }
        );
    }
}
