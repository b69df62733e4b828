//! A blank board for a test, in lockstep.

use virtual_board::{
    board::{Board, Builder},
    handle::VirtualBoard,
};

/// A blank board to be configured.
pub fn builder() -> Builder {
    Board::builder()
}

/// A blank board.
#[allow(dead_code)]
pub fn board() -> VirtualBoard {
    VirtualBoard::new(builder().build().expect("a blank board needs no file"))
}
