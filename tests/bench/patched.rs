//! Loaders that misbehave: our own one, with a few instructions of it replaced in its file.

use goblin::elf::Elf;

use super::images::firmware;

/// A loader's file, and what is wrong with it.
pub struct Patched {
    bytes: Vec<u8>,
}

impl Patched {
    /// Our own loader as a file, without its queue, so that each erase and program is a call.
    pub fn own() -> Self {
        let bytes = std::fs::read(firmware("loader.elf")).expect("firmware");
        Self { bytes }.rename("FastProgram", "SlowProgram")
    }

    /// Replaces the first instructions of a function.
    pub fn code(mut self, function: &str, halfwords: &[u16]) -> Self {
        let at = self.offset_of(self.value_of(function) & !1);
        for (index, halfword) in halfwords.iter().enumerate() {
            let at = at + 2 * index;
            self.bytes[at..at + 2].copy_from_slice(&halfword.to_le_bytes());
        }
        self
    }

    /// Calls of `function` go to code in the place of `spare`, which ends with a jump to what `function` was.
    pub fn before(self, function: &str, spare: &str, halfwords: &[u16]) -> Self {
        let (entry, there) = (self.value_of(function), self.value_of(spare) & !1);
        let jump_at = there + 2 * halfwords.len() as u32;
        let mut code = halfwords.to_vec();
        code.extend(jump(jump_at, entry & !1));
        let mut patched = self.code(spare, &code);
        patched.redirect(function, there | 1);
        patched
    }

    /// Replaces bytes of `StorageInfo`.
    pub fn storage_info(mut self, at: usize, word: u32) -> Self {
        let start = self.offset_of(self.value_of("StorageInfo")) + at;
        self.bytes[start..start + 4].copy_from_slice(&word.to_le_bytes());
        self
    }

    /// The file.
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn rename(mut self, from: &str, to: &str) -> Self {
        assert_eq!(from.len(), to.len());
        let elf = Elf::parse(&self.bytes).expect("an ELF file");
        let symbol = elf
            .syms
            .iter()
            .find(|symbol| elf.strtab.get_at(symbol.st_name) == Some(from))
            .expect("a symbol");
        let strings = elf
            .section_headers
            .iter()
            .find(|section| elf.shdr_strtab.get_at(section.sh_name) == Some(".strtab"))
            .expect("names");
        let at = strings.sh_offset as usize + symbol.st_name;
        self.bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        self
    }

    fn redirect(&mut self, function: &str, value: u32) {
        let elf = Elf::parse(&self.bytes).expect("an ELF file");
        let index = elf
            .syms
            .iter()
            .position(|symbol| elf.strtab.get_at(symbol.st_name) == Some(function))
            .expect("a symbol");
        let table = elf
            .section_headers
            .iter()
            .find(|section| elf.shdr_strtab.get_at(section.sh_name) == Some(".symtab"))
            .expect("symbols");
        let at = table.sh_offset as usize + 16 * index + 4;
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn value_of(&self, name: &str) -> u32 {
        let elf = Elf::parse(&self.bytes).expect("an ELF file");
        let symbol = elf
            .syms
            .iter()
            .find(|symbol| elf.strtab.get_at(symbol.st_name) == Some(name));
        symbol.expect("a symbol").st_value as u32
    }

    fn offset_of(&self, address: u32) -> usize {
        let elf = Elf::parse(&self.bytes).expect("an ELF file");
        let address = u64::from(address);
        let header = elf
            .program_headers
            .iter()
            .find(|header| header.vm_range().contains(&(address as usize)))
            .expect("a segment");
        (header.p_offset + address - header.p_vaddr) as usize
    }
}

/// `B.W` (ARM ARM A7.7.12, encoding T4) from one address to another.
fn jump(from: u32, to: u32) -> [u16; 2] {
    let offset = to.wrapping_sub(from + 4);
    let bit = |number: u32| (offset >> number & 1) as u16;
    let sign = bit(24);
    let [j1, j2] = [23, 22].map(|number| (bit(number) ^ 1) ^ sign);
    let high = 0xF000 | sign << 10 | (offset >> 12 & 0x3FF) as u16;
    let low = 0x9000 | j1 << 13 | j2 << 11 | (offset >> 1 & 0x7FF) as u16;
    [high, low]
}
