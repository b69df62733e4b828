//! A core for unit tests that keeps to the physics: registers only in debug state, breakpoints by comparators or BKPT in memory,
//! nothing where no memory is, FPB and DWT through a system reset but not through nRST.
//!
//! It executes no instructions: a test gives it the path of addresses that the program takes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::{CoreRegister, CoreState, HaltReason, Interrupts, Link, LinkError, ResetMode};
use crate::layout::Address;

/// What crossed the link, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Read(Address, usize),
    Write(Address, usize),
    Registers(usize),
    RegisterWrite(CoreRegister, u32),
    Step(Interrupts),
    Resume(Interrupts),
    Halt,
    Reset(ResetMode),
    Idle(Duration),
}

/// The answer of a memory that is not there.
#[derive(Debug, thiserror::Error)]
#[error("FAULT")]
pub struct NothingThere;

const FP_CTRL: u32 = 0xE000_2000;
const FP_REMAP: u32 = 0xE000_2004;
const FP_COMP0: u32 = 0xE000_2008;
const DWT_CTRL: u32 = 0xE000_1000;
const DWT_MASK0: u32 = 0xE000_1024;
const DBGMCU: u32 = 0x5C00_1000;
const FLASH_OPTIONS: u32 = 0x5200_2200;
const PRODUCT_OPEN: u32 = 0xB4;
/// RCC, with RCC_RSR.
const RCC: u32 = 0x5802_4400;
const CFSR: u32 = 0xE000_ED28;
const BREAKPOINT_UNITS: u32 = 8;

pub struct FakeLink {
    pub events: Vec<Event>,
    /// Addresses that the program executes next; behind the last one it runs on unseen.
    pub path: VecDeque<u32>,
    pub coherent: bool,
    /// Reads from this address never end.
    pub stall_at: Option<u32>,
    pub registers: BTreeMap<u8, u32>,
    memory: BTreeMap<u32, u8>,
    system: BTreeMap<u32, u32>,
    halted: Option<HaltReason>,
    reset_seen: bool,
    /// All waits together.
    waited: Duration,
}

impl FakeLink {
    /// A halted core with RAM at 0x20000000 and 0x24000000 (4 KiB each) and nothing else.
    pub fn new() -> Self {
        let ram = (0x2000_0000..0x2000_1000).chain(0x2400_0000..0x2400_1000);
        let mut link = Self {
            events: Vec::new(),
            path: VecDeque::new(),
            coherent: true,
            stall_at: None,
            registers: BTreeMap::from([(15, 0x7001_0000), (16, 0x0100_0000)]),
            memory: ram.map(|address| (address, 0)).collect(),
            system: BTreeMap::new(),
            halted: Some(HaltReason::default()),
            reset_seen: false,
            waited: Duration::ZERO,
        };
        link.power_on();
        link
    }

    /// Debug units as after power-on.
    pub fn power_on(&mut self) {
        for word in 0..0x400 {
            self.system.insert(0xE000_E000 + 4 * word, 0);
        }
        self.system.insert(FP_CTRL, 0x1000_0080);
        self.system.insert(FP_REMAP, 0);
        for unit in 0..BREAKPOINT_UNITS {
            self.system.insert(FP_COMP0 + 4 * unit, 0);
        }
        for word in 0..24 {
            self.system.insert(DWT_CTRL + 4 * word, 0);
        }
        self.system.insert(DWT_CTRL, 0x4000_0000);
        for word in 0..0x40 {
            self.system.insert(DBGMCU + 4 * word, 0);
            self.system.insert(FLASH_OPTIONS + 4 * word, 0);
        }
        self.system.insert(FLASH_OPTIONS, PRODUCT_OPEN);
        for word in 0..0x50 {
            self.system.insert(RCC + 4 * word, 0);
        }
    }

    /// Adds memory with contents.
    pub fn with_memory(mut self, address: u32, bytes: &[u8]) -> Self {
        self.memory.extend((address..).zip(bytes.iter().copied()));
        self
    }

    /// Bytes at `address`, without an event.
    pub fn bytes(&self, address: u32, length: u32) -> Vec<u8> {
        (address..address + length)
            .map(|at| self.memory.get(&at).copied().unwrap_or(0))
            .collect()
    }

