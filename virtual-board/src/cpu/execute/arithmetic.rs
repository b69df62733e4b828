//! Data processing, multiplication, division and the DSP instructions on core registers.

use super::Flow;
use crate::cpu::{
    Core,
    decode::{Alu, Operand, Operation, SetFlags, Shift, UnaryOp},
    dsp,
    registers::psr,
    trap::Trap,
};

/// AddWithCarry (ARM ARM A2.2.1): sum, carry out, signed overflow.
#[inline]
fn add_with_carry(x: u32, y: u32, carry: bool) -> (u32, bool, bool) {
    let wide = u64::from(x) + u64::from(y) + u64::from(carry);
    let sum = wide as u32;
    (sum, wide >> 32 != 0, (x ^ sum) & (y ^ sum) & psr::N != 0)
}

/// Shift_C (ARM ARM A7.4.2): result and carry out.
#[inline]
pub(super) fn shift_with_carry(value: u32, shift: Shift, amount: u32, carry: bool) -> (u32, bool) {
    if amount == 0 {
        return (value, carry);
    }
    let bit = |n: u32| value >> n & 1 == 1;
    match shift {
        Shift::Left if amount < 32 => (value << amount, bit(32 - amount)),
        Shift::Left => (0, amount == 32 && bit(0)),
        Shift::LogicalRight if amount < 32 => (value >> amount, bit(amount - 1)),
        Shift::LogicalRight => (0, amount == 32 && bit(31)),
        Shift::ArithmeticRight if amount < 32 => ((value as i32 >> amount) as u32, bit(amount - 1)),
        Shift::ArithmeticRight => ((value as i32 >> 31) as u32, bit(31)),
        Shift::RotateRight => {
            let result = value.rotate_right(amount);
            (result, result >> 31 == 1)
        }
        Shift::RotateExtend => (u32::from(carry) << 31 | value >> 1, bit(0)),
    }
}

impl Core {
    fn operand(&self, operand: Operand) -> (u32, bool) {
        let carry = self.registers.apsr & psr::C != 0;
        match operand {
            Operand::Register(m) => (self.registers.get(m), carry),
            Operand::Immediate(value) => (value, carry),
            Operand::RotatedImmediate(value) => (value, value >> 31 == 1),
            Operand::Shifted { m, shift, amount } => {
                shift_with_carry(self.registers.get(m), shift, amount.into(), carry)
            }
            Operand::ShiftedByRegister { m, shift, s } => {
                let amount = self.registers.get(s) & 0xFF;
                shift_with_carry(self.registers.get(m), shift, amount, carry)
            }
        }
    }

    #[inline]
    pub(super) fn data(
        &mut self,
        op: Alu,
        flags: SetFlags,
        d: u8,
        n: u8,
        operand: Operand,
    ) -> Flow {
        let (operand, shifted_out) = self.operand(operand);
        let n = self.registers.get(n);
        let carry = self.registers.apsr & psr::C != 0;
        let logical = |result| (result, shifted_out, self.registers.apsr & psr::V != 0);
        let (result, carry, overflow) = match op {
            Alu::And | Alu::Tst => logical(n & operand),
            Alu::Bic => logical(n & !operand),
            Alu::Orr => logical(n | operand),
            Alu::Orn => logical(n | !operand),
            Alu::Eor | Alu::Teq => logical(n ^ operand),
            Alu::Mov => logical(operand),
            Alu::Mvn => logical(!operand),
            Alu::Add | Alu::Cmn => add_with_carry(n, operand, false),
            Alu::Adc => add_with_carry(n, operand, carry),
            Alu::Sub | Alu::Cmp => add_with_carry(n, !operand, true),
            Alu::Sbc => add_with_carry(n, !operand, carry),
            Alu::Rsb => add_with_carry(!n, operand, true),
        };
        let sets_flags = match flags {
            SetFlags::Never => false,
            SetFlags::Always => true,
            SetFlags::OutsideIt => self.registers.itstate == 0,
        };
        if sets_flags {
            self.registers.set_nz(result);
            let others = self.registers.apsr & !(psr::C | psr::V);
            self.registers.apsr = others | u32::from(carry) << 29 | u32::from(overflow) << 28;
        }
        if matches!(op, Alu::Tst | Alu::Teq | Alu::Cmp | Alu::Cmn) {
            return Flow::Next;
        }
        if d == 15 {
            return Flow::Branch(result & !1);
        }
        self.registers.set(d, result);
        Flow::Next
    }

