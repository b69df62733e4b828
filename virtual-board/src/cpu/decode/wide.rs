//! 32-bit encodings (ARM ARM A5.3): the table, data processing with immediates, branches and control.
//! Bit numbers are those of the whole word, first halfword on top.

use super::{
    Operation::*,
    narrow::{ALWAYS, hint},
    *,
};

/// Decodes a 32-bit instruction.
pub(super) fn decode(e: u32) -> Operation {
    let coprocessor = bit(e, 26);
    match bits(e, 28, 27) {
        0b01 if coprocessor => float::decode(e),
        0b01 if bit(e, 25) && bit(e, 15) => Undefined,
        0b01 if bit(e, 25) => data_processing(e, shifted_operand(e)),
        0b01 if bit(e, 22) => wide_memory::dual_exclusive_table(e),
        0b01 => wide_memory::multiple(e),
        0b10 if bit(e, 15) => branch_or_control(e),
        0b10 if bit(e, 25) => plain_immediate(e),
        0b10 => data_processing(e, modified_immediate(e)),
        _ if coprocessor => float::decode(e),
        _ => match bits(e, 25, 23) {
            0b000 | 0b001 if !bit(e, 20) && !bit(e, 24) => wide_memory::store(e),
            0b000..=0b011 if bit(e, 20) => wide_memory::load(e),
            0b100 | 0b101 => wide_register::data_processing(e),
            0b110 => wide_register::multiply(e),
            0b111 => wide_register::multiply_long(e),
            _ => Undefined,
        },
    }
}

/// The immediate that encodings scatter over i:imm3:imm8.
fn immediate12(e: u32) -> u32 {
    bits(e, 26, 26) << 11 | bits(e, 14, 12) << 8 | bits(e, 7, 0)
}

/// ThumbExpandImm_C (ARM ARM A5.3.2).
fn modified_immediate(e: u32) -> Operand {
    let immediate = immediate12(e);
    let byte = immediate & 0xFF;
    match immediate >> 8 {
        0 => Operand::Immediate(byte),
        1 => Operand::Immediate(byte * 0x0001_0001),
        2 => Operand::Immediate(byte * 0x0100_0100),
        3 => Operand::Immediate(byte * 0x0101_0101),
        _ => Operand::RotatedImmediate((0x80 | byte & 0x7F).rotate_right(immediate >> 7)),
    }
}

fn shifted_operand(e: u32) -> Operand {
    let amount = bits(e, 14, 12) << 2 | bits(e, 7, 6);
    immediate_shift(register(e, 0), bits(e, 5, 4), amount)
}

/// Data processing with a modified immediate (A5.3.1) or a shifted register (A5.3.11): the same table but for PKH.
fn data_processing(e: u32, operand: Operand) -> Operation {
    let (d, n) = (register(e, 8), register(e, 16));
    let sets_flags = bit(e, 20);
    let compares = d == 15 && sets_flags;
    let op = match bits(e, 24, 21) {
        0 if compares => Alu::Tst,
        0 => Alu::And,
        1 => Alu::Bic,
        2 if n == 15 => Alu::Mov,
        2 => Alu::Orr,
        3 if n == 15 => Alu::Mvn,
        3 => Alu::Orn,
        4 if compares => Alu::Teq,
        4 => Alu::Eor,
        6 if bit(e, 25) && !sets_flags && !bit(e, 4) => return pack(e, d, n),
        8 if compares => Alu::Cmn,
        8 => Alu::Add,
        10 => Alu::Adc,
        11 => Alu::Sbc,
        13 if compares => Alu::Cmp,
        13 => Alu::Sub,
        14 => Alu::Rsb,
        _ => return Undefined,
    };
    let flags = if sets_flags {
        SetFlags::Always
    } else {
        SetFlags::Never
    };
    Data {
        op,
        flags,
        d,
        n,
        operand,
    }
}

fn pack(e: u32, d: u8, n: u8) -> Operation {
    let top = bit(e, 5);
    let amount = (bits(e, 14, 12) << 2 | bits(e, 7, 6)) as u8;
    Pack {
        top,
        d,
        n,
        m: register(e, 0),
        amount: if top && amount == 0 { 32 } else { amount },
    }
}

