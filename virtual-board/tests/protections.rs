//! Memories and protections: of each, code that does right and goes on, and code that does not and fails as on the chip.
//!
//! The programs write a table of registers and then do one thing; what they come to is where their core stands a millisecond later.

mod common;
#[path = "common/interface.rs"]
mod interface;

use interface::{AHB, SYSTEM_DEBUG, connect, read};
use probe_rs::{Permissions, flashing::DownloadOptions};
use virtual_board::{
    board::{Board, Builder, CoreState, ProductState},
    clock::Time,
    handle::VirtualBoard,
};

const FLASH: u32 = 0x0800_0000;
/// Behind the vectors of all interrupts that are used here.
const CODE: u32 = FLASH + 0x100;
/// Where the program ends that goes on: `b .`
const HANDLER: u32 = FLASH + 0x200;
const STACK: u32 = 0x2000_0400;
/// RAMECC_IRQn.
const RAMECC: usize = 9;
/// Writes the table behind it, address and value, until address 0; then r1 is 0 and r2 is that entry's value.
const WRITES_A_TABLE: [u16; 5] = [
    0xA003, // adr r0, table
    0xC806, // next: ldm r0!, {r1, r2}
    0xB109, // cbz r1, done
    0x600A, // str r2, [r1]
    0xE7FB, // b next
];
const BRANCH_TO_SELF: u16 = 0xE7FE;
/// What is done at `done`, with the address in r2.
const READS: [u16; 3] = [0x6813, BRANCH_TO_SELF, 0xBF00]; // ldr r3, [r2]
const FILLS_AND_READS: [u16; 3] = [0x6011, 0x6813, BRANCH_TO_SELF]; // str r1, [r2]
const FILLS_A_BYTE_AND_READS: [u16; 3] = [0x7011, 0x6813, BRANCH_TO_SELF]; // strb r1, [r2]

/// FLASH: option words by status register.
const WRPSR: u32 = 0x218;
const HDPSR: u32 = 0x230;
const OBW2SR: u32 = 0x268;
const ECC_ON_SRAM: u32 = 1 << 8;
/// RCC_APB4ENR, its SBSEN.
const SBS_CLOCK: (u32, u32) = (0x5802_4554, 1 << 1);
/// SBS_HDPLCR, the value that raises the level.
const RAISE_HIDE_LEVEL: (u32, u32) = (0x5800_0410, 0x6A);
const SBS_DBGCR: u32 = 0x5800_0420;

