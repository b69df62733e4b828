//! How long the MX66UW1G45G takes. Typical figures; a test derives the same ones from the SFDP table.

use crate::clock::Time;

/// Erase of a 4 KB sector.
pub const ERASE_4K: Time = Time::millis(25);
/// Erase of a 64 KB block.
pub const ERASE_64K: Time = Time::millis(256);
/// Erase of the whole chip.
pub const ERASE_CHIP: Time = Time::millis(192_000);
/// Program of a page, whatever part of it is written.
pub const PROGRAM_PAGE: Time = Time::micros(152);
/// Write of a non-volatile status or configuration register (data sheet: 40 ms at most; typical not published, a tenth of it
/// is assumed).
pub const WRITE_STATUS: Time = Time::millis(4);
/// Recovery from a software reset while idle (data sheet, tREADY2).
pub const RESET_IDLE: Time = Time::micros(40);
/// Recovery from a software reset during an erase (100 ms at most).
pub const RESET_IN_ERASE: Time = Time::millis(12);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nor::sfdp::basic;

    /// JESD216, 6.4.13: units of a sector erase time.
    fn erase_time(field: u32) -> Time {
        let unit = [1, 16, 128, 1000][(field >> 5 & 3) as usize];
        Time::millis(u64::from((field & 0x1F) + 1) * unit)
    }

    #[test]
    fn agrees_with_the_sfdp_table() {
        let tenth = basic(10);
        assert_eq!(erase_time(tenth >> 4 & 0x7F), ERASE_4K);
        assert_eq!(erase_time(tenth >> 11 & 0x7F), ERASE_64K);
        let eleventh = basic(11);
        let page = eleventh >> 8 & 0x3F;
        let unit = if page >> 5 == 0 { 8 } else { 64 };
        assert_eq!(
            Time::micros(u64::from((page & 0x1F) + 1) * unit),
            PROGRAM_PAGE
        );
        let chip = eleventh >> 24 & 0x7F;
        let unit = [16, 256, 4_000, 64_000][(chip >> 5) as usize];
        assert_eq!(
            Time::millis(u64::from((chip & 0x1F) + 1) * unit),
            ERASE_CHIP
        );
    }
}
