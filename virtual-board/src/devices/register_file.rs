//! A peripheral of which only the registers matter: they hold what is written, and do nothing.
//!
//! For blocks that start-up code or a debugger looks at, but whose work is not modelled (MCE, RAMECC, MPU-like filters).

use super::{Access, Device, Refusal, Reset, Wires};
use crate::bus::Width;

/// Words of plain storage.
pub struct RegisterFile {
    name: &'static str,
    words: Vec<u32>,
    reset: Vec<u32>,
}

impl RegisterFile {
    /// `bytes` bytes of registers that are zero after reset.
    pub fn new(name: &'static str, bytes: u32) -> Self {
        let reset = vec![0; bytes as usize / 4];
        Self {
            name,
            words: reset.clone(),
            reset,
        }
    }

    /// Memory cipher engine 1 to 3: base 0x5200_B800 + 0x400 * (number - 1). Windows are never encrypted here: the
    /// server only looks whether they are.
    pub fn mce(number: u8) -> Self {
        let name = match number {
            1 => "MCE1",
            2 => "MCE2",
            _ => "MCE3",
        };
        Self::new(name, 0x400)
    }

    fn word(&mut self, offset: u32) -> Access<&mut u32> {
        self.words
            .get_mut((offset / 4) as usize)
            .ok_or(Refusal::Unmodelled { reset: 0 })
    }
}

impl Device for RegisterFile {
    fn name(&self) -> &str {
        self.name
    }

    fn read(&mut self, offset: u32, _width: Width, _wires: &mut Wires) -> Access<u32> {
        Ok(*self.word(offset)?)
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, _wires: &mut Wires) -> Access<()> {
        *self.word(offset)? = value;
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, _wires: &mut Wires) {
        self.words.clone_from(&self.reset);
    }
}
