//! Tests on the target in the form of embedded-test (protocol version 1): one of each outcome.

#![no_std]
#![no_main]

use cortex_m_rt as _;
use defmt_rtt as _;

/// The tests.
#[embedded_test::tests]
mod tests {
    /// What every test begins with.
    #[init]
    fn init() -> u32 {
        defmt::info!("init");
        42
    }

    /// Holds.
    #[test]
    fn holds(state: u32) {
        assert_eq!(state, 42);
        defmt::info!("it holds");
    }

    /// Does not hold.
    #[test]
    fn fails(state: u32) {
        assert_eq!(state, 43);
    }

    /// Returns an error.
    #[test]
    fn returns_an_error() -> Result<(), &'static str> {
        Err("no")
    }

    /// Panics, as it should.
    #[test]
    #[should_panic]
    fn panics_as_it_should() {
        panic!("as it should")
    }

    /// Never ends.
    #[test]
    #[timeout(1)]
    fn hangs() {
        loop {
            cortex_m::asm::nop();
        }
    }

    /// Is not run.
    #[test]
    #[ignore]
    fn is_ignored() {}
}
