//! Memory protection unit: PMSAv7 with 16 regions, and the default memory map behind it (ARM ARM B3.5, B3.1).
//!
//! The highest-numbered matching region decides. Memory types matter in one way only: a refused store to Strongly-ordered
//! memory is a precise bus fault, to anything else an imprecise one. Caches are not modelled.

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
/// TEX, C and B all zero: Strongly-ordered.
const RASR_TYPE: u32 = 0b111 << 19 | 0b11 << 16;

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

    /// True if a store there waits for its response (Strongly-ordered memory).
    pub fn is_strongly_ordered(&self, address: u32, context: Context) -> bool {
        if !self.applies(context) {
            return false;
        }
        self.region(address)
            .is_some_and(|region| region.rasr & RASR_TYPE == 0)
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
mod tests {
    use super::*;

    const PRIVILEGED: Context = Context {
        privileged: true,
        negative_priority: false,
    };
    const USER: Context = Context {
        privileged: false,
        negative_priority: false,
    };

    fn rasr(size_bits: u32, permissions: u32, disabled_subregions: u32) -> u32 {
        permissions << 24 | disabled_subregions << 8 | (size_bits - 1) << 1 | RASR_ENABLE
    }

    fn with_region(number: u32, base: u32, attributes: u32) -> Mpu {
        let mut mpu = Mpu::default();
        mpu.write(offset::RNR, number);
        mpu.write(offset::RBAR, base);
        mpu.write(offset::RASR, attributes);
        mpu.write(offset::CTRL, CTRL_ENABLE | CTRL_PRIVDEFENA);
        mpu
    }

    #[test]
    fn there_are_sixteen_regions() {
        assert_eq!(Mpu::default().read(offset::TYPE), 0x1000);
    }

    #[test]
    fn disabled_it_leaves_the_default_map() {
        let mpu = Mpu::default();
        for (address, executable) in [
            (0x0800_0000, true),
            (0x2000_0000, true),
            (0x4000_0000, false),
            (0x7000_0000, true),
            (0x9FFF_FFFE, true),
            (0xA000_0000, false),
            (0xE000_E000, false),
        ] {
            assert!(mpu.permits(address, Access::Write, USER));
            assert_eq!(
                mpu.permits(address, Access::Fetch, PRIVILEGED),
                executable,
                "{address:#010x}"
            );
        }
    }

    #[test]
    fn access_permissions_follow_the_table() {
        // AP, then (privileged read, write), (unprivileged read, write).
        let table = [
            (0, (false, false), (false, false)),
            (1, (true, true), (false, false)),
            (2, (true, true), (true, false)),
            (3, (true, true), (true, true)),
            (5, (true, false), (false, false)),
            (6, (true, false), (true, false)),
            (7, (true, false), (true, false)),
        ];
        for (permissions, privileged, user) in table {
            let mpu = with_region(0, 0x2000_0000, rasr(16, permissions, 0));
            for (context, expected) in [(PRIVILEGED, privileged), (USER, user)] {
                let seen = (
                    mpu.permits(0x2000_0004, Access::Read, context),
                    mpu.permits(0x2000_0004, Access::Write, context),
                );
                assert_eq!(seen, expected, "AP {permissions} {context:?}");
            }
        }
    }

    #[test]
    fn the_highest_region_wins_and_a_disabled_subregion_falls_through() {
        let mut mpu = with_region(0, 0x2000_0000, rasr(16, 3, 0));
        mpu.write(offset::RBAR, 0x2000_0000 | RBAR_VALID | 7);
        mpu.write(offset::RASR, rasr(11, 0, 0b1111_1101));
        assert!(mpu.permits(0x2000_00FF, Access::Write, USER));
        assert!(!mpu.permits(0x2000_0100, Access::Read, PRIVILEGED));
        assert!(!mpu.permits(0x2000_01FF, Access::Read, PRIVILEGED));
        assert!(mpu.permits(0x2000_0200, Access::Read, USER));
    }

    #[test]
    fn outside_every_region_only_privdefena_helps_and_only_privileged_code() {
        let mut mpu = with_region(0, 0x2000_0000, rasr(16, 3, 0));
        assert!(mpu.permits(0x2400_0000, Access::Read, PRIVILEGED));
        assert!(!mpu.permits(0x2400_0000, Access::Read, USER));
        mpu.write(offset::CTRL, CTRL_ENABLE);
        assert!(!mpu.permits(0x2400_0000, Access::Read, PRIVILEGED));
        assert!(mpu.permits(0xE000_ED00, Access::Read, PRIVILEGED), "PPB");
    }

    #[test]
    fn hard_fault_code_is_checked_only_with_hfnmiena() {
        let handler = Context {
            privileged: true,
            negative_priority: true,
        };
        let mut mpu = with_region(0, 0x2000_0000, rasr(16, 0, 0));
        assert!(mpu.permits(0x2000_0000, Access::Write, handler));
        mpu.write(offset::CTRL, CTRL_ENABLE | CTRL_HFNMIENA);
        assert!(!mpu.permits(0x2000_0000, Access::Write, handler));
    }

    #[test]
    fn execute_never_and_the_four_gigabyte_region() {
        let mut mpu = with_region(0, 0, rasr(32, 3, 0) | RASR_EXECUTE_NEVER);
        assert!(!mpu.permits(0x0800_0000, Access::Fetch, PRIVILEGED));
        assert!(mpu.permits(0xF000_0000, Access::Read, USER));
        mpu.write(offset::RASR, rasr(32, 3, 0));
        assert!(mpu.permits(0x5000_0000, Access::Fetch, PRIVILEGED));
        assert!(
            !mpu.permits(0xE010_0000, Access::Fetch, PRIVILEGED),
            "System is XN"
        );
    }

    #[test]
    fn aliases_are_the_same_registers_and_four_regions_are_described_at_once() {
        let mut mpu = Mpu::default();
        mpu.write(offset::RNR, 4);
        for alias in 1..4 {
            let region = alias + 8;
            mpu.write(
                offset::RBAR + 8 * alias,
                (0x3000_0000 + (alias << 12)) | RBAR_VALID | region,
            );
            assert_eq!(mpu.read(offset::RNR), region);
            mpu.write(offset::RASR + 8 * alias, rasr(12, 3, 0));
        }
        for number in 9..12 {
            mpu.write(offset::RNR, number);
            for same in 0..4 {
                assert_eq!(
                    mpu.read(offset::RBAR + 8 * same),
                    (0x3000_0000 + ((number - 8) << 12)) | number
                );
                assert_eq!(mpu.read(offset::RASR + 8 * same), rasr(12, 3, 0));
            }
        }
    }

    #[test]
    fn strongly_ordered_is_all_type_bits_clear() {
        let mut mpu = with_region(0, 0x5000_0000, rasr(16, 3, 0));
        assert!(mpu.is_strongly_ordered(0x5000_0000, PRIVILEGED));
        mpu.write(offset::RASR, rasr(16, 3, 0) | 1 << 16);
        assert!(!mpu.is_strongly_ordered(0x5000_0000, PRIVILEGED));
    }
}
