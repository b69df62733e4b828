//! 32-bit data processing between registers, multiplies and divides (ARM ARM A5.3.12 to A5.3.17).

use super::{Operation::*, *};

/// Data processing (register), with its parallel and miscellaneous tables (A5.3.12 to A5.3.15).
pub(super) fn data_processing(e: u32) -> Operation {
    if bits(e, 15, 12) != 0xF {
        return Undefined;
    }
    let (d, n, m) = (register(e, 8), register(e, 16), register(e, 0));
    match (bit(e, 23), bits(e, 7, 6)) {
        (false, 0b00) if bits(e, 5, 4) == 0 => shift_by_register(e, d, n, m),
        (false, 0b10 | 0b11) => extend(e, d, n, m),
        (true, 0b00 | 0b01) => parallel(e, d, n, m),
        (true, 0b10) => miscellaneous(e, d, n, m),
        _ => Undefined,
    }
}

fn shift_by_register(e: u32, d: u8, n: u8, m: u8) -> Operation {
    let shift = match bits(e, 22, 21) {
        0 => Shift::Left,
        1 => Shift::LogicalRight,
        2 => Shift::ArithmeticRight,
        _ => Shift::RotateRight,
    };
    Data {
        op: Alu::Mov,
        flags: if bit(e, 20) {
            SetFlags::Always
        } else {
            SetFlags::Never
        },
        d,
        n: 15,
        operand: Operand::ShiftedByRegister { m: n, shift, s: m },
    }
}

fn extend(e: u32, d: u8, n: u8, m: u8) -> Operation {
    let kind = match bits(e, 22, 20) {
        0 => ExtendKind::SignedHalf,
        1 => ExtendKind::UnsignedHalf,
        2 => ExtendKind::SignedBytes,
        3 => ExtendKind::UnsignedBytes,
        4 => ExtendKind::SignedByte,
        5 => ExtendKind::UnsignedByte,
        _ => return Undefined,
    };
    Extend {
        kind,
        d,
        n,
        m,
        rotate: (bits(e, 5, 4) * 8) as u8,
    }
}

fn parallel(e: u32, d: u8, n: u8, m: u8) -> Operation {
    let op = match bits(e, 22, 20) {
        0b001 => ParallelOp::Add16,
        0b010 => ParallelOp::AddSubtractExchange,
        0b110 => ParallelOp::SubtractAddExchange,
        0b101 => ParallelOp::Subtract16,
        0b000 => ParallelOp::Add8,
        0b100 => ParallelOp::Subtract8,
        _ => return Undefined,
    };
    let flavour = match bits(e, 6, 4) {
        0b000 => Flavour::Signed,
        0b001 => Flavour::Saturating,
        0b010 => Flavour::Halving,
        0b100 => Flavour::Unsigned,
        0b101 => Flavour::UnsignedSaturating,
        0b110 => Flavour::UnsignedHalving,
        _ => return Undefined,
    };
    Parallel {
        op,
        flavour,
        d,
        n,
        m,
    }
}

fn miscellaneous(e: u32, d: u8, n: u8, m: u8) -> Operation {
    let unary = |op| Unary { op, d, m };
    match (bits(e, 22, 20), bits(e, 5, 4)) {
        (0b000, op) => SaturatingAdd {
            subtract: op & 2 != 0,
            double: op & 1 != 0,
            d,
            n,
            m,
        },
        (0b001, 0) => unary(UnaryOp::Reverse),
        (0b001, 1) => unary(UnaryOp::ReverseHalves),
        (0b001, 2) => unary(UnaryOp::ReverseBits),
        (0b001, _) => unary(UnaryOp::ReverseSignedHalf),
        (0b010, 0) => SelectBytes { d, n, m },
        (0b011, 0) => unary(UnaryOp::CountLeadingZeros),
        _ => Undefined,
    }
}

/// Multiply, multiply accumulate, absolute difference (A5.3.16).
pub(super) fn multiply(e: u32) -> Operation {
    if bits(e, 7, 6) != 0 {
        return Undefined;
    }
    let (upper, lower) = (bit(e, 5), bit(e, 4));
    let op = match bits(e, 22, 20) {
        0 if !upper && !lower => MultiplyOp::Plain,
        0 if !upper => MultiplyOp::Subtract,
        1 => MultiplyOp::Halves {
            n_top: upper,
            m_top: lower,
        },
        2 if !upper => MultiplyOp::DualAdd { exchange: lower },
        3 if !upper => MultiplyOp::WordByHalf { m_top: lower },
        4 if !upper => MultiplyOp::DualSubtract { exchange: lower },
        5 if !upper => MultiplyOp::MostSignificant { round: lower },
        6 if !upper => MultiplyOp::MostSignificantSubtract { round: lower },
        7 if !upper && !lower => MultiplyOp::AbsoluteDifferences,
        _ => return Undefined,
    };
    Multiply {
        op,
        d: register(e, 8),
        n: register(e, 16),
        m: register(e, 0),
        a: register(e, 12),
    }
}

/// Long multiply, long multiply accumulate, divide (A5.3.17).
pub(super) fn multiply_long(e: u32) -> Operation {
    let (n, m) = (register(e, 16), register(e, 0));
    let op = match (bits(e, 22, 20), bits(e, 7, 4)) {
        (0, 0) => LongOp::Signed,
        (1 | 3, 15) => {
            return Divide {
                signed: bits(e, 22, 20) == 1,
                d: register(e, 8),
                n,
                m,
            };
        }
        (2, 0) => LongOp::Unsigned,
        (4, 0) => LongOp::SignedAccumulate,
        (4, halves @ 8..=11) => LongOp::Halves {
            n_top: halves & 2 != 0,
            m_top: halves & 1 != 0,
        },
        (4, dual @ 12..=13) => LongOp::DualAdd {
            exchange: dual & 1 != 0,
        },
        (5, dual @ 12..=13) => LongOp::DualSubtract {
            exchange: dual & 1 != 0,
        },
        (6, 0) => LongOp::UnsignedAccumulate,
        (6, 6) => LongOp::UnsignedAccumulateTwice,
        _ => return Undefined,
    };
    MultiplyLong {
        op,
        low: register(e, 12),
        high: register(e, 8),
        n,
        m,
    }
}
