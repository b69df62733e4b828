//! Where QEMU is known to differ from the manual, or its Cortex-M7 from the chip's. Nothing else may differ; each is counted.

/// A known difference.
pub struct Deviation {
    /// The scenario; none if it can be any.
    pub scenario: Option<&'static str>,
    /// The word that differs.
    pub note: &'static str,
    /// What the manual says, and where; what QEMU does.
    pub reason: &'static str,
    /// True if it explains that ours is the first and QEMU's the second value.
    pub explains: fn(ours: u32, theirs: u32) -> bool,
}

/// CCR.BP.
const BRANCH_PREDICTION: u32 = 1 << 18;
const STORE_INTO_A_HOLE: Option<&str> = Some("a store into a hole");
const IMPRECISE: &str = "a refused store is imprecise and its instruction complete, for the Cortex-M7 buffers it (ARM DDI 0489F 2.3.2; \
    ARM ARM B1.5.14); QEMU makes every bus error precise";

/// All of them.
pub const DEVIATIONS: &[Deviation] = &[
    Deviation {
        scenario: Some("priority bytes"),
        note: "IPR0 of ones",
        reason: "the chip has 4 priority bits (ARM ARM B1.5.4: IMPLEMENTATION DEFINED); QEMU's has 8",
        explains: |ours, theirs| ours == theirs & 0xF0F0_F0F0,
    },
    Deviation {
        scenario: Some("FAULTMASK cannot be set in HardFault and NMI"),
        note: "FAULTMASK",
        reason: "at priority -1 and above CPSID f does nothing (ARM ARM B5.2.1, CPS); QEMU sets FAULTMASK",
        explains: |ours, theirs| (ours, theirs) == (0, 1),
    },
    Deviation {
        scenario: None,
        note: "CCR",
        reason: "CCR.BP is always set on a Cortex-M7 (ARM DDI 0489F, CCR); QEMU's reads as zero",
        explains: |ours, theirs| ours == theirs | BRANCH_PREDICTION,
    },
    Deviation {
        scenario: None,
        note: "FPCCR",
        reason: "bit 10 is reserved (ARM ARM B3.2.21); QEMU has ARMv8-M's UFRDY there",
        explains: |ours, theirs| ours == theirs & !(1 << 10),
    },
    Deviation {
        scenario: Some("a vector that cannot be read"),
        note: "HFSR",
        reason: "a vector read error is a HardFault, not one that escalated (ARM ARM B3.2.16: FORCED); QEMU sets FORCED too",
        explains: |ours, theirs| (ours, theirs) == (0x0000_0002, 0x4000_0002),
    },
    Deviation {
        scenario: Some("what the core says of itself"),
        note: "MPU_TYPE",
        reason: "the chip has 16 MPU regions (ARM ARM B3.5.4: IMPLEMENTATION DEFINED); QEMU's has 8",
        explains: |ours, theirs| (ours, theirs) == (16 << 8, 8 << 8),
    },
    Deviation {
        scenario: STORE_INTO_A_HOLE,
        note: "stacked pc",
        reason: IMPRECISE,
        explains: |ours, theirs| ours == theirs + 2,
    },
    Deviation {
        scenario: STORE_INTO_A_HOLE,
        note: "CFSR",
        reason: IMPRECISE,
        explains: |ours, theirs| (ours, theirs) == (0x0400, 0x8200),
    },
    Deviation {
        scenario: STORE_INTO_A_HOLE,
        note: "BFAR",
        reason: IMPRECISE,
        explains: |ours, theirs| (ours, theirs) == (0, 0x7000_0004),
    },
];
