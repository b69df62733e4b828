//! Our side of the comparison: the virtual core, on the memories that the oracle has.

use crate::wire::{CODE_BASE, Case, DATA_BASE, Memories, State};
use virtual_board::{
    bus::{Bus, BusError, Master, Width},
    cpu::{
        Core,
        decode::decode,
        registers::{Registers, control},
        trap::Trap,
    },
};

/// A core and its memories.
pub struct Subject<'a> {
    core: Core,
    bus: TestBus<'a>,
}

impl<'a> Subject<'a> {
    /// A core whose CPACR grants full access to the FPU.
    pub fn new(memories: &'a Memories) -> Self {
        const CPACR: u32 = 0xE000_ED88;
        let mut core = Core::new();
        let mut bus = TestBus {
            memories,
            written: memories.data.clone(),
        };
        core.debug_write(&mut bus, CPACR, Width::Word, 0xF << 20)
            .expect("CPACR can be written");
        Self { core, bus }
    }

    /// Executes `case`: until its instructions are counted, or the pc leaves them, or something traps.
    pub fn execute(&mut self, case: &Case) -> State {
        self.core.registers = Registers {
            r: case.state.r,
            apsr: case.state.apsr,
            fpscr: case.state.fpscr,
            s: case.state.s,
            thumb: true,
            control: control::FLOAT_ACTIVE,
            ..Registers::default()
        };
        let trapped = self.run(case).is_err();
        let registers = &self.core.registers;
        State {
            r: registers.r,
            apsr: registers.apsr,
            fpscr: registers.fpscr,
            s: registers.s,
            memory: self.bus.take_changes(),
            trapped,
        }
    }

    fn run(&mut self, case: &Case) -> Result<(), Trap> {
        let start = case.state.r[15];
        for _ in 0..case.count {
            let at = self.core.registers.r[15].wrapping_sub(start) as usize / 2;
            let Some([first, rest @ ..]) = case.code.get(at..) else {
                break;
            };
            let instruction = decode(*first, rest.first().copied().unwrap_or(0));
            match self.core.execute(&mut self.bus, instruction) {
                // Waiting is not an exception.
                Err(Trap::WaitForEvent | Trap::WaitForInterrupt) => break,
                result => result?,
            }
        }
        Ok(())
    }
}

/// The memories of a case, with what it has written.
struct TestBus<'a> {
    memories: &'a Memories,
    written: Vec<u8>,
}

impl TestBus<'_> {
    fn place(base: u32, size: usize, address: u32, width: Width) -> Option<std::ops::Range<usize>> {
        let start = address.checked_sub(base)? as usize;
        let end = start + width.bytes() as usize;
        (end <= size).then_some(start..end)
    }

    /// Offsets and new values of all bytes that changed; the memory is as before then.
    fn take_changes(&mut self) -> Vec<(u16, u8)> {
        let before = &self.memories.data;
        if self.written == *before {
            return Vec::new();
        }
        let changes = self
            .written
            .iter()
            .zip(before)
            .enumerate()
            .filter(|(_, (now, before))| now != before)
            .map(|(offset, (now, _))| (offset as u16, *now))
            .collect();
        self.written.copy_from_slice(before);
        changes
    }
}

impl Bus for TestBus<'_> {
    fn read(&mut self, address: u32, width: Width, _: Master) -> Result<u32, BusError> {
        let code = &self.memories.code;
        let bytes = Self::place(DATA_BASE, self.written.len(), address, width)
            .map(|place| &self.written[place])
            .or_else(|| {
                Self::place(CODE_BASE, code.len(), address, width).map(|place| &code[place])
            })
            .ok_or(BusError::Refused)?;
        Ok(bytes
            .iter()
            .rfold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn write(&mut self, address: u32, width: Width, value: u32, _: Master) -> Result<(), BusError> {
        let place =
            Self::place(DATA_BASE, self.written.len(), address, width).ok_or(BusError::Refused)?;
        let count = place.len();
        self.written[place].copy_from_slice(&value.to_le_bytes()[..count]);
        Ok(())
    }

    fn at_cycle(&mut self, _: u64) {}

    fn take_attention(&mut self) -> bool {
        false
    }

    fn take_time_dependence(&mut self) -> bool {
        false
    }
}
