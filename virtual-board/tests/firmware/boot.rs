//! How a start can end, and what the retained status says of it.

use std::time::Duration;

use virtual_board::{
    board::{Board, CoreState, XspiPort},
    clock::Time,
};

use crate::{INTERNAL_FLASH, NOR, START, image::Image, loader::Host, started, word};

/// The retained status of the boot stage, as firmware/README.md describes it.
mod status {
    pub const ADDRESS: u32 = 0x2000_ffd0;
    pub const MAGIC: u32 = 0x5342_4758;
    pub const BOOTS: u32 = 0x08;
    pub const STAGE: u32 = 0x0c;
    pub const REACHED: u32 = 0x10;
    pub const CAUSE: u32 = 0x14;
    pub const LOCATION: u32 = 0x18;
    pub const VALUE: u32 = 0x1c;
    pub const FAULT_ADDRESS: u32 = 0x24;
    pub const WAITING: u32 = 0x28;
    pub const STARTED: u32 = 1;
    pub const SUPPLIES_UP: u32 = 3;
    pub const WINDOW_OPEN: u32 = 6;
    pub const IMAGE_INVALID: u32 = 7;
    pub const FAILED: u32 = 9;
    pub const CAUSE_BUSY: u32 = 4;
    pub const JUMPING: u32 = 8;
    pub const HARD_FAULT: u32 = 10;
}

fn status(board: &mut Board, offset: u32) -> u32 {
    assert_eq!(word(board, status::ADDRESS), status::MAGIC);
    let check = (0..11).fold(0, |sum, index| {
        sum ^ word(board, status::ADDRESS + 4 * index)
    });
    assert_eq!(word(board, status::ADDRESS + 0x2c), !check);
    word(board, status::ADDRESS + offset)
}

#[test]
fn boot_opens_the_window_and_the_appli_blinks() {
    let (boot, appli) = (Image::load("boot.elf"), Image::load("appli.elf"));
    let mut board = started(&boot, Some(&appli));
    assert_eq!(status(&mut board, status::STAGE), status::JUMPING);
    assert!(board.is_mapped(XspiPort::Xspi2));
    assert_eq!(
        word(&mut board, NOR),
        u32::from_le_bytes(appli.contents(NOR)[..4].try_into().unwrap())
    );

    let (counter, ticks) = (appli.symbol("COUNTER"), appli.symbol("TICKS"));
    let before = (word(&mut board, counter), word(&mut board, ticks));
    let mut lit = vec![(board.leds()[0], board.leds()[1])];
    for _ in 0..8 {
        board.run_for(Time::millis(100));
        lit.push((board.leds()[0], board.leds()[1]));
    }
    let after = (word(&mut board, counter), word(&mut board, ticks));
    assert_eq!(after.0 - before.0, 8);
    assert!(
        (799..=801).contains(&(after.1 - before.1)),
        "{before:?} {after:?}"
    );
    assert!(
        lit.windows(2).all(|pair| pair[0].0 != pair[1].0),
        "LD1 toggles every round: {lit:?}"
    );
    assert_eq!(
        lit.windows(2).filter(|pair| pair[0].1 != pair[1].1).count(),
        2
    );
    assert_eq!(board.core_state(), CoreState::Sleeping);
}

#[test]
fn a_blank_nor_is_an_invalid_image() {
    let boot = Image::load("boot.elf");
    let mut board = started(&boot, None);
    assert_eq!(status(&mut board, status::STAGE), status::IMAGE_INVALID);
    assert_eq!(status(&mut board, status::REACHED), status::WINDOW_OPEN);
    assert_eq!(status(&mut board, status::LOCATION), NOR);
    assert_eq!(status(&mut board, status::VALUE), 0xffff_ffff);
    assert!(board.is_mapped(XspiPort::Xspi2));
    assert_eq!(board.core_state(), CoreState::Sleeping);
    let stopped = boot.function("boot_image_invalid");
    assert!(stopped.contains(&board.pc()), "{:#x}", board.pc());
}

