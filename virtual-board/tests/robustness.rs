//! Whatever a debugger or the firmware does, the board goes on: random traffic on the debug port, random code on the core.
//!
//! Tests are built with overflow checks, so an arithmetic slip anywhere in the board shows as a panic here.

mod common;
#[path = "common/image.rs"]
mod image;
#[path = "machine/mod.rs"]
mod machine;
mod random;

use image::Image;
use machine::Machine;
use random::Random;
use virtual_board::{
    board::Board,
    clock::Time,
    debug_port::{Acknowledge, Register},
};

const TRANSFERS: u32 = 100_000;
const CYCLES: u64 = 1_000_000;
const INSTRUCTIONS: u32 = 300_000;

const ABORT: Register = Register::Debug(0);
const CONTROL: Register = Register::Debug(4);
const SELECT: Register = Register::Debug(8);
const RDBUFF: Register = Register::Debug(0xC);
const CSW: Register = Register::Access(0);
const TAR: Register = Register::Access(4);
const DRW: Register = Register::Access(0xC);

const POWER_UP: u32 = 0x5000_0000;
const CLEAR_ALL: u32 = 0x1F;
const CORE_AP: u32 = 1 << 24;
const WORDS_SINGLE: u32 = 0x2300_0012;
const DHCSR: u32 = 0xE000_EDF0;
const DCRSR: u32 = 0xE000_EDF4;
const DCRDR: u32 = 0xE000_EDF8;
const DEMCR: u32 = 0xE000_EDFC;
const DWT_CTRL: u32 = 0xE000_1000;
const DWT_CYCCNT: u32 = 0xE000_1004;
const RAM: u32 = 0x2400_0000;
const DBGMCU_CR: u32 = 0x5C00_1004;
/// RCC_AHB5ENR to RCC_APB5ENR, and PWR_CSR2 with both XSPIM supplies.
const CLOCK_ENABLES: std::ops::Range<u32> = 0x5802_4534..0x5802_4564;
const PWR_CSR2: u32 = 0x5802_480C;
const SUPPLIES: u32 = 0x0001_C004;

/// Where something answers: every device, memory and debug unit, and a few holes.
const PLACES: [(u32, u32); 34] = [
    (0x0000_0000, 0x1_0000),
    (0x0800_0000, 0x1_0100),
    (0x1FF1_8000, 0x100),
    (0x2000_0000, 0x1_0000),
    (RAM, 0x7_2000),
    (0x3000_0000, 0x8100),
    (0x4000_0000, 0x1800),
    (0x4000_4800, 0x800),
    (0x5200_2000, 0x300),
    (0x5200_5000, 0x240),
    (0x5200_5000, 0x240),
    (0x5200_A000, 0x240),
    (0x5200_A000, 0x240),
    (0x5200_B400, 0x1000),
    (0x5800_0400, 0x200),
    (0x5800_4800, 0x20),
    (0x5802_0000, 0x4000),
    (0x5802_4400, 0x200),
    (0x5802_4800, 0x40),
    (0x5C00_1000, 0x100),
    (0x7000_0000, 0x1000_0000),
    (0x7000_0000, 0x400),
    (0x9000_0000, 0x1000_0000),
    (0xE000_0000, 0x1000),
    (0xE000_1000, 0x100),
    (0xE000_2000, 0x100),
    (0xE000_E000, 0x1000),
    (0xE000_ED00, 0x100),
    (0xE000_EDF0, 0x10),
    (0xE00E_0000, 0x2000),
    (0xE00F_E000, 0x2000),
    (0xF000_0000, 0x1000),
    (0xFFFF_FF00, 0x100),
    (0x6000_0000, 0x1000),
];

fn firmware() -> Board {
    common::builder()
        .boot_image(Image::load("boot.elf").contents(0x0800_0000))
        .nor_image(Image::load("appli.elf").contents(0x7000_0000))
        .build()
        .unwrap()
}

fn address(random: &mut Random) -> u32 {
    let (base, bytes) = random.choose(&PLACES);
    base.wrapping_add(random.below(bytes))
}

