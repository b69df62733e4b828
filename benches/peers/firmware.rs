//! What lies in the board's memories when a row begins, and the ELF file that GDB has.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use goblin::elf::{Elf, program_header::PT_GNU_STACK};
use xspi_gdb::image::Image;

#[path = "../../tests/support/images.rs"]
mod images;

const INTERNAL_FLASH: u32 = 0x0800_0000;
const NOR: u32 = 0x7000_0000;
/// What `load` is measured with.
pub const LARGE_BYTES: usize = 512 * 1024;
/// Its vector table stays when the rest becomes another program.
const VECTORS_BYTES: usize = 0x400;

/// What a row's board has in its NOR, against the ELF file that GDB has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memories {
    /// The appli, as it is.
    Appli,
    /// The appli before one of its functions was changed.
    AppliBefore,
    /// Half a megabyte, as it is.
    Large,
    /// The same with another byte in its middle.
    LargeBefore,
    /// Half a megabyte of another program.
    LargeOther,
}

/// Files of a row.
pub struct Files {
    pub boot: PathBuf,
    pub nor: PathBuf,
    pub elf: PathBuf,
    /// What the NOR holds once GDB's file is programmed: pieces by their offset.
    pub programmed: Vec<(usize, Vec<u8>)>,
    /// The first instruction of the appli.
    pub reset_handler: u32,
}

impl Memories {
    fn is_large(self) -> bool {
        matches!(self, Self::Large | Self::LargeBefore | Self::LargeOther)
    }

    /// Writes the files of such a row into `folder`.
    pub fn write(self, folder: &Path) -> Result<Files> {
        let appli = images::firmware("appli.elf");
        let elf = if self.is_large() {
            let path = folder.join("large.elf");
            fs::write(&path, enlarged(&fs::read(appli)?)?)?;
            path
        } else {
            appli
        };
        let image = Image::open(&elf)?;
        let in_nor = image
            .segments()
            .iter()
            .filter(|piece| piece.address.0 >= NOR);
        let programmed = in_nor
            .map(|piece| ((piece.address.0 - NOR) as usize, piece.data.clone()))
            .collect();
        let mut nor = images::contents(&image, NOR);
        match self {
            Self::Appli | Self::Large => {}
            Self::AppliBefore => {
                let at = function(&elf, "toggle")? - NOR;
                // It returns at once: BX LR.
                nor[at as usize..][..2].copy_from_slice(&[0x70, 0x47]);
            }
            Self::LargeBefore => nor[LARGE_BYTES / 2] ^= 0x10,
            Self::LargeOther => nor[VECTORS_BYTES..]
                .iter_mut()
                .for_each(|byte| *byte = !*byte),
        }
        let boot = Image::open(images::firmware("boot.elf"))?;
        let files = Files {
            boot: folder.join("boot.bin"),
            nor: folder.join("nor.bin"),
            elf,
            programmed,
            reset_handler: image.entry().context("an entry")?.0 & !1,
        };
        fs::write(&files.boot, images::contents(&boot, INTERNAL_FLASH))?;
        fs::write(&files.nor, nor)?;
        Ok(files)
    }
}

/// Where `elf` has the function of this plain name.
fn function(elf: &Path, name: &str) -> Result<u32> {
    let bytes = fs::read(elf)?;
    let elf = Elf::parse(&bytes)?;
    let mut symbols = elf.syms.iter();
    let symbol = symbols.find(|symbol| elf.strtab.get_at(symbol.st_name) == Some(name));
    Ok(symbol.context("a function")?.st_value as u32 & !1)
}

/// The appli's ELF file with bytes behind it that no compression or repetition makes easier. A section and a program header that the
/// appli does not use get them: `.gnu.sgstubs` and PT_GNU_STACK.
fn enlarged(appli: &[u8]) -> Result<Vec<u8>> {
    let elf = Elf::parse(appli)?;
    let end = elf
        .program_headers
        .iter()
        .filter(|header| header.p_filesz > 0)
        .map(|header| header.p_paddr + header.p_filesz)
        .max()
        .context("segments")?;
    let base = u32::try_from(end)?.next_multiple_of(16);
    let offset = u32::try_from(appli.len())?.next_multiple_of(16);
    let length = NOR + LARGE_BYTES as u32 - base;
    let stack = elf
        .program_headers
        .iter()
        .position(|header| header.p_type == PT_GNU_STACK);
    let stubs = elf
        .section_headers
        .iter()
        .position(|header| elf.shdr_strtab.get_at(header.sh_name) == Some(".gnu.sgstubs"));
    let segment = elf.header.e_phoff as usize + 32 * stack.context("a header to spare")?;
    let section = elf.header.e_shoff as usize + 40 * stubs.context("a section to spare")?;

    let mut file = appli.to_vec();
    let mut put = |at: usize, words: &[u32]| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        file[at..at + bytes.len()].copy_from_slice(&bytes);
    };
    // Elf32_Phdr: PT_LOAD, offset, addresses, sizes, PF_R, alignment.
    put(segment, &[1, offset, base, base, length, length, 4, 16]);
    // Elf32_Shdr from sh_addr on: address, offset, size.
    put(section + 12, &[base, offset, length]);
    file.resize(offset as usize, 0);
    let mut state = 0x2545_F491_u32;
    while file.len() < (offset + length) as usize {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        file.extend(state.to_le_bytes());
    }
    Ok(file)
}
