//! Which loader: a file, our own, or one that probe-rs ships, as `--loader` and board profiles name it.

use std::path::{Path, PathBuf};

use super::{LoaderError, Routine, builtin, elf, own, stldr};

/// A loader, by its name or its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// firmware/loader.
    Own,
    /// One that probe-rs ships for the chip.
    BuiltIn(String),
    /// A file.
    File(PathBuf),
}

/// Endings that name a file, whether it is there or not.
const ENDINGS: &[&str] = &["stldr", "elf", "axf", "out"];

impl Choice {
    /// `own`, a file, or else the name of a built-in routine.
    pub fn parse(text: &str) -> Self {
        let path = Path::new(text);
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        let names_file = ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if text == own::NAME {
            Self::Own
        } else if names_file || path.components().count() > 1 || path.is_file() {
            Self::File(path.to_owned())
        } else {
            Self::BuiltIn(text.to_owned())
        }
    }

    /// The routine, read anew: its file may have been built again.
    pub fn routine(&self, chip: &str) -> Result<Routine, LoaderError> {
        match self {
            Self::Own => own::routine(),
            Self::BuiltIn(name) => builtin::find(chip, name),
            Self::File(path) => {
                let name = path.display().to_string();
                Ok(stldr::parse(&elf::read(path)?, &name)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_file_when_it_looks_like_one() {
        assert_eq!(Choice::parse("own"), Choice::Own);
        for file in ["MX66.stldr", "MX66.STLDR", "build/loader", "./own", "a.elf"] {
            assert_eq!(Choice::parse(file), Choice::File(file.into()));
        }
        let name = "mx66uw1g45g_stm32h7s78-dk";
        assert_eq!(Choice::parse(name), Choice::BuiltIn(name.into()));
    }
}
