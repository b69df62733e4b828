//! FPv5-D16: single and double precision as ARM ARM A2.5 and its pseudocode (FPRound, FPProcessNaNs, ...) define them.
//!
//! Numbers are computed exactly in integers and rounded once, so that rounding modes, flush-to-zero, default NaN and the
//! cumulative flags come out as the manual says; the host's arithmetic knows none of these.
//! `number` takes formats apart and rounds, `arithmetic` and `convert` work on bit patterns, `execute` on registers.

mod arithmetic;
mod convert;
mod execute;
mod number;

/// FPSCR fields (ARM ARM A2.5.3).
pub(super) mod fpscr {
    /// N, Z, C and V of the last comparison.
    pub const NZCV: u32 = 0xF << 28;
    /// AHP: alternative half precision.
    pub const ALTERNATIVE_HALF: u32 = 1 << 26;
    /// DN: default NaN.
    pub const DEFAULT_NAN: u32 = 1 << 25;
    /// FZ: flush to zero.
    pub const FLUSH_TO_ZERO: u32 = 1 << 24;
    /// RMode, bits 23:22.
    pub const ROUNDING: u32 = 3 << 22;
    /// IDC: a denormal input was flushed.
    pub const INPUT_DENORMAL: u32 = 1 << 7;
    /// IXC.
    pub const INEXACT: u32 = 1 << 4;
    /// UFC.
    pub const UNDERFLOW: u32 = 1 << 3;
    /// OFC.
    pub const OVERFLOW: u32 = 1 << 2;
    /// DZC.
    pub const DIVISION_BY_ZERO: u32 = 1 << 1;
    /// IOC.
    pub const INVALID: u32 = 1 << 0;
    /// Everything that VMSR can write.
    pub const WRITABLE: u32 = NZCV
        | ALTERNATIVE_HALF
        | DEFAULT_NAN
        | FLUSH_TO_ZERO
        | ROUNDING
        | INPUT_DENORMAL
        | INEXACT
        | UNDERFLOW
        | OVERFLOW
        | DIVISION_BY_ZERO
        | INVALID;
}

/// A rounding mode; the first four are those of FPSCR.RMode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    NearestEven,
    Up,
    Down,
    Zero,
    NearestAway,
}

/// What FPSCR tells an operation, and what the operation tells FPSCR.
#[derive(Clone, Copy, Debug)]
struct Environment {
    rounding: Rounding,
    flush_to_zero: bool,
    default_nan: bool,
    alternative_half: bool,
    /// Cumulative flags to set.
    raised: u32,
}

impl Environment {
    fn new(fpscr: u32) -> Self {
        Self {
            rounding: match (fpscr & fpscr::ROUNDING) >> 22 {
                0 => Rounding::NearestEven,
                1 => Rounding::Up,
                2 => Rounding::Down,
                _ => Rounding::Zero,
            },
            flush_to_zero: fpscr & fpscr::FLUSH_TO_ZERO != 0,
            default_nan: fpscr & fpscr::DEFAULT_NAN != 0,
            alternative_half: fpscr & fpscr::ALTERNATIVE_HALF != 0,
            raised: 0,
        }
    }

    fn raise(&mut self, flags: u32) {
        self.raised |= flags;
    }
}

#[cfg(test)]
mod tests;
