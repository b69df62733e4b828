//! CRC calculation unit (RM0477, CRC): a remainder over bytes, half-words and words with any polynomial of 7, 8, 16 or 32 bits.
//!
//! A result is there at once; the chip lets the next access wait for it.

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::bus::Width;

const DR: u32 = 0x00;
const IDR: u32 = 0x04;
const CR: u32 = 0x08;
const INIT: u32 = 0x10;
const POL: u32 = 0x14;

/// CR: back to INIT.
const RESET: u32 = 1 << 0;
const CR_MASK: u32 = 0xF8;
/// CRC-32 of Ethernet.
const ETHERNET: u32 = 0x04C1_1DB7;

/// Base 0x5802_4C00.
pub struct Crc {
    gate: Gate,
    remainder: u32,
    free: u32,
    control: u32,
    initial: u32,
    polynomial: u32,
}

impl Default for Crc {
    fn default() -> Self {
        Self::new()
    }
}

impl Crc {
    /// In reset state.
    pub fn new() -> Self {
        Self {
            gate: Gate::ahb4(19),
            remainder: u32::MAX,
            free: 0,
            control: 0,
            initial: u32::MAX,
            polynomial: ETHERNET,
        }
    }

    /// CR.POLYSIZE.
    fn bits(&self) -> u32 {
        match self.control >> 3 & 3 {
            0 => 32,
            1 => 16,
            2 => 8,
            _ => 7,
        }
    }

    fn mask(&self) -> u32 {
        u32::MAX >> (32 - self.bits())
    }

    /// CR.REV_IN: bits are reversed within bytes, half-words or words.
    fn reversed(&self, value: u32, width: Width) -> u32 {
        let unit = match self.control >> 5 & 3 {
            0 => return value,
            1 => 8,
            2 => 16,
            _ => 32,
        };
        let bits = 8 * width.bytes();
        let unit = unit.min(bits);
        let lane = u32::MAX >> (32 - unit);
        (0..bits).step_by(unit as usize).fold(0, |whole, at| {
            let part = (value >> at & lane).reverse_bits() >> (32 - unit);
            whole | part << at
        })
    }

    fn take_in(&mut self, value: u32, width: Width) {
        let (bits, mask) = (self.bits(), self.mask());
        let value = self.reversed(value, width);
        // Most significant bit first.
        for at in (0..8 * width.bytes()).rev() {
            let top = self.remainder >> (bits - 1) & 1;
            let carry = top ^ value >> at & 1;
            self.remainder = self.remainder << 1 & mask;
            if carry == 1 {
                self.remainder ^= self.polynomial & mask;
            }
        }
    }

    fn result(&self) -> u32 {
        if self.control >> 7 & 1 == 1 {
            self.remainder.reverse_bits() >> (32 - self.bits())
        } else {
            self.remainder
        }
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }
}

impl Device for Crc {
    fn name(&self) -> &str {
        "CRC"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        match offset {
            DR => Ok(self.result()),
            IDR => Ok(self.free),
            CR => Ok(self.control),
            INIT => Ok(self.initial),
            POL => Ok(self.polynomial),
            _ => Err(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        match offset {
            DR => self.take_in(value, width),
            IDR => self.free = value,
            CR => {
                self.control = value & CR_MASK;
                if value & RESET != 0 {
                    self.remainder = self.initial & self.mask();
                }
            }
            INIT => {
                self.initial = value;
                self.remainder = value & self.mask();
            }
            POL => self.polynomial = value,
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, _wires: &mut Wires) {
        *self = Self {
            gate: self.gate,
            ..Self::new()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(control: u32, setup: &[(u32, u32)], bytes: &[u8]) -> u32 {
        let (mut crc, mut wires) = (Crc::new(), Wires::default());
        wires.gates.insert(super::super::gate::AHB4ENR, 1 << 19);
        let mut set = |offset, width, value| crc.write(offset, width, value, &mut wires).unwrap();
        for (offset, value) in setup {
            set(*offset, Width::Word, *value);
        }
        set(CR, Width::Word, control | RESET);
        for byte in bytes {
            set(DR, Width::Byte, (*byte).into());
        }
        crc.read(DR, Width::Word, &mut wires).unwrap()
    }

    /// The check values that every catalogue of CRCs has, for "123456789".
    #[test]
    fn catalogued_checks_come_out() {
        let text = b"123456789";
        assert_eq!(result(0, &[], text), 0x0376_E6E7, "CRC-32/MPEG-2");
        let reflected = 1 << 5 | 1 << 7;
        assert_eq!(!result(reflected, &[], text), 0xCBF4_3926, "CRC-32");
        let ccitt = [(POL, 0x1021), (INIT, 0xFFFF)];
        assert_eq!(result(1 << 3, &ccitt, text), 0x29B1, "CRC-16/IBM-3740");
        assert_eq!(result(2 << 3, &[(POL, 7), (INIT, 0)], text), 0xF4, "CRC-8");
        assert_eq!(result(3 << 3, &[(POL, 9), (INIT, 0)], text), 0x75, "CRC-7");
    }
}
