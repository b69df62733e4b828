//! Conversions: integers, fixed point, other precisions, rounding to integral values, immediates.

use super::{
    Environment, Rounding, fpscr,
    number::{
        Class, Format, Half, Number, infinity, process_nan, round, shift_and_round, unpack, zero,
    },
};

/// A fixed-point format: an integer of `size` bits (16 or 32), `fraction` of them behind the point.
#[derive(Clone, Copy)]
pub(super) struct Fixed {
    pub signed: bool,
    pub size: u8,
    pub fraction: u8,
}

impl Fixed {
    /// A 32-bit integer.
    pub fn integer(signed: bool) -> Self {
        Self {
            signed,
            size: 32,
            fraction: 0,
        }
    }

    /// Smallest and largest integer.
    fn range(self) -> (i128, i128) {
        if self.signed {
            (-(1 << (self.size - 1)), (1 << (self.size - 1)) - 1)
        } else {
            (0, (1 << self.size) - 1)
        }
    }
}

/// Shifts beyond this leave the range of every integer, and stay within 128 bits.
const FAR: i32 = 64;

/// FPToFixed: the result extended to 32 bits. What does not fit saturates, which is invalid rather than inexact.
pub(super) fn to_fixed<F: Format>(
    bits: u64,
    format: Fixed,
    rounding: Rounding,
    environment: &mut Environment,
) -> u32 {
    let number = unpack::<F>(bits, environment);
    let (low, high) = format.range();
    let (exact, inexact) = match number.class {
        Class::QuietNan | Class::SignallingNan => {
            environment.raise(fpscr::INVALID);
            return 0;
        }
        Class::Zero => return 0,
        Class::Infinity => (1 << FAR, false),
        Class::Finite => {
            let up = (number.exponent + i32::from(format.fraction)).min(FAR);
            shift_and_round(number.significand.into(), -up, number.negative, rounding)
        }
    };
    let value = if number.negative {
        -(exact as i128)
    } else {
        exact as i128
    };
    let saturated = value.clamp(low, high);
    if saturated != value {
        environment.raise(fpscr::INVALID);
    } else if inexact {
        environment.raise(fpscr::INEXACT);
    }
    saturated as u32
}

/// FixedToFP of the low bits of `value`.
pub(super) fn from_fixed<F: Format>(
    value: u32,
    format: Fixed,
    environment: &mut Environment,
) -> u64 {
    let value = match (format.signed, format.size) {
        (true, 16) => i64::from(value as i16),
        (true, _) => i64::from(value as i32),
        (false, 16) => i64::from(value as u16),
        (false, _) => i64::from(value),
    };
    if value == 0 {
        return zero::<F>(false);
    }
    let magnitude = value.unsigned_abs().into();
    round::<F>(
        value < 0,
        -i32::from(format.fraction),
        magnitude,
        environment,
    )
}

/// FPRoundInt.
pub(super) fn to_integral<F: Format>(
    bits: u64,
    rounding: Rounding,
    exact: bool,
    environment: &mut Environment,
) -> u64 {
    let number = unpack::<F>(bits, environment);
    match number.class {
        Class::QuietNan | Class::SignallingNan => {
            return process_nan::<F>(number, environment);
        }
        Class::Zero => return zero::<F>(number.negative),
        Class::Infinity => return bits,
        Class::Finite if number.exponent >= 0 => return bits,
        Class::Finite => {}
    }
    let (integer, inexact) = shift_and_round(
        number.significand.into(),
        -number.exponent,
        number.negative,
        rounding,
    );
    if exact && inexact {
        environment.raise(fpscr::INEXACT);
    }
    if integer == 0 {
        return zero::<F>(number.negative);
    }
    round::<F>(number.negative, 0, integer, environment)
}

/// FPConvertNaN: the top of the payload survives.
fn convert_nan<From: Format, To: Format>(nan: Number, environment: &mut Environment) -> u64 {
    if nan.class == Class::SignallingNan {
        environment.raise(fpscr::INVALID);
    }
    if environment.default_nan {
        return To::DEFAULT_NAN;
    }
    let payload = nan.bits & From::FRACTION_ONES;
    let payload = if To::FRACTION >= From::FRACTION {
        payload << (To::FRACTION - From::FRACTION)
    } else {
        payload >> (From::FRACTION - To::FRACTION)
    };
    infinity::<To>(nan.negative) | To::QUIET | payload
}

/// FPSingleToDouble, FPDoubleToSingle, FPHalfToSingle, FPHalfToDouble.
pub(super) fn resize<From: Format, To: Format>(bits: u64, environment: &mut Environment) -> u64 {
    let number = unpack::<From>(bits, environment);
    match number.class {
        Class::QuietNan | Class::SignallingNan => convert_nan::<From, To>(number, environment),
        Class::Zero => zero::<To>(number.negative),
        Class::Infinity => infinity::<To>(number.negative),
        Class::Finite => round::<To>(
            number.negative,
            number.exponent,
            number.significand.into(),
            environment,
        ),
    }
}

/// FPSingleToHalf, FPDoubleToHalf. The alternative format has no NaN and no infinity to convert to.
pub(super) fn to_half<From: Format>(bits: u64, environment: &mut Environment) -> u64 {
    if !environment.alternative_half {
        return resize::<From, Half>(bits, environment);
    }
    // Unpacking says again what resize would: that a denormal was flushed.
    let number = unpack::<From>(bits, environment);
    match number.class {
        Class::QuietNan | Class::SignallingNan => {
            environment.raise(fpscr::INVALID);
            zero::<Half>(number.negative)
        }
        Class::Infinity => {
            environment.raise(fpscr::INVALID);
            zero::<Half>(number.negative) | (Half::SIGN - 1)
        }
        _ => resize::<From, Half>(bits, environment),
    }
}

/// VFPExpandImm: sign, three bits of exponent, four of fraction.
pub(super) fn immediate<F: Format>(immediate: u8) -> u64 {
    let bits = u64::from(immediate);
    let sign = if bits & 0x80 != 0 { F::SIGN } else { 0 };
    let b = bits >> 6 & 1;
    let ones = if b == 1 {
        ((1 << (F::EXPONENT - 3)) - 1) << 2
    } else {
        0
    };
    let exponent = (b ^ 1) << (F::EXPONENT - 1) | ones | bits >> 4 & 3;
    sign | exponent << F::FRACTION | (bits & 0xF) << (F::FRACTION - 4)
}
