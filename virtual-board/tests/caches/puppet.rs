//! A core that makes one access at a time, by real instructions in ITCM, on the chip's memory map.

use virtual_board::{
    bus::{Bus, Master, Width},
    cpu::Core,
    map::Map,
};

/// AXI SRAM: write-back, write-allocate by the default map.
pub const RAM: u32 = 0x2400_0000;
/// Addresses so far apart share a set of the data cache.
pub const DATA_WAY: u32 = 0x2000;

pub const CCR: u32 = 0xE000_ED14;
pub const DATA: u32 = 1 << 16;
pub const CODE: u32 = 1 << 17;
pub const CFSR: u32 = 0xE000_ED28;
pub const IMPRECISERR: u32 = 1 << 10;
pub const CACR: u32 = 0xE000_EF9C;

/// Maintenance operations.
pub const ICIALLU: u32 = 0xE000_EF50;
pub const ICIMVAU: u32 = 0xE000_EF58;
pub const DCIMVAC: u32 = 0xE000_EF5C;
pub const DCISW: u32 = 0xE000_EF60;
pub const DCCMVAU: u32 = 0xE000_EF64;
pub const DCCMVAC: u32 = 0xE000_EF68;
pub const DCCSW: u32 = 0xE000_EF6C;
pub const DCCIMVAC: u32 = 0xE000_EF70;
pub const DCCISW: u32 = 0xE000_EF74;

/// Vectors, and behind them the instructions that are executed one at a time.
const VECTORS: u32 = 0;
const STACK: u32 = 0x2000_0400;
const STORE: u32 = 0x100;
const LOAD: u32 = 0x102;
const CALL: u32 = 0x104;
const HANDLER: u32 = 0x110;
const INSTRUCTIONS: [(u32, u16); 4] = [
    (STORE, 0x6001),   // str r1, [r0]
    (LOAD, 0x6802),    // ldr r2, [r0]
    (CALL, 0x4780),    // blx r0
    (HANDLER, 0xE7FE), // b .
];

/// MOVS R0, #value; BX LR.
pub fn function(value: u8) -> u32 {
    0x4770_2000 | u32::from(value)
}

/// The puppet.
pub struct Puppet {
    pub core: Core,
    pub map: Map,
}

impl Puppet {
    /// A core out of power-on reset: both caches off and full of garbage.
    pub fn at_power_on() -> Self {
        let mut puppet = Self {
            core: Core::new(),
            map: Map::new(true),
        };
        for (address, instruction) in INSTRUCTIONS {
            let written = puppet
                .map
                .write(address, Width::Half, instruction.into(), Master::Debug);
            written.unwrap();
        }
        puppet.put(VECTORS, STACK);
        for exception in 1..16 {
            puppet.put(VECTORS + 4 * exception, HANDLER | 1);
        }
        puppet.core.reset(&mut puppet.map, VECTORS);
        puppet
    }

    /// A core with both caches invalidated and enabled.
    pub fn cached() -> Self {
        let mut puppet = Self::at_power_on();
        puppet.invalidate_all();
        puppet.store(CCR, DATA | CODE);
        puppet
    }

    /// What start-up code does before it enables the caches.
    pub fn invalidate_all(&mut self) {
        self.store(ICIALLU, 0);
        self.each_set_and_way(DCISW);
    }

    /// A maintenance operation on every data line.
    pub fn each_set_and_way(&mut self, operation: u32) {
        for set in 0..256 {
            for way in 0..4 {
                self.store(operation, way << 30 | set << 5);
            }
        }
    }

    fn step(&mut self, at: u32) {
        self.core.registers.r[15] = at;
        self.core.run(&mut self.map, 1);
    }

    /// The core stores a word.
    pub fn store(&mut self, address: u32, value: u32) {
        self.core.registers.r[0] = address;
        self.core.registers.r[1] = value;
        self.step(STORE);
        assert_ne!(self.core.pc(), STORE);
    }

    /// The core loads a word.
    pub fn load(&mut self, address: u32) -> u32 {
        self.core.registers.r[0] = address;
        self.step(LOAD);
        assert_ne!(self.core.pc(), LOAD);
        self.core.registers.r[2]
    }

    /// The core calls a [`function`], and gives what it returned.
    pub fn call(&mut self, address: u32) -> u32 {
        self.core.registers.r[0] = address | 1;
        self.step(CALL);
        self.core.run(&mut self.map, 2);
        self.core.registers.r[0]
    }

    /// Another master reads: what memory has, whatever the caches have.
    pub fn memory(&mut self, address: u32) -> u32 {
        self.map.read(address, Width::Word, Master::Debug).unwrap()
    }

    /// Another master writes, as a DMA controller does.
    pub fn put(&mut self, address: u32, value: u32) {
        self.map
            .write(address, Width::Word, value, Master::Debug)
            .unwrap();
    }

    /// One MPU region with these TEX, S, C, B over `size` bytes, the default map behind it.
    pub fn region(&mut self, base: u32, size: u32, attributes: u32) {
        const FULL_ACCESS: u32 = 3 << 24;
        self.store(0xE000_ED98, 0);
        self.store(0xE000_ED9C, base);
        let size = (size.trailing_zeros() - 1) << 1;
        self.store(0xE000_EDA0, FULL_ACCESS | attributes << 16 | size | 1);
        self.store(0xE000_ED94, 0b101);
    }
}
