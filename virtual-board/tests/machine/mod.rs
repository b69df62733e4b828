//! A flat machine for programs of a few instructions: vectors, code, RAM, one device, and a debugger's eye.
#![allow(dead_code)] // each test file uses its part

use virtual_board::{
    bus::{Bus, BusError, Master, Width},
    cpu::{Core, Outcome},
};

/// Vector table and code.
pub const FLASH: u32 = 0x0800_0000;
/// Where a test's program lies.
pub const PROGRAM: u32 = FLASH + 0x400;
/// Data and stack.
pub const RAM: u32 = 0x2000_0000;
/// Main stack pointer after reset.
pub const STACK: u32 = RAM + 0x8000;
/// A register: a write reaches `Flat::interrupt`, a read gives the cycle.
pub const DEVICE: u32 = 0x4000_0000;
/// From here up nothing answers, ever.
pub const STALLING: u32 = 0x9000_0000;
/// Nothing is there.
pub const HOLE: u32 = 0x6000_0000;

const SIZE: usize = 0x1_0000;

/// Memory and one device.
#[derive(Clone, PartialEq)]
pub struct Flat {
    pub flash: Vec<u8>,
    pub ram: Vec<u8>,
    pub device: u32,
    pub cycle: u64,
    attention: bool,
    time_dependent: bool,
}

impl Flat {
    fn bytes(&mut self, address: u32, width: Width) -> Option<&mut [u8]> {
        let (memory, base) = match address {
            FLASH..RAM => (&mut self.flash, FLASH),
            _ => (&mut self.ram, RAM),
        };
        let offset = address.checked_sub(base)? as usize;
        memory.get_mut(offset..offset + width.bytes() as usize)
    }
}

impl Bus for Flat {
    fn read(&mut self, address: u32, width: Width, _: Master) -> Result<u32, BusError> {
        match address {
            DEVICE => {
                self.time_dependent = true;
                Ok(self.cycle as u32)
            }
            STALLING.. => Err(BusError::Stalled),
            _ => {
                let bytes = self.bytes(address, width).ok_or(BusError::Refused)?;
                Ok(bytes
                    .iter()
                    .rev()
                    .fold(0, |value, &byte| value << 8 | u32::from(byte)))
            }
        }
    }

    fn write(&mut self, address: u32, width: Width, value: u32, _: Master) -> Result<(), BusError> {
        if address == DEVICE {
            self.device = value;
            self.attention = true;
            return Ok(());
        }
        let bytes = self.bytes(address, width).ok_or(BusError::Refused)?;
        bytes.copy_from_slice(&value.to_le_bytes()[..width.bytes() as usize]);
        Ok(())
    }

    fn at_cycle(&mut self, cycle: u64) {
        self.cycle = cycle;
    }

    fn take_attention(&mut self) -> bool {
        std::mem::take(&mut self.attention)
    }

    fn take_time_dependence(&mut self) -> bool {
        std::mem::take(&mut self.time_dependent)
    }
}

/// Core and memory.
#[derive(Clone)]
pub struct Machine {
    pub core: Core,
    pub bus: Flat,
}

/// Where exception `number` lands unless a test says otherwise: a handler that stays where it is.
pub const fn handler(number: u32) -> u32 {
    FLASH + 0x2000 + 0x40 * number
}

const BRANCH_TO_SELF: u16 = 0xE7FE;

impl Machine {
    /// A machine that has just been reset into `program`.
    pub fn new(program: &[u16]) -> Self {
        let mut machine = Self {
            core: Core::new(),
            bus: Flat {
                flash: vec![0; SIZE],
                ram: vec![0; SIZE],
                device: 0,
                cycle: 0,
                attention: false,
                time_dependent: false,
            },
        };
        machine.poke(FLASH, STACK);
        machine.poke(FLASH + 4, PROGRAM | 1);
        for number in 2..64 {
            machine.poke(FLASH + 4 * number, handler(number) | 1);
            machine.place(handler(number), &[BRANCH_TO_SELF]);
        }
        machine.place(PROGRAM, program);
        machine.core.reset(&mut machine.bus, FLASH);
        machine
    }

    /// Writes code.
    pub fn place(&mut self, address: u32, code: &[u16]) {
        for (address, &half) in (address..).step_by(2).zip(code) {
            self.core
                .debug_write(&mut self.bus, address, Width::Half, half.into())
                .expect("code lies in memory");
        }
    }

    /// A handler for exception `number`.
    pub fn handle(&mut self, number: u32, code: &[u16]) {
        self.place(handler(number), code);
    }

    /// Reads as the debugger.
    pub fn peek(&mut self, address: u32) -> u32 {
        self.core
            .debug_read(&mut self.bus, address, Width::Word)
            .expect("readable")
    }

