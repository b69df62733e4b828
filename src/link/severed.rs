//! The link while there is none: the board is being switched off and on. If it does not come back, everything is told that it is lost.

use std::time::Duration;

use super::{CoreRegister, CoreState, Interrupts, Link, LinkError, ResetMode};
use crate::layout::Address;

/// No link.
#[derive(Clone, Copy, Debug, Default)]
pub struct Severed;

/// The board was not there any more.
#[derive(Debug, thiserror::Error)]
#[error("the board was switched off, and the probe was not found again")]
struct SwitchedOff;

fn lost<T>() -> Result<T, LinkError> {
    Err(LinkError::Lost {
        doing: "the board is without power",
        source: Box::new(SwitchedOff),
    })
}

impl Link for Severed {
    fn state(&mut self) -> Result<CoreState, LinkError> {
        lost()
    }

    fn halt(&mut self) -> Result<(), LinkError> {
        lost()
    }

    fn resume_with(&mut self, _: Interrupts) -> Result<(), LinkError> {
        lost()
    }

    fn step(&mut self, _: Interrupts) -> Result<(), LinkError> {
        lost()
    }

    fn reset(&mut self, _: ResetMode) -> Result<(), LinkError> {
        lost()
    }

    fn read_registers(&mut self, _: &[CoreRegister], _: &mut [u32]) -> Result<(), LinkError> {
        lost()
    }

    fn write_register(&mut self, _: CoreRegister, _: u32) -> Result<(), LinkError> {
        lost()
    }

    fn read(&mut self, _: Address, _: &mut [u8]) -> Result<(), LinkError> {
        lost()
    }

    fn write(&mut self, _: Address, _: &[u8]) -> Result<(), LinkError> {
        lost()
    }

    fn idle(&mut self, _: Duration) -> Result<(), LinkError> {
        lost()
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn recover(&mut self) -> Result<(), LinkError> {
        lost()
    }

    fn is_coherent(&self) -> bool {
        false
    }

    fn was_reset(&mut self) -> Result<bool, LinkError> {
        lost()
    }

    fn reset_by_pin(&mut self) -> Result<(), LinkError> {
        lost()
    }
}
