//! Boot stages of a few instructions: they write a table of words to registers, then do what the test says.
#![allow(dead_code)] // each test file uses its part

/// Initial stack pointer, and where the code begins: behind two vectors.
const VECTORS: [u32; 2] = [0x2000_1000, 0x0800_0009];

/// `wfi`, for ever.
pub const SLEEPS: &[u16] = &[0xBF30, 0xE7FD];
/// `b .`
pub const SPINS: &[u16] = &[0xE7FE];

/// Writes each value to its address, then runs `code`.
pub fn boot_stage(writes: &[(u32, u32)], code: &[u16]) -> Vec<u8> {
    let mut halves = vec![
        0xA000, // adr r0, table (its distance is filled in below)
        0xC806, // next: ldm r0!, {r1, r2}
        0xB109, // cbz r1, done
        0x600A, // str r2, [r1]
        0xE7FB, // b next
    ];
    halves.extend(code);
    if halves.len() % 2 == 1 {
        halves.push(0xBF00); // nop
    }
    // From the word behind the first, in words.
    halves[0] |= halves.len() as u16 / 2 - 1;
    let words = writes.iter().flat_map(|&(address, value)| [address, value]);
    VECTORS
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .chain(halves.into_iter().flat_map(u16::to_le_bytes))
        .chain(words.chain([0, 0]).flat_map(u32::to_le_bytes))
        .collect()
}
