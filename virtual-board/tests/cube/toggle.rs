//! GPIO_IOToggle behind ST's boot stage: PO1, PO5, PM2 and PM3 toggle one after the other, 100 ms each.

use virtual_board::{board::Board, clock::Time};

use crate::{CUBE, DK, INTERNAL_FLASH, NOR, elf, hex, in_tree, named, toggle};

#[test]
fn gpio_io_toggle_lights_and_darkens_each_led_in_turn() {
    let Some(cube) = named(CUBE) else { return };
    let boot = in_tree(
        &cube,
        &format!("{DK}/Templates/Template_XIP/Binary/Boot_XIP.hex"),
    );
    let mut board = Board::builder()
        .strict(true)
        .boot_image(hex(&boot, INTERNAL_FLASH))
        .nor_image(elf(&toggle(&cube), NOR))
        .build()
        .unwrap();
    let mut seen = vec![board.leds()];
    for _ in 0..2_000 {
        board.run_for(Time::millis(1));
        let leds = board.leds();
        if seen.last() != Some(&leds) {
            seen.push(leds);
        }
    }
    for led in 0..4 {
        let changes = seen.windows(2).filter(|pair| pair[0][led] != pair[1][led]);
        assert!(changes.count() >= 4, "LD{} stands still: {seen:?}", led + 1);
    }
    // Once the four are at work, one at a time changes.
    for pair in seen.windows(2).skip(5) {
        let changed = (0..4).filter(|&led| pair[0][led] != pair[1][led]);
        assert_eq!(changed.count(), 1, "{pair:?}");
    }
}
