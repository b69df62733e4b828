//! Addition to square root, fused multiplication, comparison, maximum and minimum.

use super::{
    Environment, fpscr,
    number::{
        Class, Format, Number, cancelled, infinity, invalid, process_nan, process_nans, round,
        unpack, zero,
    },
};
use std::cmp::Ordering;

/// A finite value with room for products: `significand * 2^exponent`.
#[derive(Clone, Copy)]
struct Term {
    negative: bool,
    exponent: i32,
    significand: u128,
}

impl From<Number> for Term {
    fn from(number: Number) -> Self {
        Self {
            negative: number.negative,
            exponent: number.exponent,
            significand: number.significand.into(),
        }
    }
}

impl Term {
    /// The same value with its highest bit at bit 125, which leaves room for a carry.
    fn normalised(self) -> Self {
        let shift = self.significand.leading_zeros() - 2;
        Self {
            exponent: self.exponent - shift as i32,
            significand: self.significand << shift,
            ..self
        }
    }
}

pub(super) fn negate<F: Format>(bits: u64) -> u64 {
    bits ^ F::SIGN
}

/// Sum of two terms that are not zero, rounded once. Aligning loses bits only when the operands are so far apart that what is left
/// is much longer than any format; those bits live on in the lowest one.
fn add_terms<F: Format>(x: Term, y: Term, environment: &mut Environment) -> u64 {
    let (x, y) = (x.normalised(), y.normalised());
    let (large, small) = if (x.exponent, x.significand) >= (y.exponent, y.significand) {
        (x, y)
    } else {
        (y, x)
    };
    let distance = large.exponent.abs_diff(small.exponent);
    let aligned = if distance < 128 {
        let kept = small.significand >> distance;
        kept | u128::from(kept << distance != small.significand)
    } else {
        1
    };
    let significand = if large.negative == small.negative {
        large.significand + aligned
    } else {
        large.significand - aligned
    };
    if significand == 0 {
        return cancelled::<F>(environment);
    }
    round::<F>(large.negative, large.exponent, significand, environment)
}

/// FPAdd.
pub(super) fn add<F: Format>(x: u64, y: u64, environment: &mut Environment) -> u64 {
    let x = unpack::<F>(x, environment);
    let y = unpack::<F>(y, environment);
    add_numbers::<F>(x, y, environment)
}

/// FPSub: the negated operand keeps its pattern, so that a NaN keeps its sign.
pub(super) fn subtract<F: Format>(x: u64, y: u64, environment: &mut Environment) -> u64 {
    let x = unpack::<F>(x, environment);
    let y = unpack::<F>(y, environment);
    let negated = Number {
        negative: !y.negative,
        ..y
    };
    add_numbers::<F>(x, negated, environment)
}

fn add_numbers<F: Format>(x: Number, y: Number, environment: &mut Environment) -> u64 {
    if let Some(nan) = process_nans::<F>(&[x, y], environment) {
        return nan;
    }
    match (x.class, y.class) {
        (Class::Infinity, Class::Infinity) if x.negative != y.negative => invalid::<F>(environment),
        (Class::Infinity, _) => infinity::<F>(x.negative),
        (_, Class::Infinity) => infinity::<F>(y.negative),
        _ => add_finite::<F>(x.into(), y.into(), environment),
    }
}

/// Sum of two finite terms, of which either may be zero.
fn add_finite<F: Format>(x: Term, y: Term, environment: &mut Environment) -> u64 {
    match (x.significand, y.significand) {
        (0, 0) if x.negative == y.negative => zero::<F>(x.negative),
        (0, 0) => cancelled::<F>(environment),
        (_, 0) => round::<F>(x.negative, x.exponent, x.significand, environment),
        (0, _) => round::<F>(y.negative, y.exponent, y.significand, environment),
        _ => add_terms::<F>(x, y, environment),
    }
}

fn product(x: Number, y: Number) -> Term {
    Term {
        negative: x.negative != y.negative,
        exponent: x.exponent + y.exponent,
        significand: u128::from(x.significand) * u128::from(y.significand),
    }
}

/// FPMul.
pub(super) fn multiply<F: Format>(x: u64, y: u64, environment: &mut Environment) -> u64 {
    let (x, y) = (unpack::<F>(x, environment), unpack::<F>(y, environment));
    if let Some(nan) = process_nans::<F>(&[x, y], environment) {
        return nan;
    }
    let negative = x.negative != y.negative;
    let zeros = x.is_zero() || y.is_zero();
    if x.is_infinite() || y.is_infinite() {
        return if zeros {
            invalid::<F>(environment)
        } else {
            infinity::<F>(negative)
        };
    }
    if zeros {
        return zero::<F>(negative);
    }
    let product = product(x, y);
    round::<F>(negative, product.exponent, product.significand, environment)
}

