//! The board as a whole: what outlives what, the reset button, LEDs, a dead bus, a watchdog, and time that follows the wall clock.

mod common;
#[path = "common/interface.rs"]
mod interface;

use std::{fs, path::Path, process::Command, thread, time::Duration};

use interface::{AHB, connect};
use probe_rs::architecture::arm::memory::ArmMemoryInterface;
use virtual_board::{
    board::{
        Board, CoreState,
        LedState::{Dark, Lit, Unsupplied},
    },
    clock::Time,
    handle::VirtualBoard,
    nor::Mode,
    state::State,
};

const RAM: u64 = 0x2400_0000;
const WINDOW: u64 = 0x7000_0000;
const RCC: u64 = 0x5802_4400;

/// `b .` behind a vector table.
const SPINNING: [u32; 3] = [0x2000_0400, 0x0800_0009, 0xE7FE_E7FE];

/// Removes a state file, and the file beside it that carried the lock.
fn remove(state: &Path) {
    fs::remove_file(state).unwrap();
    let name = state.file_name().unwrap().to_str().unwrap();
    fs::remove_file(state.with_file_name(format!("{name}.lock"))).unwrap();
}

fn image(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn spinning() -> VirtualBoard {
    let builder = common::builder().boot_image(image(&SPINNING));
    VirtualBoard::new(builder.build().unwrap())
}

fn write_all(memory: &mut dyn ArmMemoryInterface, writes: &[(u64, u32)]) {
    for (address, value) in writes {
        memory.write_word_32(*address, *value).unwrap();
    }
    memory.flush().unwrap();
}

#[test]
fn the_state_file_keeps_flash_option_bytes_and_nor() {
    let path = std::env::temp_dir().join(format!("virtual-board-keeps-{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let board = Board::builder()
        .state_file(&path)
        .boot_image(image(&SPINNING))
        .nor_image([1, 2, 3])
        .option_word(0x268, 0x10)
        .build()
        .unwrap();
    drop(board);

    let mut board = Board::builder().state_file(&path).build().unwrap();
    assert_eq!(board.internal_flash()[..12], image(&SPINNING));
    let mut bytes = [0; 4];
    board.nor_contents(0, &mut bytes);
    assert_eq!(bytes, [1, 2, 3, 0xFF]);
    // DTCM_AXI_SHARE 1: 128 KB of DTCM.
    assert!(board.read_word(0x2001_FFFC).is_some());
    drop(board);

    let output = Command::new(env!("CARGO_BIN_EXE_virtual-board"))
        .arg("state")
        .arg(&path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("option word at FLASH+0x268: 0x00000010"),
        "{text}"
    );
    assert!(text.contains("0x00000000..0x00001000"), "{text}");
    remove(&path);
}

#[test]
fn a_damaged_state_file_is_refused() {
    let path = std::env::temp_dir().join(format!("virtual-board-damaged-{}", std::process::id()));
    fs::write(&path, "not a state file\n").unwrap();
    let error = Board::builder().state_file(&path).build().map(drop);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("is not a state file")
    );
    assert_eq!(fs::read(&path).unwrap(), b"not a state file\n");
    remove(&path);
}

#[test]
fn a_state_file_that_cannot_be_written_is_refused_at_once() {
    let path = std::env::temp_dir()
        .join(format!("virtual-board-nowhere-{}", std::process::id()))
        .join("board.state");
    let error = Board::builder().state_file(&path).build().map(drop);
    let text = error.unwrap_err().to_string();
    assert_eq!(
        text,
        format!("state file {} cannot be written", path.display())
    );
}

/// What an option cannot hold, a larger NOR, a memory that is not there: kept in the file until somebody has a place for it.
#[test]
fn a_state_file_of_another_board_is_refused_and_left_alone() {
    let path = std::env::temp_dir().join(format!("virtual-board-other-{}", std::process::id()));
    for (memory, offset, option) in [
        ("NOR", 0x0800_0000, None),
        ("internal flash", 0x1_0000, None),
        ("EEPROM", 0, None),
        ("NOR", 0, Some(0x2F0)),
    ] {
        let mut state = State::default();
        state.keep(memory, offset, &[1, 2, 3]);
        state.option_words.extend(option.map(|offset| (offset, 1)));
        state.save(&path).unwrap();
        let before = fs::read(&path).unwrap();
        let refused = Board::builder().state_file(&path).build().map(drop);
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("is of another board"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
    // Nor does a board save that was never completed.
    let mut state = State::default();
    state.keep("NOR", 0, &[1, 2, 3]);
    state.save(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let builder = Board::builder().state_file(&path);
    assert!(builder.boot_image(vec![0; 0x1_0001]).build().is_err());
    assert_eq!(fs::read(&path).unwrap(), before);
    remove(&path);
}

/// What one of two boards saves, the other would overwrite.
#[test]
fn a_state_file_belongs_to_one_board_at_a_time() {
    let path = std::env::temp_dir().join(format!("virtual-board-taken-{}", std::process::id()));
    let board = Board::builder().state_file(&path).nor_image([1]);
    let board = board.build().unwrap();
    let refused = Board::builder().state_file(&path).build().map(drop);
    let in_use = format!(
        "state file {} is in use by another virtual board",
        path.display()
    );
    assert_eq!(refused.unwrap_err().to_string(), in_use);
    // Nor does another board save into it; its own may.
    let other = Board::builder().build().unwrap();
    assert_eq!(other.save_to(&path).unwrap_err().to_string(), in_use);
    board.save_to(&path).unwrap();
    drop(board);
    other.save_to(&path).unwrap();
    let board = Board::builder().state_file(&path).build().unwrap();
    let mut bytes = [0];
    board.nor_contents(0, &mut bytes);
    assert_eq!(bytes, [0xFF], "what was saved last");
    drop(board);
    remove(&path);
}

#[test]
fn an_image_that_does_not_fit_is_refused() {
    let error = Board::builder().boot_image(vec![0; 0x1_0001]).build();
    assert_eq!(
        error.map(drop).unwrap_err().to_string(),
        "65537 bytes at 0x0 do not fit internal flash of 65536 bytes"
    );
}

#[test]
fn ram_outlives_the_reset_button_and_not_the_power() {
    let board = spinning();
    let mut interface = connect(&board);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    memory.write_word_32(RAM, 0xCAFE_F00D).unwrap();
    memory.flush().unwrap();
    board.with(Board::reset);
    assert_eq!(
        board.with(|board| board.read_word(0x2400_0000)),
        Some(0xCAFE_F00D)
    );
    board.with(Board::power_cycle);
    assert_ne!(
        board.with(|board| board.read_word(0x2400_0000)),
        Some(0xCAFE_F00D)
    );
    assert_eq!(board.with(|board| board.pc()), 0x0800_0008);
}

#[test]
fn the_boot_pin_starts_system_memory() {
    let board = Board::builder().boot_pin(true).build().unwrap();
    assert_eq!(board.pc(), 0x1FF1_8008);
}

#[test]
fn a_blank_board_locks_up() {
    let mut board = Board::builder().build().unwrap();
    board.run_for(Time::millis(1));
    assert_eq!(board.core_state(), CoreState::LockedUp);
}

#[test]
fn leds_follow_their_pins() {
    let board = spinning();
    assert_eq!(board.with(|board| board.leds()), [false; 4]);
    let mut interface = connect(&board);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    write_all(
        &mut *memory,
        &[
            // GPIOM and GPIOO clocked; PM2, PM3, PO1 and PO5 outputs; LD1 high, LD4 low.
            (RCC + 0x140, 1 << 12 | 1 << 14),
            (0x5802_3000, 0xFFFF_FF5F),
            (0x5802_3800, 0xFFFF_F7F7),
            (0x5802_3014, 1 << 2),
            (0x5802_3814, 1 << 1),
        ],
    );
    assert_eq!(board.with(|board| board.leds()), [false; 4]);
    assert_eq!(board.with(|board| board.led_states()), [Unsupplied; 4]);
    // PWR_CSR2: SDEN as it is, EN_XSPIM1, USB33DEN.
    write_all(&mut *memory, &[(0x5802_480C, 1 << 2 | 1 << 14 | 1 << 24)]);
    assert_eq!(board.with(|board| board.leds()), [true, false, false, true]);
    let states = board.with(|board| board.led_states());
    assert_eq!(states, [Lit, Dark, Dark, Lit]);
}

/// nRST over the pin: AP1 reaches the debug registers of the core that it holds.
#[test]
fn a_debugger_that_connects_under_reset_must_ask_for_the_catch() {
    const DHCSR: u64 = 0xE000_EDF0;
    const DEMCR: u64 = 0xE000_EDFC;
    for (demcr, state) in [(1, CoreState::Halted), (0, CoreState::Running)] {
        let board = spinning();
        let mut interface = connect(&board);
        let mut memory = interface.memory_interface(&AHB).unwrap();
        board.with(|board| board.drive_reset_pin(false));
        assert_eq!(board.with(|board| board.core_state()), CoreState::InReset);
        write_all(&mut *memory, &[(DEMCR, demcr), (DHCSR, 0xA05F_0003)]);
        for _ in 0..2 {
            assert_eq!(memory.read_word_32(DHCSR).unwrap() >> 17 & 0x101, 0x100);
        }
        board.with(|board| board.drive_reset_pin(true));
        board.with(|board| board.run_for(Time::micros(10)));
        assert_eq!(board.with(|board| board.core_state()), state);
    }
}

/// A window in octal DTR whose NOR still speaks SPI: nothing drives DQS, and the read never ends.
#[test]
fn a_stalled_window_kills_the_bus_until_nrst() {
    let board = spinning();
    assert_eq!(board.with(|board| board.nor().mode()), Mode::Spi);
    let mut interface = connect(&board);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    write_all(
        &mut *memory,
        &[
            // Supply, clocks, pins PN0-6 and PN8-11 at AF9, then the controller as ST's boot stage leaves it.
            (0x5802_480C, 0x0001_C004),
            (RCC + 0x140, 1 << 13),
            (RCC + 0x134, 1 << 12 | 1 << 14),
            (0x5802_3420, 0x0999_9999),
            (0x5802_3424, 0x0000_9999),
            (0x5802_3400, 0x00AA_2AAA),
            (0x5200_A000, 0x0000_0301),
            (0x5200_A008, 0x011A_0100),
            (0x5200_A100, 0x2C00_3C1C),
            (0x5200_A108, 0x0000_0014),
            (0x5200_A110, 0x0000_EE11),
            (0x5200_A000, 0x3040_0301),
        ],
    );
    let stalled = memory.read_word_32(WINDOW).unwrap_err();
    assert!(
        format!("{stalled:?}").contains("WaitResponse"),
        "{stalled:?}"
    );
    let dead = memory.read_word_32(RAM).unwrap_err();
    assert!(format!("{dead:?}").contains("WaitResponse"), "{dead:?}");
    drop(memory);

    interface.swj_pins(0, 1 << 7, 0).unwrap();
    interface.swj_pins(1 << 7, 1 << 7, 0).unwrap();
    let mut memory = interface.memory_interface(&AHB).unwrap();
    assert!(memory.read_word_32(RAM).is_ok());
    // The reset closed the window: now it is refused.
    let closed = memory.read_word_32(WINDOW).unwrap_err();
    assert!(
        format!("{closed:?}").contains("FaultResponse"),
        "{closed:?}"
    );
}

/// The second of two reads of the same register is silent, and the line names the instruction that made the first.
#[test]
fn an_access_that_is_not_modelled_is_logged_once_with_its_pc() {
    const PROGRAM: [u32; 5] = [
        0x2000_0400,
        0x0800_0009,
        0x6801_4801, // ldr r0, ltdc; ldr r1, [r0]
        0xE7FE_6801, // ldr r1, [r0]; b .
        0x5000_1018, // ltdc
    ];
    let path =
        std::env::temp_dir().join(format!("virtual-board-unmodelled-{}", std::process::id()));
    fs::write(&path, image(&PROGRAM)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_virtual-board"))
        .args(["run", "--for", "1", "--boot"])
        .arg(&path)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    fs::remove_file(&path).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        log.contains("LTDC: read of 0x50001018, which is not modelled (by pc 0x0800000a)"),
        "{log}"
    );
}

#[test]
fn a_strict_board_refuses_what_is_not_modelled() {
    const LTDC: u64 = 0x5000_1018;
    for (strict, answers) in [(false, true), (true, false)] {
        let board = VirtualBoard::new(common::builder().strict(strict).build().unwrap());
        let mut interface = connect(&board);
        let mut memory = interface.memory_interface(&AHB).unwrap();
        assert_eq!(memory.read_word_32(LTDC).is_ok(), answers);
    }
}

#[test]
fn the_watchdog_resets_the_chip() {
    const IWDG_KR: u64 = 0x5800_4800;
    const RCC_RSR: u64 = RCC + 0x130;
    const IWDGRSTF: u32 = 1 << 26;
    let board = spinning();
    let mut interface = connect(&board);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    assert_eq!(memory.read_word_32(RCC_RSR).unwrap() & IWDGRSTF, 0);
    memory.write_word_32(IWDG_KR, 0xCCCC).unwrap();
    memory.flush().unwrap();
    board.idle(Duration::from_secs(1));
    assert_ne!(memory.read_word_32(RCC_RSR).unwrap() & IWDGRSTF, 0);
}

#[test]
fn a_panic_of_one_owner_leaves_the_board_to_the_others() {
    let board = spinning();
    let other = board.clone();
    let panicked = thread::spawn(move || other.with(|_| panic!("as a test"))).join();
    assert!(panicked.is_err());
    board.idle(Duration::from_millis(1));
    assert_eq!(board.with(|board| board.now()), Time::millis(1));
}

#[test]
fn free_running_time_follows_the_wall_clock() {
    let board = spinning();
    board.run_freely();
    board.idle(Duration::from_millis(300));
    let now = board.with(|board| board.now());
    // A loaded host may fall behind; it never runs ahead of the clock by itself.
    assert!(now > Time::millis(20), "{now:?}");
}

#[test]
fn a_free_running_board_is_gone_and_saved_with_its_last_owner() {
    let path = std::env::temp_dir().join(format!("virtual-board-gone-{}", std::process::id()));
    for round in 0..20u8 {
        let builder = common::builder().state_file(&path).nor_image([round]);
        let board = VirtualBoard::new(builder.build().unwrap());
        board.run_freely();
        drop(board);
        let board = Board::builder().state_file(&path).build().unwrap();
        let mut bytes = [0xFF];
        board.nor_contents(0, &mut bytes);
        assert_eq!(bytes, [round]);
    }
    remove(&path);
}
