//! Formats taken apart and put together: FPUnpack, FPRound and the NaN rules of the ARM ARM's pseudocode.

use super::{Environment, Rounding, fpscr};

/// A binary interchange format of IEEE 754. Its bit patterns are passed around in the low bits of a `u64`.
pub(super) trait Format {
    /// Width of the exponent.
    const EXPONENT: u32;
    /// Width of the fraction.
    const FRACTION: u32;
    /// True if FPSCR.FZ applies.
    const FLUSHES: bool = true;

    const BIAS: i32 = (1 << (Self::EXPONENT - 1)) - 1;
    const MINIMUM: i32 = 1 - Self::BIAS;
    const SIGN: u64 = 1 << (Self::EXPONENT + Self::FRACTION);
    const EXPONENT_ONES: u64 = (1 << Self::EXPONENT) - 1;
    const FRACTION_ONES: u64 = (1 << Self::FRACTION) - 1;
    const INFINITY: u64 = Self::EXPONENT_ONES << Self::FRACTION;
    const LARGEST: u64 = Self::INFINITY - 1;
    const QUIET: u64 = 1 << (Self::FRACTION - 1);
    const DEFAULT_NAN: u64 = Self::INFINITY | Self::QUIET;
}

/// binary16, with the alternative format in its place if FPSCR.AHP says so.
pub(super) struct Half;
/// binary32.
pub(super) struct Single;
/// binary64.
pub(super) struct Double;

impl Format for Half {
    const EXPONENT: u32 = 5;
    const FRACTION: u32 = 10;
    const FLUSHES: bool = false;
}

impl Format for Single {
    const EXPONENT: u32 = 8;
    const FRACTION: u32 = 23;
}

impl Format for Double {
    const EXPONENT: u32 = 11;
    const FRACTION: u32 = 52;
}

/// What a bit pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Zero,
    /// Not zero.
    Finite,
    Infinity,
    QuietNan,
    SignallingNan,
}

/// A number taken apart: `significand * 2^exponent` if it is finite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub class: Class,
    pub negative: bool,
    pub exponent: i32,
    pub significand: u64,
    /// The pattern, for NaNs.
    pub bits: u64,
}

impl Number {
    pub fn is_nan(&self) -> bool {
        matches!(self.class, Class::QuietNan | Class::SignallingNan)
    }

    pub fn is_zero(&self) -> bool {
        self.class == Class::Zero
    }

    pub fn is_infinite(&self) -> bool {
        self.class == Class::Infinity
    }
}

/// FPUnpack.
pub(super) fn unpack<F: Format>(bits: u64, environment: &mut Environment) -> Number {
    let negative = bits & F::SIGN != 0;
    let exponent = bits >> F::FRACTION & F::EXPONENT_ONES;
    let fraction = bits & F::FRACTION_ONES;
    let number = |class, exponent, significand| Number {
        class,
        negative,
        exponent,
        significand,
        bits,
    };
    let scale = |biased: u64| biased as i32 - F::BIAS - F::FRACTION as i32;
    // The alternative half-precision format has neither infinities nor NaNs.
    let alternative = !F::FLUSHES && environment.alternative_half;
    if exponent == 0 {
        if fraction == 0 {
            return number(Class::Zero, 0, 0);
        }
        if F::FLUSHES && environment.flush_to_zero {
            environment.raise(fpscr::INPUT_DENORMAL);
            return number(Class::Zero, 0, 0);
        }
        return number(Class::Finite, scale(1), fraction);
    }
    if exponent == F::EXPONENT_ONES && !alternative {
        let class = if fraction == 0 {
            Class::Infinity
        } else if fraction & F::QUIET != 0 {
            Class::QuietNan
        } else {
            Class::SignallingNan
        };
        return number(class, 0, 0);
    }
    number(Class::Finite, scale(exponent), fraction | 1 << F::FRACTION)
}

fn signed<F: Format>(negative: bool, magnitude: u64) -> u64 {
    if negative {
        magnitude | F::SIGN
    } else {
        magnitude
    }
}

pub(super) fn zero<F: Format>(negative: bool) -> u64 {
    signed::<F>(negative, 0)
}

pub(super) fn infinity<F: Format>(negative: bool) -> u64 {
    signed::<F>(negative, F::INFINITY)
}

