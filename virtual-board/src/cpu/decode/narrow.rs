//! 16-bit encodings (ARM ARM A5.2).

use crate::bus::Width;

use super::{Operation::*, *};

/// Decodes a 16-bit instruction.
pub(super) fn decode(e: u32) -> Operation {
    match bits(e, 15, 10) {
        0b000000..=0b001111 => shift_add_move_compare(e),
        0b010000 => data_processing(e),
        0b010001 => high_registers(e),
        0b010010 | 0b010011 => Load {
            size: LoadSize::Word,
            t: low_register(e, 8),
            n: 15,
            index: Index::Offset,
            offset: (bits(e, 7, 0) * 4) as i16,
        },
        0b010100..=0b010111 => load_store_register(e),
        0b011000..=0b100111 => load_store_immediate(e),
        0b101000 | 0b101001 => Address {
            d: low_register(e, 8),
            offset: (bits(e, 7, 0) * 4) as i16,
        },
        0b101010 | 0b101011 => add(low_register(e, 8), 13, bits(e, 7, 0) * 4),
        0b101100..=0b101111 => miscellaneous(e),
        0b110000 | 0b110001 => StoreMultiple {
            n: low_register(e, 8),
            list: bits(e, 7, 0) as u16,
            before: false,
            writeback: true,
        },
        0b110010 | 0b110011 => {
            let (n, list) = (low_register(e, 8), bits(e, 7, 0) as u16);
            LoadMultiple {
                n,
                list,
                before: false,
                writeback: list >> n & 1 == 0,
            }
        }
        0b110100..=0b110111 => match bits(e, 11, 8) {
            0b1110 => Undefined,
            0b1111 => SupervisorCall,
            condition => Branch {
                condition: condition as u8,
                offset: sign_extend(bits(e, 7, 0), 8) * 2,
            },
        },
        _ => Branch {
            condition: ALWAYS,
            offset: sign_extend(bits(e, 10, 0), 11) * 2,
        },
    }
}

/// The condition AL.
pub(super) const ALWAYS: u8 = 14;

fn add(d: u8, n: u8, immediate: u32) -> Operation {
    Data {
        op: Alu::Add,
        flags: SetFlags::Never,
        d,
        n,
        operand: Operand::Immediate(immediate),
    }
}

/// Shift by immediate, add, subtract, move and compare (A5.2.1).
fn shift_add_move_compare(e: u32) -> Operation {
    let three = |op, operand| Data {
        op,
        flags: SetFlags::OutsideIt,
        d: low_register(e, 0),
        n: low_register(e, 3),
        operand,
    };
    let immediate8 = |op| Data {
        op,
        flags: SetFlags::OutsideIt,
        d: low_register(e, 8),
        n: low_register(e, 8),
        operand: Operand::Immediate(bits(e, 7, 0)),
    };
    let m = low_register(e, 6);
    match bits(e, 13, 9) {
        0b00000..=0b01011 => three(
            Alu::Mov,
            immediate_shift(low_register(e, 3), bits(e, 12, 11), bits(e, 10, 6)),
        ),
        0b01100 => three(Alu::Add, Operand::Register(m)),
        0b01101 => three(Alu::Sub, Operand::Register(m)),
        0b01110 => three(Alu::Add, Operand::Immediate(m.into())),
        0b01111 => three(Alu::Sub, Operand::Immediate(m.into())),
        0b10000..=0b10011 => immediate8(Alu::Mov),
        0b10100..=0b10111 => Data {
            op: Alu::Cmp,
            flags: SetFlags::Always,
            d: 0,
            n: low_register(e, 8),
            operand: Operand::Immediate(bits(e, 7, 0)),
        },
        0b11000..=0b11011 => immediate8(Alu::Add),
        _ => immediate8(Alu::Sub),
    }
}

/// Data processing between low registers (A5.2.2).
fn data_processing(e: u32) -> Operation {
    let (d, m) = (low_register(e, 0), low_register(e, 3));
    let data = |op, flags, operand| Data {
        op,
        flags,
        d,
        n: d,
        operand,
    };
    let plain = |op| data(op, SetFlags::OutsideIt, Operand::Register(m));
    let compare = |op| data(op, SetFlags::Always, Operand::Register(m));
    let shift = |shift| {
        let operand = Operand::ShiftedByRegister { m: d, shift, s: m };
        data(Alu::Mov, SetFlags::OutsideIt, operand)
    };
    match bits(e, 9, 6) {
        0 => plain(Alu::And),
        1 => plain(Alu::Eor),
        2 => shift(Shift::Left),
        3 => shift(Shift::LogicalRight),
        4 => shift(Shift::ArithmeticRight),
        5 => plain(Alu::Adc),
        6 => plain(Alu::Sbc),
        7 => shift(Shift::RotateRight),
        8 => compare(Alu::Tst),
        9 => Data {
            op: Alu::Rsb,
            flags: SetFlags::OutsideIt,
            d,
            n: m,
            operand: Operand::Immediate(0),
        },
        10 => compare(Alu::Cmp),
        11 => compare(Alu::Cmn),
        12 => plain(Alu::Orr),
        13 => MultiplyNarrow { d, n: m, m: d },
        14 => plain(Alu::Bic),
        _ => plain(Alu::Mvn),
    }
}

