//! One instruction in words, by yaxpeax-arm, and the registers that made its address (ARM ARM A5, A7.7).
//!
//! What that library does not know of ARMv7E-M (floating point; DSP in part) is told by its encoding.

use std::fmt;

use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv7::{InstDecoder, Operand, Reg, RegShift, RegShiftStyle};

use super::Registers;

/// What an access adds to its base register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// A number.
    Constant(i32),
    /// A register, shifted left; subtracted or added.
    Index {
        /// Its number.
        register: usize,
        /// Bits.
        shift: u8,
        /// It is added.
        added: bool,
    },
}

/// The address of a load or store: a register, and what is added before the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The base register's number.
    pub base: usize,
    /// What is added to it.
    pub offset: Offset,
}

impl Access {
    /// The address, as far as the registers are known.
    pub fn address(&self, registers: &Registers) -> Option<u32> {
        let base = match self.base {
            // Of the program counter a load sees the next word but one, aligned (ARM ARM A5.1.2).
            Registers::PC => registers.get(Registers::PC)?.wrapping_add(4) & !3,
            base => registers.get(base)?,
        };
        Some(match self.offset {
            Offset::Constant(offset) => base.wrapping_add_signed(offset),
            Offset::Index {
                register,
                shift,
                added,
            } => {
                let index = registers.get(register)?.wrapping_shl(u32::from(shift));
                match added {
                    true => base.wrapping_add(index),
                    false => base.wrapping_sub(index),
                }
            }
        })
    }
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its encoding: one halfword, or two.
    encoding: (u16, Option<u16>),
    /// Mnemonic and operands, if the decoder knows it.
    text: Option<String>,
    /// Where it loads or stores, if it does.
    pub access: Option<Access>,
    /// The registers that it names, by number.
    pub registers: Vec<usize>,
}

impl Instruction {
    /// Decodes the first instruction of `code`; `None` if that is not all of it.
    pub fn decode(code: &[u8]) -> Option<Self> {
        let first = u16::from_le_bytes([*code.first()?, *code.get(1)?]);
        let second = match first >> 11 >= 0b11101 {
            true => Some(u16::from_le_bytes([*code.get(2)?, *code.get(3)?])),
            false => None,
        };
        let encoding = (first, second);
        let plain = Self {
            encoding,
            text: None,
            access: None,
            registers: Vec::new(),
        };
        if is_floating_point(encoding) {
            return Some(plain);
        }
        let mut reader = U8Reader::new(code);
        let Ok(decoded) = InstDecoder::armv7_thumb().decode(&mut reader) else {
            return Some(plain);
        };
        let mut registers: Vec<usize> = decoded.operands.iter().flat_map(named).collect();
        registers.sort_unstable();
        registers.dedup();
        Some(Self {
            text: Some(decoded.to_string()),
            access: decoded.operands.iter().find_map(access),
            registers,
            ..plain
        })
    }

    /// UDF, which no core executes: compilers put it where a program must not come.
    pub fn is_permanently_undefined(&self) -> bool {
        match self.encoding {
            (first, None) => first & 0xFF00 == 0xDE00,
            (first, Some(second)) => first & 0xFFF0 == 0xF7F0 && second & 0xF000 == 0xA000,
        }
    }
}

/// `ldr r0, [r3, #0x4] (0x6858)`, or the encoding alone.
impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = match self.encoding {
            (first, None) => format!("0x{first:04x}"),
            (first, Some(second)) => format!("0x{first:04x} 0x{second:04x}"),
        };
        match &self.text {
            Some(text) => write!(f, "{text} ({encoding})"),
            None if is_floating_point(self.encoding) => write!(f, "{encoding} (floating point)"),
            None => f.write_str(&encoding),
        }
    }
}

/// Coprocessors 10 and 11 (ARM ARM A6): the decoder shows them as accesses to a coprocessor.
fn is_floating_point(encoding: (u16, Option<u16>)) -> bool {
    encoding
        .1
        .is_some_and(|second| encoding.0 & 0xEC00 == 0xEC00 && second & 0x0E00 == 0x0A00)
}

fn number(register: Reg) -> usize {
    usize::from(register.number())
}

/// The registers that an operand names.
fn named(operand: &Operand) -> Vec<usize> {
    match *operand {
        Operand::Reg(register) | Operand::RegWBack(register, _) | Operand::RegDeref(register) => {
            vec![number(register)]
        }
        Operand::RegDerefPreindexOffset(register, ..)
        | Operand::RegDerefPostindexOffset(register, ..) => vec![number(register)],
        Operand::RegDerefPreindexReg(base, index, ..)
        | Operand::RegDerefPostindexReg(base, index, ..) => vec![number(base), number(index)],
        Operand::RegDerefPreindexRegShift(base, shift, ..)
        | Operand::RegDerefPostindexRegShift(base, shift, ..) => {
            vec![number(base), number(shifted(shift).0)]
        }
        Operand::RegShift(shift) => vec![number(shifted(shift).0)],
        _ => Vec::new(),
    }
}

