//! The registers of the last halt, for clients that look while the target runs or the session is busy.

use super::{
    arch::{GENERAL_REGISTERS, Number},
    wire::encoding::to_hex,
};
use crate::session::registers::RegisterFile;

/// Registers as they were at the last halt; zero before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    general: [u32; GENERAL_REGISTERS],
}

impl Snapshot {
    /// Remembers `registers`.
    pub fn remember(&mut self, registers: &RegisterFile) {
        for (number, value) in (0..).zip(&mut self.general) {
            *value = registers.integer(number).unwrap_or_default();
        }
    }

    /// The registers of `g`.
    pub fn general(&self) -> &[u32; GENERAL_REGISTERS] {
        &self.general
    }

    /// One of them.
    pub fn value(&self, number: Number) -> Option<u32> {
        self.general.get(usize::from(number.0)).copied()
    }

    /// The reply to `g`.
    pub fn reply(&self) -> Vec<u8> {
        let bytes: Vec<u8> = self
            .general
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        to_hex(&bytes)
    }
}