/// FPDiv.
pub(super) fn divide<F: Format>(x: u64, y: u64, environment: &mut Environment) -> u64 {
    let (x, y) = (unpack::<F>(x, environment), unpack::<F>(y, environment));
    if let Some(nan) = process_nans::<F>(&[x, y], environment) {
        return nan;
    }
    let negative = x.negative != y.negative;
    match (x.class, y.class) {
        (Class::Infinity, Class::Infinity) | (Class::Zero, Class::Zero) => {
            return invalid::<F>(environment);
        }
        (Class::Infinity, _) => return infinity::<F>(negative),
        (_, Class::Zero) => {
            environment.raise(fpscr::DIVISION_BY_ZERO);
            return infinity::<F>(negative);
        }
        (Class::Zero, _) | (_, Class::Infinity) => return zero::<F>(negative),
        _ => {}
    }
    // 127 bits by 64 bits give 63 or 64, whatever the operands' leading zeros were.
    let (x_shift, y_shift) = (x.significand.leading_zeros(), y.significand.leading_zeros());
    let dividend = u128::from(x.significand << x_shift) << 63;
    let divisor = u128::from(y.significand << y_shift);
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    let exponent = x.exponent - y.exponent - 63 - x_shift as i32 + y_shift as i32;
    let significand = quotient | u128::from(remainder != 0);
    round::<F>(negative, exponent, significand, environment)
}

/// FPSqrt.
pub(super) fn square_root<F: Format>(x: u64, environment: &mut Environment) -> u64 {
    let x = unpack::<F>(x, environment);
    match x.class {
        Class::QuietNan | Class::SignallingNan => process_nan::<F>(x, environment),
        Class::Zero => zero::<F>(x.negative),
        _ if x.negative => invalid::<F>(environment),
        Class::Infinity => infinity::<F>(false),
        Class::Finite => {
            let term = Term::from(x).normalised();
            let odd = term.exponent & 1;
            let (radicand, exponent) = (term.significand << odd, term.exponent - odd);
            let root = radicand.isqrt();
            let significand = root | u128::from(root * root != radicand);
            round::<F>(false, exponent / 2, significand, environment)
        }
    }
}

/// FPMulAdd: `addend + x * y`, rounded once.
pub(super) fn multiply_add<F: Format>(
    addend: u64,
    x: u64,
    y: u64,
    environment: &mut Environment,
) -> u64 {
    let addend = unpack::<F>(addend, environment);
    let x = unpack::<F>(x, environment);
    let y = unpack::<F>(y, environment);
    let undefined_product = x.is_infinite() && y.is_zero() || x.is_zero() && y.is_infinite();
    if let Some(nan) = process_nans::<F>(&[addend, x, y], environment) {
        // Even a quiet NaN does not hide that the product has no value.
        if addend.class == Class::QuietNan && undefined_product {
            return invalid::<F>(environment);
        }
        return nan;
    }
    let negative = x.negative != y.negative;
    let infinite_product = x.is_infinite() || y.is_infinite();
    let opposed = addend.is_infinite() && infinite_product && addend.negative != negative;
    if undefined_product || opposed {
        return invalid::<F>(environment);
    }
    if addend.is_infinite() || infinite_product {
        let negative = if infinite_product {
            negative
        } else {
            addend.negative
        };
        return infinity::<F>(negative);
    }
    add_finite::<F>(addend.into(), product(x, y), environment)
}

/// Order of two numbers that are not NaNs.
fn order(x: Number, y: Number) -> Ordering {
    let sign = |number: &Number| match number.class {
        Class::Zero => 0,
        _ if number.negative => -1,
        _ => 1,
    };
    let magnitude = |number: Number| match number.class {
        Class::Infinity => (i32::MAX, 0),
        _ => {
            let term = Term::from(number).normalised();
            (term.exponent, term.significand)
        }
    };
    sign(&x).cmp(&sign(&y)).then_with(|| match sign(&x) {
        0 => Ordering::Equal,
        1 => magnitude(x).cmp(&magnitude(y)),
        _ => magnitude(y).cmp(&magnitude(x)),
    })
}

/// FPCompare: N, Z, C and V in place. `signalling` objects to quiet NaNs too.
pub(super) fn compare<F: Format>(
    x: u64,
    y: u64,
    signalling: bool,
    environment: &mut Environment,
) -> u32 {
    let (x, y) = (unpack::<F>(x, environment), unpack::<F>(y, environment));
    if x.is_nan() || y.is_nan() {
        let signals = [x, y]
            .iter()
            .any(|operand| operand.class == Class::SignallingNan);
        if signals || signalling {
            environment.raise(fpscr::INVALID);
        }
        return 0b0011 << 28;
    }
    match order(x, y) {
        Ordering::Less => 0b1000 << 28,
        Ordering::Equal => 0b0110 << 28,
        Ordering::Greater => 0b0010 << 28,
    }
}

/// FPMaxNum, or FPMinNum if `minimum`: a number beats a quiet NaN, and +0 is more than -0.
pub(super) fn maximum_number<F: Format>(
    x: u64,
    y: u64,
    minimum: bool,
    environment: &mut Environment,
) -> u64 {
    let (left, right) = (unpack::<F>(x, environment), unpack::<F>(y, environment));
    let chosen = match (left.class, right.class) {
        (Class::QuietNan, Class::Zero | Class::Finite | Class::Infinity) => right,
        (Class::Zero | Class::Finite | Class::Infinity, Class::QuietNan) => left,
        _ => {
            if let Some(nan) = process_nans::<F>(&[left, right], environment) {
                return nan;
            }
            let left_is_more =
                order(left, right).then(right.negative.cmp(&left.negative)) == Ordering::Greater;
            if left_is_more != minimum { left } else { right }
        }
    };
    if chosen.is_zero() {
        zero::<F>(chosen.negative)
    } else {
        chosen.bits
    }
}
