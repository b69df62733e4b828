//! Option bytes that say where memory is and what may be changed (RM0477, FLASH option registers): read, told, never written.

use std::fmt;

use crate::{
    layout::BoardProfile,
    link::{Link, LinkError, RegisterAccess},
    registers::flash::{FLASH, Hdpsr, IROT_ST, Obw1sr, Obw2sr, Rotsr, Wrpsr},
};

/// KB of a tightly coupled memory that has borrowed nothing, and of each step that it can borrow.
const STEP_KB: u32 = 64;

/// What differs from a chip as it is delivered, in the words in which it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(Vec<String>);

impl Options {
    /// Reads the status registers.
    pub(super) fn read(link: &mut dyn Link, profile: &BoardProfile) -> Result<Self, LinkError> {
        let mut told = Vec::new();
        let (first, second): (Obw1sr, Obw2sr) = (link.peek(FLASH)?, link.peek(FLASH)?);
        for (memory, share) in [("ITCM", second.itcm_share()), ("DTCM", second.dtcm_share())] {
            if let 1..=2 = share {
                told.push(format!("{memory} {} KB", STEP_KB * (1 + share)));
            }
        }
        if second.ram_is_checked() {
            told.push("check bits on RAM, in place of AXI SRAM4".to_owned());
        }
        if !first.software_watchdog() {
            told.push("IWDG starts with the chip".to_owned());
        }
        let writable = link.peek::<Wrpsr>(FLASH)?.writable_sectors();
        let sectors = profile.internal_flash_bytes / profile.internal_sector_bytes;
        let protected: Vec<_> = (0..sectors.min(u32::BITS))
            .filter(|sector| writable >> sector & 1 == 0)
            .map(|sector| sector.to_string())
            .collect();
        if !protected.is_empty() {
            told.push(format!(
                "write protection of sector {}",
                protected.join(", ")
            ));
        }
        let hidden = link.peek::<Hdpsr>(FLASH)?.hidden_bytes();
        let end = hidden.end.min(profile.internal_flash_bytes.into());
        if hidden.start < end {
            let base = profile.internal_range().start;
            told.push(format!(
                "hide protection from 0x{:08x} to 0x{:08x}",
                base + hidden.start,
                base + end - 1
            ));
        }
        if link.peek::<Rotsr>(FLASH)?.irot() == IROT_ST {
            told.push("ST's root of trust".to_owned());
        }
        Ok(Self(told))
    }

    /// The chip is as it was delivered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}
