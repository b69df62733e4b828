//! ELF files of the firmware, by load address and by symbol.
#![allow(dead_code)] // each test file uses its part

use std::{fs, ops::Range, path::PathBuf};

use goblin::elf::{Elf, Sym, program_header::PT_LOAD};

/// An ELF file of firmware/prebuilt, or of the directory that XSPI_GDB_FIRMWARE names.
pub struct Image {
    pub bytes: Vec<u8>,
}

impl Image {
    /// Where the file of this name is.
    pub fn path(name: &str) -> PathBuf {
        let directory = std::env::var_os("XSPI_GDB_FIRMWARE").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../firmware/prebuilt"),
            PathBuf::from,
        );
        directory.join(name)
    }

    pub fn load(name: &str) -> Self {
        let path = Self::path(name);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { bytes }
    }

    /// What lies in the memory that begins at `base`, by load address.
    pub fn contents(&self, base: u32) -> Vec<u8> {
        let elf = Elf::parse(&self.bytes).unwrap();
        let mut image = Vec::new();
        for header in &elf.program_headers {
            let address = header.p_paddr as u32;
            if header.p_type != PT_LOAD || header.p_filesz == 0 || address >> 27 != base >> 27 {
                continue;
            }
            let (start, file) = ((address - base) as usize, header.file_range());
            image.resize(image.len().max(start + file.len()), 0xff);
            image[start..start + file.len()].copy_from_slice(&self.bytes[file]);
        }
        image
    }

    pub fn symbol(&self, name: &str) -> u32 {
        self.entry(name).st_value as u32
    }

    /// Addresses of the function of this name.
    pub fn function(&self, name: &str) -> Range<u32> {
        let entry = self.entry(name);
        let start = entry.st_value as u32 & !1;
        start..start + entry.st_size as u32
    }

    fn entry(&self, name: &str) -> Sym {
        let elf = Elf::parse(&self.bytes).unwrap();
        elf.syms
            .iter()
            .find(|symbol| elf.strtab.get_at(symbol.st_name) == Some(name))
            .unwrap_or_else(|| panic!("no symbol {name}"))
    }
}
