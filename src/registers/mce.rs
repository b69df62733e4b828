//! Memory cipher engines (RM0477, MCE): each sits between a memory controller and the bus, and ciphers the regions it is told to.

use super::{block, register};

block! {
    /// Memory cipher engine.
    pub struct Mce {
        /// Before XSPI1.
        MCE1 = 0x5200_B800,
        /// Before XSPI2.
        MCE2 = 0x5200_BC00,
    }
}

/// Regions of an engine.
pub const REGIONS: u32 = 4;
/// From the registers of a region to those of the next, in bytes.
pub const REGION_STRIDE: u32 = 0x10;

register! {
    /// Configuration of the first region (RM0477, MCE_REGCR1).
    pub struct MceRegcr1(u32) at Mce + 0x040 {
        /// BREN: the region is in use.
        pub enabled: 0,
        /// ENC: what is in it is encrypted, where this is not 0.
        pub encryption: 14..=15,
    }
}
