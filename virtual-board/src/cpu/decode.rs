//! Thumb-2 decoding (ARM ARM A5): a pure function of two halfwords.
//!
//! The groups follow the tables of chapter A5: `narrow` is A5.2 (16 bits), `wide` is A5.3 (32 bits) with its loads and stores in
//! `wide_memory`, its registers and multiplies in `wide_register`, and the coprocessor space of the FPU in `float`.
//! Unallocated encodings become [`Operation::Undefined`]. UNPREDICTABLE ones mostly execute as their neighbours do, a write to
//! the pc excepted, which is dropped; where that would make no sense they are undefined as well.

mod float;
mod narrow;
mod operand;
mod operation;
mod wide;
mod wide_memory;
mod wide_register;

pub use operand::*;
pub use operation::*;

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruction {
    /// What it does.
    pub operation: Operation,
    /// 2 or 4.
    pub bytes: u8,
}

/// True if `first` begins a 32-bit instruction (ARM ARM A5.1).
pub const fn is_wide(first: u16) -> bool {
    first >= 0xE800
}

/// Decodes the instruction that begins with `first`; `second` is looked at only if [`is_wide`] says so.
pub fn decode(first: u16, second: u16) -> Instruction {
    if is_wide(first) {
        let encoding = u32::from(first) << 16 | u32::from(second);
        Instruction {
            operation: wide::decode(encoding),
            bytes: 4,
        }
    } else {
        Instruction {
            operation: narrow::decode(first.into()),
            bytes: 2,
        }
    }
}

/// Bits `low..=high` of `encoding`, right-aligned.
const fn bits(encoding: u32, high: u32, low: u32) -> u32 {
    encoding >> low & ((2u32 << (high - low)) - 1)
}

/// Bit `position` of `encoding`.
const fn bit(encoding: u32, position: u32) -> bool {
    encoding >> position & 1 == 1
}

/// The 4-bit register number whose lowest bit is at `low`.
const fn register(encoding: u32, low: u32) -> u8 {
    (encoding >> low & 0xF) as u8
}

/// The 3-bit register number whose lowest bit is at `low`.
const fn low_register(encoding: u32, low: u32) -> u8 {
    (encoding >> low & 7) as u8
}

/// `value`, whose sign is in bit `width - 1`, as a signed number.
const fn sign_extend(value: u32, width: u32) -> i32 {
    ((value << (32 - width)) as i32) >> (32 - width)
}

/// DecodeImmShift (ARM ARM A7.4.2) applied to register `m`.
fn immediate_shift(m: u8, kind: u32, amount: u32) -> Operand {
    let shifted = |shift, amount: u32| Operand::Shifted {
        m,
        shift,
        amount: amount as u8,
    };
    match (kind, amount) {
        (0, 0) => Operand::Register(m),
        (0, _) => shifted(Shift::Left, amount),
        (1, 0) => shifted(Shift::LogicalRight, 32),
        (1, _) => shifted(Shift::LogicalRight, amount),
        (2, 0) => shifted(Shift::ArithmeticRight, 32),
        (2, _) => shifted(Shift::ArithmeticRight, amount),
        (_, 0) => shifted(Shift::RotateExtend, 1),
        (_, _) => shifted(Shift::RotateRight, amount),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_stay_small_enough_to_cache() {
        assert!(
            size_of::<Instruction>() <= 20,
            "{}",
            size_of::<Instruction>()
        );
    }

    #[test]
    fn every_encoding_decodes_without_panicking() {
        for first in 0..=u16::MAX {
            for second in [0, 0xFFFF, 0x0FF0, 0xF00F, 0xAA55, 0x55AA, 0x0A90, 0x8BC7] {
                let instruction = decode(first, second);
                assert_eq!(instruction.bytes == 4, is_wide(first));
            }
        }
    }

    #[test]
    fn permanently_undefined_stays_undefined() {
        assert_eq!(decode(0xDE00, 0).operation, Operation::Undefined);
        assert_eq!(decode(0xF7F0, 0xA000).operation, Operation::Undefined);
    }
}
