//! Registers and threads of the last halt, for clients that look while the target runs or the session is busy.

use super::{
    arch::{GENERAL_REGISTERS, Number},
    wire::encoding::to_hex,
};
use crate::{
    session::registers::RegisterFile,
    threads::{ThreadId, Threads},
};

/// Registers as they were at the last halt, as far as they were asked for then; unknown before the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    general: [Option<u32>; GENERAL_REGISTERS],
    /// The thread that had them.
    pub running: ThreadId,
    /// All threads when somebody asked last.
    pub threads: Threads,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            general: [None; GENERAL_REGISTERS],
            running: ThreadId::CORE,
            threads: Threads::default(),
        }
    }
}

impl Snapshot {
    /// Remembers `registers`.
    pub fn remember(&mut self, registers: &RegisterFile) {
        for (number, value) in (0..).zip(&mut self.general) {
            *value = registers.known(number);
        }
    }

    /// The registers of `g`.
    pub fn general(&self) -> &[Option<u32>; GENERAL_REGISTERS] {
        &self.general
    }

    /// One of them.
    pub fn value(&self, number: Number) -> Option<u32> {
        self.general.get(usize::from(number.0)).copied().flatten()
    }

    /// The reply to `g`: `x` for what is not known.
    pub fn reply(&self) -> Vec<u8> {
        let digits = |value: &Option<u32>| match value {
            Some(value) => to_hex(&value.to_le_bytes()),
            None => b"xxxxxxxx".to_vec(),
        };
        self.general.iter().flat_map(digits).collect()
    }
}
