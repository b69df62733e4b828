//! Buttons and pins that somebody moves: what a program sees of them, and what it has to set up to be interrupted.

mod common;
#[path = "common/tiny.rs"]
mod tiny;

use std::time::Duration;

use tiny::{SLEEPS, boot_stage};
use virtual_board::{
    board::{Board, Description},
    handle::VirtualBoard,
};

/// RCC_AHB4ENR with GPIOC, RCC_APB4ENR with SBS.
const CLOCKS: [(u32, u32); 2] = [(0x5802_4540, 1 << 2), (0x5802_4554, 1 << 1)];
/// GPIOC_MODER: pin 13 is an input.
const INPUT: (u32, u32) = (0x5802_0800, !(3 << 26));
/// SBS_EXTICR4: line 13 is port C's.
const PORT_C: (u32, u32) = (0x5800_053C, 2 << 4);
/// EXTI_RTSR1, EXTI_FTSR1.
const RISING: (u32, u32) = (0x5800_0000, LINE);
const FALLING: (u32, u32) = (0x5800_0004, LINE);
/// EXTI_IMR1, NVIC_ISER0.
const UNMASKED: [(u32, u32); 2] = [(0x5800_0080, LINE), (0xE000_E100, 1 << IRQ)];
const LINE: u32 = 1 << 13;
const IRQ: u32 = 29;
const EXTI_PR1: u32 = 0x5800_0088;
const GPIOC_IDR: u32 = 0x5802_0810;

const VTOR: u32 = 0xE000_ED08;
const RAM: u32 = 0x2400_0000;
const HANDLER: u32 = RAM + 0x200;
const COUNTER: u32 = RAM + 0x300;

/// Counts the interrupts in R4 and in memory, and clears the line.
const HANDLER_CODE: [u32; 7] = [
    0x4B03_3401, // adds r4, #1; ldr r3, [pc, #12]
    0x4B03_601C, // str r4, [r3]; ldr r3, [pc, #12]
    0x601A_4A03, // ldr r2, [pc, #12]; str r2, [r3]
    0xBF00_4770, // bx lr; nop
    COUNTER,
    EXTI_PR1,
    LINE,
];

/// A board whose boot stage makes these writes, with the handler in RAM, counts from zero, and sleeps.
fn board(name: &str, set_up: &[(u32, u32)]) -> VirtualBoard {
    let vector = (RAM + 4 * (16 + IRQ), HANDLER | 1);
    let mut writes = vec![(VTOR, RAM), vector, (COUNTER, 0)];
    writes.extend((HANDLER..).step_by(4).zip(HANDLER_CODE));
    writes.extend(set_up);
    let code = [&[0x2400], SLEEPS].concat(); // movs r4, #0
    let builder = Board::builder()
        .board(Description::find(name).unwrap())
        .strict(true)
        .boot_image(boot_stage(&writes, &code));
    let board = VirtualBoard::new(builder.build().unwrap());
    board.idle(Duration::from_millis(1));
    board
}

/// Interrupts until the button is pressed, and until it is released again.
fn counted(board: &VirtualBoard) -> [u32; 2] {
    [true, false].map(|pressed| {
        board.with(|board| board.push_button("USER", pressed).unwrap());
        board.idle(Duration::from_millis(1));
        board.with(|board| board.read_word(COUNTER).unwrap())
    })
}

fn complete(edge: (u32, u32)) -> Vec<(u32, u32)> {
    let [gpio, sbs] = CLOCKS;
    let [mask, nvic] = UNMASKED;
    vec![gpio, sbs, INPUT, PORT_C, edge, mask, nvic]
}

#[test]
fn a_button_interrupts_at_the_edge_that_was_asked_for() {
    // The kit's gives the supply while it is pressed, the NUCLEO's ground.
    for (name, at_press, at_release) in [
        ("stm32h7s78-dk", RISING, FALLING),
        ("nucleo-h7s3l8", FALLING, RISING),
    ] {
        assert_eq!(counted(&board(name, &complete(at_press))), [1, 1], "{name}");
        let board = board(name, &complete(at_release));
        assert_eq!(counted(&board), [0, 1], "{name}");
        assert_eq!(counted(&board), [1, 2], "{name}: again");
    }
}

#[test]
fn each_step_that_is_forgotten_leaves_the_button_unheard() {
    for forgotten in complete(RISING) {
        let mut set_up = complete(RISING);
        set_up.retain(|write| *write != forgotten);
        let board = board("stm32h7s78-dk", &set_up);
        assert_eq!(counted(&board), [0, 0], "without {forgotten:x?}");
    }
}

#[test]
fn a_pin_that_is_held_from_outside_reads_so_until_it_is_let_go() {
    let [gpio, _] = CLOCKS;
    let board = board("stm32h7s78-dk", &[gpio, INPUT]);
    let read = |level| {
        board.with(|board| {
            let pin = "PC13".parse().unwrap();
            board.drive_pin(pin, level);
            let word = board.read_word(GPIOC_IDR).unwrap();
            assert_eq!(board.pin_level(pin), word == LINE);
            word
        })
    };
    assert_eq!([Some(true), Some(false), None].map(read), [LINE, 0, 0]);
    // A reset returns the pin to analog and takes nobody's finger off it.
    read(Some(true));
    board.with(Board::reset);
    board.idle(Duration::from_millis(1));
    assert_eq!(read(Some(true)), LINE);
}

#[test]
fn a_button_that_is_not_there_is_named_with_those_that_are() {
    let board = common::board();
    let error = board
        .with(|board| board.push_button("B7", true))
        .unwrap_err();
    assert_eq!(error.to_string(), "no button B7; this board has USER");
    let quad = Board::builder().board(Description::find("quad-nor-xspi1").unwrap());
    let error = quad.build().unwrap().push_button("USER", true).unwrap_err();
    assert_eq!(error.to_string(), "this board has no button");
}
