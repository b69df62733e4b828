//! The system debug bus behind AP0: its ROM table and the identification registers of what the table lists.
//!
//! A component's last 48 bytes say what it is (ADIv5.2 chapter D1: PIDR4-7, PIDR0-3, CIDR0-3), and DEVTYPE at 0xFCC of what kind.
//! The trace components have nothing but these: their other registers are not modelled.

use crate::map::DBGMCU_BASE;

/// Base of the ROM table; its entries are offsets from here.
pub const BASE: u32 = 0xE00E_0000;
/// First address after the last component.
pub const END: u32 = 0xE00F_6000;
/// DBGMCU as AP0 sees it.
const DBGMCU: u32 = 0xE00E_1000;
/// Every component takes 4 KB.
const PAGE: u32 = 0x1000;

/// JEP106 designers as continuation count and code.
const ARM: (u32, u32) = (4, 0x3B);
const ST: (u32, u32) = (0, 0x20);

/// Component classes (CIDR1 bits 7:4).
const CLASS_ROM_TABLE: u32 = 0x1;
const CLASS_CORESIGHT: u32 = 0x9;
const CLASS_PRIMECELL: u32 = 0xF;

/// Offsets of the identification registers.
const DEVTYPE: u32 = 0xFCC;
const PIDR4: u32 = 0xFD0;
const PIDR0: u32 = 0xFE0;
const CIDR0: u32 = 0xFF0;

struct Component {
    name: &'static str,
    base: u32,
    class: u32,
    designer: (u32, u32),
    part: u32,
    kind: u32,
}

/// Part numbers and device types of ARM's CoreSight SoC-400 (DDI 0480), as probe-rs and OpenOCD know them.
const COMPONENTS: [Component; 7] = [
    Component {
        name: "system debug ROM table",
        base: BASE,
        class: CLASS_ROM_TABLE,
        designer: ST,
        part: 0x485,
        kind: 0,
    },
    Component {
        name: "DBGMCU",
        base: DBGMCU,
        class: CLASS_PRIMECELL,
        designer: ST,
        part: 0x485,
        kind: 0,
    },
    Component {
        name: "SWO",
        base: 0xE00E_3000,
        class: CLASS_CORESIGHT,
        designer: ARM,
        part: 0x914,
        kind: 0x11,
    },
    Component {
        name: "SysCTI",
        base: 0xE00F_1000,
        class: CLASS_CORESIGHT,
        designer: ARM,
        part: 0x906,
        kind: 0x14,
    },
    Component {
        name: "CSTF",
        base: 0xE00F_3000,
        class: CLASS_CORESIGHT,
        designer: ARM,
        part: 0x908,
        kind: 0x12,
    },
    Component {
        name: "ETF",
        base: 0xE00F_4000,
        class: CLASS_CORESIGHT,
        designer: ARM,
        part: 0x961,
        kind: 0x32,
    },
    Component {
        name: "TPIU",
        base: 0xE00F_5000,
        class: CLASS_CORESIGHT,
        designer: ARM,
        part: 0x912,
        kind: 0x11,
    },
];

/// What a word on the system debug bus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A constant.
    Fixed(u32),
    /// The register of DBGMCU at this address of the CPU's map.
    Dbgmcu(u32),
    /// A register of a component that nobody modelled.
    Unmodelled(&'static str),
    /// Nothing answers.
    Nothing,
}

/// True if `address` belongs to the system debug bus.
pub fn contains(address: u32) -> bool {
    (BASE..END).contains(&address)
}

/// Looks up the word at `address`.
pub fn word(address: u32) -> Word {
    let Some(component) = COMPONENTS
        .iter()
        .find(|component| component.base == address & !(PAGE - 1))
    else {
        return Word::Nothing;
    };
    let offset = address & (PAGE - 1) & !3;
    match component.identification(offset) {
        Some(value) => Word::Fixed(value),
        None if component.class == CLASS_ROM_TABLE => Word::Fixed(entry(offset)),
        None if component.base == DBGMCU => Word::Dbgmcu(DBGMCU_BASE + offset),
        None => Word::Unmodelled(component.name),
    }
}

/// A word of the ROM table: an offset, with the bits "32-bit" and "present" (ADIv5.2 D3.2.1); zero ends it.
fn entry(offset: u32) -> u32 {
    COMPONENTS
        .get(offset as usize / 4 + 1)
        .map_or(0, |component| component.base.wrapping_sub(BASE) | 3)
}

impl Component {
    fn identification(&self, offset: u32) -> Option<u32> {
        let (continuation, code) = self.designer;
        Some(match offset {
            DEVTYPE if self.class == CLASS_CORESIGHT => self.kind,
            PIDR4 => continuation,
            0xFD4..PIDR0 => 0,
            PIDR0 => self.part & 0xFF,
            0xFE4 => (code & 0xF) << 4 | self.part >> 8,
            0xFE8 => 1 << 3 | code >> 4,
            0xFEC => 0,
            CIDR0 => 0x0D,
            0xFF4 => self.class << 4,
            0xFF8 => 0x05,
            0xFFC => 0xB1,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_component() {
        let listed: Vec<u32> = (0..7)
            .map(|index| word(BASE + 4 * index))
            .map_while(|word| match word {
                Word::Fixed(0) => None,
                Word::Fixed(entry) => Some(BASE.wrapping_add(entry & !0xFFF)),
                _ => None,
            })
            .collect();
        assert_eq!(
            listed,
            [
                0xE00E_1000,
                0xE00E_3000,
                0xE00F_1000,
                0xE00F_3000,
                0xE00F_4000,
                0xE00F_5000
            ]
        );
    }

    #[test]
    fn dbgmcu_is_the_device_of_the_cpu_map_with_identification() {
        assert_eq!(word(0xE00E_1004), Word::Dbgmcu(0x5C00_1004));
        assert_eq!(word(0xE00E_1FE0), Word::Fixed(0x85));
        assert_eq!(word(0xE00E_2000), Word::Nothing);
    }
}
