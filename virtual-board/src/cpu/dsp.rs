//! The DSP half of ARMv7E-M as pure functions of register values (ARM ARM A4.4.3 to A4.4.7).
//! A `bool` beside a result says that it saturated or overflowed, which sets Q.

use super::decode::{ExtendKind, Flavour, LongOp, MultiplyOp, ParallelOp};

/// SignedSatQ and UnsignedSatQ: `value` to `bits` bits.
pub(super) fn saturate(signed: bool, value: i64, bits: u8) -> (u32, bool) {
    let (low, high) = if signed {
        (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1)
    } else {
        (0, (1i64 << bits) - 1)
    };
    let result = value.clamp(low, high);
    (result as u32, result != value)
}

/// SSAT16, USAT16.
pub(super) fn saturate_halves(signed: bool, value: u32, bits: u8) -> (u32, bool) {
    let (low, low_saturated) = saturate(signed, half(value, false), bits);
    let (high, high_saturated) = saturate(signed, half(value, true), bits);
    (high << 16 | low & 0xFFFF, low_saturated || high_saturated)
}

/// QADD, QSUB, and with `double` QDADD, QDSUB: both steps saturate.
pub(super) fn saturating_add(subtract: bool, double: bool, m: u32, n: u32) -> (u32, bool) {
    let n = i64::from(n as i32);
    let (n, first) = saturate(true, if double { n * 2 } else { n }, 32);
    let (m, n) = (i64::from(m as i32), i64::from(n as i32));
    let (result, second) = saturate(true, if subtract { m - n } else { m + n }, 32);
    (result, first || second)
}

/// SEL: bytes of `n` where GE is set, else of `m`.
pub(super) fn select(flags: u32, n: u32, m: u32) -> u32 {
    let mask = (0..4)
        .filter(|lane| flags >> lane & 1 == 1)
        .fold(0, |mask, lane| mask | 0xFF << (8 * lane));
    n & mask | m & !mask
}

/// SXTAB and its kin; `value` is already rotated.
pub(super) fn extend_and_add(kind: ExtendKind, accumulator: u32, value: u32) -> u32 {
    let in_halves = |low: u32, high: u32| {
        let low = low.wrapping_add(accumulator) & 0xFFFF;
        let high = high.wrapping_add(accumulator >> 16);
        high << 16 | low
    };
    let extended = match kind {
        ExtendKind::SignedByte => value as i8 as u32,
        ExtendKind::SignedHalf => value as i16 as u32,
        ExtendKind::UnsignedByte => value & 0xFF,
        ExtendKind::UnsignedHalf => value & 0xFFFF,
        ExtendKind::SignedBytes => {
            return in_halves(value as i8 as u32, (value >> 16) as i8 as u32);
        }
        ExtendKind::UnsignedBytes => return in_halves(value & 0xFF, value >> 16 & 0xFF),
    };
    accumulator.wrapping_add(extended)
}

/// Parallel addition and subtraction: the result, and the GE flags of the forms that set them.
pub(super) fn parallel(op: ParallelOp, flavour: Flavour, n: u32, m: u32) -> (u32, Option<u32>) {
    let (bits, lanes) = match op {
        ParallelOp::Add8 | ParallelOp::Subtract8 => (8, 4),
        _ => (16, 2),
    };
    let crossed = matches!(
        op,
        ParallelOp::AddSubtractExchange | ParallelOp::SubtractAddExchange
    );
    let m = if crossed { m.rotate_left(16) } else { m };
    let signed = matches!(
        flavour,
        Flavour::Signed | Flavour::Saturating | Flavour::Halving
    );
    let mut result = 0;
    let mut flags = 0;
    for lane in 0..lanes {
        let part = |value: u32| {
            let at_top = value << (32 - bits * (lane + 1));
            if signed {
                at_top as i32 >> (32 - bits)
            } else {
                (at_top >> (32 - bits)) as i32
            }
        };
        let adds = match op {
            ParallelOp::Add16 | ParallelOp::Add8 => true,
            ParallelOp::Subtract16 | ParallelOp::Subtract8 => false,
            ParallelOp::AddSubtractExchange => lane == 1,
            ParallelOp::SubtractAddExchange => lane == 0,
        };
        let exact = if adds {
            part(n) + part(m)
        } else {
            part(n) - part(m)
        };
        let value = match flavour {
            Flavour::Signed | Flavour::Unsigned => exact as u32,
            Flavour::Halving | Flavour::UnsignedHalving => (exact >> 1) as u32,
            Flavour::Saturating => saturate(true, exact.into(), bits as u8).0,
            Flavour::UnsignedSaturating => saturate(false, exact.into(), bits as u8).0,
        };
        let mask = u32::MAX >> (32 - bits);
        result |= (value & mask) << (bits * lane);
        // Unsigned additions report a carry, everything else a result that is not negative.
        let greater_or_equal = match flavour {
            Flavour::Unsigned if adds => exact > mask as i32,
            _ => exact >= 0,
        };
        if greater_or_equal {
            flags |= (0xF >> (4 - 4 / lanes)) << (4 / lanes * lane);
        }
    }
    let sets_flags = matches!(flavour, Flavour::Signed | Flavour::Unsigned);
    (result, sets_flags.then_some(flags))
}

/// A signed halfword of `value`.
fn half(value: u32, top: bool) -> i64 {
    let half = if top { value >> 16 } else { value };
    (half as i16).into()
}

/// The two products of halfwords, low one first.
fn products(n: u32, m: u32, exchange: bool) -> (i64, i64) {
    let m = if exchange { m.rotate_left(16) } else { m };
    (
        half(n, false) * half(m, false),
        half(n, true) * half(m, true),
    )
}

