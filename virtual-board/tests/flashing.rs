//! probe-rs's own flasher, with the algorithms of ST that it ships, erases, programs and verifies internal flash and the window.
//!
//! The algorithms are ST's compiled HAL and BSP: what they do to clocks, supplies, pins and the NOR is the proof.

mod common;
#[path = "common/target.rs"]
mod target;

use probe_rs::{
    MemoryInterface, Permissions, Session, Target,
    flashing::{DownloadOptions, FlashLoader},
};
use virtual_board::handle::VirtualBoard;

const CHIP: &str = "STM32H7S7L8";
const INTERNAL_FLASH: u64 = 0x0800_0000;
const WINDOW: u64 = 0x7000_0000;
const WINDOW_ALGORITHM: &str = "mx66uw1g45g_stm32h7s78-dk";

/// Entry of `Verify` in ST's algorithm for the window, bit 0 set as in the other entries.
const WINDOW_VERIFY: u64 = 0x51;

/// The chip with one more correction for the window: its description does not name the algorithm's `Verify`, so that probe-rs would
/// read the window back while the controller is still polling the NOR's status, where nothing answers.
fn target() -> Target {
    let mut target = target::target(CHIP, WINDOW);
    for algorithm in &mut target.flash_algorithms {
        if algorithm.name == WINDOW_ALGORITHM {
            algorithm.pc_verify = Some(WINDOW_VERIFY);
        }
    }
    target
}

fn attach(board: &VirtualBoard) -> Session {
    board
        .open()
        .attach(target(), Permissions::new().allow_erase_all())
        .unwrap()
}

/// Bytes that are not blank and repeat nowhere near.
fn pattern(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

fn program(session: &mut Session, address: u64, data: &[u8]) {
    let mut loader: FlashLoader = session.target().flash_loader();
    loader.add_data(address, data).unwrap();
    let mut options = DownloadOptions::default();
    options.verify = true;
    options.preferred_algos = vec![WINDOW_ALGORITHM.to_owned()];
    loader.commit(session, options).unwrap();
}

#[test]
fn internal_flash_is_erased_programmed_and_verified() {
    let board = common::board();
    let mut session = attach(&board);
    let first = pattern(20_000, 1);
    program(&mut session, INTERNAL_FLASH, &first);
    // Once more over it, and only from the second sector on: the first stays.
    let second = pattern(9_000, 2);
    program(&mut session, INTERNAL_FLASH + 0x2000, &second);

    let mut expected = first[..0x2000].to_vec();
    expected.extend_from_slice(&second);
    let contents = board.with(|board| board.internal_flash().to_vec());
    assert_eq!(contents[..expected.len()], expected);
    let wear = board.with(|board| board.internal_flash_wear());
    assert_eq!(wear.erased_sectors, 3 + 2);
    assert_eq!(wear.erased_bytes, 5 * 0x2000);
}

#[test]
fn the_window_is_erased_programmed_and_verified() {
    let board = common::board();
    let mut session = attach(&board);
    let data = pattern(70_000, 3);
    program(&mut session, WINDOW, &data);

    let mut contents = vec![0; data.len()];
    board.with(|board| board.nor_contents(0, &mut contents));
    assert!(contents == data);
    let wear = board.with(|board| board.nor_wear());
    assert_eq!(wear.erased_sectors, 2);
    assert_eq!(wear.erased_bytes, 2 * 0x1_0000);
    assert!(wear.programmed_bytes >= data.len() as u64);
}

#[test]
fn the_window_stays_open_after_the_verification() {
    let board = common::board();
    let mut session = attach(&board);
    let data = pattern(4096, 4);
    program(&mut session, WINDOW + 0x10_0000, &data);
    let mut core = session.core(0).unwrap();
    let mut read = vec![0; 64];
    core.read(WINDOW + 0x10_0000, &mut read).unwrap();
    assert_eq!(read, data[..64]);
}

#[test]
fn programming_costs_the_same_every_time() {
    let account = || {
        let board = common::board();
        let mut session = attach(&board);
        program(&mut session, INTERNAL_FLASH, &pattern(9_000, 5));
        program(&mut session, WINDOW, &pattern(5_000, 6));
        drop(session);
        (board.statistics(), board.with(|board| board.now()))
    };
    assert_eq!(account(), account());
}
