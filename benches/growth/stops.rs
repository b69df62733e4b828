//! A hundred thousand stops: what the server has in memory then. Linux only, for it is the kernel that says so.

#[path = "../../tests/stops/measure.rs"]
mod measure;

use serde::{Deserialize, Serialize};

use crate::chart::{self, Axis, Chart};
use measure::{GROWTH_KB, Way, resident};

const STOPS: [usize; 7] = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];
/// The point from which it must stay as it is.
const SETTLED: usize = 10_000;

/// Resident memory after so many stops.
#[derive(Serialize, Deserialize)]
pub struct Count {
    stops: usize,
    by_steps_kilobytes: u64,
    by_breakpoints_kilobytes: u64,
}

pub fn measure() -> Vec<Count> {
    let [by_steps, by_breakpoints] = Way::ALL.map(|way| {
        let resident = resident(way, &STOPS);
        println!("{way:?}: {resident:?} KB");
        let settled = STOPS.iter().position(|stops| *stops == SETTLED);
        let settled = settled.map_or(0, |at| resident[at]);
        let last = resident[STOPS.len() - 1];
        assert!(last <= settled + GROWTH_KB, "{way:?}: it grows");
        resident
    });
    let counts = STOPS.iter().zip(by_steps).zip(by_breakpoints);
    counts
        .map(
            |((stops, by_steps_kilobytes), by_breakpoints_kilobytes)| Count {
                stops: *stops,
                by_steps_kilobytes,
                by_breakpoints_kilobytes,
            },
        )
        .collect()
}

pub fn section(counts: &[Count]) -> String {
    let chart = Chart {
        name: "stops",
        title: "Resident memory of the server with its virtual board",
        x: Axis {
            title: "stops in one session",
            from: 1e3,
            to: 1e5,
            base: 10.0,
            label: chart::plain,
        },
        y: Axis {
            title: "resident memory",
            from: 16.0 * 1024.0 * 1024.0,
            to: 128.0 * 1024.0 * 1024.0,
            base: 2.0,
            label: chart::bytes,
        },
    };
    let curve = |of: fn(&Count) -> u64| {
        let point = |count: &Count| (count.stops as f64, of(count) as f64 * 1024.0);
        counts.iter().map(point).collect()
    };
    let curves = [
        ("instruction steps", curve(|count| count.by_steps_kilobytes)),
        ("breakpoints", curve(|count| count.by_breakpoints_kilobytes)),
    ];
    let settled = counts.iter().find(|count| count.stops == SETTLED);
    let (Some(settled), Some(last)) = (settled, counts.last()) else {
        return String::new();
    };
    let grown = |of: fn(&Count) -> u64| of(last) as i64 - of(settled) as i64;
    let about = format!(
        "Level: between 10,000 and 100,000 stops the server's memory, with the whole virtual board in it, changes by {} KB when it steps and by {} KB \
         when it stops at breakpoints. `tests/stops.rs` asserts the first 10,000.\n",
        grown(|count| count.by_steps_kilobytes),
        grown(|count| count.by_breakpoints_kilobytes),
    );
    ["### Number of stops\n", &chart.draw(&curves), &about].join("\n")
}
