//! Watchdogs on the whole board, and resets of the core alone: software or a debugger that does it right goes on, another is reset.

mod common;
#[path = "common/tiny.rs"]
mod tiny;

use std::time::Duration;

use probe_rs::{Core, MemoryInterface, Permissions, RegisterId, Session};
use tiny::{SPINS, boot_stage};
use virtual_board::{
    board::{Board, XspiPort},
    clock::Time,
    handle::VirtualBoard,
};

const PATIENCE: Duration = Duration::from_millis(100);
const RAM: u64 = 0x2400_0000;
const PC: RegisterId = RegisterId(15);

const RCC_RSR: u32 = 0x5802_4530;
const IWDGRSTF: u32 = 1 << 26;
const WWDGRSTF: u32 = 1 << 28;
const IWDG_KR: u32 = 0x5800_4800;
const DBGMCU_APB1FZR: u64 = 0x5C00_103C;
const DBGMCU_APB4FZR: u64 = 0x5C00_1054;
/// FLASH_OBW1SR as delivered without IWDG_HW: the watchdog starts by itself.
const HARDWARE_WATCHDOG: (u32, u32) = (0x260, 0x0006_00C0);

/// Behind the table of a boot stage: writes it again (`b` back to its first instruction).
const WRITES_AGAIN: &[u16] = &[0xE7F9];

fn reset_flags(board: &mut Board) -> u32 {
    board.read_word(RCC_RSR).unwrap()
}

/// The option bit starts it before the first instruction: code that feeds it lives, code that knows nothing of it does not.
#[test]
fn a_hardware_watchdog_wants_to_be_fed() {
    let (option, value) = HARDWARE_WATCHDOG;
    for (image, bitten) in [
        (boot_stage(&[(IWDG_KR, 0xAAAA)], WRITES_AGAIN), false),
        (boot_stage(&[(IWDG_KR, 0)], WRITES_AGAIN), true),
    ] {
        let builder = Board::builder().boot_image(image);
        let mut board = builder.option_word(option, value).build().unwrap();
        board.run_for(Time::millis(510));
        assert_eq!(reset_flags(&mut board) & IWDGRSTF, 0);
        board.run_for(Time::millis(10));
        assert_eq!(reset_flags(&mut board) & IWDGRSTF != 0, bitten);
    }
}

/// The same image is left alone while nobody starts the watchdog.
#[test]
fn a_software_watchdog_waits_for_its_start() {
    let started = |value| {
        let image = boot_stage(&[(IWDG_KR, value)], SPINS);
        let mut board = Board::builder().boot_image(image).build().unwrap();
        board.run_for(Time::millis(600));
        reset_flags(&mut board) & IWDGRSTF != 0
    };
    assert!(started(0xCCCC));
    assert!(!started(0xAAAA));
}

fn attach(board: &VirtualBoard) -> Session {
    board
        .open()
        .attach("STM32H7S7L8", Permissions::default())
        .unwrap()
}

fn halted<'session>(session: &'session mut Session, code: &[u16]) -> Core<'session> {
    let mut core = session.core(0).unwrap();
    core.reset_and_halt(PATIENCE).unwrap();
    core.write_16(RAM, code).unwrap();
    core.write_core_reg(PC, RAM as u32).unwrap();
    core.write_core_reg(RegisterId(16), 0x0100_0000u32).unwrap();
    core
}

/// A debugger that sets the freeze bits can look at a halted core for as long as it likes; without them the chip is reset under it. And
/// while the core runs, as in a flash routine, the watchdog counts whatever the bits say.
#[test]
fn freeze_bits_help_a_halted_core_only() {
    for (frozen, running, bitten) in [
        (true, false, false),
        (false, false, true),
        (true, true, true),
    ] {
        let board = common::board();
        let mut session = attach(&board);
        let mut core = halted(&mut session, &[0xE7FE]);
        core.write_word_32(IWDG_KR.into(), 0xCCCC).unwrap();
        core.write_word_32(DBGMCU_APB4FZR, u32::from(frozen) << 18)
            .unwrap();
        if running {
            core.run().unwrap();
        }
        core.flush().unwrap();
        board.idle(Duration::from_secs(2));
        let flags = core.read_word_32(RCC_RSR.into()).unwrap();
        assert_eq!(flags & IWDGRSTF != 0, bitten, "{frozen} {running}");
    }
}

