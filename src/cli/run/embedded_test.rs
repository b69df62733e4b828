//! Tests that a program made with embedded-test brings along, by its ELF (protocol version 1, embedded-test 0.7 and later).
//!
//! The section `.embedded_test` has the version and, for each test, a pointer to its function and its module path; the test's symbol is
//! named by a JSON object. The program asks for its command line by semihosting, runs the test that is named there and ends by
//! semihosting: with 0 if the test returned, by an abort if it panicked or returned an error.

use std::{fs, path::Path};

use anyhow::Context as _;
use goblin::elf::{Elf, SectionHeader, Sym, sym::STT_OBJECT};
use serde::Deserialize;

/// Where tests are described.
const SECTION: &str = ".embedded_test";

/// Which protocol the program speaks.
const VERSION_SYMBOL: &str = "EMBEDDED_TEST_VERSION";

/// The protocol that is spoken here.
const VERSION: u32 = 1;

/// Function, module path, length of the path.
const DESCRIPTION_BYTES: u64 = 12;

/// A test on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// `tests::holds`.
    pub name: String,
    /// What runs it.
    pub function: u32,
    /// It passes if it panics.
    pub should_panic: bool,
    /// It is run only when asked for.
    pub ignored: bool,
    /// Seconds.
    pub timeout: Option<u64>,
}

/// What a test's symbol is called.
#[derive(Debug, Deserialize)]
struct Description {
    name: String,
    should_panic: bool,
    ignored: bool,
    timeout: Option<u64>,
}

/// The tests of a program, by name; `None` if it was not made with embedded-test.
pub fn tests(elf: &Path) -> anyhow::Result<Option<Vec<Test>>> {
    let bytes = fs::read(elf).with_context(|| format!("cannot read {}", elf.display()))?;
    let Ok(parsed) = Elf::parse(&bytes) else {
        // HEX and the like.
        return Ok(None);
    };
    let file = File {
        bytes: &bytes,
        elf: parsed,
    };
    file.tests()
        .with_context(|| format!("the tests in {}", elf.display()))
}

struct File<'a> {
    bytes: &'a [u8],
    elf: Elf<'a>,
}

impl File<'_> {
    fn tests(&self) -> anyhow::Result<Option<Vec<Test>>> {
        let sections = &self.elf.section_headers;
        let named =
            |header: &SectionHeader| self.elf.shdr_strtab.get_at(header.sh_name) == Some(SECTION);
        let Some(index) = sections.iter().position(named) else {
            return Ok(None);
        };
        let in_section = |symbol: &Sym| symbol.st_shndx == index;
        let symbols = || self.elf.syms.iter().filter(in_section);
        let name = |symbol: &Sym| self.elf.strtab.get_at(symbol.st_name).unwrap_or_default();
        let Some(version) = symbols().find(|symbol| name(symbol) == VERSION_SYMBOL) else {
            return Ok(None);
        };
        let section = &sections[index];
        let version = self.word(section, version.st_value).context("no version")?;
        anyhow::ensure!(
            version == VERSION,
            "embedded-test's protocol {version} is not spoken here, {VERSION} is: use embedded-test 0.7 or later"
        );
        let mut tests = symbols()
            .filter(|symbol| symbol.st_type() == STT_OBJECT && symbol.st_size == DESCRIPTION_BYTES)
            .map(|symbol| self.test(section, symbol.st_value, name(&symbol)))
            .collect::<anyhow::Result<Vec<_>>>()?;
        tests.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Some(tests))
    }

    fn test(&self, section: &SectionHeader, at: u64, symbol: &str) -> anyhow::Result<Test> {
        let described: Description =
            serde_json::from_str(symbol).with_context(|| format!("symbol `{symbol}`"))?;
        let word = |index: u64| {
            self.word(section, at + 4 * index)
                .context("a description is cut off")
        };
        let (function, path, length) = (word(0)?, word(1)?, word(2)?);
        let path = self
            .text(path, length)
            .context("a module path is not in the file")?;
        // As libtest has it: without the crate's name.
        let name = match path.split_once("::") {
            Some((_, module)) => format!("{module}::{}", described.name),
            None => described.name,
        };
        Ok(Test {
            name,
            function,
            should_panic: described.should_panic,
            ignored: described.ignored,
            timeout: described.timeout,
        })
    }

    /// The word at address `at` of `section`.
    fn word(&self, section: &SectionHeader, at: u64) -> Option<u32> {
        let offset = section
            .sh_offset
            .checked_add(at.checked_sub(section.sh_addr)?)?;
        let start = usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// Text that the program sees at `address`.
    fn text(&self, address: u32, length: u32) -> Option<&str> {
        let address = u64::from(address);
        let segment = self.elf.program_headers.iter().find(|header| {
            (header.p_vaddr..header.p_vaddr.saturating_add(header.p_filesz)).contains(&address)
        })?;
        let start = usize::try_from(segment.p_offset + (address - segment.p_vaddr)).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(length as usize)?)?;
        std::str::from_utf8(bytes).ok()
    }
}
