//! Our boot stages on the boards that they are for: from power-on, and again after a warm reset with the NOR in any protocol.

use virtual_board::{
    board::{Board, Description, XspiPort},
    clock::Time,
    handle::VirtualBoard,
    nor::Mode,
};

use crate::{INTERNAL_FLASH, START, image::Image, loader::Host, word};

/// A boot stage, an appli, and where they meet.
struct Case {
    board: &'static str,
    boot: &'static str,
    appli: &'static str,
    port: XspiPort,
    modes: &'static [Mode],
}

const OCTAL: &[Mode] = &[Mode::Spi, Mode::Sopi, Mode::Dopi];

const CASES: [Case; 4] = [
    Case {
        board: "stm32h7s78-dk",
        boot: "boot.elf",
        appli: "appli.elf",
        port: XspiPort::Xspi2,
        modes: OCTAL,
    },
    Case {
        board: "nucleo-h7s3l8",
        boot: "boot.elf",
        appli: "appli.elf",
        port: XspiPort::Xspi2,
        modes: OCTAL,
    },
    Case {
        board: "stm32h7s78-dk-swapped",
        boot: "boot-xspi1.elf",
        appli: "appli-xspi1.elf",
        port: XspiPort::Xspi1,
        modes: OCTAL,
    },
    Case {
        board: "quad-nor-xspi1",
        boot: "boot-quad.elf",
        appli: "appli-xspi1.elf",
        port: XspiPort::Xspi1,
        modes: &[Mode::Spi],
    },
];

fn made(board: &str, boot: &str, appli: &str, window: u32) -> Board {
    Board::builder()
        .board(Description::find(board).unwrap())
        .strict(true)
        .boot_image(Image::load(boot).contents(INTERNAL_FLASH))
        .nor_image(Image::load(appli).contents(window))
        .build()
        .unwrap()
}

#[track_caller]
fn runs(board: &mut Board, case: &Case, appli: &Image) {
    let counter = appli.symbol("COUNTER");
    let before = word(board, counter);
    board.run_for(Time::millis(300));
    assert!(word(board, counter) > before, "{}", case.board);
    assert_eq!(board.pc() >> 28, case.port.window() >> 28, "{}", case.board);
    assert!(board.is_mapped(case.port), "{}", case.board);
}

#[test]
fn each_boot_stage_opens_the_window_of_its_board_also_after_a_warm_reset() {
    for case in &CASES {
        let appli = Image::load(case.appli);
        let mut board = made(case.board, case.boot, case.appli, case.port.window());
        board.run_for(START);
        runs(&mut board, case, &appli);
        for &mode in case.modes {
            board.nor_mut().set_mode(mode);
            board.reset();
            board.run_for(START);
            runs(&mut board, case, &appli);
        }
    }
}

#[test]
fn a_boot_stage_for_another_board_says_that_it_finds_no_nor() {
    const STAGE: u32 = 0x2000_ffd0 + 0x0c;
    const FAILED: u32 = 9;
    for (name, boot) in [
        ("quad-nor-xspi1", "boot.elf"),
        ("stm32h7s78-dk", "boot-quad.elf"),
    ] {
        let mut board = made(name, boot, "appli-xspi1.elf", 0x9000_0000);
        board.run_for(Time::millis(1_500));
        assert_eq!(word(&mut board, STAGE), FAILED, "{boot} on {name}");
    }
}

#[test]
fn a_window_ends_where_the_nor_of_the_board_does() {
    let mut board = made("nucleo-h7s3l8", "boot.elf", "appli.elf", 0x7000_0000);
    board.run_for(START);
    assert!(board.read_word(0x71FF_FFFC).is_some());
    assert_eq!(board.read_word(0x7200_0000), None, "beyond DEVSIZE");
}

#[test]
fn the_quad_boot_stage_sets_the_quad_enable_bit_where_it_is_clear() {
    let text = include_str!("../../boards/quad-nor-xspi1.toml").replace("W25Q64JV", "W25Q128JV-IM");
    let description = Description::parse(&text, std::path::Path::new("")).unwrap();
    let mut board = Board::builder()
        .board(description)
        .strict(true)
        .boot_image(Image::load("boot-quad.elf").contents(INTERNAL_FLASH))
        .nor_image(Image::load("appli-xspi1.elf").contents(0x9000_0000))
        .build()
        .unwrap();
    board.run_for(START);
    runs(&mut board, &CASES[3], &Image::load("appli-xspi1.elf"));
}

#[test]
fn the_quad_loader_erases_programs_and_verifies() {
    let description = Description::find("quad-nor-xspi1").unwrap();
    let board = Board::builder().board(description).build().unwrap();
    let mut host = Host::with("loader-quad.elf", VirtualBoard::new(board), XspiPort::Xspi1);
    host.erases_programs_and_verifies(0x9000_0000);
}
