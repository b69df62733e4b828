//! Boot stages of a few instructions, for what no boot stage in its right mind does.
//!
//! Each writes words of a table to registers, then waits for ever or faults. Register addresses and fields: RM0477.

/// Initial stack pointer: DTCM.
const STACK: u32 = 0x2000_1000;
/// The code begins behind two vectors.
const CODE: u32 = 0x0800_0008;
/// Writes the table at its end: address, value; address 0 ends it.
const WRITES_A_TABLE: [u16; 5] = [
    0xA003, // adr r0, table
    0xC806, // next: ldm r0!, {r1, r2}
    0xB109, // cbz r1, done
    0x600A, // str r2, [r1]
    0xE7FB, // b next
];
/// done: b .
const WAITS: u16 = 0xE7FE;
/// done: wfi
const SLEEPS: u16 = 0xBF30;
/// done: udf #0
const FAULTS: u16 = 0xDE00;
/// The table stands at the next word but one: nop.
const FILLS: [u16; 2] = [0xBF00, 0xBF00];

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

/// RCC_AHB4ENR, its GPIONEN.
const RCC_AHB4ENR: (u32, u32) = (0x5802_4540, 1 << 13);
/// GPION: PN0 to PN6 and PN8 to PN11 in alternate function 9.
const GPION_AFRL: (u32, u32) = (0x5802_3420, 0x0999_9999);
const GPION_AFRH: (u32, u32) = (0x5802_3424, 0x0000_9999);
const GPION_MODER: (u32, u32) = (0x5802_3400, 0x00AA_2AAA);
/// XSPI2_CCR: one line in each phase, 8-bit instruction, 32-bit address.
const XSPI2_CCR_SPI: (u32, u32) = (0x5200_A100, 1 << 24 | 3 << 12 | 1 << 8 | 1);
/// XSPI2_IR: READ with four address bytes.
const XSPI2_IR_SPI: (u32, u32) = (0x5200_A110, 0x13);
/// IWDG_KR: start.
const IWDG_KR: (u32, u32) = (0x5800_4800, 0xCCCC);
/// MCE2_REGCR1: ENC block, BREN.
const MCE2_REGCR1: (u32, u32) = (0x5200_BC40, 2 << 14 | 1);
/// VTOR (ARM ARM B3.2.5): the beginning of the window.
const VTOR: (u32, u32) = (0xE000_ED08, 0x7000_0000);

/// The pins of port 2.
const PINS: [(u32, u32); 4] = [RCC_AHB4ENR, GPION_AFRL, GPION_AFRH, GPION_MODER];
/// Clock, supply and size, before any mode.
const BEFORE_THE_WINDOW: [(u32, u32); 3] = [RCC_AHB5ENR, PWR_CSR2, XSPI2_DCR1];
/// Memory-mapped in octal DTR.
const OCTAL_WINDOW: [(u32, u32); 4] = [XSPI2_CCR, XSPI2_TCR, XSPI2_IR, XSPI2_CR];

/// Opens the window and takes the image's vectors without a look at them. What a blank NOR has there is no address: it faults.
pub fn starts_whatever_is_there() -> Vec<u8> {
    let window = [XSPI2_CCR_SPI, XSPI2_IR_SPI, XSPI2_CR, VTOR];
    writing(&[&PINS, &BEFORE_THE_WINDOW, &window], FAULTS)
}

/// Starts the independent watchdog and waits for ever.
pub fn starts_a_watchdog() -> Vec<u8> {
    writing(&[&[IWDG_KR]], WAITS)
}

/// Sleeps for ever: nothing is set up that could wake it.
pub fn sleeps() -> Vec<u8> {
    writing(&[], SLEEPS)
}

/// Opens the window for octal DTR and never tells the NOR.
pub fn octal_window_onto_a_nor_in_spi() -> Vec<u8> {
    writing(&[&PINS, &BEFORE_THE_WINDOW, &OCTAL_WINDOW], WAITS)
}

/// Sets XSPI2 up for octal DTR without its pins, so that the window refuses, and tells MCE2 that its first 4 KB are enciphered.
pub fn octal_window_behind_a_cipher_engine() -> Vec<u8> {
    let engine = [MCE2_REGCR1];
    writing(&[&BEFORE_THE_WINDOW, &OCTAL_WINDOW, &engine], WAITS)
}

fn writing(tables: &[&[(u32, u32)]], then: u16) -> Vec<u8> {
    let vectors = [STACK, CODE | 1];
    let code = WRITES_A_TABLE.into_iter().chain([then]).chain(FILLS);
    let words = tables
        .concat()
        .into_iter()
        .flat_map(|(address, value)| [address, value]);
    vectors
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .chain(code.flat_map(u16::to_le_bytes))
        .chain(words.chain([0, 0]).flat_map(u32::to_le_bytes))
        .collect()
}
