//! Tamper and backup registers (RM0477, TAMP): plain storage that only a lost supply clears, so 32 words outlive a reset.
//!
//! Nothing is ever tampered with: the detectors' registers hold what is written, and do nothing.

use super::{Access, Device, Refusal, Reset, Wires};
use crate::bus::Width;

/// The last register is BKP31R at 0x17C.
const WORDS: usize = 0x180 / 4;

/// Base 0x5800_4400.
pub struct Tamp([u32; WORDS]);

impl Default for Tamp {
    fn default() -> Self {
        Self::new()
    }
}

impl Tamp {
    /// As after power-on.
    pub fn new() -> Self {
        Self([0; WORDS])
    }

    fn word(&mut self, offset: u32) -> Access<&mut u32> {
        let word = self.0.get_mut((offset / 4) as usize);
        word.ok_or(Refusal::Unmodelled { reset: 0 })
    }
}

impl Device for Tamp {
    fn name(&self) -> &str {
        "TAMP"
    }

    fn read(&mut self, offset: u32, _width: Width, _wires: &mut Wires) -> Access<u32> {
        self.word(offset).copied()
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, _wires: &mut Wires) -> Access<()> {
        *self.word(offset)? = value;
        Ok(())
    }

    fn reset(&mut self, reset: Reset, _wires: &mut Wires) {
        if reset == Reset::Power {
            self.0 = [0; WORDS];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backup_registers_outlive_a_reset_and_not_the_power() {
        let (mut tamp, mut wires) = (Tamp::new(), Wires::default());
        tamp.write(0x17C, Width::Word, 7, &mut wires).unwrap();
        tamp.reset(Reset::System, &mut wires);
        assert_eq!(tamp.read(0x17C, Width::Word, &mut wires), Ok(7));
        tamp.reset(Reset::Power, &mut wires);
        assert_eq!(tamp.read(0x17C, Width::Word, &mut wires), Ok(0));
        assert!(tamp.read(0x180, Width::Word, &mut wires).is_err());
    }
}
