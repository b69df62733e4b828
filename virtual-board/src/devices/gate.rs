//! Clock gate and reset line of a peripheral, as RCC drives them (RM0477, RCC_xENR and RCC_xRSTR).
//!
//! Assumed, as RM0477's text is not at hand: a peripheral whose bus clock is off reads as zero and drops writes.

use super::Wires;

/// Offset of RCC_AHB5ENR from RCC.
pub const AHB5ENR: u32 = 0x134;
/// Offset of RCC_AHB1ENR.
pub const AHB1ENR: u32 = 0x138;
/// Offset of RCC_AHB3ENR.
pub const AHB3ENR: u32 = 0x158;
/// Offset of RCC_AHB4ENR.
pub const AHB4ENR: u32 = 0x140;
/// Offset of RCC_APB1ENR1.
pub const APB1ENR1: u32 = 0x148;
/// Offset of RCC_APB2ENR.
pub const APB2ENR: u32 = 0x150;
/// Offset of RCC_APB4ENR.
pub const APB4ENR: u32 = 0x154;
/// Offset of RCC_AHB5RSTR.
pub const AHB5RSTR: u32 = 0x7C;
/// Offset of RCC_AHB1RSTR.
pub const AHB1RSTR: u32 = 0x80;
/// Offset of RCC_AHB3RSTR.
pub const AHB3RSTR: u32 = 0xA4;
/// Offset of RCC_AHB4RSTR.
pub const AHB4RSTR: u32 = 0x88;
/// Offset of RCC_APB1RSTR1.
pub const APB1RSTR1: u32 = 0x90;
/// Offset of RCC_APB2RSTR.
pub const APB2RSTR: u32 = 0x98;
/// Offset of RCC_APB4RSTR.
pub const APB4RSTR: u32 = 0x9C;

/// One peripheral's bit in an enable and a reset register.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    enable: u32,
    reset: u32,
    bit: u32,
    pulses: u32,
}

impl Gate {
    /// A peripheral on AHB1.
    pub const fn ahb1(bit: u32) -> Self {
        Self::new(AHB1ENR, AHB1RSTR, bit)
    }

    /// A peripheral on AHB3.
    pub const fn ahb3(bit: u32) -> Self {
        Self::new(AHB3ENR, AHB3RSTR, bit)
    }

    /// A peripheral on APB2.
    pub const fn apb2(bit: u32) -> Self {
        Self::new(APB2ENR, APB2RSTR, bit)
    }

    /// A peripheral on AHB4.
    pub const fn ahb4(bit: u32) -> Self {
        Self::new(AHB4ENR, AHB4RSTR, bit)
    }

    /// A peripheral on AHB5.
    pub const fn ahb5(bit: u32) -> Self {
        Self::new(AHB5ENR, AHB5RSTR, bit)
    }

    /// A peripheral on APB1 (first register).
    pub const fn apb1(bit: u32) -> Self {
        Self::new(APB1ENR1, APB1RSTR1, bit)
    }

    /// A peripheral on APB4.
    pub const fn apb4(bit: u32) -> Self {
        Self::new(APB4ENR, APB4RSTR, bit)
    }

    const fn new(enable: u32, reset: u32, bit: u32) -> Self {
        Self {
            enable,
            reset,
            bit,
            pulses: 0,
        }
    }

    /// The bus clock runs and the reset line is released.
    pub fn is_open(&self, wires: &Wires) -> bool {
        wires.clocked(self.enable, self.bit)
    }

    /// True once after each pulse on the reset line.
    pub fn was_reset(&mut self, wires: &Wires) -> bool {
        let pulses = wires
            .reset_pulses
            .get(&(self.reset, self.bit))
            .copied()
            .unwrap_or(0);
        std::mem::replace(&mut self.pulses, pulses) != pulses
    }
}