    /// Writes as the debugger.
    pub fn poke(&mut self, address: u32, value: u32) {
        self.core
            .debug_write(&mut self.bus, address, Width::Word, value)
            .expect("writable");
    }

    /// Sets bits as the debugger.
    pub fn set(&mut self, address: u32, bits: u32) {
        let value = self.peek(address);
        self.poke(address, value | bits);
    }

    /// Runs for `cycles` or until something happens.
    pub fn run(&mut self, cycles: u64) -> Outcome {
        self.core.run(&mut self.bus, cycles)
    }

    /// Runs on through everything for `cycles`, skipping as a board would.
    pub fn run_through(&mut self, cycles: u64) {
        let end = self.core.cycles + cycles;
        while self.core.cycles < end {
            match self.run(end - self.core.cycles) {
                Outcome::Idle | Outcome::Sleeping => {
                    let left = end.saturating_sub(self.core.cycles);
                    let event = self.core.cycles_to_event().unwrap_or(left).min(left);
                    self.core.skip(event);
                }
                Outcome::Budget | Outcome::Attention => {}
                outcome => panic!("{outcome:?} at {:#010x}", self.core.pc()),
            }
        }
    }

    /// Word `place` of the frame at the stack pointer: r0-r3, r12, lr, pc, xpsr.
    pub fn stacked(&mut self, place: u32) -> u32 {
        let sp = self.core.registers.r[13];
        self.peek(sp + 4 * place)
    }

    /// A register through DCRSR, in Debug state.
    pub fn register(&mut self, selector: u32) -> u32 {
        self.poke(reg::DCRSR, selector);
        self.peek(reg::DCRDR)
    }

    /// Sets a register through DCRSR, in Debug state.
    pub fn set_register(&mut self, selector: u32, value: u32) {
        self.poke(reg::DCRDR, value);
        self.poke(reg::DCRSR, selector | 1 << 16);
    }

    /// Writes DHCSR with its key.
    pub fn control(&mut self, bits: u32) {
        self.poke(reg::DHCSR, 0xA05F_0000 | bits);
    }
}

/// Registers as the tests name them (ARM ARM B3.2, C1.6).
pub mod reg {
    pub const SYST_CSR: u32 = 0xE000_E010;
    pub const SYST_RVR: u32 = 0xE000_E014;
    pub const ISER0: u32 = 0xE000_E100;
    pub const ISPR0: u32 = 0xE000_E200;
    pub const IABR0: u32 = 0xE000_E300;
    pub const IPR0: u32 = 0xE000_E400;
    pub const ICSR: u32 = 0xE000_ED04;
    pub const VTOR: u32 = 0xE000_ED08;
    pub const AIRCR: u32 = 0xE000_ED0C;
    pub const SCR: u32 = 0xE000_ED10;
    pub const CCR: u32 = 0xE000_ED14;
    pub const SHPR1: u32 = 0xE000_ED18;
    pub const SHPR2: u32 = 0xE000_ED1C;
    pub const SHPR3: u32 = 0xE000_ED20;
    pub const SHCSR: u32 = 0xE000_ED24;
    pub const CFSR: u32 = 0xE000_ED28;
    pub const HFSR: u32 = 0xE000_ED2C;
    pub const DFSR: u32 = 0xE000_ED30;
    pub const MMFAR: u32 = 0xE000_ED34;
    pub const BFAR: u32 = 0xE000_ED38;
    pub const CPACR: u32 = 0xE000_ED88;
    pub const MPU_CTRL: u32 = 0xE000_ED94;
    pub const MPU_RNR: u32 = 0xE000_ED98;
    pub const MPU_RBAR: u32 = 0xE000_ED9C;
    pub const MPU_RASR: u32 = 0xE000_EDA0;
    pub const DHCSR: u32 = 0xE000_EDF0;
    pub const DCRSR: u32 = 0xE000_EDF4;
    pub const DCRDR: u32 = 0xE000_EDF8;
    pub const DEMCR: u32 = 0xE000_EDFC;
    pub const FPCCR: u32 = 0xE000_EF34;
    pub const FPCAR: u32 = 0xE000_EF38;
    pub const FP_CTRL: u32 = 0xE000_2000;
    pub const FP_COMP0: u32 = 0xE000_2008;
    pub const DWT_CTRL: u32 = 0xE000_1000;
    pub const DWT_CYCCNT: u32 = 0xE000_1004;
    pub const DWT_COMP0: u32 = 0xE000_1020;
}

pub const C_DEBUGEN: u32 = 1;
pub const C_HALT: u32 = 1 << 1;
pub const C_STEP: u32 = 1 << 2;
pub const C_MASKINTS: u32 = 1 << 3;
pub const S_HALT: u32 = 1 << 17;
pub const S_LOCKUP: u32 = 1 << 19;
pub const FAULTS_ENABLED: u32 = 0b111 << 16;
