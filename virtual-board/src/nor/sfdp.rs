//! Serial Flash Discoverable Parameters (JESD216): what a chip says of itself, and the geometry and times that follow from it.

use crate::clock::Time;

/// The parameter tables; beyond them a chip answers 0xFF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sfdp {
    bytes: Vec<u8>,
    /// Offset of the basic flash parameter table.
    basic: usize,
}

/// What makes a table useless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SfdpError {
    /// Not pairs of hexadecimal digits.
    #[error("`sfdp` is not made of hexadecimal bytes")]
    Digits,
    /// No "SFDP", or no basic table of 11 double words.
    #[error("`sfdp` has no header with a basic flash parameter table of 11 double words")]
    Header,
    /// The basic table states what no chip of ours can be.
    #[error("the basic flash parameter table in `sfdp` states no usable {what}")]
    Basic {
        /// Which figure.
        what: &'static str,
    },
}

impl Sfdp {
    /// Reads bytes in hexadecimal, with any white space between them.
    pub fn parse(text: &str) -> Result<Self, SfdpError> {
        let bytes = text
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| SfdpError::Digits)?;
        // 6.2: signature, then headers of eight bytes, the first one the basic table's, with its offset in three bytes.
        let pointer = bytes.get(12..15).filter(|_| bytes.starts_with(b"SFDP"));
        let [low, middle, high] = *pointer.ok_or(SfdpError::Header)? else {
            return Err(SfdpError::Header);
        };
        let basic = u32::from_le_bytes([low, middle, high, 0]) as usize;
        if bytes.len() < basic + 4 * 11 {
            return Err(SfdpError::Header);
        }
        let sfdp = Self { bytes, basic };
        sfdp.check()?;
        Ok(sfdp)
    }

    fn check(&self) -> Result<(), SfdpError> {
        let basic = |what| Err(SfdpError::Basic { what });
        if !self
            .size()
            .is_some_and(|size| size.is_power_of_two() && size >= 0x1_0000)
        {
            return basic("size");
        }
        if !(8..=12).contains(&(self.basic(11) >> 4 & 0xF)) {
            return basic("page size");
        }
        if self.erase_time(0x1000).is_none() {
            return basic("4 KB erase");
        }
        Ok(())
    }

    /// The byte at `offset`.
    pub fn byte(&self, offset: u32) -> u8 {
        self.bytes.get(offset as usize).copied().unwrap_or(0xFF)
    }

    /// One double word of the basic flash parameter table, counted from 1 as the standard does.
    fn basic(&self, dword: usize) -> u32 {
        let at = self.basic + 4 * (dword - 1);
        (0..4).fold(0, |word, byte| {
            word | u32::from(self.byte((at + byte) as u32)) << (8 * byte)
        })
    }

    /// Capacity in bytes: 2nd double word, up to 2 Gbit as a highest bit address, above as a power of two.
    pub fn size(&self) -> Option<u32> {
        let density = self.basic(2);
        let bits = match density >> 31 {
            0 => u64::from(density) + 1,
            _ => 1u64.checked_shl(density & 0x7FFF_FFFF)?,
        };
        u32::try_from(bits / 8).ok()
    }

    /// Largest program in bytes: 11th double word.
    pub fn page(&self) -> u32 {
        1 << (self.basic(11) >> 4 & 0xF)
    }

    /// Typical time of an erase of `bytes`: sizes in the 8th and 9th double word, times in the 10th.
    pub fn erase_time(&self, bytes: u32) -> Option<Time> {
        let types = [
            self.basic(8),
            self.basic(8) >> 16,
            self.basic(9),
            self.basic(9) >> 16,
        ];
        let wanted = bytes.checked_ilog2()?;
        let which = types.iter().position(|erase| erase & 0xFF == wanted)?;
        let field = self.basic(10) >> (4 + 7 * which);
        let unit = [1, 16, 128, 1000][(field >> 5 & 3) as usize];
        Some(Time::millis(u64::from((field & 0x1F) + 1) * unit))
    }

    /// Typical time of a program of a page, whatever part of it is written: 11th double word.
    pub fn program_time(&self) -> Time {
        let field = self.basic(11) >> 8;
        let unit = if field >> 5 & 1 == 0 { 8 } else { 64 };
        Time::micros(u64::from((field & 0x1F) + 1) * unit)
    }

    /// Typical time of an erase of the whole chip: 11th double word.
    pub fn chip_erase_time(&self) -> Time {
        let field = self.basic(11) >> 24;
        let unit = [16, 256, 4_000, 64_000][(field >> 5 & 3) as usize];
        Time::millis(u64::from((field & 0x1F) + 1) * unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nor::Part;

    fn of(name: &str) -> Sfdp {
        Part::built_in(name).expect("known").sfdp
    }

    #[test]
    fn the_kits_nor_is_what_its_data_sheet_says() {
        let sfdp = of("MX66UW1G45G");
        assert_eq!(sfdp.size(), Some(128 << 20));
        assert_eq!(sfdp.page(), 256);
        assert_eq!(sfdp.erase_time(0x1000), Some(Time::millis(25)));
        assert_eq!(sfdp.erase_time(0x8000), None);
        assert_eq!(sfdp.erase_time(0x1_0000), Some(Time::millis(256)));
        assert_eq!(sfdp.program_time(), Time::micros(152));
        assert_eq!(sfdp.chip_erase_time(), Time::millis(192_000));
        // 18th double word: bytes are swapped in 8D-8D-8D mode.
        assert_eq!(sfdp.basic(18) >> 31, 1);
        assert_eq!(sfdp.byte(316), 0xFF);
    }

    #[test]
    fn a_quad_nor_has_three_erase_sizes() {
        let sfdp = of("W25Q64JV");
        assert_eq!(sfdp.size(), Some(8 << 20));
        assert_eq!(sfdp.erase_time(0x1000), Some(Time::millis(64)));
        assert_eq!(sfdp.erase_time(0x8000), Some(Time::millis(128)));
        assert_eq!(sfdp.erase_time(0x1_0000), Some(Time::millis(160)));
        assert_eq!(sfdp.program_time(), Time::micros(704));
        assert_eq!(sfdp.chip_erase_time(), Time::millis(20_000));
    }

    #[test]
    fn a_table_without_use_is_refused() {
        assert_eq!(Sfdp::parse("53 46 4"), Err(SfdpError::Header));
        assert_eq!(Sfdp::parse("xx"), Err(SfdpError::Digits));
        let header = "53 46 44 50 06 01 00 FF 00 06 01 0B 10 00 00 FF";
        assert_eq!(Sfdp::parse(header), Err(SfdpError::Header));
        let zeros = format!("{header} {}", "00 ".repeat(44));
        assert_eq!(Sfdp::parse(&zeros), Err(SfdpError::Basic { what: "size" }));
    }
}
