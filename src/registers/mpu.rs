//! Memory Protection Unit (ARM ARM B3.5): a loader runs behind a no-access region over the external ranges.

use super::{debug::Scs, register};

register! {
    /// MPU Control Register (ARM ARM B3.5.5).
    pub struct MpuControl(u32) at Scs + 0xD94 {
        /// ENABLE.
        pub enabled: 0,
        /// HFNMIENA: also in HardFault, NMI and FAULTMASK handlers.
        pub in_fault_handlers: 1,
        /// PRIVDEFENA: privileged code sees the default map outside the regions.
        pub default_map: 2,
    }
}

register! {
    /// MPU Region Number Register (ARM ARM B3.5.6).
    pub struct MpuRegionNumber(u32) at Scs + 0xD98 {
        /// REGION.
        pub region: 0..=7,
    }
}

register! {
    /// MPU Region Base Address Register (ARM ARM B3.5.7).
    pub struct MpuRegionBase(u32) at Scs + 0xD9C {
        /// ADDR\[31:5\].
        pub address: 5..=31,
    }
}

register! {
    /// MPU Region Attribute and Size Register (ARM ARM B3.5.8).
    pub struct MpuRegionAttributes(u32) at Scs + 0xDA0 {
        /// ENABLE.
        pub enabled: 0,
        /// SIZE: the region has 2^(SIZE + 1) bytes.
        pub size: 1..=5,
        /// TEX: with S, C and B clear, 1 is normal memory that no cache holds.
        pub type_extension: 19..=21,
        /// AP: 0 is no access.
        pub access: 24..=26,
        /// XN: no instruction fetch.
        pub execute_never: 28,
    }
}

impl MpuRegionBase {
    /// A region at `base`, which must be a multiple of its size.
    pub const fn from_address(base: u32) -> Self {
        Self(base & !0x1F)
    }
}
