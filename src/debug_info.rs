//! What the debug information of a program says: function, file and line of an address with what was inlined there, and who called
//! whom.
//!
//! DWARF 2 to 5 (dwarfstd.org) by addr2line and gimli, sections of an ELF plain or compressed (SHF_COMPRESSED) by object. A part that
//! is missing or malformed is as if it were not there: an address is then told by its symbol, or not at all.
//!
//! `program.rs` reads one file, `backtrace.rs` goes from frame to frame, `cfi.rs` steps by call frame information, `prologue.rs` by
//! what a function without any has done to its stack, `exception.rs` through a frame that exception entry stacked. `disassembly.rs` has
//! one instruction in words, `structures.rs` the program's own structures.

mod backtrace;
mod cfi;
mod disassembly;
mod exception;
mod program;
mod prologue;
mod structures;
#[cfg(test)]
mod tests;

use std::{fmt, io, path::PathBuf};

pub use backtrace::{Backtrace, End, Frame, Kind, ReadWord, Registers};
pub use disassembly::{Access, Instruction, Offset};
pub use structures::{Structure, Variants, structures};

use crate::{
    fault::{Code, Explain},
    image::{Image, Symbols},
    layout::Address,
};
use program::Program;

/// The file of an image could not be read again.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read for its debug information", path.display())]
pub struct DebugInfoError {
    /// The file.
    pub path: PathBuf,
    /// The system's error.
    #[source]
    pub source: io::Error,
}

impl Explain for DebugInfoError {
    fn code(&self) -> Code {
        Code::XG050
    }
}

/// Where an address is in the sources. Prints as `toggle at appli/src/work.rs:51`, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The function, as its language writes it.
    pub function: Option<String>,
    /// The file, as the compiler was given it.
    pub file: Option<String>,
    /// The line, from 1 on.
    pub line: Option<u32>,
    /// The function was inlined into that of the next place.
    pub inlined: bool,
}

impl Place {
    /// `work.rs:51`: the file without its folders.
    pub fn short_line(&self) -> Option<String> {
        let name = self.file.as_deref()?.rsplit(['/', '\\']).next()?;
        Some(format!("{name}:{}", self.line?))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.as_deref().unwrap_or("??"))?;
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, " at {file}:{line}"),
            (Some(file), None) => write!(f, " in {file}"),
            (None, _) => Ok(()),
        }
    }
}

/// The debug information of the programs on a board: an appli, and the boot stage that starts it.
#[derive(Debug, Default)]
pub struct DebugInfo {
    programs: Vec<Program>,
}

impl DebugInfo {
    /// Reads that of the images' files. One that is no ELF has its symbols, if it has any.
    pub fn of<'a>(images: impl IntoIterator<Item = &'a Image>) -> Result<Self, DebugInfoError> {
        let programs = images
            .into_iter()
            .map(Program::of)
            .collect::<Result<_, _>>()?;
        Ok(Self { programs })
    }

    /// The places of an instruction: the innermost inlined function first, the function that has it last. Never empty for an address
    /// of a known function.
    pub fn places(&self, address: Address) -> Vec<Place> {
        self.program_at(address)
            .map(|program| program.places(address))
            .unwrap_or_default()
    }

    /// The innermost place of an instruction, in a few words: `toggle (work.rs:51)`.
    pub fn describe(&self, address: Address) -> Option<String> {
        let place = self.places(address).into_iter().next()?;
        let line = place.short_line();
        let function = place.function.unwrap_or_else(|| "??".to_owned());
        Some(match line {
            Some(line) => format!("{function} ({line})"),
            None => function,
        })
    }

    /// The first instruction of a line; `file` may leave out leading folders.
    pub fn address_of_line(&self, file: &str, line: u32) -> Option<Address> {
        self.programs
            .iter()
            .find_map(|program| program.address_of_line(file, line))
    }

    /// The symbols of each program, the appli's first.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbols> {
        self.programs.iter().map(Program::symbols)
    }

    /// True if `address` lies in code of a known program.
    fn is_code(&self, address: Address) -> bool {
        self.program_at(address).is_some()
    }

    fn program_at(&self, address: Address) -> Option<&Program> {
        self.programs
            .iter()
            .find(|program| program.has_code_at(address))
    }
}
