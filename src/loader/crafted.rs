//! ELF files for tests: what linkers make of loaders, and what nobody should.

use goblin::elf::{
    header::EM_ARM,
    program_header::PT_LOAD,
    section_header::{SHF_ALLOC, SHT_NOBITS, SHT_PROGBITS, SHT_STRTAB, SHT_SYMTAB},
};

const HEADER_BYTES: usize = 52;
const PROGRAM_HEADER_BYTES: usize = 32;
const SECTION_HEADER_BYTES: usize = 40;

/// An ELF file to be.
#[derive(Clone, Default)]
pub struct Crafted {
    segments: Vec<Load>,
    zeros: Vec<(u32, u32)>,
    symbols: Vec<(&'static str, u32, usize)>,
    machine: u16,
}

#[derive(Clone)]
struct Load {
    name: &'static str,
    address: u32,
    data: Vec<u8>,
    memory: u32,
}

impl Crafted {
    pub fn new() -> Self {
        Self {
            machine: EM_ARM,
            ..Self::default()
        }
    }

    pub fn machine(mut self, machine: u16) -> Self {
        self.machine = machine;
        self
    }

    /// A segment with a section of the same extent.
    pub fn load(self, name: &'static str, address: u32, data: &[u8]) -> Self {
        let memory = data.len() as u32;
        self.load_sized(name, address, data, memory)
    }

    /// A segment whose size in memory is not that in the file.
    pub fn load_sized(
        mut self,
        name: &'static str,
        address: u32,
        data: &[u8],
        memory: u32,
    ) -> Self {
        self.segments.push(Load {
            name,
            address,
            data: data.to_vec(),
            memory,
        });
        self
    }

    /// A section of zeros that is in no segment, as IAR leaves it.
    pub fn zeros(mut self, address: u32, bytes: u32) -> Self {
        self.zeros.push((address, bytes));
        self
    }

    /// A symbol in the section of a segment, by that segment's number.
    pub fn symbol(mut self, name: &'static str, value: u32, segment: usize) -> Self {
        self.symbols.push((name, value, segment + 1));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.symbols.retain(|(symbol, ..)| *symbol != name);
        self
    }

    /// The bytes of the file.
    pub fn build(&self) -> Vec<u8> {
        let mut names = b"\0".to_vec();
        let mut name = |text: &str| {
            let at = names.len() as u32;
            names.extend(text.as_bytes());
            names.push(0);
            at
        };
        let headers = HEADER_BYTES + PROGRAM_HEADER_BYTES * self.segments.len();
        let mut file = vec![0; headers];
        let mut program_headers = Vec::new();
        let mut sections = vec![[0; 10]];
        for load in &self.segments {
            let (offset, length) = (file.len() as u32, load.data.len() as u32);
            file.extend(&load.data);
            program_headers.extend(words(&[
                PT_LOAD,
                offset,
                load.address,
                load.address,
                length,
                load.memory,
                7,
                4,
            ]));
            let label = name(load.name);
            sections.push([
                label,
                SHT_PROGBITS,
                SHF_ALLOC,
                load.address,
                offset,
                length,
                0,
                0,
                4,
                0,
            ]);
        }
        for (address, bytes) in &self.zeros {
            let offset = file.len() as u32;
            sections.push([
                name(".bss"),
                SHT_NOBITS,
                SHF_ALLOC,
                *address,
                offset,
                *bytes,
                0,
                0,
                4,
                0,
            ]);
        }
        let mut symbols = words(&[0; 4]);
        for (label, value, section) in &self.symbols {
            symbols.extend(words(&[
                name(label),
                *value,
                4,
                0x12 | (*section as u32) << 16,
            ]));
        }
        let table = sections.len() as u32 + 1;
        let (at, length) = (file.len() as u32, symbols.len() as u32);
        file.extend(&symbols);
        sections.push([0, SHT_SYMTAB, 0, 0, at, length, table, 1, 4, 16]);
        let (at, length) = (file.len() as u32, names.len() as u32);
        file.extend(&names);
        sections.push([0, SHT_STRTAB, 0, 0, at, length, 0, 0, 1, 0]);
        let section_table = file.len() as u32;
        file.extend(sections.iter().flat_map(|section| words(section)));
        let mut header = b"\x7FELF\x01\x01\x01".to_vec();
        header.resize(16, 0);
        header.extend(words(&[u32::from(self.machine) << 16 | 2, 1, 0]));
        header.extend(words(&[HEADER_BYTES as u32, section_table, 0]));
        let halves = [
            HEADER_BYTES,
            PROGRAM_HEADER_BYTES,
            self.segments.len(),
            SECTION_HEADER_BYTES,
            sections.len(),
            sections.len() - 1,
        ];
        header.extend(halves.iter().flat_map(|half| (*half as u16).to_le_bytes()));
        header.extend(program_headers);
        file[..headers].copy_from_slice(&header);
        file
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// `StorageInfo` of a NOR at 0x70000000: 128 MiB in sectors of 64 KiB, pages of 256 bytes.
pub fn storage_info() -> Vec<u8> {
    storage_info_of(0x7000_0000, 0x0800_0000, 0x100, &[(0x800, 0x1_0000)])
}

pub fn storage_info_of(start: u32, size: u32, page: u32, sectors: &[(u32, u32)]) -> Vec<u8> {
    let mut info = vec![0; 200];
    info[..6].copy_from_slice(b"SAMPLE");
    info[100] = 3;
    info[104..116].copy_from_slice(&words(&[start, size, page]));
    info[116] = 0xFF;
    for (run, (count, bytes)) in sectors.iter().enumerate() {
        let at = 120 + 8 * run;
        info[at..at + 8].copy_from_slice(&words(&[*count, *bytes]));
    }
    info
}

/// `FlashDevice` of the same NOR.
pub fn flash_device() -> Vec<u8> {
    let mut device = vec![0; 160];
    device[2..8].copy_from_slice(b"SAMPLE");
    device[132..144].copy_from_slice(&words(&[0x7000_0000, 0x0800_0000, 0x1000]));
    device[148] = 0xFF;
    device[152..160].copy_from_slice(&words(&[100, 6000]));
    device.extend(words(&[0x1_0000, 0, u32::MAX, u32::MAX]));
    device
}

/// A loader of ST's kind: code at `address`, `StorageInfo` in a segment of its own at `description`.
pub fn stldr(address: u32, description: u32) -> Crafted {
    let mut loader = Crafted::new()
        .load("P1-P2 ro", address, &[0xBF; 0x100])
        .load("P3", description, &storage_info())
        .symbol("StorageInfo", description, 1);
    for (index, name) in ["Init", "Write", "SectorErase", "MassErase", "Verify"]
        .iter()
        .enumerate()
    {
        loader = loader.symbol(name, (address + 0x10 * index as u32) | 1, 0);
    }
    loader
}

/// A CMSIS-Pack algorithm as Arm's linker makes it: the description has the addresses of `.bss`.
pub fn flm() -> Crafted {
    let mut loader = Crafted::new()
        .load("PrgCode", 0, &[0xBF; 0x100])
        .load("PrgData", 0x100, &[1, 2, 3, 4])
        .load("DevDscr", 0x104, &flash_device())
        .zeros(0x104, 0x40)
        .symbol("FlashDevice", 0x104, 2);
    for (index, name) in ["Init", "UnInit", "EraseSector", "ProgramPage"]
        .iter()
        .enumerate()
    {
        loader = loader.symbol(name, (0x10 * index as u32) | 1, 0);
    }
    loader
}
