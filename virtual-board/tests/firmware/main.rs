//! Our own firmware on the virtual board: boot stage, appli and loader as they are shipped.
//!
//! Firmware and virtual board were written from the manuals by different hands and share nothing: where both agree, each has
//! checked the other's reading.

mod appli;
mod boards;
mod boot;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/image.rs"]
mod image;
mod loader;

use image::Image;
use virtual_board::{board::Board, clock::Time};

const INTERNAL_FLASH: u32 = 0x0800_0000;
const NOR: u32 = 0x7000_0000;
/// Long enough for boot stage and the appli's first rounds.
const START: Time = Time::millis(400);

/// A board that has run `boot` for a while, with `appli` in its NOR if there is one.
fn started(boot: &Image, appli: Option<&Image>) -> Board {
    let builder = common::builder()
        .strict(true)
        .boot_image(boot.contents(INTERNAL_FLASH))
        .nor_image(appli.map_or_else(Vec::new, |appli| appli.contents(NOR)));
    let mut board = builder.build().unwrap();
    board.run_for(START);
    board
}

fn word(board: &mut Board, address: u32) -> u32 {
    board
        .read_word(address)
        .unwrap_or_else(|| panic!("{address:#010x} does not answer"))
}