    /// Everything else that works on core registers only.
    pub(super) fn compute(&mut self, operation: Operation) -> Result<Flow, Trap> {
        use Operation::*;
        let registers = &mut self.registers;
        match operation {
            Address { d, offset } => {
                let address = registers.literal_base().wrapping_add_signed(offset.into());
                registers.set(d, address);
            }
            MoveTop { d, immediate } => {
                let value = registers.get(d) & 0xFFFF | u32::from(immediate) << 16;
                registers.set(d, value);
            }
            Extend {
                kind,
                d,
                n,
                m,
                rotate,
            } => {
                let accumulator = if n == 15 { 0 } else { registers.get(n) };
                let rotated = registers.get(m).rotate_right(rotate.into());
                registers.set(d, dsp::extend_and_add(kind, accumulator, rotated));
            }
            Unary { op, d, m } => {
                let value = registers.get(m);
                let result = match op {
                    UnaryOp::CountLeadingZeros => value.leading_zeros(),
                    UnaryOp::ReverseBits => value.reverse_bits(),
                    UnaryOp::Reverse => value.swap_bytes(),
                    UnaryOp::ReverseHalves => value.swap_bytes().rotate_left(16),
                    UnaryOp::ReverseSignedHalf => (value as i16).swap_bytes() as i32 as u32,
                };
                registers.set(d, result);
            }
            BitFieldExtract {
                signed,
                d,
                n,
                low,
                width,
            } => {
                let at_top = registers.get(n) << (32 - low - width);
                let result = if signed {
                    (at_top as i32 >> (32 - width)) as u32
                } else {
                    at_top >> (32 - width)
                };
                registers.set(d, result);
            }
            BitFieldInsert { d, n, low, width } => {
                let mask = u32::MAX >> (32 - width) << low;
                let source = if n == 15 { 0 } else { registers.get(n) };
                let result = registers.get(d) & !mask | source << low & mask;
                registers.set(d, result);
            }
            Saturate {
                signed,
                d,
                n,
                bits,
                shift,
                amount,
            } => {
                let (value, _) = shift_with_carry(registers.get(n), shift, amount.into(), false);
                let (result, saturated) = dsp::saturate(signed, (value as i32).into(), bits);
                registers.set(d, result);
                registers.note_saturation(saturated);
            }
            SaturateHalves { signed, d, n, bits } => {
                let (result, saturated) = dsp::saturate_halves(signed, registers.get(n), bits);
                registers.set(d, result);
                registers.note_saturation(saturated);
            }
            Pack {
                top,
                d,
                n,
                m,
                amount,
            } => {
                let (n, m) = (registers.get(n), registers.get(m));
                let result = if top {
                    let (shifted, _) =
                        shift_with_carry(m, Shift::ArithmeticRight, amount.into(), false);
                    n & 0xFFFF_0000 | shifted & 0xFFFF
                } else {
                    m << amount & 0xFFFF_0000 | n & 0xFFFF
                };
                registers.set(d, result);
            }
            Parallel {
                op,
                flavour,
                d,
                n,
                m,
            } => {
                let (result, flags) =
                    dsp::parallel(op, flavour, registers.get(n), registers.get(m));
                registers.set(d, result);
                if let Some(flags) = flags {
                    registers.apsr = registers.apsr & !psr::GE | flags << 16;
                }
            }
            SaturatingAdd {
                subtract,
                double,
                d,
                n,
                m,
            } => {
                let (n, m) = (registers.get(n), registers.get(m));
                let (result, saturated) = dsp::saturating_add(subtract, double, m, n);
                registers.set(d, result);
                registers.note_saturation(saturated);
            }
            SelectBytes { d, n, m } => {
                let flags = (registers.apsr & psr::GE) >> 16;
                let result = dsp::select(flags, registers.get(n), registers.get(m));
                registers.set(d, result);
            }
            MultiplyNarrow { d, n, m } => {
                let result = registers.get(n).wrapping_mul(registers.get(m));
                registers.set(d, result);
                if registers.itstate == 0 {
                    registers.set_nz(result);
                }
            }
            Multiply { op, d, n, m, a } => {
                let accumulator = if a == 15 { 0 } else { registers.get(a) };
                let (n, m) = (registers.get(n), registers.get(m));
                let (result, overflowed) = dsp::multiply(op, n, m, accumulator);
                registers.set(d, result);
                registers.note_saturation(overflowed);
            }
            MultiplyLong {
                op,
                low,
                high,
                n,
                m,
            } => {
                let accumulator =
                    u64::from(registers.get(high)) << 32 | u64::from(registers.get(low));
                let (n, m) = (registers.get(n), registers.get(m));
                let result = dsp::multiply_long(op, n, m, accumulator);
                registers.set(low, result as u32);
                registers.set(high, (result >> 32) as u32);
            }
            Divide { signed, d, n, m } => {
                let (n, m) = (registers.get(n), registers.get(m));
                if m == 0 && self.divide_by_zero_traps() {
                    return Err(Trap::DivideByZero);
                }
                let result = match (m, signed) {
                    (0, _) => 0,
                    (_, true) => (n as i32).wrapping_div(m as i32) as u32,
                    (_, false) => n / m,
                };
                self.registers.set(d, result);
            }
            _ => return Err(Trap::Undefined),
        }
        Ok(Flow::Next)
    }
}
