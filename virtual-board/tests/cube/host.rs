//! A host that calls other people's flash routines in the board's RAM: arguments in R0 to R3, LR on a breakpoint.

use std::time::Duration;

use goblin::elf::{Elf, SectionHeader, program_header::PT_LOAD, section_header::SHT_NOBITS};
use probe_rs::{CoreStatus, MemoryInterface, Permissions, RegisterId, Session};
use virtual_board::{
    board::{Board, Description},
    handle::VirtualBoard,
};

use crate::INTERNAL_FLASH;

const SP: RegisterId = RegisterId(13);
const LR: RegisterId = RegisterId(14);
const PC: RegisterId = RegisterId(15);
const XPSR: RegisterId = RegisterId(16);
const STATIC_BASE: RegisterId = RegisterId(9);
const THUMB_STATE: u32 = 1 << 24;
/// `bkpt #0`, where every call returns to.
const RETURN: u32 = 0x2406_0000;
const BKPT: u16 = 0xBE00;
const STACK: u32 = 0x2000_FF00;
/// Where data for a routine lie.
pub const BUFFER: u32 = 0x2404_0000;
/// Name of the sections with a CMSIS algorithm's data.
const CMSIS_DATA: &str = "PrgData";
/// Longest call.
const PATIENCE: Duration = Duration::from_secs(10);

/// A board, with a routine's file in its RAM.
pub struct Host {
    pub board: VirtualBoard,
    session: Session,
    file: Vec<u8>,
    /// What is added to the file's addresses.
    moved: u32,
    static_base: u32,
}

impl Host {
    /// Loads a routine that is linked at address `linked`, at `placed`; what is linked below stays where it is.
    pub fn with(board: &str, file: Vec<u8>, linked: u32, placed: u32) -> Self {
        Self::on(Description::find(board).unwrap(), file, linked, placed)
    }

    /// The same on a board of its own.
    pub fn on(description: Description, file: Vec<u8>, linked: u32, placed: u32) -> Self {
        let chip = description.chip().to_owned();
        let builder = Board::builder().board(description).strict(true);
        let board = VirtualBoard::new(builder.build().unwrap());
        let mut session = board.open().attach(chip, Permissions::default()).unwrap();
        let mut core = session.core(0).unwrap();
        core.reset_and_halt(Duration::from_millis(100)).unwrap();
        let moved = placed - linked;
        for header in &Elf::parse(&file).unwrap().program_headers {
            let address = header.p_paddr as u32;
            // StorageInfo, which the host reads from the file, may be linked at 0.
            if header.p_type == PT_LOAD && header.p_filesz != 0 && address >= linked {
                let bytes = &file[header.file_range()];
                core.write_8(u64::from(address + moved), bytes).unwrap();
            }
        }
        // The data of a CMSIS algorithm: R9 points to them, and what is zero has to be made so.
        let mut static_base = placed;
        for section in &data_sections(&file) {
            let address = section.sh_addr as u32 + moved;
            if section.sh_type == SHT_NOBITS {
                let zeros = vec![0; section.sh_size as usize];
                core.write_8(address.into(), &zeros).unwrap();
            } else {
                static_base = address;
            }
        }
        core.write_16(RETURN.into(), &[BKPT]).unwrap();
        drop(core);
        Self {
            board,
            session,
            file,
            moved,
            static_base,
        }
    }

    /// Address of a function or an object in the file.
    pub fn symbol(&self, name: &str) -> Option<u32> {
        let elf = Elf::parse(&self.file).unwrap();
        let mut symbols = elf.syms.iter();
        let symbol = symbols.find(|symbol| elf.strtab.get_at(symbol.st_name) == Some(name));
        symbol.map(|symbol| symbol.st_value as u32)
    }

    /// Calls a function and waits for its return: R0 and R1.
    pub fn call(&mut self, function: &str, arguments: &[u32]) -> [u32; 2] {
        let entry = self
            .symbol(function)
            .unwrap_or_else(|| panic!("no {function}"));
        let (moved, static_base) = (self.moved, self.static_base);
        let mut core = self.session.core(0).unwrap();
        for (register, argument) in (0u16..).zip(arguments) {
            core.write_core_reg(RegisterId(register), *argument)
                .unwrap();
        }
        core.write_core_reg(STATIC_BASE, static_base).unwrap();
        core.write_core_reg(SP, STACK).unwrap();
        core.write_core_reg(LR, RETURN | 1).unwrap();
        core.write_core_reg(PC, (entry & !1) + moved).unwrap();
        core.write_core_reg(XPSR, THUMB_STATE).unwrap();
        core.run().unwrap();
        drop(core);
        let (mut waited, mut step) = (Duration::ZERO, Duration::from_millis(1));
        while waited < PATIENCE {
            self.board.idle(step);
            waited += step;
            step = (step * 2).min(Duration::from_secs(1));
            if self.is_halted() {
                assert_eq!(self.register(PC), RETURN, "{function} stopped elsewhere");
                return [self.register(RegisterId(0)), self.register(RegisterId(1))];
            }
        }
        panic!(
            "{function} does not return: pc {:#010x}",
            self.board.with(|board| board.pc())
        );
    }

    fn is_halted(&mut self) -> bool {
        let status = self.session.core(0).unwrap().status().unwrap();
        matches!(status, CoreStatus::Halted(_))
    }

    fn register(&mut self, register: RegisterId) -> u32 {
        let mut core = self.session.core(0).unwrap();
        core.read_core_reg(register).unwrap()
    }

    pub fn write(&mut self, address: u32, bytes: &[u8]) {
        let mut core = self.session.core(0).unwrap();
        core.write_8(address.into(), bytes).unwrap();
    }

    pub fn read(&mut self, address: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let mut core = self.session.core(0).unwrap();
        core.read_8(address.into(), &mut bytes).unwrap();
        bytes
    }

    /// What the memory at `base`, internal flash or the NOR, really holds.
    pub fn stored(&self, base: u32, offset: u32, length: usize) -> Vec<u8> {
        if base != INTERNAL_FLASH {
            return self.nor(offset, length);
        }
        let start = offset as usize;
        self.board
            .with(|board| board.internal_flash()[start..start + length].to_vec())
    }

    /// What the NOR really holds.
    pub fn nor(&self, offset: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.board
            .with(|board| board.nor_contents(offset, &mut bytes));
        bytes
    }
}

fn data_sections(file: &[u8]) -> Vec<SectionHeader> {
    let elf = Elf::parse(file).unwrap();
    let name = |section: &SectionHeader| elf.shdr_strtab.get_at(section.sh_name);
    let mut sections = elf.section_headers.clone();
    sections.retain(|section| name(section) == Some(CMSIS_DATA));
    sections
}
