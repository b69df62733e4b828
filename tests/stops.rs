//! The server's memory does not grow with the number of stops: ten thousand here, a hundred thousand in `cargo bench --bench growth`.

#![cfg(target_os = "linux")]

#[path = "stops/measure.rs"]
mod measure;
mod support;

use measure::{GROWTH_KB, Way};

#[test]
fn ten_thousand_stops_take_no_memory() {
    for way in Way::ALL {
        let resident = measure::resident(way, &[2_000, 10_000]);
        let [early, late] = resident[..] else {
            panic!("{resident:?}");
        };
        assert!(late <= early + GROWTH_KB, "{way:?}: {resident:?} KB");
    }
}
