//! Corners of rounding, NaNs and flags; `tests/unicorn.rs` compares the rest with an independent implementation.

use super::{
    Environment, Rounding,
    arithmetic::{
        add, compare, divide, maximum_number, multiply, multiply_add, square_root, subtract,
    },
    convert::{Fixed, immediate, resize, to_fixed, to_half, to_integral},
    fpscr::*,
    number::{Double, Single},
};

fn with(fpscr: u32) -> Environment {
    Environment::new(fpscr)
}

fn single(value: f32) -> u64 {
    value.to_bits().into()
}

#[test]
fn the_host_agrees_when_it_rounds_to_nearest() {
    // A linear congruential walk over patterns, NaNs left out: their payloads are not the host's business.
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(state.rotate_left(17))
    };
    for _ in 0..100_000 {
        let (x, y, z) = (next(), next(), next());
        let (a, b, c) = (x.to_bits(), y.to_bits(), z.to_bits());
        let environment = &mut with(0);
        for (ours, theirs) in [
            (add::<Double>(a, b, environment), x + y),
            (subtract::<Double>(a, b, environment), x - y),
            (multiply::<Double>(a, b, environment), x * y),
            (divide::<Double>(a, b, environment), x / y),
            (square_root::<Double>(a, environment), x.sqrt()),
            (
                multiply_add::<Double>(c, a, b, environment),
                x.mul_add(y, z),
            ),
        ] {
            let ours = f64::from_bits(ours);
            assert!(
                ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan(),
                "{x:e} {y:e} {z:e}: {ours:e}, host {theirs:e}"
            );
        }
    }
}

#[test]
fn directed_rounding_of_one_third() {
    for (mode, expected) in [
        (0, 0x3EAA_AAAB),
        (1, 0x3EAA_AAAB),
        (2, 0x3EAA_AAAA),
        (3, 0x3EAA_AAAA),
    ] {
        let mut environment = with(mode << 22);
        let third = divide::<Single>(single(1.0), single(3.0), &mut environment);
        assert_eq!(third, expected, "mode {mode}");
        assert_eq!(environment.raised, INEXACT);
    }
}

#[test]
fn tininess_is_detected_before_rounding() {
    // Just below the smallest normal number, rounded up to it: underflow all the same.
    let almost_one = single(1.0) - 1;
    let smallest = u64::from(f32::MIN_POSITIVE.to_bits());
    let mut environment = with(0);
    assert_eq!(
        multiply::<Single>(almost_one, smallest, &mut environment),
        smallest
    );
    assert_eq!(environment.raised, UNDERFLOW | INEXACT);
}

#[test]
fn flush_to_zero_raises_underflow_without_inexact() {
    let half_of_smallest = (single(0.5), u64::from(f32::MIN_POSITIVE.to_bits()));
    let mut environment = with(FLUSH_TO_ZERO);
    assert_eq!(
        multiply::<Single>(half_of_smallest.0, half_of_smallest.1, &mut environment),
        0
    );
    assert_eq!(environment.raised, UNDERFLOW);
    let mut environment = with(FLUSH_TO_ZERO);
    assert_eq!(add::<Single>(1, single(0.0), &mut environment), 0);
    assert_eq!(environment.raised, INPUT_DENORMAL);
}

#[test]
fn exact_cancellation_is_negative_zero_only_when_rounding_down() {
    let one = single(1.0);
    assert_eq!(subtract::<Single>(one, one, &mut with(0)), 0);
    assert_eq!(
        subtract::<Single>(one, one, &mut with(2 << 22)),
        0x8000_0000
    );
}

#[test]
fn the_first_signalling_nan_wins_and_is_quieted() {
    let (quiet, signalling) = (0x7FC0_0001, 0xFF80_0002);
    let mut environment = with(0);
    assert_eq!(
        add::<Single>(quiet, signalling, &mut environment),
        0xFFC0_0002
    );
    assert_eq!(environment.raised, INVALID);
    let mut environment = with(DEFAULT_NAN);
    assert_eq!(add::<Single>(quiet, quiet, &mut environment), 0x7FC0_0000);
    assert_eq!(environment.raised, 0);
}

#[test]
fn infinity_times_zero_is_invalid_even_when_a_quiet_nan_is_added() {
    let infinity = single(f32::INFINITY);
    let mut environment = with(0);
    let result = multiply_add::<Single>(0x7FC0_1234, infinity, 0, &mut environment);
    assert_eq!((result, environment.raised), (0x7FC0_0000, INVALID));
}

#[test]
fn only_signalling_comparison_objects_to_a_quiet_nan() {
    let quiet = 0x7FC0_0000;
    for (signalling, raised) in [(false, 0), (true, INVALID)] {
        let mut environment = with(0);
        let flags = compare::<Single>(quiet, 0, signalling, &mut environment);
        assert_eq!((flags, environment.raised), (0b0011 << 28, raised));
    }
}

#[test]
fn maximum_prefers_numbers_to_quiet_nans_and_plus_zero_to_minus_zero() {
    let (one, quiet, minus_zero) = (single(1.0), 0x7FC0_0000, 0x8000_0000);
    assert_eq!(
        maximum_number::<Single>(quiet, one, false, &mut with(0)),
        one
    );
    assert_eq!(
        maximum_number::<Single>(minus_zero, 0, false, &mut with(0)),
        0
    );
    assert_eq!(
        maximum_number::<Single>(0, minus_zero, true, &mut with(0)),
        minus_zero
    );
}

#[test]
fn conversions_to_integers_saturate_as_invalid_and_not_inexact() {
    let integer = Fixed::integer(true);
    for (value, expected, raised) in [
        (3e9, i32::MAX as u32, INVALID),
        (f32::NAN, 0, INVALID),
        (f32::NEG_INFINITY, i32::MIN as u32, INVALID),
        (-1.5, -1i32 as u32, INEXACT),
        (7.0, 7, 0),
    ] {
        let mut environment = with(0);
        let result = to_fixed::<Single>(single(value), integer, Rounding::Zero, &mut environment);
        assert_eq!((result, environment.raised), (expected, raised), "{value}");
    }
}

#[test]
fn ties_go_where_the_mode_says() {
    for (rounding, expected) in [
        (Rounding::NearestEven, 2.0),
        (Rounding::NearestAway, 3.0),
        (Rounding::Up, 3.0),
        (Rounding::Down, 2.0),
    ] {
        let result = to_integral::<Single>(single(2.5), rounding, true, &mut with(0));
        assert_eq!(result, single(expected), "{rounding:?}");
    }
}

#[test]
fn alternative_half_precision_has_no_infinity() {
    let mut environment = with(ALTERNATIVE_HALF);
    let half = to_half::<Single>(single(f32::NEG_INFINITY), &mut environment);
    assert_eq!((half, environment.raised), (0xFFFF, INVALID));
    let mut environment = with(ALTERNATIVE_HALF);
    assert_eq!(to_half::<Single>(single(65536.0), &mut environment), 0x7C00);
    assert_eq!(environment.raised, 0);
}

#[test]
fn nan_payloads_keep_their_top_when_narrowed() {
    let mut environment = with(0);
    let narrowed = resize::<Double, Single>(0x7FF4_0000_2000_0000, &mut environment);
    assert_eq!((narrowed, environment.raised), (0x7FE0_0001, INVALID));
}

#[test]
fn immediates_expand_as_the_manual_tabulates() {
    assert_eq!(immediate::<Single>(0x70), single(1.0));
    assert_eq!(immediate::<Double>(0x00), 2.0f64.to_bits());
    assert_eq!(immediate::<Double>(0xFF), (-1.9375f64).to_bits());
}