#[test]
fn a_reset_finds_the_nor_in_octal_mode_and_boots_again() {
    let (boot, appli) = (Image::load("boot.elf"), Image::load("appli.elf"));
    let mut board = started(&boot, Some(&appli));
    assert_eq!(status(&mut board, status::BOOTS), 1);
    board.reset();
    assert!(!board.is_mapped(XspiPort::Xspi2));
    board.run_for(START);
    assert_eq!(status(&mut board, status::STAGE), status::JUMPING);
    assert_eq!(status(&mut board, status::BOOTS), 2);
    assert!(word(&mut board, appli.symbol("COUNTER")) > 0);
}

/// A warm reset in the middle of an erase: the NOR knows nothing of it and goes on for a quarter of a second.
#[test]
fn a_nor_that_still_erases_is_waited_for() {
    let appli = Image::load("appli.elf");
    let mut host = Host::with_boot_and(&appli);
    host.start("SectorErase", &[NOR + 0x10_0000, NOR + 0x10_f000]);
    host.board.idle(Duration::from_millis(20));
    host.board.with(|board| {
        board.reset();
        board.run_for(Time::millis(100));
        assert_eq!(status(board, status::STAGE), status::SUPPLIES_UP);
        board.run_for(Time::millis(400));
        assert_eq!(status(board, status::STAGE), status::JUMPING);
    });
}

/// The erase of the whole chip takes minutes: the boot stage gives up and says so.
#[test]
fn a_nor_that_erases_for_minutes_is_a_failure() {
    let mut host = Host::with_boot_and(&Image::load("appli.elf"));
    host.start("MassErase", &[0]);
    host.board.idle(Duration::from_millis(20));
    host.board.with(|board| {
        board.reset();
        board.run_for(Time::millis(3_000));
        assert_eq!(status(board, status::STAGE), status::FAILED);
        assert_eq!(status(board, status::REACHED), status::SUPPLIES_UP);
        assert_eq!(status(board, status::CAUSE), status::CAUSE_BUSY);
        assert_eq!(status(board, status::VALUE), 0x03);
    });
}

#[test]
fn boot_hang_says_what_it_waits_for() {
    const PWR_CSR1: u32 = 0x5802_4808;
    let boot = Image::load("boot-hang.elf");
    let mut board = started(&boot, Some(&Image::load("appli.elf")));
    assert_eq!(status(&mut board, status::STAGE), status::STARTED);
    assert_eq!(status(&mut board, status::WAITING), PWR_CSR1);
    assert_eq!(board.core_state(), CoreState::Running);
    assert!(!board.is_mapped(XspiPort::Xspi2));
}

#[test]
fn boot_fault_keeps_the_fault() {
    const FORCED_PRECISE_BUS_ERROR: u32 = 0x8200;
    let boot = Image::load("boot-fault.elf");
    let mut board = started(&boot, Some(&Image::load("appli.elf")));
    assert_eq!(status(&mut board, status::STAGE), status::HARD_FAULT);
    assert_eq!(status(&mut board, status::REACHED), status::STARTED);
    assert_eq!(status(&mut board, status::CAUSE), 0);
    assert_eq!(status(&mut board, status::VALUE), FORCED_PRECISE_BUS_ERROR);
    assert_eq!(status(&mut board, status::FAULT_ADDRESS), 0x2408_0000);
    let faulting = status(&mut board, status::LOCATION);
    assert!((INTERNAL_FLASH..INTERNAL_FLASH + 0x1_0000).contains(&faulting));
    let stopped = boot.function("boot_failed");
    assert!(stopped.contains(&board.pc()), "{:#x}", board.pc());
}

#[test]
fn boot_other_slot_runs_the_appli_at_an_offset() {
    let appli = Image::load("appli-offset.elf");
    let mut board = started(&Image::load("boot-other-slot.elf"), Some(&appli));
    assert_eq!(status(&mut board, status::STAGE), status::JUMPING);
    assert!(word(&mut board, appli.symbol("COUNTER")) > 0);
}