/// A word that a register may take to heart: few bits, a key, an address, anything.
fn value(random: &mut Random) -> u32 {
    const KEYS: [u32; 9] = [
        0,
        u32::MAX,
        0xA05F_0003,
        0xA05F_0005,
        0x05FA_0004,
        0x4567_0123,
        0xCDEF_89AB,
        0x3000_0301,
        0x0000_CCCC,
    ];
    match random.below(6) {
        0 => random.choose(&KEYS),
        1 => 1 << random.below(32),
        2 => 0xA05F_0000 | random.below(16),
        3 => address(random),
        4 => random.word() & random.word() & random.word(),
        _ => random.word(),
    }
}

/// Line reset, the switch to SWD, and the read that synchronises.
fn connect(board: &mut Board) {
    for (count, bits) in [(51, u64::MAX), (16, 0xE79E), (51, u64::MAX), (8, 0)] {
        board.sequence(count, bits);
    }
    assert_eq!(board.transfer_read(Register::Debug(0)), Ok(0x6BA0_2477));
    board.transfer_write(ABORT, CLEAR_ALL).unwrap();
    board.transfer_write(SELECT, CORE_AP).unwrap();
    board.transfer_write(CONTROL, POWER_UP).unwrap();
}

fn write_word(board: &mut Board, address: u32, value: u32) -> Result<(), Acknowledge> {
    board.transfer_write(CSW, WORDS_SINGLE)?;
    board.transfer_write(TAR, address)?;
    board.transfer_write(DRW, value)?;
    board.transfer_read(RDBUFF).map(drop)
}

fn read_word(board: &mut Board, address: u32) -> Result<u32, Acknowledge> {
    board.transfer_write(CSW, WORDS_SINGLE)?;
    board.transfer_write(TAR, address)?;
    board.transfer_read(DRW)?;
    board.transfer_read(RDBUFF)
}

/// Switches every peripheral on, so that its registers are alive.
fn switch_all_on(board: &mut Board) -> Result<(), Acknowledge> {
    for enable in CLOCK_ENABLES.step_by(4) {
        write_word(board, enable, u32::MAX)?;
    }
    write_word(board, PWR_CSR2, SUPPLIES)
}

/// The board that whatever happened has left behind can be taken hold of as any other.
fn recovers(board: &mut Board) {
    board.drive_reset_pin(false);
    connect(board);
    board.drive_reset_pin(true);
    write_word(board, RAM, 0xCAFE_F00D).unwrap();
    assert_eq!(read_word(board, RAM), Ok(0xCAFE_F00D));
    write_word(board, DHCSR, 0xA05F_0003).unwrap();
    board.run_for(Time::micros(1));
    assert_ne!(read_word(board, DHCSR).unwrap() & 1 << 17, 0, "S_HALT");
}

#[test]
fn random_traffic_on_the_debug_port() {
    let mut random = Random(0x01E0_031E);
    let mut board = firmware();
    connect(&mut board);
    for transfer in 0..TRANSFERS {
        let register = (random.below(4) * 4) as u8;
        let outcome = match random.below(16) {
            0 => board.transfer_write(SELECT, random.below(3) << 24 | random.below(3) << 4),
            1 => board.transfer_write(SELECT, value(&mut random)),
            2 | 3 => board.transfer_write(CSW, WORDS_SINGLE & !7 | random.below(4)),
            4..=6 => board.transfer_write(TAR, address(&mut random)),
            7 | 8 => board.transfer_write(DRW, value(&mut random)),
            9 => board.transfer_read(DRW).map(drop),
            10 => board.transfer_write(Register::Access(register), value(&mut random)),
            11 => board.transfer_read(Register::Access(register)).map(drop),
            12 => board.transfer_read(Register::Debug(register)).map(drop),
            13 if random.one_in(20) => {
                board.transfer_write(Register::Debug(register), random.word())
            }
            13 => board.transfer_write(CONTROL, POWER_UP | random.below(1 << 12)),
            14 if random.one_in(200) => {
                board.sequence(random.below(256) as u8, random.next());
                Err(Acknowledge::Silent)
            }
            14 => {
                board.run_for(Time::micros(random.below(50).into()));
                Ok(())
            }
            _ => board.transfer_write(SELECT, CORE_AP),
        };
        if outcome == Err(Acknowledge::Fault) {
            board.transfer_write(ABORT, CLEAR_ALL).unwrap();
        } else if outcome.is_err() && random.one_in(4) {
            connect(&mut board);
            if random.one_in(4) {
                board.drive_reset_pin(random.one_in(2));
            }
        }
        if transfer % 5_000 == 0 {
            recovers(&mut board);
            board.power_cycle();
            connect(&mut board);
            // They sleep, and are to be seen all the same.
            write_word(&mut board, DBGMCU_CR, 7).unwrap();
            if random.one_in(2) {
                // Boot stage and appli have the windows open.
                board.run_for(Time::millis(100));
            }
            switch_all_on(&mut board).unwrap();
        }
    }
    recovers(&mut board);
}

