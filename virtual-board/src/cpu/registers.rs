//! The programmers' model: core registers, special registers, FP registers (ARM ARM B1.4).

/// xPSR flag positions (ARM ARM B1.4.2).
pub mod psr {
    /// Negative.
    pub const N: u32 = 1 << 31;
    /// Zero.
    pub const Z: u32 = 1 << 30;
    /// Carry.
    pub const C: u32 = 1 << 29;
    /// Overflow.
    pub const V: u32 = 1 << 28;
    /// Saturation.
    pub const Q: u32 = 1 << 27;
    /// Thumb state.
    pub const T: u32 = 1 << 24;
    /// Greater-or-equal flags of the parallel instructions, bits 19:16.
    pub const GE: u32 = 0xF << 16;
}

/// CONTROL bits (ARM ARM B1.4.4).
pub mod control {
    /// nPRIV: Thread mode is unprivileged.
    pub const UNPRIVILEGED: u8 = 1 << 0;
    /// SPSEL: Thread mode uses the process stack.
    pub const PROCESS_STACK: u8 = 1 << 1;
    /// FPCA: the FPU is in use by the current context.
    pub const FLOAT_ACTIVE: u8 = 1 << 2;
}

/// The core's registers. The active stack pointer lives in `r[13]`; the other one in `banked_sp`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registers {
    /// R0-R12, SP (the active one), LR, and the address of the instruction to execute next.
    pub r: [u32; 16],
    /// The stack pointer that is not in use: PSP while MSP is active and the reverse.
    pub banked_sp: u32,
    /// N, Z, C, V, Q, GE in place; nothing else.
    pub apsr: u32,
    /// Exception number of Handler mode, 0 in Thread mode.
    pub ipsr: u16,
    /// EPSR.T.
    pub thumb: bool,
    /// EPSR.IT as ITSTATE bits 7:0; 0 outside an IT block. An interrupted LDM/STM restarts, so ICI is not kept.
    pub itstate: u8,
    /// PRIMASK.PM.
    pub primask: bool,
    /// FAULTMASK.FM.
    pub faultmask: bool,
    /// BASEPRI, 8 bits, the low 4 read as zero (16 priority levels).
    pub basepri: u8,
    /// CONTROL: nPRIV 0, SPSEL 1, FPCA 2.
    pub control: u8,
    /// S0-S31; D0-D15 are pairs of them.
    pub s: [u32; 32],
    /// FPSCR.
    pub fpscr: u32,
    /// Event register for WFE/SEV.
    pub event: bool,
    /// Local exclusive monitor: the address tagged by LDREX.
    pub exclusive: Option<u32>,
}
