//! Registers by name, for messages: those that start-up code waits for (RM0477, register maps; ARM ARM B3.2.2, B3.3.2).

use crate::layout::Address;

/// A block: first address, bytes, name, and its registers by offset.
type Block = (u32, u32, &'static str, &'static [(u32, &'static str)]);

const UART: &[(u32, &str)] = &[(0x1C, "ISR"), (0x24, "RDR")];
const XSPI: &[(u32, &str)] = &[(0x00, "CR"), (0x20, "SR"), (0x50, "DR")];

const BLOCKS: &[Block] = &[
    (0x4000_4800, 0x400, "USART3", UART),
    (0x4000_4C00, 0x400, "UART4", UART),
    (
        0x5200_2000,
        0x400,
        "FLASH",
        &[(0x00, "ACR"), (0x10, "CR"), (0x14, "SR")],
    ),
    (0x5200_5000, 0x400, "XSPI1", XSPI),
    (0x5200_A000, 0x400, "XSPI2", XSPI),
    (0x5200_B400, 0x400, "XSPIM", &[(0x00, "CR")]),
    (
        0x5800_0400,
        0x400,
        "SBS",
        &[(0x00, "BOOTSR"), (0x14, "HDPLSR"), (0x110, "CCCSR")],
    ),
    (0x5800_4800, 0x400, "IWDG", &[(0x0C, "SR")]),
    (0x5802_0000, 0x4000, "GPIO", &[]),
    (
        0x5802_4400,
        0x400,
        "RCC",
        &[
            (0x00, "CR"),
            (0x10, "CFGR"),
            (0x70, "BDCR"),
            (0x74, "CSR"),
            (0x100, "CKPROTR"),
            (0x130, "RSR"),
        ],
    ),
    (
        0x5802_4800,
        0x400,
        "PWR",
        &[
            (0x04, "SR1"),
            (0x08, "CSR1"),
            (0x0C, "CSR2"),
            (0x10, "CSR3"),
            (0x14, "CSR4"),
        ],
    ),
    (
        0xE000_E000,
        0x1000,
        "SCS",
        &[
            (0x010, "SYST_CSR"),
            (0x018, "SYST_CVR"),
            (0xD04, "ICSR"),
            (0xD08, "VTOR"),
            (0xD0C, "AIRCR"),
            (0xD10, "SCR"),
            (0xD14, "CCR"),
            (0xD24, "SHCSR"),
            (0xD28, "CFSR"),
            (0xD2C, "HFSR"),
            (0xDF0, "DHCSR"),
            (0xDFC, "DEMCR"),
        ],
    ),
];

/// The registers of the core are known without their block.
const CORE: &str = "SCS";

/// A register as its manual calls it: `PWR_CSR1 (0x58024808)`, `ICSR (0xe000ed04)`; by block and offset if only the block is known,
/// `RCC + 0x07c (0x5802447c)`; else by its address alone.
pub fn name_of(address: Address) -> String {
    let known = BLOCKS
        .iter()
        .find(|(base, size, ..)| address.0.wrapping_sub(*base) < *size);
    let Some((base, _, block, registers)) = known else {
        return address.to_string();
    };
    let offset = address.0 - base;
    match registers.iter().find(|(at, _)| *at == offset) {
        Some((_, register)) if *block == CORE => format!("{register} ({address})"),
        Some((_, register)) => format!("{block}_{register} ({address})"),
        None => format!("{block} + 0x{offset:03x} ({address})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_named_as_far_as_it_is_known() {
        for (address, name) in [
            (0x5802_4808, "PWR_CSR1 (0x58024808)"),
            (0xE000_ED04, "ICSR (0xe000ed04)"),
            (0x5802_447C, "RCC + 0x07c (0x5802447c)"),
            (0x4001_0000, "0x40010000"),
        ] {
            assert_eq!(name_of(Address(address)), name);
        }
    }

    #[test]
    fn no_two_blocks_overlap() {
        for pair in BLOCKS.windows(2) {
            assert!(
                pair[0].0 + pair[0].1 <= pair[1].0,
                "{} {}",
                pair[0].2,
                pair[1].2
            );
        }
    }
}
