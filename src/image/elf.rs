//! ELF executables by goblin: program headers for what is stored, section headers and symbols for vectors and names.

use std::path::Path;

use goblin::elf::{Elf, header::EM_ARM, program_header::PT_LOAD};

use super::{Image, ImageError, Segment, sorted, symbols::Symbols};
use crate::layout::Address;

/// Sections that hold vector tables: cortex-m-rt, ST and CMSIS, IAR.
const VECTOR_SECTIONS: &[&str] = &[".vector_table", ".isr_vector", ".vectors", ".intvec"];

/// Symbols at the beginning of vector tables: cortex-m-rt, ST, CMSIS, IAR.
const VECTOR_SYMBOLS: &[&str] = &[
    "__vector_table",
    "g_pfnVectors",
    "__Vectors",
    "__isr_vector",
];

pub(super) fn parse(bytes: &[u8], path: &Path) -> Result<Image, ImageError> {
    let elf = Elf::parse(bytes).map_err(|source| ImageError::Elf {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    if elf.header.e_machine != EM_ARM || elf.is_64 || !elf.little_endian {
        return Err(ImageError::WrongMachine {
            path: path.to_owned(),
            machine: elf.header.e_machine,
        });
    }
    let mut segments = Vec::new();
    for header in &elf.program_headers {
        if header.p_type == PT_LOAD && header.p_filesz > 0 {
            segments.push(segment(header, bytes, path)?);
        }
    }
    Ok(Image {
        segments: sorted(segments, path)?,
        entry: (elf.entry != 0).then_some(Address(elf.entry as u32 & !1)),
        vector_candidates: vector_candidates(&elf),
        symbols: Symbols::of(&elf),
        ..Image::default()
    })
}

/// The bytes of one program header, by load address.
fn segment(
    header: &goblin::elf::ProgramHeader,
    bytes: &[u8],
    path: &Path,
) -> Result<Segment, ImageError> {
    // The fields are 32 bits wide in an ELF32; goblin widens them, so that the sums cannot wrap.
    let address = Address(header.p_paddr as u32);
    let end = header.p_offset.checked_add(header.p_filesz);
    let data = end
        .and_then(|end| bytes.get(header.p_offset as usize..usize::try_from(end).ok()?))
        .ok_or_else(|| ImageError::Truncated {
            path: path.to_owned(),
            address,
            length: header.p_filesz,
            offset: header.p_offset,
            file_length: bytes.len() as u64,
        })?;
    Ok(Segment {
        address,
        data: data.to_vec(),
        runs_at: (header.p_vaddr != header.p_paddr).then_some(Address(header.p_vaddr as u32)),
    })
}

fn vector_candidates(elf: &Elf<'_>) -> Vec<Address> {
    let sections = elf.section_headers.iter().filter(|section| {
        elf.shdr_strtab
            .get_at(section.sh_name)
            .is_some_and(|name| VECTOR_SECTIONS.contains(&name))
    });
    let symbols = elf.syms.iter().filter(|symbol| {
        elf.strtab
            .get_at(symbol.st_name)
            .is_some_and(|name| VECTOR_SYMBOLS.contains(&name))
    });
    sections
        .map(|section| Address(section.sh_addr as u32))
        .chain(symbols.map(|symbol| Address(symbol.st_value as u32)))
        .collect()
}
