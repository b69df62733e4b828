//! Debug registers in the System Control Space (ARM ARM C1.6): halting, stepping, core register transfers, vector catch.

use super::{block, register};

block! {
    /// System Control Space (ARM ARM B3.2).
    pub struct Scs {
        /// The only one.
        SCS = 0xE000_E000,
    }
}

/// DHCSR\[31:16\] must hold this when it is written (ARM ARM C1.6.2).
pub const DEBUG_KEY: u32 = 0xA05F;

register! {
    /// Debug Halting Control and Status Register (ARM ARM C1.6.2). The upper half reads status and is written with [`DEBUG_KEY`].
    pub struct Dhcsr(u32) at Scs + 0xDF0 {
        /// C_DEBUGEN.
        pub debug_enabled: 0,
        /// C_HALT.
        pub halt_requested: 1,
        /// C_STEP.
        pub step_requested: 2,
        /// C_MASKINTS. Changes while running, or together with leaving debug state, are unpredictable.
        pub interrupts_masked: 3,
        /// C_SNAPSTALL: forces debug state although the bus hangs.
        pub snap_stall: 5,
        /// S_REGRDY: the DCRSR transfer is complete.
        pub transfer_ready: 16,
        /// S_HALT.
        pub halted: 17,
        /// S_SLEEP.
        pub sleeping: 18,
        /// S_LOCKUP.
        pub locked_up: 19,
        /// S_RETIRE_ST: an instruction completed since the last read; cleared by the read.
        pub retired: 24,
        /// S_RESET_ST: the core was reset since the last read; cleared by the read.
        pub was_reset: 25,
        /// DBGKEY, as it is written.
        pub key: 16..=31,
    }
}

register! {
    /// Debug Core Register Selector Register (ARM ARM C1.6.3), write only.
    pub struct Dcrsr(u32) at Scs + 0xDF4 {
        /// REGSEL.
        pub selector: 0..=6,
        /// REGWnR: 1 writes the core register.
        pub write: 16,
    }
}

register! {
    /// Debug Core Register Data Register (ARM ARM C1.6.4).
    pub struct Dcrdr(u32) at Scs + 0xDF8 {
        /// The core register's value.
        pub value: 0..=31,
    }
}

register! {
    /// Debug Exception and Monitor Control Register (ARM ARM C1.6.5).
    pub struct Demcr(u32) at Scs + 0xDFC {
        /// VC_CORERESET: halt at the reset vector.
        pub catch_reset: 0,
        /// VC_MMERR: MemManage.
        pub catch_memory_management: 4,
        /// VC_NOCPERR: UsageFault, no coprocessor.
        pub catch_no_coprocessor: 5,
        /// VC_CHKERR: UsageFault, unaligned access or division by zero.
        pub catch_check: 6,
        /// VC_STATERR: UsageFault, undefined instruction or invalid state.
        pub catch_state: 7,
        /// VC_BUSERR: BusFault.
        pub catch_bus: 8,
        /// VC_INTERR: a fault while an exception is entered or left.
        pub catch_exception_entry: 9,
        /// VC_HARDERR: HardFault.
        pub catch_hard_fault: 10,
        /// TRCENA: DWT and ITM are on.
        pub trace_enabled: 24,
    }
}

register! {
    /// Debug Fault Status Register (ARM ARM C1.6.1): why the core is in debug state; a 1 written clears the bit.
    pub struct Dfsr(u32) at Scs + 0xD30 {
        /// HALTED: halt request or step.
        pub halted: 0,
        /// BKPT: instruction or breakpoint unit.
        pub breakpoint: 1,
        /// DWTTRAP: watchpoint unit.
        pub watchpoint: 2,
        /// VCATCH.
        pub vector_catch: 3,
        /// EXTERNAL.
        pub external: 4,
    }
}
