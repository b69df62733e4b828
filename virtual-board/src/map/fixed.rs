//! What nobody can write: system memory, the one-time-programmable area, the unique identifier.
//!
//! Deviation: system memory holds no bootloader but a loop that takes its place, where AN2606 has the bootloader's vectors \[U\].

/// System memory: the ROM that starts when user flash does not.
const SYSTEM_MEMORY_BASE: u32 = 0x1FF0_0000;
const SYSTEM_MEMORY_END: u32 = 0x1FF2_0000;
/// Vector table of the bootloader.
pub const BOOTLOADER_BASE: u32 = 0x1FF1_8000;
const BOOTLOADER_RESET: u32 = BOOTLOADER_BASE + 8;
/// Its stack pointer, reset vector, and `b .` twice.
const BOOTLOADER: [u32; 3] = [0x2000_0400, BOOTLOADER_RESET + 1, 0xE7FE_E7FE];
/// One-time-programmable area, blank.
const OTP_BASE: u32 = 0x08FF_F000;
const OTP_END: u32 = 0x08FF_F800;
/// Unique identifier (96 bits) of a chip that was given no other.
pub const USUAL_IDENTIFIER: [u32; 3] = [0x0057_0042, 0x3032_5115, 0x3833_3533];
/// Flash size in KB with the package code above it: behind the identifier.
const FLASH_SIZE: u32 = OTP_END + 12;
const FLASH_SIZE_AND_PACKAGE: u32 = 0x000A_0040;

/// The word at `address`, which is aligned.
pub fn word(address: u32, identifier: &[u32; 3]) -> Option<u32> {
    let of = |words: &[u32], base: u32| {
        let index = address.checked_sub(base)? as usize / 4;
        words.get(index).copied()
    };
    match address {
        OTP_BASE..OTP_END => Some(u32::MAX),
        SYSTEM_MEMORY_BASE..SYSTEM_MEMORY_END => of(&BOOTLOADER, BOOTLOADER_BASE).or(Some(0)),
        FLASH_SIZE => Some(FLASH_SIZE_AND_PACKAGE),
        _ => of(identifier, OTP_END),
    }
}