    /// A word of the system registers, without an event.
    pub fn system(&self, address: u32) -> u32 {
        self.system.get(&address).copied().unwrap_or(0)
    }

    /// The program ran into this on its own.
    pub fn stop(&mut self, reason: HaltReason) {
        self.halted = Some(reason);
    }

    /// What the program did to a system register.
    pub fn set_system(&mut self, address: u32, value: u32) {
        self.system.insert(address, value);
    }

    /// Events since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Addresses in the enabled comparators.
    pub fn armed(&self) -> Vec<u32> {
        (0..BREAKPOINT_UNITS)
            .map(|unit| self.system(FP_COMP0 + 4 * unit))
            .filter(|comparator| comparator & 1 != 0 && self.system(FP_CTRL) & 1 != 0)
            .map(|comparator| comparator & !1)
            .collect()
    }

    fn pc(&self) -> u32 {
        self.registers.get(&15).copied().unwrap_or(0)
    }

    fn stops_here(&self) -> bool {
        let pc = self.pc();
        self.armed().contains(&pc) || self.bytes(pc, 2)[1] == 0xBE
    }

    fn run(&mut self) {
        loop {
            if self.stops_here() {
                self.halted = Some(HaltReason {
                    breakpoint: true,
                    ..HaltReason::default()
                });
                return;
            }
            let Some(next) = self.path.pop_front() else {
                return;
            };
            self.registers.insert(15, next);
        }
    }

    fn needs_halt(&self) -> Result<(), LinkError> {
        match self.halted {
            Some(_) => Ok(()),
            None => Err(LinkError::Timeout {
                what: "finish a register transfer",
                limit: Duration::from_millis(100),
            }),
        }
    }

    fn refused(address: Address, length: usize) -> LinkError {
        LinkError::Refused {
            address,
            length,
            source: Box::new(NothingThere),
        }
    }

    fn write_system(&mut self, address: u32, value: u32) {
        let value = match address {
            FP_CTRL => 0x1000_0080 | value & 1,
            CFSR => self.system(CFSR) & !value,
            DWT_MASK0 => value.min(15),
            _ => value,
        };
        self.system.insert(address, value);
    }
}

impl Link for FakeLink {
    fn state(&mut self) -> Result<CoreState, LinkError> {
        Ok(match self.halted {
            Some(reason) => CoreState::Halted(reason),
            None => CoreState::Running,
        })
    }

    fn halt(&mut self) -> Result<(), LinkError> {
        self.events.push(Event::Halt);
        self.halted.get_or_insert(HaltReason {
            halted: true,
            ..HaltReason::default()
        });
        Ok(())
    }

    fn resume_with(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.needs_halt()?;
        self.events.push(Event::Resume(interrupts));
        self.halted = None;
        self.run();
        Ok(())
    }

    fn step(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.needs_halt()?;
        self.events.push(Event::Step(interrupts));
        if self.stops_here() {
            self.halted = Some(HaltReason {
                breakpoint: true,
                ..HaltReason::default()
            });
            return Ok(());
        }
        let next = self.path.pop_front().unwrap_or(self.pc() + 2);
        self.registers.insert(15, next);
        self.halted = Some(HaltReason {
            halted: true,
            ..HaltReason::default()
        });
        Ok(())
    }

    fn reset(&mut self, mode: ResetMode) -> Result<(), LinkError> {
        self.events.push(Event::Reset(mode));
        self.registers.insert(15, 0x0800_0400);
        self.reset_seen = true;
        self.halted = match mode {
            ResetMode::Halt => Some(HaltReason {
                vector_catch: true,
                ..HaltReason::default()
            }),
            ResetMode::Run => None,
        };
        Ok(())
    }

    fn read_registers(
        &mut self,
        registers: &[CoreRegister],
        values: &mut [u32],
    ) -> Result<(), LinkError> {
        self.needs_halt()?;
        self.events.push(Event::Registers(registers.len()));
        for (register, value) in registers.iter().zip(values) {
            *value = self.registers.get(&register.0).copied().unwrap_or(0);
        }
        Ok(())
    }

