//! Memory protection unit: PMSAv7 with 16 regions, and the default memory map behind it (ARM ARM B3.5, B3.1).
//!
//! The highest-numbered matching region decides. Memory types matter to the caches, and in one other way: a refused store to
//! Strongly-ordered memory is a precise bus fault, to anything else an imprecise one.

/// Regions of the Cortex-M7 in STM32H7RS (MPU_TYPE.DREGION).
pub const REGIONS: usize = 16;

/// Offsets from 0xE000_ED90.
pub mod offset {
    /// MPU_TYPE.
    pub const TYPE: u32 = 0x00;
    /// MPU_CTRL.
    pub const CTRL: u32 = 0x04;
    /// MPU_RNR.
    pub const RNR: u32 = 0x08;
    /// MPU_RBAR, with aliases at 0x14, 0x1C and 0x24.
    pub const RBAR: u32 = 0x0C;
    /// MPU_RASR, with aliases at 0x18, 0x20 and 0x28.
    pub const RASR: u32 = 0x10;
}

const CTRL_ENABLE: u32 = 1 << 0;
const CTRL_HFNMIENA: u32 = 1 << 1;
const CTRL_PRIVDEFENA: u32 = 1 << 2;

const RBAR_VALID: u32 = 1 << 4;
const RBAR_REGION: u32 = 0xF;
const RBAR_ADDRESS: u32 = !0x1F;

const RASR_ENABLE: u32 = 1 << 0;
const RASR_EXECUTE_NEVER: u32 = 1 << 28;
/// XN, AP, TEX/S/C/B, SRD, SIZE, ENABLE.
const RASR_IMPLEMENTED: u32 = 0x173F_FF3F;
const RASR_SHAREABLE: u32 = 1 << 18;

/// What is about to happen to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Instruction fetch.
    Fetch,
    /// Load.
    Read,
    /// Store.
    Write,
}

/// On whose behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Privileged software.
    pub privileged: bool,
    /// Execution priority below zero: the MPU is out of the way unless HFNMIENA.
    pub negative_priority: bool,
}

/// What kind of memory is at an address (ARM ARM A3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Accesses happen as the program has them, one after the other.
    StronglyOrdered,
    /// The same, but a write may be buffered.
    Device,
    /// Accesses may be merged, repeated, and made ahead of need.
    Normal {
        /// How the caches may treat it (the inner attribute; the Cortex-M7 has no outer cache).
        caching: Caching,
        /// Other masters see the same data.
        shareable: bool,
    },
}

/// Cache policy of Normal memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Non-cacheable.
    None,
    /// Write-through, no write-allocate.
    WriteThrough,
    /// Write-back, no write-allocate.
    WriteBack,
    /// Write-back, write-allocate.
    WriteBackAllocate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Region {
    rbar: u32,
    rasr: u32,
    /// Bits of an address that the region compares; derived from SIZE.
    mask: u32,
}

impl Region {
    fn covers(&self, address: u32) -> bool {
        self.rasr & RASR_ENABLE != 0
            && (address ^ self.rbar) & self.mask & RBAR_ADDRESS == 0
            && !self.subregion_disabled(address)
    }

    /// Eight equal subregions, in regions of 256 bytes and more (SRD).
    fn subregion_disabled(&self, address: u32) -> bool {
        let size_bits = self.size_bits();
        let disabled = self.rasr >> 8 & 0xFF;
        size_bits >= 8 && disabled >> (address >> (size_bits - 3) & 7) & 1 == 1
    }

    /// log2 of the region's bytes. SIZE below 4 is reserved; it reads as 32 bytes.
    fn size_bits(&self) -> u32 {
        (self.rasr >> 1 & 0x1F).max(4) + 1
    }

    /// TEX, C, B and S (ARM ARM table B3-13). A reserved combination is taken for Device memory \[U\].
    fn memory(&self) -> Memory {
        let (extension, policy) = (self.rasr >> 19 & 7, self.rasr >> 16 & 3);
        let caching = match (extension, policy) {
            (0, 0) => return Memory::StronglyOrdered,
            (1, 0) | (4..=7, 0) => Caching::None,
            (0, 2) | (4..=7, 2) => Caching::WriteThrough,
            (0, 3) | (4..=7, 3) => Caching::WriteBack,
            (1, 3) | (4..=7, 1) => Caching::WriteBackAllocate,
            _ => return Memory::Device,
        };
        Memory::Normal {
            caching,
            shareable: self.rasr & RASR_SHAREABLE != 0,
        }
    }