/// Multiplications with a 32-bit result, `a` being the accumulator.
pub(super) fn multiply(op: MultiplyOp, n: u32, m: u32, a: u32) -> (u32, bool) {
    let accumulator = i64::from(a as i32);
    let (signed_n, signed_m) = (i64::from(n as i32), i64::from(m as i32));
    let checked = |exact: i64| (exact as u32, i64::from(exact as i32) != exact);
    let rounding = |round: bool| if round { 1 << 31 } else { 0 };
    let top = |wide: i64| ((wide >> 32) as u32, false);
    match op {
        MultiplyOp::Plain => (a.wrapping_add(n.wrapping_mul(m)), false),
        MultiplyOp::Subtract => (a.wrapping_sub(n.wrapping_mul(m)), false),
        MultiplyOp::Halves { n_top, m_top } => {
            checked(half(n, n_top) * half(m, m_top) + accumulator)
        }
        MultiplyOp::WordByHalf { m_top } => {
            checked(((signed_n * half(m, m_top)) >> 16) + accumulator)
        }
        MultiplyOp::DualAdd { exchange } => {
            let (low, high) = products(n, m, exchange);
            checked(low + high + accumulator)
        }
        MultiplyOp::DualSubtract { exchange } => {
            let (low, high) = products(n, m, exchange);
            checked(low - high + accumulator)
        }
        MultiplyOp::MostSignificant { round } => top((accumulator << 32)
            .wrapping_add(signed_n * signed_m)
            .wrapping_add(rounding(round))),
        MultiplyOp::MostSignificantSubtract { round } => top((accumulator << 32)
            .wrapping_sub(signed_n * signed_m)
            .wrapping_add(rounding(round))),
        MultiplyOp::AbsoluteDifferences => {
            let differences = n
                .to_le_bytes()
                .into_iter()
                .zip(m.to_le_bytes())
                .map(|(n, m)| u32::from(n.abs_diff(m)))
                .sum();
            (a.wrapping_add(differences), false)
        }
    }
}

/// Multiplications with a 64-bit result; `accumulator` is what the destination held.
pub(super) fn multiply_long(op: LongOp, n: u32, m: u32, accumulator: u64) -> u64 {
    let signed = (i64::from(n as i32) * i64::from(m as i32)) as u64;
    let unsigned = u64::from(n) * u64::from(m);
    match op {
        LongOp::Signed => signed,
        LongOp::Unsigned => unsigned,
        LongOp::SignedAccumulate => accumulator.wrapping_add(signed),
        LongOp::UnsignedAccumulate => accumulator.wrapping_add(unsigned),
        // Cannot overflow: (2^32-1)^2 + 2 * (2^32-1) = 2^64-1.
        LongOp::UnsignedAccumulateTwice => {
            unsigned + (accumulator & 0xFFFF_FFFF) + (accumulator >> 32)
        }
        LongOp::Halves { n_top, m_top } => {
            accumulator.wrapping_add_signed(half(n, n_top) * half(m, m_top))
        }
        LongOp::DualAdd { exchange } => {
            let (low, high) = products(n, m, exchange);
            accumulator.wrapping_add_signed(low + high)
        }
        LongOp::DualSubtract { exchange } => {
            let (low, high) = products(n, m, exchange);
            accumulator.wrapping_add_signed(low - high)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saturation_reports_only_what_it_changed() {
        assert_eq!(saturate(true, 127, 8), (127, false));
        assert_eq!(saturate(true, 128, 8), (127, true));
        assert_eq!(saturate(true, -129, 8), (-128i32 as u32, true));
        assert_eq!(saturate(false, -1, 8), (0, true));
        assert_eq!(saturate(false, 0, 0), (0, false));
        assert_eq!(saturate(true, i64::from(i32::MIN), 32), (1 << 31, false));
    }

    #[test]
    fn doubling_saturates_on_its_own() {
        // 2 * 0x4000_0000 saturates to 0x7FFF_FFFF; adding -1 does not undo Q.
        let (sum, saturated) = saturating_add(false, true, u32::MAX, 0x4000_0000);
        assert_eq!((sum, saturated), (0x7FFF_FFFE, true));
    }

    #[test]
    fn ge_flags_mean_carry_for_unsigned_sums_and_no_borrow_for_differences() {
        let sum = parallel(
            ParallelOp::Add8,
            Flavour::Unsigned,
            0xFF00_FF00,
            0x0100_0000,
        );
        assert_eq!(sum, (0x0000_FF00, Some(0b1000)));
        let difference = parallel(ParallelOp::Subtract16, Flavour::Unsigned, 0x0001_0000, 1);
        assert_eq!(difference, (0x0001_FFFF, Some(0b1100)));
        assert_eq!(
            parallel(
                ParallelOp::Add16,
                Flavour::Saturating,
                0x7FFF_8000,
                0x0001_FFFF
            ),
            (0x7FFF_8000, None)
        );
    }

    #[test]
    fn exchange_crosses_the_second_operand() {
        // ASX: top = n.top + m.bottom, bottom = n.bottom - m.top.
        let (result, flags) = parallel(
            ParallelOp::AddSubtractExchange,
            Flavour::Signed,
            0x0010_0001,
            0x0002_0020,
        );
        assert_eq!((result, flags), (0x0030_FFFF, Some(0b1100)));
    }

    #[test]
    fn dual_multiply_of_the_smallest_halfwords_overflows() {
        let smallest = 0x8000_8000;
        let op = MultiplyOp::DualAdd { exchange: false };
        assert_eq!(multiply(op, smallest, smallest, 0), (0x8000_0000, true));
        // ... unless the accumulator brings the sum back.
        let brought_back = multiply(op, smallest, smallest, u32::MAX);
        assert_eq!(brought_back, (0x7FFF_FFFF, false));
    }
}
