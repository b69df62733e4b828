//! Virtual time: picoseconds since power-on. One core cycle at 600 MHz is 1,667 ps; u64 lasts 213 days.

use std::{
    ops::{Add, AddAssign, Sub},
    time::Duration,
};

/// Picoseconds in a second.
const PICOSECONDS: u64 = 1_000_000_000_000;

/// A point in virtual time, or a span of it, in picoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// A span of `n` nanoseconds.
    pub const fn nanos(n: u64) -> Self {
        Self(n * 1_000)
    }

    /// A span of `n` microseconds.
    pub const fn micros(n: u64) -> Self {
        Self(n * 1_000_000)
    }

    /// A span of `n` milliseconds.
    pub const fn millis(n: u64) -> Self {
        Self(n * 1_000_000_000)
    }

    /// Whole nanoseconds, rounded down.
    pub const fn as_nanos(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Seconds, for people.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// Time that `cycles` of a clock of `hertz` take, rounded down; saturates: the longest period of a timer on a slow clock is longer
    /// than virtual time.
    pub fn of_cycles(cycles: u64, hertz: u64) -> Self {
        let span = u128::from(cycles) * u128::from(PICOSECONDS) / u128::from(hertz.max(1));
        Self(u64::try_from(span).unwrap_or(u64::MAX))
    }

    /// Whole cycles of a clock of `hertz` in this span, rounded down.
    pub fn cycles_at(self, hertz: u64) -> u64 {
        (u128::from(self.0) * u128::from(hertz) / u128::from(PICOSECONDS)) as u64
    }
}

impl From<Duration> for Time {
    /// Saturates: virtual time lasts 213 days.
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos().saturating_mul(1_000)).unwrap_or(u64::MAX))
    }
}

impl From<Time> for Duration {
    /// Rounded down to nanoseconds.
    fn from(time: Time) -> Self {
        Self::from_nanos(time.0 / 1_000)
    }
}

impl Add for Time {
    type Output = Self;
    /// Saturates: a span that is too long for anybody to wait never ends.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Time {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Time {
    type Output = Self;
    /// Saturates at zero: time never runs backwards.
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Converts core cycles to time, from the moment at which the core last started to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct CycleClock {
    start: Time,
    cycle: u64,
    hertz: u64,
}

impl CycleClock {
    /// At `start` the core had run `cycle` cycles, and it runs at `hertz` from then on.
    pub const fn new(start: Time, cycle: u64, hertz: u64) -> Self {
        Self {
            start,
            cycle,
            hertz,
        }
    }

    /// The time at which the core has run `cycle` cycles.
    #[inline]
    pub fn time_at(&self, cycle: u64) -> Time {
        let elapsed = cycle.saturating_sub(self.cycle);
        // Spans below a third of a second stay within 64 bits.
        match elapsed.checked_mul(PICOSECONDS) {
            Some(product) => self.start + Time(product / self.hertz.max(1)),
            None => self.start + Time::of_cycles(elapsed, self.hertz),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_time_saturates() {
        assert_eq!(Time::of_cycles(1 << 20, 1 << 20), Time::millis(1_000));
        assert_eq!(Time::of_cycles(1 << 48, 250_000), Time(u64::MAX));
        assert_eq!(Time::of_cycles(u64::MAX, 0), Time(u64::MAX));
    }
}