/// The sign of an exact zero that is the sum of things that are not.
pub(super) fn cancelled<F: Format>(environment: &Environment) -> u64 {
    zero::<F>(environment.rounding == Rounding::Down)
}

/// An invalid operation's result.
pub(super) fn invalid<F: Format>(environment: &mut Environment) -> u64 {
    environment.raise(fpscr::INVALID);
    F::DEFAULT_NAN
}

/// FPProcessNaN.
pub(super) fn process_nan<F: Format>(nan: Number, environment: &mut Environment) -> u64 {
    if nan.class == Class::SignallingNan {
        environment.raise(fpscr::INVALID);
    }
    if environment.default_nan {
        F::DEFAULT_NAN
    } else {
        nan.bits | F::QUIET
    }
}

/// FPProcessNaNs and FPProcessNaNs3: signalling ones first, in order.
pub(super) fn process_nans<F: Format>(
    operands: &[Number],
    environment: &mut Environment,
) -> Option<u64> {
    let first = |class| operands.iter().find(|operand| operand.class == class);
    let nan = first(Class::SignallingNan).or_else(|| first(Class::QuietNan))?;
    Some(process_nan::<F>(*nan, environment))
}

/// `significand / 2^shift` rounded to an integer, and whether that changed it. A negative shift must not overflow.
pub(super) fn shift_and_round(
    significand: u128,
    shift: i32,
    negative: bool,
    rounding: Rounding,
) -> (u128, bool) {
    if shift <= 0 {
        return (significand << shift.unsigned_abs(), false);
    }
    // Everything beyond 127 bits is just small.
    let (kept, rest, half) = if shift < 128 {
        let kept = significand >> shift;
        (kept, significand - (kept << shift), 1 << (shift - 1))
    } else {
        (0, u128::from(significand != 0), 2)
    };
    let up = match rounding {
        Rounding::NearestEven => rest > half || rest == half && kept & 1 == 1,
        Rounding::NearestAway => rest >= half,
        Rounding::Up => rest != 0 && !negative,
        Rounding::Down => rest != 0 && negative,
        Rounding::Zero => false,
    };
    (kept + u128::from(up), rest != 0)
}

/// FPRound of `significand * 2^exponent`, which is not zero. Bits below what a format can resolve may be folded
/// into the lowest bit of a significand that is long enough. Tininess is detected before rounding.
pub(super) fn round<F: Format>(
    negative: bool,
    exponent: i32,
    significand: u128,
    environment: &mut Environment,
) -> u64 {
    let leading = exponent + significand.ilog2() as i32;
    let tiny = leading < F::MINIMUM;
    if tiny && F::FLUSHES && environment.flush_to_zero {
        environment.raise(fpscr::UNDERFLOW);
        return zero::<F>(negative);
    }
    if leading > F::BIAS + 1 {
        return overflow::<F>(negative, environment);
    }
    let lowest = leading.max(F::MINIMUM) - F::FRACTION as i32;
    let rounding = environment.rounding;
    let (rounded, inexact) = shift_and_round(significand, lowest - exponent, negative, rounding);
    // The hidden bit, if there is one, adds the last 1 to the exponent; so does a carry out of the fraction.
    let below = (leading.max(F::MINIMUM) - F::MINIMUM) as u64;
    let magnitude = (below << F::FRACTION) + rounded as u64;
    let alternative = !F::FLUSHES && environment.alternative_half;
    let limit = if alternative { F::SIGN } else { F::INFINITY };
    if magnitude >= limit {
        return overflow::<F>(negative, environment);
    }
    if inexact {
        environment.raise(fpscr::INEXACT);
        if tiny {
            environment.raise(fpscr::UNDERFLOW);
        }
    }
    signed::<F>(negative, magnitude)
}

fn overflow<F: Format>(negative: bool, environment: &mut Environment) -> u64 {
    if !F::FLUSHES && environment.alternative_half {
        environment.raise(fpscr::INVALID);
        return signed::<F>(negative, F::SIGN - 1);
    }
    environment.raise(fpscr::OVERFLOW | fpscr::INEXACT);
    let to_infinity = match environment.rounding {
        Rounding::NearestEven | Rounding::NearestAway => true,
        Rounding::Up => !negative,
        Rounding::Down => negative,
        Rounding::Zero => false,
    };
    let magnitude = if to_infinity { F::INFINITY } else { F::LARGEST };
    signed::<F>(negative, magnitude)
}
