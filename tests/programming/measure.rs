//! What programming costs: the same image over another one, changed by a byte, and unchanged, through any loader; in bytes, exchanges
//! with the probe and modelled time. Shared by the test, that asserts it, and the benchmark, that prints it.

#![allow(
    dead_code,
    reason = "the test and each benchmark use their own part of it"
)]

use std::time::Duration;

use virtual_board::board::{Board, Description};
use xspi_gdb::{
    flash::{InternalFlash, Report, Standing, Transaction},
    image::Vectors,
    layout::{Address, BoardProfile},
    window::Windows,
};

use crate::bench::{Bench, Cost, contents, firmware};

pub const NOR: u32 = 0x7000_0000;
/// Boards, by the name that profiles and virtual boards share.
pub const KIT: &str = "stm32h7s78-dk";
pub const NUCLEO: &str = "nucleo-h7s3l8";
pub const KILOBYTE: usize = 1024;
pub const MEGABYTE: usize = 1024 * KILOBYTE;

/// The default probe's clock and what its exchanges cost, as `virtual-board/src/adapter.rs` models them.
const SWD_HERTZ: f64 = 4e6;
const EXCHANGE_SECONDS: f64 = 250e-6;
const WORDS_PER_EXCHANGE: f64 = 126.0;
const BITS_PER_WORD: f64 = 46.0;

/// The NOR's own times.
const ERASE_64K_SECONDS: f64 = 256e-3;
const PAGE_SECONDS: f64 = 152e-6;

/// What one programming did and cost.
pub struct Measured {
    pub report: Report,
    pub cost: Cost,
}

/// Our appli, and behind it bytes that no compression or repetition makes easier, `bytes` in all.
pub fn image(bytes: usize) -> Vec<u8> {
    let mut image = contents(&firmware("appli.elf"), NOR);
    image.resize(image.len().next_multiple_of(4), 0xFF);
    let mut state = 0x2545_F491_u32;
    while image.len() < bytes {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        image.extend(state.to_le_bytes());
    }
    image.truncate(bytes);
    image
}

/// Another program of that size: what is programmed over.
pub fn older(bytes: usize) -> Vec<u8> {
    let mut image = image(bytes);
    // The boot stage starts it all the same: by its stack and its reset handler, which are as before.
    for byte in image.iter_mut().skip(Vectors::BYTES) {
        *byte = !*byte;
    }
    image
}

/// A kit on the default probe, our boot stage in internal flash and `nor` in the NOR, which `loader` programs.
pub fn board(loader: &str, nor: Vec<u8>) -> Bench {
    board_like(KIT, loader, nor)
}

/// The same with another board.
fn board_like(name: &str, loader: &str, nor: Vec<u8>) -> Bench {
    let boot = contents(&firmware("boot.elf"), 0x0800_0000);
    let builder = Board::builder()
        .board(Description::find(name).expect("a board"))
        .boot_image(boot)
        .nor_image(nor);
    let mut bench = Bench::at_speed("programming", builder, None);
    bench.profile = BoardProfile::find(name).expect("a profile");
    bench.windows = Windows::new(&bench.profile);
    for window in &mut bench.profile.windows {
        if window.algorithm.is_some() {
            window.algorithm = Some(loader.to_owned());
        }
    }
    bench
}

/// Programs `image` as `load` does behind a reset: the boot stage has opened the window, and nothing of the appli has run.
pub fn load(bench: &mut Bench, image: &[u8]) -> Measured {
    // Its vector table is what every image here begins with.
    let appli = firmware("appli.elf");
    bench.arm(Some(&appli)).expect("armed");
    bench.standing = Standing::BeforeAppli;
    program(bench, image)
}

/// Programs `image` from wherever the core is.
pub fn program(bench: &mut Bench, image: &[u8]) -> Measured {
    let mut transaction = Transaction::new();
    transaction.write(Address(NOR), image);
    let (report, cost) = bench.cost(|bench| bench.commit(&transaction, InternalFlash::Keep));
    let report = report.expect("programmed");
    assert!(
        bench.nor(0, image.len()) == image,
        "the NOR does not hold what was programmed"
    );
    Measured { report, cost }
}

/// Over another program, then changed by one byte, then unchanged.
pub fn three_loads(board: &str, loader: &str, bytes: usize) -> [Measured; 3] {
    let mut bench = board_like(board, loader, older(bytes));
    let mut image = image(bytes);
    let first = load(&mut bench, &image);
    image[bytes / 2] ^= 0x10;
    let changed = load(&mut bench, &image);
    let unchanged = load(&mut bench, &image);
    [first, changed, unchanged]
}

/// Over another program, and onto a blank NOR.
pub fn full(loader: &str, bytes: usize) -> [Measured; 2] {
    let image = image(bytes);
    let mut used = board(loader, older(bytes));
    let over_another = load(&mut used, &image);
    let mut blank = board(loader, Vec::new());
    [over_another, program(&mut blank, &image)]
}

/// The least time in which `bytes` can be on the wire.
pub fn wire(bytes: usize) -> Duration {
    let words = bytes as f64 / 4.0;
    let exchanges = words / WORDS_PER_EXCHANGE;
    Duration::from_secs_f64(exchanges * EXCHANGE_SECONDS + words * BITS_PER_WORD / SWD_HERTZ)
}

/// How long the NOR is busy with `bytes`, erased before or not.
pub fn nor_busy(bytes: usize, erases: bool) -> Duration {
    let blocks = bytes as f64 / (64 * KILOBYTE) as f64;
    let pages = bytes as f64 / 256.0;
    let erase = if erases {
        blocks * ERASE_64K_SECONDS
    } else {
        0.0
    };
    Duration::from_secs_f64(erase + pages * PAGE_SECONDS)
}

/// The rate reached, as a part of what NOR and wire allow together.
pub fn efficiency(measured: &Measured, bytes: usize, erases: bool) -> f64 {
    let bound = wire(bytes).max(nor_busy(bytes, erases));
    bound.as_secs_f64() / measured.cost.time.as_secs_f64()
}
