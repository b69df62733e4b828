//! Reads ahead into a window that is not open yet (Cortex-M7 TRM 5.2): boot code that leaves the range Normal hangs, boot code that
//! closes it by the MPU, or keeps its loads away from its loops, does not.

mod common;

use virtual_board::{
    board::{Board, CoreState},
    clock::Time,
};

/// Vectors, then `code`, then the words that it loads by label.
fn boot(code: &[u16], words: &[u32]) -> Vec<u8> {
    let halves = code.iter().flat_map(|half| half.to_le_bytes());
    let mut image: Vec<u8> = [0x2000_0400u32, 0x0800_0009]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .chain(halves)
        .collect();
    assert!(image.len().is_multiple_of(4), "the words are aligned");
    image.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    image
}

/// RCC_AHB5ENR and the bits of XSPI2 and XSPIM; XSPI2's CR; the window; MPU_RBAR, its value, RASR of 256 MB without access, MPU_CTRL.
const WORDS: [u32; 9] = [
    0x5802_4534,
    1 << 12 | 1 << 14,
    0x5200_A000,
    0x7000_0000,
    0xE000_ED9C,
    0x7000_0010,
    0x1000_0037,
    0xE000_ED94,
    5,
];

/// Clock on, MPU region if asked, controller enabled for indirect writes, then: poll SR.TCF (here twice and no more), load behind it.
fn program(with_region: bool, with_branch: bool) -> Vec<u8> {
    let mut code: Vec<u16> = Vec::new();
    let filler = 0xBF00; // nop
    let literal = |t: u16, place: usize, word: usize, length: usize| {
        let pc = (8 + 2 * place + 4) & !3;
        let at = 8 + 2 * length + 4 * word;
        0x4800 | t << 8 | ((at - pc) / 4) as u16
    };
    const LENGTH: usize = 24;
    let load = |code: &mut Vec<u16>, t: u16, word: usize| {
        code.push(literal(t, code.len(), word, LENGTH));
    };
    load(&mut code, 0, 0);
    load(&mut code, 1, 1);
    code.push(0x6001); // str r1, [r0]
    if with_region {
        load(&mut code, 0, 4);
        load(&mut code, 1, 5);
        code.push(0x6001); // str r1, [r0]       RBAR
        load(&mut code, 1, 6);
        code.push(0x6041); // str r1, [r0, #4]   RASR
        load(&mut code, 0, 7);
        load(&mut code, 1, 8);
        code.push(0x6001); // str r1, [r0]       CTRL
    }
    load(&mut code, 0, 2);
    code.push(0x2101); // movs r1, #1
    code.push(0x6001); // str r1, [r0]           CR.EN
    load(&mut code, 4, 3);
    code.push(0x6A02); // again: ldr r2, [r0, #0x20]   SR
    code.push(0x0792); // lsls r2, r2, #30       TCF
    code.push(0xD5FC); // bpl again
    code.push(if with_branch { 0xE7FF } else { 0x2500 }); // b to the next, or movs r5, #0
    code.push(0x6823); // ldr r3, [r4]
    assert!(code.len() <= LENGTH);
    code.resize(LENGTH, filler);
    boot(&code, &WORDS)
}

fn run(boot: Vec<u8>) -> CoreState {
    let mut board: Board = common::builder().boot_image(boot).build().unwrap();
    board.run_for(Time::millis(5));
    board.core_state()
}

#[test]
fn a_load_behind_the_loop_that_waits_for_the_window_hangs_the_bus() {
    assert_eq!(run(program(false, false)), CoreState::LockedUp);
}

#[test]
fn an_mpu_region_without_access_keeps_the_core_out() {
    assert_eq!(run(program(true, false)), CoreState::Running);
}

#[test]
fn a_branch_between_loop_and_load_ends_the_reading_ahead() {
    assert_eq!(run(program(false, true)), CoreState::Running);
}
