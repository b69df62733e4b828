//! Why an instruction did not simply complete. `exceptions.rs` alone decides what becomes of it.

/// Outcome of an instruction other than "next, please".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// UFSR.UNDEFINSTR.
    Undefined,
    /// UFSR.INVSTATE: T bit clear, or an IT/ICI state that the instruction forbids.
    InvalidState,
    /// UFSR.INVPC: bad EXC_RETURN.
    InvalidReturn,
    /// UFSR.NOCP: coprocessor absent or denied by CPACR.
    NoCoprocessor,
    /// UFSR.UNALIGNED.
    Unaligned,
    /// UFSR.DIVBYZERO (CCR.DIV_0_TRP).
    DivideByZero,
    /// MemManage on a load or store: MMFSR.DACCVIOL with MMFAR.
    MemoryData {
        /// The address that the MPU refused.
        address: u32,
    },
    /// MemManage on a fetch: MMFSR.IACCVIOL.
    MemoryFetch,
    /// Bus error on a load or store: BFSR.PRECISERR with BFAR.
    BusData {
        /// The address that the bus refused.
        address: u32,
    },
    /// Bus error on a fetch: BFSR.IBUSERR.
    BusFetch,
    /// Lazy preservation of the FP registers faulted and its exception is taken before the instruction.
    Abandoned,
    /// The bus never answered: the core hangs until reset.
    Stalled,
    /// SVC, with the instruction complete (the return address is the next instruction).
    SupervisorCall,
    /// BKPT: halts if halting debug is on, else DebugMonitor, else HardFault with HFSR.DEBUGEVT.
    Breakpoint {
        /// The instruction's immediate (0xAB is semihosting).
        immediate: u8,
    },
    /// A branch to EXC_RETURN in Handler mode.
    ExceptionReturn {
        /// The value written to the pc.
        value: u32,
    },
    /// WFI; the pc is already the next instruction.
    WaitForInterrupt,
    /// WFE with the event register clear; the pc is already the next instruction.
    WaitForEvent,
}
