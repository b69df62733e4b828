//! Cortex-M7 (ARMv7E-M, FPv5-D16): the core, its exceptions and its debug units.
//!
//! `run` looks at debug, exceptions and interrupts, then `execute` does one instruction. What an instruction cannot do by
//! itself (a fault, an exception return, sleep) comes back as a [`trap::Trap`], which only `exceptions` turns into state.
//! Sources: ARM DDI 0403E.e (ARMv7-M Architecture Reference Manual, "ARM ARM" below), ARM DDI 0489F (Cortex-M7 TRM).

pub mod decode;
mod dsp;
mod execute;
mod fpu;
mod memory;
pub mod registers;
pub mod trap;

use crate::bus::Bus;
use registers::Registers;
use trap::Trap;

/// The processor.
#[derive(Clone, Debug, Default)]
pub struct Core {
    /// The programmers' model.
    pub registers: Registers,
}

impl Core {
    /// Makes the FPU usable by the next instruction, or says why it is not.
    fn fpu_access<B: Bus>(&mut self, _bus: &mut B) -> Result<(), Trap> {
        Ok(())
    }

    /// CCR.DIV_0_TRP.
    fn divide_by_zero_traps(&self) -> bool {
        false
    }
}