/// Internal flash with that program.
fn image(table: &[(u32, u32)], then: [u16; 3], with: u32) -> Vec<u8> {
    let mut words = vec![0; 0x100];
    words[0] = STACK;
    words[1] = CODE | 1;
    words[16 + RAMECC] = HANDLER | 1;
    let code: Vec<u16> = WRITES_A_TABLE.into_iter().chain(then).collect();
    for (word, pair) in words[0x40..].iter_mut().zip(code.chunks(2)) {
        *word = u32::from(pair[0]) | u32::from(pair[1]) << 16;
    }
    let entries = table.iter().copied().chain([(0, with)]);
    for (pair, (address, value)) in words[0x44..].chunks_mut(2).zip(entries) {
        pair.copy_from_slice(&[address, value]);
    }
    words[0x80] = BRANCH_TO_SELF.into();
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// The board a millisecond after power-on.
fn ran(builder: Builder) -> Board {
    let mut board = builder.build().unwrap();
    board.run_for(Time::millis(1));
    board
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// At its end, where it stays.
    WentOn,
    /// In the handler of RAMECC.
    Interrupted,
    /// Locked up, in a fault that nobody handles.
    LockedUp,
}

fn end(board: &Board) -> End {
    match (board.core_state(), board.pc()) {
        (CoreState::LockedUp, _) => End::LockedUp,
        (_, HANDLER) => End::Interrupted,
        (_, pc) => {
            assert!((CODE..CODE + 16).contains(&pc), "{pc:#010x}");
            End::WentOn
        }
    }
}

/// As ST's OEMiROT sets the monitors: interrupts for double errors by reads and by partial writes.
fn watching_ram(then: [u16; 3], address: u32) -> Builder {
    const MONITOR: u32 = 0b111 << 3;
    let table = [
        (0x5200_9020, MONITOR),
        (0x5200_9060, MONITOR),
        (0x5200_9080, MONITOR),
        // NVIC_ISER0.
        (0xE000_E100, 1 << RAMECC),
    ];
    common::builder().boot_image(image(&table, then, address))
}

#[test]
fn ram_with_check_bits_is_filled_before_it_is_read() {
    let dtcm = 0x2000_0100;
    let checked = |then| ran(watching_ram(then, dtcm).option_word(OBW2SR, ECC_ON_SRAM));
    assert_eq!(end(&checked(FILLS_AND_READS)), End::WentOn);
    assert_eq!(end(&checked(READS)), End::Interrupted);
    assert_eq!(end(&checked(FILLS_A_BYTE_AND_READS)), End::Interrupted);
    let without = ran(watching_ram(READS, dtcm));
    assert_eq!(end(&without), End::WentOn, "no check bits, no error");
}

#[test]
fn a_read_of_ram_that_was_never_written_is_kept_by_its_monitor() {
    let mut board = ran(watching_ram(READS, 0x2400_0040).option_word(OBW2SR, ECC_ON_SRAM));
    assert_eq!(end(&board), End::Interrupted);
    assert_eq!(board.read_word(0x5200_9024), Some(1 << 1), "DEDF");
    assert_eq!(
        board.read_word(0x5200_9028),
        Some(0x40 / 8),
        "FAR, in words"
    );
    // A word of SRAM2 has none.
    let board = ran(watching_ram(READS, 0x2402_0040).option_word(OBW2SR, ECC_ON_SRAM));
    assert_eq!(end(&board), End::WentOn);
}

/// A debugger's look at memory is a read like any other.
#[test]
fn a_debugger_that_looks_at_fresh_ram_raises_the_error_too() {
    let builder = watching_ram(FILLS_AND_READS, 0x2000_0100).option_word(OBW2SR, ECC_ON_SRAM);
    let mut board = ran(builder);
    assert!(board.read_word(0x2000_0100).is_some());
    board.run_for(Time::millis(1));
    assert_eq!(end(&board), End::WentOn, "this word was written");
    assert!(board.read_word(0x2000_0200).is_some());
    board.run_for(Time::millis(1));
    assert_eq!(end(&board), End::Interrupted);
}

#[test]
fn tightly_coupled_memories_are_as_large_as_the_option_bytes_say() {
    let touching = |address, option| {
        let builder = common::builder().boot_image(image(&[], FILLS_AND_READS, address));
        ran(builder.option_word(OBW2SR, option))
    };
    const BOTH_128_KB: u32 = 0x11;
    for (address, delivered, shared) in [
        (0x0001_FFFC, End::LockedUp, End::WentOn),
        (0x2001_FFFC, End::LockedUp, End::WentOn),
        (0x2400_0000, End::WentOn, End::LockedUp),
        (0x2405_FFFC, End::WentOn, End::LockedUp),
        (0x2404_FFFC, End::WentOn, End::WentOn),
    ] {
        assert_eq!(end(&touching(address, 0)), delivered, "{address:#010x}");
        assert_eq!(
            end(&touching(address, BOTH_128_KB)),
            shared,
            "{address:#010x}"
        );
    }
}

#[test]
fn the_core_tells_the_sizes_of_its_memories() {
    let sizes = |option| {
        let board = common::builder()
            .option_word(OBW2SR, option)
            .build()
            .unwrap();
        let board = VirtualBoard::new(board);
        let mut interface = connect(&board);
        [0xE000_EF90, 0xE000_EF94]
            .map(|control| read(&mut *interface, &AHB, control).unwrap() >> 3 & 0xF)
    };
    assert_eq!(sizes(0), [0b0111, 0b0111], "64 KB");
    assert_eq!(sizes(0x10), [0b0111, 0b1000], "128 KB of DTCM");
    assert_eq!(sizes(0x02), [0b1001, 0b0111], "192 KB of ITCM");
}

#[test]
fn what_is_hidden_is_read_before_the_hide_level_is_raised() {
    let reading = |table: &[(u32, u32)]| {
        let program = image(table, READS, FLASH + 0x1000);
        ran(common::builder()
            .boot_image(program)
            .option_word(HDPSR, 0x001F_0010))
    };
    assert_eq!(end(&reading(&[SBS_CLOCK])), End::WentOn);
    let mut careless = reading(&[SBS_CLOCK, RAISE_HIDE_LEVEL]);
    assert_eq!(end(&careless), End::LockedUp);
    assert_eq!(careless.read_word(FLASH + 0x1000), None, "nor by AP1");
    assert_eq!(careless.read_word(0x5200_2024), Some(1 << 24), "RDSERRF");
}

/// AP0 stays open and its DBGMCU_SR says which ports are; AP1 opens if the product's own code says so at its level.
#[test]
fn a_closed_product_is_opened_by_its_own_code_or_not_at_all() {
    let closed = |unlock| {
        let program = image(&[SBS_CLOCK, (SBS_DBGCR, unlock)], READS, FLASH);
        let builder = common::builder()
            .boot_image(program)
            .product_state(ProductState::Closed);
        VirtualBoard::new(ran(builder))
    };
    let ports = |board: &VirtualBoard| {
        let mut interface = connect(board);
        read(&mut *interface, &SYSTEM_DEBUG, 0xE00E_10FC).unwrap()
    };
    let attaches = |board: &VirtualBoard| {
        let attached = board.open().attach("STM32H7S7L8", Permissions::default());
        attached.is_ok()
    };
    let opened = closed(0x0051_B4B4);
    assert_eq!(ports(&opened), 0x0003_0003);
    assert!(attaches(&opened));
    let at_another_level = closed(0x008A_B4B4);
    assert_eq!(ports(&at_another_level), 0x0001_0003);
    assert!(!attaches(&at_another_level));
}

/// ST's flash routine does not look at WRPERRF: only who verifies learns that a protected sector keeps what it has.
#[test]
fn a_protected_sector_keeps_what_it_has() {
    let programming = |protected: u32, verify| {
        let board = common::builder()
            .option_word(WRPSR, 0xFF & !(1 << protected))
            .build()
            .unwrap();
        let board = VirtualBoard::new(board);
        let mut session = board
            .open()
            .attach("STM32H7S7L8", Permissions::default())
            .unwrap();
        let mut loader = session.target().flash_loader();
        loader.add_data(0x0800_2000, &[0x5A; 256]).unwrap();
        let mut options = DownloadOptions::default();
        options.verify = verify;
        let committed = loader.commit(&mut session, options);
        drop(session);
        let there = board.with(|board| board.internal_flash()[0x2000]);
        (committed.is_ok(), there)
    };
    assert_eq!(programming(2, true), (true, 0x5A), "another sector");
    assert_eq!(programming(1, true), (false, 0xFF));
    assert_eq!(programming(1, false), (true, 0xFF), "careless");
}

/// Opens the NOR's window with plain reads on one line, then gives MCE2 a key and a region of 4 KB at the window's start.
#[test]
fn what_was_programmed_past_a_cipher_engine_is_read_as_rubbish() {
    const OPENS_THE_WINDOW: [(u32, u32); 9] = [
        (0x5802_4540, 1 << 13),
        (0x5802_3420, 0x0999_9999),
        (0x5802_3424, 0x0000_9999),
        (0x5802_3400, 0x00AA_2AAA),
        (0x5802_4534, 1 << 12 | 1 << 14),
        (0x5802_480C, 1 << 15),
        (0x5200_A008, 1 << 24 | 26 << 16),
        (0x5200_A100, 1 << 24 | 3 << 12 | 1 << 8 | 1),
        (0x5200_A110, 0x13),
    ];
    const MAPS_IT: (u32, u32) = (0x5200_A000, 3 << 28 | 1);
    const KEY: [(u32, u32); 4] = [
        (0x5200_BE00, 1),
        (0x5200_BE04, 2),
        (0x5200_BE08, 3),
        (0x5200_BE0C, 4),
    ];
    /// MCE2_REGCR1: ENC block, BREN.
    const REGION: (u32, u32) = (0x5200_BC40, 2 << 14 | 1);
    const PLAIN: [u8; 4] = [0x78, 0x56, 0x34, 0x12];
    let reading = |tables: &[&[(u32, u32)]], address| {
        let mut board = ran(common::builder()
            .nor_image([PLAIN; 0x800].concat())
            .boot_image(image(&tables.concat(), READS, 0x7000_0000)));
        assert_eq!(end(&board), End::WentOn);
        board.read_word(address)
    };
    let plain = Some(0x1234_5678);
    let open: &[&[_]] = &[&OPENS_THE_WINDOW, &[MAPS_IT]];
    assert_eq!(reading(open, 0x7000_0000), plain);
    let ciphered: &[&[_]] = &[&OPENS_THE_WINDOW, &[MAPS_IT], &KEY, &[REGION]];
    let rubbish = reading(ciphered, 0x7000_0000);
    assert!(rubbish.is_some() && rubbish != plain);
    assert_ne!(reading(ciphered, 0x7000_0010), rubbish, "by address");
    assert_eq!(reading(ciphered, 0x7000_1000), plain, "behind the region");
}