    fn write_register(&mut self, register: CoreRegister, value: u32) -> Result<(), LinkError> {
        self.needs_halt()?;
        self.events.push(Event::RegisterWrite(register, value));
        self.registers.insert(register.0, value);
        Ok(())
    }

    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), LinkError> {
        self.events.push(Event::Read(address, data.len()));
        let length = data.len();
        if self.stall_at == Some(address.0) {
            return Err(LinkError::Stalled {
                address,
                length,
                source: Box::new(NothingThere),
            });
        }
        for (at, byte) in (address.0..).zip(data) {
            *byte = match (self.memory.get(&at), self.system.get(&(at & !3))) {
                (Some(byte), _) => *byte,
                (None, Some(word)) => word.to_le_bytes()[(at & 3) as usize],
                (None, None) => return Err(Self::refused(address, length)),
            };
        }
        Ok(())
    }

    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.events.push(Event::Write(address, data.len()));
        if self.system.contains_key(&address.0) {
            for (at, word) in (address.0..).step_by(4).zip(data.chunks_exact(4)) {
                self.write_system(at, u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
            }
            return Ok(());
        }
        for (at, byte) in (address.0..).zip(data) {
            match self.memory.get_mut(&at) {
                Some(cell) => *cell = *byte,
                None => return Err(Self::refused(address, data.len())),
            }
        }
        Ok(())
    }

    fn idle(&mut self, duration: Duration) -> Result<(), LinkError> {
        self.events.push(Event::Idle(duration));
        self.waited += duration;
        Ok(())
    }

    fn now(&self) -> Duration {
        self.waited
    }

    fn recover(&mut self) -> Result<(), LinkError> {
        self.reset_by_pin()
    }

    fn reset_by_pin(&mut self) -> Result<(), LinkError> {
        self.power_on();
        self.reset(ResetMode::Halt)
    }

    fn is_coherent(&self) -> bool {
        self.coherent
    }

    fn was_reset(&mut self) -> Result<bool, LinkError> {
        Ok(std::mem::take(&mut self.reset_seen))
    }
}

/// A fake that the session owns and the test still sees.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<FakeLink>>);

impl Shared {
    pub fn new(link: FakeLink) -> Self {
        Self(Arc::new(Mutex::new(link)))
    }

    pub fn fake(&self) -> MutexGuard<'_, FakeLink> {
        self.0.lock().unwrap()
    }
}

impl Link for Shared {
    fn state(&mut self) -> Result<CoreState, LinkError> {
        self.fake().state()
    }

    fn halt(&mut self) -> Result<(), LinkError> {
        self.fake().halt()
    }

    fn resume_with(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.fake().resume_with(interrupts)
    }

    fn step(&mut self, interrupts: Interrupts) -> Result<(), LinkError> {
        self.fake().step(interrupts)
    }

    fn reset(&mut self, mode: ResetMode) -> Result<(), LinkError> {
        self.fake().reset(mode)
    }

    fn read_registers(
        &mut self,
        registers: &[CoreRegister],
        values: &mut [u32],
    ) -> Result<(), LinkError> {
        self.fake().read_registers(registers, values)
    }

    fn write_register(&mut self, register: CoreRegister, value: u32) -> Result<(), LinkError> {
        self.fake().write_register(register, value)
    }

    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), LinkError> {
        self.fake().read(address, data)
    }

    fn write(&mut self, address: Address, data: &[u8]) -> Result<(), LinkError> {
        self.fake().write(address, data)
    }

    fn idle(&mut self, duration: Duration) -> Result<(), LinkError> {
        self.fake().idle(duration)
    }

    fn now(&self) -> Duration {
        self.fake().now()
    }

    fn recover(&mut self) -> Result<(), LinkError> {
        self.fake().recover()
    }

    fn reset_by_pin(&mut self) -> Result<(), LinkError> {
        self.fake().reset_by_pin()
    }

    fn is_coherent(&self) -> bool {
        self.fake().is_coherent()
    }

    fn was_reset(&mut self) -> Result<bool, LinkError> {
        self.fake().was_reset()
    }
}