    fn permits(&self, access: Access, privileged: bool) -> bool {
        let (read, write) = match (self.rasr >> 24 & 7, privileged) {
            (1..=3, true) | (3, false) => (true, true),
            (2, false) | (5, true) | (6 | 7, _) => (true, false),
            _ => (false, false),
        };
        match access {
            Access::Read => read,
            Access::Write => write,
            Access::Fetch => read && self.rasr & RASR_EXECUTE_NEVER == 0,
        }
    }
}

/// The MPU's registers.
#[derive(Clone, Debug, Default)]
pub struct Mpu {
    control: u32,
    selected: usize,
    regions: [Region; REGIONS],
}

/// The default memory map lets code execute below the peripherals and in the external RAM region (ARM ARM B3.1).
fn default_executable(address: u32) -> bool {
    matches!(address, 0..0x4000_0000 | 0x6000_0000..0xA000_0000)
}

/// What the default memory map has at an address (ARM ARM table B3-1).
pub(super) fn default_memory(address: u32) -> Memory {
    let caching = match address {
        0..0x2000_0000 | 0x8000_0000..0xA000_0000 => Caching::WriteThrough,
        0x2000_0000..0x4000_0000 | 0x6000_0000..0x8000_0000 => Caching::WriteBackAllocate,
        0xE000_0000..=0xE00F_FFFF => return Memory::StronglyOrdered,
        _ => return Memory::Device,
    };
    Memory::Normal {
        caching,
        shareable: false,
    }
}

impl Mpu {
    /// True if data accesses can be refused at all.
    pub fn is_enabled(&self) -> bool {
        self.control & CTRL_ENABLE != 0
    }

    /// ValidateAddress() (ARM ARM B3.5.3): true if the access may go to the bus.
    pub fn permits(&self, address: u32, access: Access, context: Context) -> bool {
        // The System region is execute-never whatever the MPU says; the PPB always follows the default map.
        if address >= 0xE000_0000 && access == Access::Fetch {
            return false;
        }
        if matches!(address, 0xE000_0000..=0xE00F_FFFF) || !self.applies(context) {
            return access != Access::Fetch || default_executable(address);
        }
        match self.region(address) {
            Some(region) => region.permits(access, context.privileged),
            None => {
                context.privileged
                    && self.control & CTRL_PRIVDEFENA != 0
                    && (access != Access::Fetch || default_executable(address))
            }
        }
    }

    /// What kind of memory an address is.
    pub fn memory(&self, address: u32, context: Context) -> Memory {
        let private = matches!(address, 0xE000_0000..=0xE00F_FFFF);
        if private || !self.applies(context) {
            return default_memory(address);
        }
        self.region(address)
            .map_or_else(|| default_memory(address), Region::memory)
    }

    fn applies(&self, context: Context) -> bool {
        self.is_enabled() && !(context.negative_priority && self.control & CTRL_HFNMIENA == 0)
    }

    fn region(&self, address: u32) -> Option<&Region> {
        self.regions
            .iter()
            .rev()
            .find(|region| region.covers(address))
    }

    /// Reads at `offset`.
    pub fn read(&self, offset: u32) -> u32 {
        let number = self.selected;
        match without_alias(offset) {
            offset::TYPE => (REGIONS as u32) << 8,
            offset::CTRL => self.control,
            offset::RNR => self.selected as u32,
            offset::RBAR => self.regions[number].rbar | number as u32,
            offset::RASR => self.regions[number].rasr,
            _ => 0,
        }
    }

    /// Writes at `offset`.
    pub fn write(&mut self, offset: u32, value: u32) {
        match without_alias(offset) {
            offset::CTRL => {
                self.control = value & (CTRL_ENABLE | CTRL_HFNMIENA | CTRL_PRIVDEFENA);
            }
            offset::RNR => self.selected = value as usize % REGIONS,
            offset::RBAR => {
                if value & RBAR_VALID != 0 {
                    self.selected = (value & RBAR_REGION) as usize;
                }
                self.regions[self.selected].rbar = value & RBAR_ADDRESS;
            }
            offset::RASR => {
                let region = &mut self.regions[self.selected];
                region.rasr = value & RASR_IMPLEMENTED;
                region.mask = (u64::MAX << region.size_bits()) as u32;
            }
            _ => {}
        }
    }
}

/// The register that an alias at 0x14..=0x28 stands for: the same one, of the region in MPU_RNR. So one STM describes four regions
/// by their VALID bits (ARM ARM B3.5.10); numbers of their own came with ARMv8-M.
fn without_alias(offset: u32) -> u32 {
    match offset {
        0x14..=0x28 => offset - 8 * ((offset - 0x0C) / 8),
        _ => offset,
    }
}

#[cfg(test)]
mod tests;
