//! What a debugger finds when it walks the ROM tables: component and peripheral IDs (ADIv5 IHI 0031, part D; ARM DDI 0489).
//!
//! AP1's BASE points at the chip's table at 0xE00F_E000, which points at the Cortex-M7's own at 0xE00F_F000, the ETM and the
//! CTI. ETM and CTI answer with their IDs and nothing else: trace is not modelled.

/// A 4 KB block of ID registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Bits 11:0 of the part number.
    part: u16,
    /// JEP106 bank (continuation code) and identity.
    designer: (u8, u8),
    revision: u8,
    class: Class,
    device_type: u8,
    architecture: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    RomTable = 0x1,
    CoreSight = 0x9,
    GenericIp = 0xE,
}

const ARM: (u8, u8) = (4, 0x3B);
const ST: (u8, u8) = (0, 0x20);

const fn generic(part: u16) -> Identity {
    Identity {
        part,
        designer: ARM,
        revision: 0,
        class: Class::GenericIp,
        device_type: 0,
        architecture: 0,
    }
}

/// System control space.
pub const SCS: Identity = generic(0x00C);
/// Instrumentation trace macrocell.
pub const ITM: Identity = generic(0x001);
/// Data watchpoint and trace.
pub const DWT: Identity = generic(0x002);
/// Breakpoint unit of a Cortex-M7.
pub const FPB: Identity = generic(0x00E);
const ETM: Identity = Identity {
    part: 0x975,
    designer: ARM,
    revision: 1,
    class: Class::CoreSight,
    device_type: 0x13,
    architecture: 0x4770_4A13,
};
const CTI: Identity = Identity {
    part: 0x906,
    designer: ARM,
    revision: 4,
    class: Class::CoreSight,
    device_type: 0x14,
    architecture: 0,
};
const CORE_ROM: Identity = Identity {
    part: 0x4C7,
    designer: ARM,
    revision: 0,
    class: Class::RomTable,
    device_type: 0,
    architecture: 0,
};
/// Part number is the chip's DEV_ID.
const CHIP_ROM: Identity = Identity {
    part: 0x485,
    designer: ST,
    revision: 0,
    class: Class::RomTable,
    device_type: 0,
    architecture: 0,
};

/// Entries of the chip's ROM table: 32-bit format, present; offsets to the core's table, ETM and CTI.
const CHIP_ROM_ENTRIES: [u32; 3] = [0x0000_1003, 0xFFF4_3003, 0xFFF4_5003];
/// Entries of the core's ROM table: SCS, DWT, FPB, ITM.
const CORE_ROM_ENTRIES: [u32; 4] = [0xFFF0_F003, 0xFFF0_2003, 0xFFF0_3003, 0xFFF0_1003];

impl Identity {
    /// Register at `offset` (0xFBC DEVARCH .. 0xFFC CIDR3) of the component's block.
    pub const fn read(&self, offset: u32) -> u32 {
        let designer = self.designer.1 as u32;
        match offset {
            0xFBC => self.architecture,
            // MEMTYPE.SYSMEM of a ROM table; DEVTYPE of a CoreSight component.
            0xFCC => match self.class {
                Class::RomTable => 1,
                _ => self.device_type as u32,
            },
            0xFD0 => self.designer.0 as u32,
            0xFE0 => self.part as u32 & 0xFF,
            0xFE4 => designer << 4 & 0xF0 | self.part as u32 >> 8,
            0xFE8 => (self.revision as u32) << 4 | 1 << 3 | designer >> 4,
            0xFF0 => 0x0D,
            0xFF4 => (self.class as u32) << 4,
            0xFF8 => 0x05,
            0xFFC => 0xB1,
            _ => 0,
        }
    }
}

/// Reads a component that has nothing but its identity; `None` where there is no component.
pub fn read(address: u32) -> Option<u32> {
    let offset = address & 0xFFF;
    let entry = |entries: &[u32]| entries.get(offset as usize / 4).copied().unwrap_or(0);
    Some(match (address & !0xFFF, offset) {
        (0xE004_1000, _) => ETM.read(offset),
        (0xE004_3000, _) => CTI.read(offset),
        (0xE00F_E000, 0..0xF00) => entry(&CHIP_ROM_ENTRIES),
        (0xE00F_E000, _) => CHIP_ROM.read(offset),
        (0xE00F_F000, 0..0xF00) => entry(&CORE_ROM_ENTRIES),
        (0xE00F_F000, _) => CORE_ROM.read(offset),
        _ => return None,
    })
}

/// Software lock of a CoreSight component (LAR, LSR): the core must unlock it before it writes, a debugger need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    locked: bool,
}

impl Default for Lock {
    fn default() -> Self {
        Self { locked: true }
    }
}

impl Lock {
    /// Offset of the lock access register.
    pub const ACCESS: u32 = 0xFB0;
    /// Offset of the lock status register.
    pub const STATUS: u32 = 0xFB4;
    const KEY: u32 = 0xC5AC_CE55;

    /// True if the core's writes are ignored.
    pub fn is_locked(self) -> bool {
        self.locked
    }

    /// The core writes LAR.
    pub fn write(&mut self, value: u32) {
        self.locked = value != Self::KEY;
    }

    /// LSR as the core sees it: implemented, and locked or not. A debugger reads zero, for it there is no lock.
    pub fn status(self) -> u32 {
        1 | u32::from(self.locked) << 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peripheral_id(identity: &Identity) -> u64 {
        let low = [0xFE0, 0xFE4, 0xFE8, 0xFEC, 0xFD0];
        low.iter().enumerate().fold(0, |id, (place, &offset)| {
            id | u64::from(identity.read(offset)) << (8 * place)
        })
    }

    #[test]
    fn peripheral_ids_are_those_of_a_cortex_m7() {
        assert_eq!(peripheral_id(&SCS), 0x4_000B_B00C);
        assert_eq!(peripheral_id(&FPB), 0x4_000B_B00E);
        assert_eq!(peripheral_id(&CORE_ROM), 0x4_000B_B4C7);
        assert_eq!(peripheral_id(&ETM), 0x4_001B_B975);
        assert_eq!(peripheral_id(&CTI), 0x4_004B_B906);
        assert_eq!(peripheral_id(&CHIP_ROM), 0x0_000A_0485);
    }

    #[test]
    fn rom_tables_lead_to_every_component() {
        let targets = |base: u32| {
            (0..)
                .map(move |entry| read(base + 4 * entry))
                .take_while(|&entry| entry != Some(0))
                .map(move |entry| base.wrapping_add(entry.unwrap_or(0) & !0xFFF))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            targets(0xE00F_E000),
            [0xE00F_F000, 0xE004_1000, 0xE004_3000]
        );
        assert_eq!(
            targets(0xE00F_F000),
            [0xE000_E000, 0xE000_1000, 0xE000_2000, 0xE000_0000]
        );
    }
}
