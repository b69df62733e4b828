//! ST's own binaries and other people's, unmodified, on a strict board. None of them is part of this repository.
//!
//! | Variable | What it names |
//! |---|---|
//! | `XSPI_GDB_CUBE` | a checkout of STM32CubeH7RS; without it everything here is skipped |
//! | `XSPI_GDB_TOGGLE` | GPIO_IOToggle's appli as an ELF file, if it is not where STM32CubeIDE builds it in that tree |
//! | `XSPI_GDB_STLDR` | STM32CubeProgrammer's external loader for the NOR of the STM32H7S78-DK |
//! | `XSPI_GDB_DFP` | a checkout of STM32H7RSxx_DFP, the device family pack with the CMSIS algorithms |
//!
//! A variable that is set and names nothing is a failure.

mod boot_xip;
mod host;
mod routines;
mod toggle;
mod trace;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use goblin::elf::{Elf, program_header::PT_LOAD};
use ihex::{Reader, Record};

/// Names the tree.
const CUBE: &str = "XSPI_GDB_CUBE";
/// The DK's projects in the tree.
const DK: &str = "Projects/STM32H7S78-DK";
const INTERNAL_FLASH: u32 = 0x0800_0000;
const NOR: u32 = 0x7000_0000;

/// The file or folder that `variable` names, or `None` with a line that says so.
fn named(variable: &str) -> Option<PathBuf> {
    let Some(path) = env::var_os(variable) else {
        eprintln!("skipped: {variable} is not set");
        return None;
    };
    let path = PathBuf::from(path);
    assert!(path.exists(), "{variable}: {} is missing", path.display());
    Some(path)
}

/// A file of the tree.
fn in_tree(cube: &Path, path: &str) -> PathBuf {
    let path = cube.join(path);
    assert!(path.is_file(), "{CUBE}: {} is missing", path.display());
    path
}

/// GPIO_IOToggle's appli.
fn toggle(cube: &Path) -> PathBuf {
    const USUAL: &str = "Projects/STM32H7S78-DK/Examples/GPIO/GPIO_IOToggle/STM32CubeIDE/Appli/Debug/\
                         GPIO_IOToggle_Appli.elf";
    match env::var_os("XSPI_GDB_TOGGLE") {
        Some(path) => path.into(),
        None => in_tree(cube, USUAL),
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An Intel HEX file's contents from `base`.
fn hex(path: &Path, base: u32) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let (mut image, mut upper) = (Vec::new(), 0);
    for record in Reader::new(&text) {
        match record.unwrap() {
            Record::ExtendedLinearAddress(high) => upper = u32::from(high) << 16,
            Record::Data { offset, value } => {
                put(&mut image, upper + u32::from(offset) - base, &value);
            }
            _ => {}
        }
    }
    image
}

/// What an ELF file has for the memory at `base`, by load address.
fn elf(path: &Path, base: u32) -> Vec<u8> {
    let bytes = bytes(path);
    let mut image = Vec::new();
    for header in &Elf::parse(&bytes).unwrap().program_headers {
        let address = header.p_paddr as u32;
        if header.p_type == PT_LOAD && header.p_filesz != 0 && address >> 24 == base >> 24 {
            put(&mut image, address - base, &bytes[header.file_range()]);
        }
    }
    image
}

fn put(image: &mut Vec<u8>, offset: u32, bytes: &[u8]) {
    let end = offset as usize + bytes.len();
    image.resize(image.len().max(end), 0xFF);
    image[offset as usize..end].copy_from_slice(bytes);
}