/// Any two halfwords, also those that the manual calls UNPREDICTABLE, with any registers.
#[test]
fn random_encodings_on_a_bare_core() {
    let mut random = Random(0xA5_0A53);
    let mut machine = Machine::new(&[]);
    for _ in 0..INSTRUCTIONS {
        let mut code = [random.next() as u16, random.next() as u16];
        if !random.one_in(4) {
            code[0] |= 0xE000;
        }
        machine.core.reset(&mut machine.bus, machine::FLASH);
        machine.place(machine::PROGRAM, &code);
        let registers = &mut machine.core.registers;
        for register in &mut registers.r[..15] {
            *register = value(&mut random);
        }
        for register in &mut registers.s {
            *register = value(&mut random);
        }
        registers.r[13] &= !3;
        registers.apsr = random.word() & 0xF80F_0000;
        registers.fpscr = random.word() & 0xF7C0_009F;
        registers.itstate = if random.one_in(3) {
            random.next() as u8
        } else {
            0
        };
        machine.poke(machine::reg::CPACR, 0x00F0_0000);
        machine.run(3);
    }
}

/// Random halfwords in internal flash, vectors into them, and registers that point anywhere.
#[test]
fn random_code_on_the_core() {
    let mut random = Random(0x0403_E0FE);
    let mut board = common::builder().build().unwrap();
    let mut executed = 0;
    while executed < CYCLES {
        let mut image: Vec<u8> = (0..0x4000).map(|_| random.next() as u8).collect();
        for vector in 0..171 {
            let handler = match vector {
                0 => 0x2000_8000,
                _ => 0x0800_0000 | random.below(0x4000) | 1,
            };
            image[4 * vector..][..4].copy_from_slice(&handler.to_le_bytes());
        }
        board.program_internal_flash(0, &image).unwrap();
        if random.one_in(10) {
            board.power_cycle();
        }
        recovers(&mut board);
        for _ in 0..20 {
            let start = 0x0800_0000 | random.below(0x4000) & !1;
            if restart(&mut board, &mut random, start).is_err() {
                recovers(&mut board);
                continue;
            }
            board.run_for(Time::micros(4));
            executed += u64::from(read_word(&mut board, DWT_CYCCNT).unwrap_or(0));
        }
    }
}

/// Halts the core, gives it other registers and lets it go.
fn restart(board: &mut Board, random: &mut Random, pc: u32) -> Result<(), Acknowledge> {
    board.transfer_write(ABORT, CLEAR_ALL)?;
    write_word(board, DHCSR, 0xA05F_0003)?;
    switch_all_on(board)?;
    for register in 0..13 {
        write_word(board, DCRDR, value(random))?;
        write_word(board, DCRSR, 1 << 16 | register)?;
    }
    // Faults and the FPU on; thumb state, a stack, the start.
    write_word(board, 0xE000_ED24, random.below(8) << 16)?;
    write_word(board, 0xE000_ED88, 0x00F0_0000)?;
    for (register, value) in [
        (13, 0x2000_8000 + 4 * random.below(0x1000)),
        (16, 0x0100_0000),
        (20, random.below(4) << 24),
        (15, pc),
    ] {
        write_word(board, DCRDR, value)?;
        write_word(board, DCRSR, 1 << 16 | register)?;
    }
    for (address, value) in [(DEMCR, 1 << 24), (DWT_CTRL, 1), (DWT_CYCCNT, 0)] {
        write_word(board, address, value)?;
    }
    write_word(board, DHCSR, 0xA05F_0001)
}
