//! Which loader: a file, our own, or one that probe-rs ships, as `--loader` and board profiles name it.

use std::path::{Path, PathBuf};

use super::{
    LoaderError, LoaderFileError, Routine, builtin,
    elf::{self, LoaderElf},
    flm,
    own::Own,
    stldr,
};
use crate::layout::BoardProfile;

/// A loader, by its name or its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// firmware/loader.
    Own(Own),
    /// One that probe-rs ships for the chip.
    BuiltIn(String),
    /// A file.
    File(PathBuf),
}

/// Endings that name a file, whether it is there or not.
const ENDINGS: &[&str] = &["stldr", "flm", "elf", "axf", "out", "yaml", "yml"];

impl Choice {
    /// `own`, `own-quad`, a file, or else the name of a built-in routine.
    pub fn parse(text: &str) -> Self {
        if let Some(own) = Own::find(text) {
            Self::Own(own)
        } else if Self::is_file(text) {
            Self::File(PathBuf::from(text))
        } else {
            Self::BuiltIn(text.to_owned())
        }
    }

    /// True if `text` names a file: it is one, ends like one, or has a folder.
    pub fn is_file(text: &str) -> bool {
        let path = Path::new(text);
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
            || path.components().count() > 1
            || Own::find(text).is_none() && path.is_file()
    }

    /// The routine, read anew: its file may have been built again.
    pub fn routine(&self, profile: &BoardProfile) -> Result<Routine, LoaderError> {
        match self {
            Self::Own(own) => own.routine(),
            Self::BuiltIn(name) => builtin::find(&profile.chip, name),
            Self::File(path) => {
                let name = path
                    .file_name()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy();
                from_bytes(&elf::read(path)?, &name, profile)
            }
        }
    }
}

/// The routine in the bytes of a file. What it is is told by its contents.
pub fn from_bytes(
    bytes: &[u8],
    name: &str,
    profile: &BoardProfile,
) -> Result<Routine, LoaderError> {
    if !bytes.starts_with(b"\x7FELF")
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        // An error of the parser quotes what it could not read: of any other text, all of it.
        return match text.contains("flash_algorithms") {
            true => builtin::from_yaml(text, name, profile),
            false => Err(LoaderFileError::NoDescription {
                name: name.to_owned(),
            }
            .into()),
        };
    }
    let elf = LoaderElf::parse(bytes, name)?;
    if elf.symbol("StorageInfo").is_some() {
        Ok(stldr::routine(&elf)?)
    } else if elf.symbol("FlashDevice").is_some() {
        Ok(flm::routine(&elf, profile)?)
    } else {
        Err(LoaderFileError::NoDescription {
            name: name.to_owned(),
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_when_it_looks_like_one() {
        assert_eq!(Choice::parse("own"), Choice::Own(Own::Octal));
        assert_eq!(Choice::parse("own-quad"), Choice::Own(Own::Quad));
        for file in [
            "MX66.stldr",
            "MX66.FLM",
            "H7RS.yaml",
            "build/loader",
            "./own",
            "a.elf",
        ] {
            assert_eq!(Choice::parse(file), Choice::File(file.into()));
        }
        let name = "mx66uw1g45g_stm32h7s78-dk";
        assert_eq!(Choice::parse(name), Choice::BuiltIn(name.into()));
    }
}
