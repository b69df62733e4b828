//! What wire and exchanges allow: blocks of the largest payload, nothing else.

use crate::servers::{EXCHANGE_US, SPEED_KHZ};

/// Words of a block in a packet of 512 bytes, behind a header of 6.
pub const BLOCK_WORDS: f64 = 126.0;
/// Clock cycles of an SWD transfer with data: request 8, turnaround 1, acknowledge 3, data 33, turnaround 1.
const TRANSFER_BITS: f64 = 46.0;

/// Seconds of one exchange before its bits.
fn exchange() -> f64 {
    EXCHANGE_US as f64 * 1e-6
}

/// Seconds of a word on the wire.
fn word() -> f64 {
    TRANSFER_BITS / (f64::from(SPEED_KHZ) * 1e3)
}

/// Seconds in which `bytes` can be moved, at best.
pub fn seconds(bytes: u64) -> f64 {
    let words = bytes as f64 / 4.0;
    words / BLOCK_WORDS * exchange() + words * word()
}

/// Which part of that is reached where each kilobyte takes `exchanges`, since TAR counts up to a border of 1 KB only.
pub fn part_by_kilobyte(exchanges: f64) -> f64 {
    let kilobyte = 256.0 * word();
    (256.0 / BLOCK_WORDS * exchange() + kilobyte) / (exchanges * exchange() + kilobyte)
}

/// How long the NOR erases and programs `bytes`: blocks of 64 KB in 256 ms each, pages of 256 bytes in 152 us (MX66UW1G45G, typical).
pub fn nor_busy_seconds(bytes: u64) -> f64 {
    let (blocks, pages) = (bytes as f64 / 65_536.0, bytes as f64 / 256.0);
    blocks * 256e-3 + pages * 152e-6
}
