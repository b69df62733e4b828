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
            start: 0,
            bytes: Vec::new(),
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
                // The first memory is RAM; names that lie in flash come after it.
                ["memory", ..] if !recorded.bytes.is_empty() => break,
                ["memory", address, length] => {
                    recorded.start = hex(address);
                    recorded.bytes = vec![0; hex(length) as usize];
                }
                [address, row] => {
                    let at = (hex(address) - recorded.start) as usize;
                    for (index, pair) in row.as_bytes().chunks(2).enumerate() {
                        let pair = String::from_utf8_lossy(pair);
                        recorded.bytes[at + index] = hex(&pair) as u8;
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
        fs::write(&memory, &self.bytes).expect("a file of memory");
        let code = board.file("code.bin");
        fs::write(&code, NOP.to_le_bytes().repeat(16)).expect("a file of code");
        for (file, address) in [(memory, self.start), (code, CODE)] {
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

    /// An ELF file of symbols alone: enough for a server to find the kernel, and for GDB to be content.
    pub fn elf(&self) -> Vec<u8> {
        const HEADER: usize = 52;
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
        let (symbols_at, names_at) = (HEADER, HEADER + symbols.len());
        let sections_at = names_at + names.len();
        let table_at = (sections_at + sections.len()).next_multiple_of(4);
        // e_ident, ET_EXEC, EM_ARM, version, entry, program headers, section headers, flags (EABI 5), sizes and counts.
        let mut elf = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        elf.extend([2, 0, 40, 0]);
        for word in [1, 0, 0, table_at as u32, 0x0500_0000] {
            elf.extend(u32::to_le_bytes(word));
        }
        for half in [HEADER as u16, 0, 0, 40, 4, 3] {
            elf.extend(half.to_le_bytes());
        }
        elf.extend(&symbols);
        elf.extend(&names);
        elf.extend(sections);
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
