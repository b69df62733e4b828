//! Recorded kernels: what one kept in memory while it ran on the virtual board, laid into the memory of another.
//!
//! tests/thread-images has them. A file with the kernel's symbols, and nothing else, is the appli.

use std::fs;

use super::{
    board::{Board, text},
    gdb::Gdb,
    repository,
};

/// Where the core executes while the recorded memory is looked at: NOPs in AXI SRAM.
pub const CODE: u32 = 0x2400_0000;
const NOP: u16 = 0xBF00;

/// A recorded program.
pub struct Recorded {
    symbols: Vec<(String, u32, u32)>,
    registers: Vec<(String, u32)>,
    ram: Memory,
    flash: Option<Memory>,
}

/// Bytes, and where they lie.
#[derive(Default)]
struct Memory {
    start: u32,
    bytes: Vec<u8>,
}

impl Recorded {
    /// The file of this name.
    pub fn read(name: &str) -> Self {
        let path = repository("tests/thread-images").join(name);
        let text = fs::read_to_string(path).expect("a recorded image");
        let mut recorded = Self {
            symbols: Vec::new(),
            registers: Vec::new(),
            ram: Memory::default(),
            flash: None,
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["symbol", name, address, size] => {
                    let size = size.parse().expect("a size");
                    recorded.symbols.push((name.to_owned(), hex(address), size));
                }
                ["register", name, value] => {
                    recorded.registers.push((name.to_owned(), hex(value)));
                }
                // The first memory is RAM. What comes after it lies in flash: names, and what a kernel tells debuggers of itself.
                ["memory", address, length] => {
                    let memory = Memory {
                        start: hex(address),
                        bytes: vec![0; hex(length) as usize],
                    };
                    match recorded.ram.bytes.is_empty() {
                        true => recorded.ram = memory,
                        false => recorded.flash = Some(memory),
                    }
                }
                [address, row] => {
                    let memory = recorded.flash.as_mut().unwrap_or(&mut recorded.ram);
                    let at = (hex(address) - memory.start) as usize;
                    for (index, pair) in row.as_bytes().chunks(2).enumerate() {
                        let pair = String::from_utf8_lossy(pair);
                        memory.bytes[at + index] = hex(&pair) as u8;
                    }
                }
                _ => panic!("not understood: {line}"),
            }
        }
        recorded
    }

    fn register(&self, name: &str) -> u32 {
        let found = self.registers.iter().find(|(known, _)| known == name);
        found.expect("a recorded register").1
    }

    /// Lays it into the memory of the halted core behind `gdb`, with the core in the thread that ran. `board` has room for files.
    pub fn lay(&self, board: &Board, gdb: &mut Gdb) {
        let memory = board.file("memory.bin");
        fs::write(&memory, &self.ram.bytes).expect("a file of memory");
        let code = board.file("code.bin");
        fs::write(&code, NOP.to_le_bytes().repeat(16)).expect("a file of code");
        for (file, address) in [(memory, self.ram.start), (code, CODE)] {
            gdb.cli(&format!("restore {} binary {address:#x}", text(&file)));
        }
        for (register, value) in [
            ("control", self.register("control")),
            ("sp", self.register("psp")),
            ("pc", CODE),
        ] {
            gdb.cli(&format!("set ${register} = {value:#x}"));
        }
        gdb.stopped("-exec-step-instruction");
    }

    /// An ELF file of symbols and of what lies in flash: enough for a server to find the kernel, and for GDB to be content.
    pub fn elf(&self) -> Vec<u8> {
        const HEADER: usize = 52;
        const SEGMENT: usize = 32;
        const OBJECT: u8 = 1;
        const ABSOLUTE: u16 = 0xFFF1;
        let mut names = vec![0];
        let mut symbols = vec![0; 16];
        for (name, address, size) in &self.symbols {
            symbols.extend((names.len() as u32).to_le_bytes());
            names.extend(name.bytes().chain([0]));
            symbols.extend(address.to_le_bytes());
            symbols.extend(size.to_le_bytes());
            symbols.extend([OBJECT | 1 << 4, 0]);
            symbols.extend(ABSOLUTE.to_le_bytes());
        }
        let sections = b"\0.symtab\0.strtab\0.shstrtab\0";
        let segments = self.flash.iter().count();
        let symbols_at = HEADER + SEGMENT * segments;
        let names_at = symbols_at + symbols.len();
        let sections_at = names_at + names.len();
        let flash_at = sections_at + sections.len();
        let flash = self.flash.as_ref().map_or(&[][..], |flash| &flash.bytes);
        let table_at = (flash_at + flash.len()).next_multiple_of(4);
        // e_ident, ET_EXEC, EM_ARM, version, entry, program headers, section headers, flags (EABI 5), sizes and counts.
        let mut elf = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        elf.extend([2, 0, 40, 0]);
        for word in [1, 0, HEADER as u32, table_at as u32, 0x0500_0000] {
            elf.extend(u32::to_le_bytes(word));
        }
        for half in [HEADER, SEGMENT, segments, 40, 4, 3] {
            elf.extend((half as u16).to_le_bytes());
        }
        if let Some(flash) = &self.flash {
            let (start, length) = (flash.start, flash.bytes.len() as u32);
            // PT_LOAD, offset, virtual and physical address, sizes in the file and in memory, readable, alignment
            for word in [1, flash_at as u32, start, start, length, length, 4, 4] {
                elf.extend(word.to_le_bytes());
            }
        }
        elf.extend(&symbols);
        elf.extend(&names);
        elf.extend(sections);
        elf.extend(flash);
        elf.resize(table_at, 0);
        // name, type, flags, address, offset, size, link, info, alignment, entry size
        for section in [
            [0; 10],
            [1, 2, 0, 0, symbols_at, symbols.len(), 2, 1, 4, 16],
            [9, 3, 0, 0, names_at, names.len(), 0, 0, 1, 0],
            [17, 3, 0, 0, sections_at, sections.len(), 0, 0, 1, 0],
        ] {
            elf.extend(
                section
                    .into_iter()
                    .flat_map(|word| (word as u32).to_le_bytes()),
            );
        }
        elf
    }
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number")
}