/// Time in debug state is not counted, and what was counted before it stays.
#[test]
fn a_frozen_watchdog_goes_on_where_it_stood() {
    let board = common::board();
    let mut session = attach(&board);
    let mut core = halted(&mut session, &[0xE7FE]);
    core.write_word_32(DBGMCU_APB4FZR, 1 << 18).unwrap();
    core.write_word_32(IWDG_KR.into(), 0xCCCC).unwrap();
    for _ in 0..4 {
        core.run().unwrap();
        board.idle(Duration::from_millis(120));
        core.halt(PATIENCE).unwrap();
        board.idle(Duration::from_secs(1));
        assert_eq!(core.read_word_32(RCC_RSR.into()).unwrap() & IWDGRSTF, 0);
    }
    core.run().unwrap();
    board.idle(Duration::from_millis(120));
    assert_ne!(core.read_word_32(RCC_RSR.into()).unwrap() & IWDGRSTF, 0);
}

#[test]
fn the_window_watchdog_needs_its_clock_and_resets_with_its_own_flag() {
    for (clocked, frozen, bitten) in [(true, 0, true), (false, 0, false), (true, 1 << 11, false)] {
        let board = common::board();
        let mut session = attach(&board);
        let mut core = halted(&mut session, &[0xE7FE]);
        core.write_word_32(DBGMCU_APB1FZR, frozen).unwrap();
        core.write_word_32(0x5802_4548, u32::from(clocked) << 11)
            .unwrap();
        // WDGA, T = 0x7F: 64 ticks of 4096 cycles of 64 MHz are 4.1 ms.
        core.write_word_32(0x4000_2C00, 0xFF).unwrap();
        core.flush().unwrap();
        board.idle(Duration::from_millis(20));
        let flags = core.read_word_32(RCC_RSR.into()).unwrap();
        assert_eq!(flags & WWDGRSTF != 0, bitten, "{clocked} {frozen:#x}");
    }
}

/// The window watchdog's early wake-up reaches its handler, which refreshes it.
#[test]
fn the_early_wake_up_interrupt_saves_who_answers_it() {
    const HANDLER: u64 = RAM + 0x100;
    for (answered, bitten) in [(true, false), (false, true)] {
        let board = common::board();
        let mut session = attach(&board);
        let mut core = halted(&mut session, &[0xE7FE]);
        // ldr r0, =WWDG; movs r1, #0x7f; str r1, [r0]; movs r1, #0; str r1, [r0, #8]; bx lr, or at once bx lr.
        let handler = [
            if answered { 0x4803 } else { 0x4770 },
            0x217F,
            0x6001,
            0x2100,
            0x6081,
            0x4770,
            0xBF00,
            0xBF00,
        ];
        core.write_16(HANDLER, &handler).unwrap();
        core.write_word_32(HANDLER + 0x10, 0x4000_2C00).unwrap();
        // VTOR; vector of interrupt 4.
        core.write_word_32(0xE000_ED08, RAM as u32 + 0x400).unwrap();
        core.write_word_32(RAM + 0x400 + 4 * 20, HANDLER as u32 | 1)
            .unwrap();
        core.write_word_32(0xE000_E100, 1 << 4).unwrap();
        core.write_word_32(0x5802_4548, 1 << 11).unwrap();
        core.write_word_32(0x4000_2C04, 1 << 9 | 0x7F).unwrap();
        core.write_core_reg(RegisterId(13), 0x2000_1000u32).unwrap();
        core.write_word_32(0x4000_2C00, 0xFF).unwrap();
        core.run().unwrap();
        board.idle(Duration::from_millis(100));
        let flags = core.read_word_32(RCC_RSR.into()).unwrap();
        assert_eq!(flags & WWDGRSTF != 0, bitten);
    }
}

/// VECTRESET leaves every device as it is, SYSRESETREQ none: code that takes reset values for granted needs the second.
#[test]
fn vectreset_resets_the_core_alone() {
    const AIRCR: u64 = 0xE000_ED0C;
    const XSPI2_CR: u64 = 0x5200_A000;
    for (request, mapped) in [(0x05FA_0001, true), (0x05FA_0004, false)] {
        let image = boot_stage(&[(IWDG_KR, 0)], WRITES_AGAIN);
        let builder = common::builder().boot_image(image);
        let board = VirtualBoard::new(builder.build().unwrap());
        let mut session = attach(&board);
        let mut core = halted(&mut session, &[0xE7FE]);
        core.write_word_32(0x5802_4534, 1 << 12 | 1 << 14).unwrap();
        core.write_word_32(XSPI2_CR, 0x3000_0001).unwrap();
        core.flush().unwrap();
        assert!(board.with(|board| board.is_mapped(XspiPort::Xspi2)));
        core.write_word_32(AIRCR, request).unwrap();
        core.flush().unwrap();
        board.idle(Duration::from_millis(1));
        assert_eq!(board.with(|board| board.is_mapped(XspiPort::Xspi2)), mapped);
        let pc = board.with(|board| board.pc());
        assert_eq!(pc >> 16, 0x0800, "{pc:#x}");
    }
}
