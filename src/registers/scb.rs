//! System Control Block (ARM ARM B3.2): identity, vector table, reset, fault status, cache maintenance.

use super::{debug::Scs, register};

/// AIRCR\[31:16\] must hold this when it is written (ARM ARM B3.2.6).
pub const VECTOR_KEY: u32 = 0x05FA;

register! {
    /// Vector Table Offset Register (ARM ARM B3.2.5).
    pub struct Vtor(u32) at Scs + 0xD08 {
        /// Address of the vector table.
        pub table: 0..=31,
    }
}

register! {
    /// Application Interrupt and Reset Control Register (ARM ARM B3.2.6).
    pub struct Aircr(u32) at Scs + 0xD0C {
        /// SYSRESETREQ.
        pub system_reset_requested: 2,
        /// VECTKEY, as it is written.
        pub key: 16..=31,
    }
}

register! {
    /// Configuration and Control Register (ARM ARM B3.2.8).
    pub struct Ccr(u32) at Scs + 0xD14 {
        /// DC: data cache is on.
        pub data_cache: 16,
        /// IC: instruction cache is on.
        pub instruction_cache: 17,
    }
}

register! {
    /// Configurable Fault Status Register (ARM ARM B3.2.15): MemManage 7:0, BusFault 15:8, UsageFault 31:16; a 1 written clears the bit.
    pub struct Cfsr(u32) at Scs + 0xD28 {
        /// IACCVIOL.
        pub instruction_access_violation: 0,
        /// DACCVIOL.
        pub data_access_violation: 1,
        /// MUNSTKERR.
        pub memory_unstacking: 3,
        /// MSTKERR.
        pub memory_stacking: 4,
        /// MLSPERR.
        pub memory_lazy_fp: 5,
        /// MMARVALID.
        pub memory_address_valid: 7,
        /// IBUSERR.
        pub instruction_bus: 8,
        /// PRECISERR.
        pub precise_bus: 9,
        /// IMPRECISERR.
        pub imprecise_bus: 10,
        /// UNSTKERR.
        pub bus_unstacking: 11,
        /// STKERR.
        pub bus_stacking: 12,
        /// LSPERR.
        pub bus_lazy_fp: 13,
        /// BFARVALID.
        pub bus_address_valid: 15,
        /// UNDEFINSTR.
        pub undefined_instruction: 16,
        /// INVSTATE.
        pub invalid_state: 17,
        /// INVPC.
        pub invalid_return: 18,
        /// NOCP.
        pub no_coprocessor: 19,
        /// UNALIGNED.
        pub unaligned: 24,
        /// DIVBYZERO.
        pub divide_by_zero: 25,
    }
}

register! {
    /// HardFault Status Register (ARM ARM B3.2.16).
    pub struct Hfsr(u32) at Scs + 0xD2C {
        /// VECTTBL: the vector could not be read.
        pub vector_read: 1,
        /// FORCED: another fault escalated.
        pub forced: 30,
        /// DEBUGEVT.
        pub debug_event: 31,
    }
}

register! {
    /// MemManage Fault Address Register (ARM ARM B3.2.18).
    pub struct Mmfar(u32) at Scs + 0xD34 {
        /// The address that the MPU refused.
        pub address: 0..=31,
    }
}

register! {
    /// BusFault Address Register (ARM ARM B3.2.19).
    pub struct Bfar(u32) at Scs + 0xD38 {
        /// The address that the bus refused.
        pub address: 0..=31,
    }
}

register! {
    /// ICIALLU (ARM ARM B2.2.7, write only): invalidates the whole instruction cache.
    pub struct InvalidateAllInstructions(u32) at Scs + 0xF50 {
        /// Ignored.
        pub ignored: 0..=31,
    }
}

register! {
    /// ICIMVAU (ARM ARM B2.2.7, write only): invalidates the instruction cache line of an address.
    pub struct InvalidateInstruction(u32) at Scs + 0xF58 {
        /// Any address in the line.
        pub address: 0..=31,
    }
}

register! {
    /// DCISW (ARM ARM B2.2.7, write only): drops a line of the data cache, written or not. Fields as the 32 KB of this chip have them.
    pub struct InvalidateDataSetWay(u32) at Scs + 0xF60 {
        /// The set.
        pub set: 5..=12,
        /// The way.
        pub way: 30..=31,
    }
}

register! {
    /// DCCMVAC (ARM ARM B2.2.7, write only): writes the data cache line of an address back to memory.
    pub struct CleanData(u32) at Scs + 0xF68 {
        /// Any address in the line.
        pub address: 0..=31,
    }
}

register! {
    /// DCCIMVAC (ARM ARM B2.2.7, write only): writes the data cache line of an address back and drops it.
    pub struct CleanAndInvalidateData(u32) at Scs + 0xF70 {
        /// Any address in the line.
        pub address: 0..=31,
    }
}

/// Bytes of a cache line of the Cortex-M7, instruction and data (TRM 5.7).
pub const CACHE_LINE: u32 = 32;