fn access(operand: &Operand) -> Option<Access> {
    let constant = |offset: u16, added| match added {
        true => Offset::Constant(i32::from(offset)),
        false => Offset::Constant(-i32::from(offset)),
    };
    let (base, offset) = match *operand {
        // The base as it is: what is added, is added behind the access.
        Operand::RegDeref(base)
        | Operand::RegWBack(base, _)
        | Operand::RegDerefPostindexOffset(base, ..)
        | Operand::RegDerefPostindexReg(base, ..)
        | Operand::RegDerefPostindexRegShift(base, ..) => (base, Offset::Constant(0)),
        Operand::RegDerefPreindexOffset(base, offset, added, _) => (base, constant(offset, added)),
        Operand::RegDerefPreindexReg(base, register, added, _) => {
            let register = number(register);
            (
                base,
                Offset::Index {
                    register,
                    shift: 0,
                    added,
                },
            )
        }
        Operand::RegDerefPreindexRegShift(base, shift, added, _) => {
            let (register, shift) = shifted(shift);
            let register = number(register);
            (
                base,
                Offset::Index {
                    register,
                    shift,
                    added,
                },
            )
        }
        _ => return None,
    };
    Some(Access {
        base: number(base),
        offset,
    })
}

/// Thumb shifts an index to the left, by a constant.
fn shifted(shift: RegShift) -> (Reg, u8) {
    match shift.into_shift() {
        RegShiftStyle::RegImm(shift) => (shift.shiftee(), shift.imm()),
        RegShiftStyle::RegReg(shift) => (shift.shiftee(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(halfwords: &[u16]) -> Instruction {
        let bytes: Vec<u8> = halfwords
            .iter()
            .flat_map(|half| half.to_le_bytes())
            .collect();
        Instruction::decode(&bytes).expect("an instruction")
    }

    fn access(base: usize, offset: Offset) -> Option<Access> {
        Some(Access { base, offset })
    }

    #[test]
    fn loads_and_stores_tell_what_makes_their_address() {
        // As GNU as 2.40 encodes them.
        let index = |register, shift| Offset::Index {
            register,
            shift,
            added: true,
        };
        for (code, text, expected) in [
            (
                &[0x6858][..],
                "ldr r0, [r3, #0x4]",
                access(3, Offset::Constant(4)),
            ),
            (&[0x5CD1], "ldrb r1, [r2, r3]", access(2, index(3, 0))),
            (
                &[0xF8C4, 0x5FF0],
                "str.w r5, [r4, #0xff0]",
                access(4, Offset::Constant(0xFF0)),
            ),
            (
                &[0xF852, 0x0C04],
                "ldr r0, [r2, #-0x4]",
                access(2, Offset::Constant(-4)),
            ),
            (
                &[0xF852, 0x1023],
                "ldr.w r1, [r2, r3, lsl 2]",
                access(2, index(3, 2)),
            ),
            (
                &[0x9801],
                "ldr r0, [sp, #0x4]",
                access(13, Offset::Constant(4)),
            ),
        ] {
            let instruction = decode(code);
            assert_eq!(instruction.access, expected, "{instruction}");
            assert!(
                instruction.to_string().contains('['),
                "{instruction} is {text}"
            );
        }
    }

    #[test]
    fn what_is_no_access_has_none() {
        // sdiv r0, r1, r2; bx lr; udf #0; udf.w #0
        let divide = decode(&[0xFB91, 0xF0F2]);
        assert_eq!(
            (divide.access, divide.registers.as_slice()),
            (None, &[0, 1, 2][..])
        );
        assert_eq!(decode(&[0x4770]).access, None);
        assert!(decode(&[0xDE00]).is_permanently_undefined());
        assert!(decode(&[0xF7F0, 0xA000]).is_permanently_undefined());
        assert!(!divide.is_permanently_undefined());
    }

    #[test]
    fn what_is_not_known_is_told_by_its_encoding() {
        // vldr d0, [r1]; half an instruction
        assert_eq!(
            decode(&[0xED91, 0x0B00]).to_string(),
            "0xed91 0x0b00 (floating point)"
        );
        assert_eq!(Instruction::decode(&[0x91, 0xED]), None);
        for first in (0..=u16::MAX).step_by(7) {
            for second in [0, 0x8000, 0xF0F2, 0xFFFF] {
                assert!(!decode(&[first, second]).to_string().is_empty());
            }
        }
    }
}