/// Data processing with a plain binary immediate (A5.3.3).
fn plain_immediate(e: u32) -> Operation {
    let (d, n) = (register(e, 8), register(e, 16));
    let low = (bits(e, 14, 12) << 2 | bits(e, 7, 6)) as u8;
    let width = bits(e, 4, 0) as u8;
    let add = |op| Data {
        op,
        flags: SetFlags::Never,
        d,
        n,
        operand: Operand::Immediate(immediate12(e)),
    };
    let saturate = |signed: bool| {
        let bits = width + u8::from(signed);
        match (bit(e, 21), low) {
            (true, 0) => SaturateHalves {
                signed,
                d,
                n,
                // Four bits count; the fifth should be zero (A7.7, SSAT16).
                bits: (width & 0xF) + u8::from(signed),
            },
            (arithmetic, amount) => Saturate {
                signed,
                d,
                n,
                bits,
                shift: if arithmetic {
                    Shift::ArithmeticRight
                } else {
                    Shift::Left
                },
                amount,
            },
        }
    };
    let extract = |signed| match low + width {
        32.. => Undefined,
        _ => BitFieldExtract {
            signed,
            d,
            n,
            low,
            width: width + 1,
        },
    };
    let half = (bits(e, 19, 16) << 12 | immediate12(e)) as u16;
    match bits(e, 24, 20) {
        0b00000 if n == 15 => Address {
            d,
            offset: immediate12(e) as i16,
        },
        0b00000 => add(Alu::Add),
        0b00100 => Data {
            op: Alu::Mov,
            flags: SetFlags::Never,
            d,
            n: 15,
            operand: Operand::Immediate(half.into()),
        },
        0b01010 if n == 15 => Address {
            d,
            offset: -(immediate12(e) as i16),
        },
        0b01010 => add(Alu::Sub),
        0b01100 => MoveTop { d, immediate: half },
        0b10000 | 0b10010 => saturate(true),
        0b10100 => extract(true),
        0b10110 if width < low => Undefined,
        0b10110 => BitFieldInsert {
            d,
            n,
            low,
            width: width - low + 1,
        },
        0b11000 | 0b11010 => saturate(false),
        0b11100 => extract(false),
        _ => Undefined,
    }
}

/// Branches and miscellaneous control (A5.3.4).
fn branch_or_control(e: u32) -> Operation {
    match (bit(e, 14), bit(e, 12)) {
        (false, false) if bits(e, 25, 23) != 0b111 => Branch {
            condition: bits(e, 25, 22) as u8,
            offset: conditional_offset(e),
        },
        (false, false) => control(e),
        (false, true) => Branch {
            condition: ALWAYS,
            offset: long_offset(e),
        },
        (true, true) => BranchLink {
            offset: long_offset(e),
        },
        (true, false) => Undefined,
    }
}

/// The 21-bit offset of encoding T3 of B.
fn conditional_offset(e: u32) -> i32 {
    let high = bits(e, 26, 26) << 19 | bits(e, 11, 11) << 18 | bits(e, 13, 13) << 17;
    sign_extend((high | bits(e, 21, 16) << 11 | bits(e, 10, 0)) << 1, 21)
}

/// The 25-bit offset of encoding T4 of B, and of BL.
fn long_offset(e: u32) -> i32 {
    let sign = bits(e, 26, 26);
    let i1 = !(bits(e, 13, 13) ^ sign) & 1;
    let i2 = !(bits(e, 11, 11) ^ sign) & 1;
    let high = sign << 23 | i1 << 22 | i2 << 21;
    sign_extend((high | bits(e, 25, 16) << 11 | bits(e, 10, 0)) << 1, 25)
}

fn control(e: u32) -> Operation {
    match bits(e, 26, 20) {
        0b0111000 | 0b0111001 => WriteSpecial {
            n: register(e, 16),
            special: bits(e, 7, 0) as u8,
            mask: bits(e, 11, 10) as u8,
        },
        0b0111010 if bits(e, 10, 8) == 0 => hint(bits(e, 7, 0)),
        0b0111011 => match bits(e, 7, 4) {
            2 => ClearExclusive,
            4..=6 => Nothing,
            _ => Undefined,
        },
        0b0111110 | 0b0111111 => ReadSpecial {
            d: register(e, 8),
            special: bits(e, 7, 0) as u8,
        },
        _ => Undefined,
    }
}
