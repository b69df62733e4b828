//! What keeps a flash from being rewritten. Nothing here is ever changed by us.

use std::fmt;

use super::{FlashError, transaction::Sector};
use crate::{
    layout::{Address, BoardProfile, Controller},
    link::{Link, LinkError, RegisterAccess},
    registers::{
        Register,
        flash::{FLASH, Hdpsr, IROT_ST, Rotsr, Wrpsr},
        mce::{MCE1, MCE2, MceRegcr1, REGION_STRIDE, REGIONS},
    },
};

/// A protection that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// The sector is write-protected.
    Write {
        /// Its first address.
        sector: Address,
    },
    /// The hide-protected area reaches into the sector.
    Hide {
        /// Its first address.
        sector: Address,
    },
    /// ST's immutable root of trust starts first and checks what it starts.
    RootOfTrust,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { sector } => write!(f, "sector {sector} is write-protected (FLASH_WRPSR)"),
            Self::Hide { sector } => {
                write!(
                    f,
                    "sector {sector} is in the hide-protected area (FLASH_HDPSR)"
                )
            }
            Self::RootOfTrust => f.write_str("ST's root of trust is selected (FLASH_ROTSR)"),
        }
    }
}

/// The first protection that keeps one of `sectors` from being changed.
pub(super) fn find(
    link: &mut dyn Link,
    profile: &BoardProfile,
    sectors: &[Sector],
) -> Result<Option<Protection>, FlashError> {
    let root: Rotsr = link.peek(FLASH)?;
    if root.irot() == IROT_ST {
        return Ok(Some(Protection::RootOfTrust));
    }
    let writable = link.peek::<Wrpsr>(FLASH)?.writable_sectors();
    let hidden = link.peek::<Hdpsr>(FLASH)?.hidden_bytes();
    for sector in sectors {
        let offset = u64::from(sector.address.0) - profile.internal_range().start;
        let size = u64::from(profile.internal_sector_bytes);
        if writable >> (offset / size) & 1 == 0 {
            let sector = sector.address;
            return Ok(Some(Protection::Write { sector }));
        }
        let overlaps = hidden.start < offset + size && offset < hidden.end;
        if overlaps {
            let sector = sector.address;
            return Ok(Some(Protection::Hide { sector }));
        }
    }
    Ok(None)
}

/// True if the boot stage has told the cipher engine before `controller` that something behind it is encrypted: what a loader then
/// programs as it is would be read as rubbish.
pub(super) fn is_encrypted(link: &mut dyn Link, controller: Controller) -> Result<bool, LinkError> {
    let first = MceRegcr1::at(match controller {
        Controller::Xspi1 => MCE1,
        Controller::Xspi2 => MCE2,
    });
    for region in 0..REGIONS {
        let word = link.read_word(Address(first.0 + REGION_STRIDE * region))?;
        let region = MceRegcr1::from_bits(word);
        if region.enabled() && region.encryption() != 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