/// Special data instructions and branch and exchange (A5.2.3).
fn high_registers(e: u32) -> Operation {
    let d = low_register(e, 0) | (bits(e, 7, 7) << 3) as u8;
    let operand = Operand::Register(register(e, 3));
    let data = |op, flags| Data {
        op,
        flags,
        d,
        n: d,
        operand,
    };
    match bits(e, 9, 8) {
        0 => data(Alu::Add, SetFlags::Never),
        1 => data(Alu::Cmp, SetFlags::Always),
        2 => data(Alu::Mov, SetFlags::Never),
        _ => BranchExchange {
            link: bit(e, 7),
            m: register(e, 3),
        },
    }
}

fn load_store_register(e: u32) -> Operation {
    let (t, n, m) = (low_register(e, 0), low_register(e, 3), low_register(e, 6));
    let store = |width| StoreRegister {
        width,
        t,
        n,
        m,
        shift: 0,
    };
    let load = |size| LoadRegister {
        size,
        t,
        n,
        m,
        shift: 0,
    };
    match bits(e, 11, 9) {
        0 => store(Width::Word),
        1 => store(Width::Half),
        2 => store(Width::Byte),
        3 => load(LoadSize::SignedByte),
        4 => load(LoadSize::Word),
        5 => load(LoadSize::Half),
        6 => load(LoadSize::Byte),
        _ => load(LoadSize::SignedHalf),
    }
}

fn load_store_immediate(e: u32) -> Operation {
    let store = |width, t, n, offset: u32| Store {
        width,
        t,
        n,
        index: Index::Offset,
        offset: offset as i16,
    };
    let load = |size, t, n, offset: u32| Load {
        size,
        t,
        n,
        index: Index::Offset,
        offset: offset as i16,
    };
    let (t, n, immediate) = (low_register(e, 0), low_register(e, 3), bits(e, 10, 6));
    match bits(e, 15, 11) {
        0b01100 => store(Width::Word, t, n, immediate * 4),
        0b01101 => load(LoadSize::Word, t, n, immediate * 4),
        0b01110 => store(Width::Byte, t, n, immediate),
        0b01111 => load(LoadSize::Byte, t, n, immediate),
        0b10000 => store(Width::Half, t, n, immediate * 2),
        0b10001 => load(LoadSize::Half, t, n, immediate * 2),
        0b10010 => store(Width::Word, low_register(e, 8), 13, bits(e, 7, 0) * 4),
        _ => load(LoadSize::Word, low_register(e, 8), 13, bits(e, 7, 0) * 4),
    }
}

/// Miscellaneous 16-bit instructions (A5.2.5).
fn miscellaneous(e: u32) -> Operation {
    let (d, m) = (low_register(e, 0), low_register(e, 3));
    let unary = |op| Unary { op, d, m };
    let extend = |kind| Extend {
        kind,
        d,
        n: 15,
        m,
        rotate: 0,
    };
    match bits(e, 11, 5) {
        0b0000000..=0b0000011 => add(13, 13, bits(e, 6, 0) * 4),
        0b0000100..=0b0000111 => Data {
            op: Alu::Sub,
            flags: SetFlags::Never,
            d: 13,
            n: 13,
            operand: Operand::Immediate(bits(e, 6, 0) * 4),
        },
        op if op & 0b0101000 == 0b0001000 => CompareBranch {
            nonzero: bit(e, 11),
            n: low_register(e, 0),
            offset: (bits(e, 9, 9) << 6 | bits(e, 7, 3) << 1) as u8,
        },
        0b0010000..=0b0010111 => match bits(e, 7, 6) {
            0 => extend(ExtendKind::SignedHalf),
            1 => extend(ExtendKind::SignedByte),
            2 => extend(ExtendKind::UnsignedHalf),
            _ => extend(ExtendKind::UnsignedByte),
        },
        0b0100000..=0b0101111 => StoreMultiple {
            n: 13,
            list: (bits(e, 7, 0) | bits(e, 8, 8) << 14) as u16,
            before: true,
            writeback: true,
        },
        0b0110011 => ChangeState {
            disable: bit(e, 4),
            primask: bit(e, 1),
            faultmask: bit(e, 0),
        },
        0b1010000 | 0b1010001 => unary(UnaryOp::Reverse),
        0b1010010 | 0b1010011 => unary(UnaryOp::ReverseHalves),
        0b1010110 | 0b1010111 => unary(UnaryOp::ReverseSignedHalf),
        0b1100000..=0b1101111 => LoadMultiple {
            n: 13,
            list: (bits(e, 7, 0) | bits(e, 8, 8) << 15) as u16,
            before: false,
            writeback: true,
        },
        0b1110000..=0b1110111 => Breakpoint {
            immediate: bits(e, 7, 0) as u8,
        },
        0b1111000..=0b1111111 if bits(e, 3, 0) != 0 => IfThen {
            state: bits(e, 7, 0) as u8,
        },
        0b1111000..=0b1111111 => hint(bits(e, 7, 4)),
        _ => Undefined,
    }
}

/// NOP-compatible hints (A5.2.5); what is not allocated executes as NOP.
pub(super) fn hint(number: u32) -> Operation {
    match number {
        2 => WaitForEvent,
        3 => WaitForInterrupt,
        4 => SendEvent,
        _ => Nothing,
    }
}
