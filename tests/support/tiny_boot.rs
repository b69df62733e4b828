//! Boot stages of a few instructions, for what no boot stage in its right mind does.
//!
//! Each writes words of a table to registers, then waits for ever. Register addresses and fields: RM0477.

/// Initial stack pointer: DTCM.
const STACK: u32 = 0x2000_1000;
/// The code begins behind two vectors.
const CODE: u32 = 0x0800_0008;
/// Writes the table at its end: address, value; address 0 ends it.
const WRITES_A_TABLE: [u16; 8] = [
    0xA003, // adr r0, table
    0xC806, // next: ldm r0!, {r1, r2}
    0xB109, // cbz r1, done
    0x600A, // str r2, [r1]
    0xE7FB, // b next
    0xE7FE, // done: b .
    0xBF00, // nop
    0xBF00, // nop
];

/// RCC_AHB5ENR, its XSPI2EN and XSPIMEN.
const RCC_AHB5ENR: (u32, u32) = (0x5802_4534, 1 << 12 | 1 << 14);
/// PWR_CSR2, its EN_XSPIM2.
const PWR_CSR2: (u32, u32) = (0x5802_480C, 1 << 15);
/// XSPI2_DCR1: Macronix order, 2^27 bytes.
const XSPI2_DCR1: (u32, u32) = (0x5200_A008, 1 << 24 | 26 << 16);
/// XSPI2_CCR: eight lines and both edges in each phase, 16-bit instruction, 32-bit address, data strobe.
const XSPI2_CCR: (u32, u32) = (0x5200_A100, 0x2C00_3C1C);
/// XSPI2_TCR: 20 dummy cycles.
const XSPI2_TCR: (u32, u32) = (0x5200_A108, 20);
/// XSPI2_IR: 8DTRD.
const XSPI2_IR: (u32, u32) = (0x5200_A110, 0xEE11);
/// XSPI2_CR: enabled, memory-mapped.
const XSPI2_CR: (u32, u32) = (0x5200_A000, 3 << 28 | 1);

/// Opens the window for octal DTR and never tells the NOR.
pub fn octal_window_onto_a_nor_in_spi() -> Vec<u8> {
    writing(&[
        RCC_AHB5ENR,
        PWR_CSR2,
        XSPI2_DCR1,
        XSPI2_CCR,
        XSPI2_TCR,
        XSPI2_IR,
        XSPI2_CR,
    ])
}

fn writing(table: &[(u32, u32)]) -> Vec<u8> {
    let vectors = [STACK, CODE | 1];
    let words = table.iter().flat_map(|&(address, value)| [address, value]);
    vectors
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .chain(WRITES_A_TABLE.into_iter().flat_map(u16::to_le_bytes))
        .chain(words.chain([0, 0]).flat_map(u32::to_le_bytes))
        .collect()
}
