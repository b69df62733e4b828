//! One to 64 breakpoints: what a stop costs when GDB removes and inserts all of them at each, as it does by default.
//!
//! A loop of as many blocks as there are breakpoints lies in AXI SRAM. In one case each block has its breakpoint: the first eight of them
//! are units, the others BKPTs in memory. In the other the loop has one, and the rest lie in the window, where nothing but a unit stops.

use serde::{Deserialize, Serialize};

use crate::{
    chart::{self, Axis, Chart},
    served::Served,
};

/// Breakpoint units of the chip.
const UNITS: usize = 8;
const COUNTS: [usize; 10] = [1, 2, 4, 6, 8, 9, 12, 16, 32, 64];
/// Where the loop lies.
const LOOP: u32 = 0x2402_0000;
/// Two NOPs.
const BLOCK: &str = "00bf00bf";
const BLOCK_BYTES: u32 = 4;
/// Code of the appli that this program does not come to.
const WINDOW: u32 = 0x7000_4000;
/// Stops that are counted, after some that are not.
const STOPS: usize = 128;

/// Exchanges a stop: to step off the breakpoint, to go on, and to the report of the next stop.
#[derive(Serialize, Deserialize)]
pub struct Count {
    breakpoints: usize,
    in_ram: f64,
    /// None where there are not enough units.
    in_window: Option<f64>,
}

pub fn measure() -> Vec<Count> {
    let of_count = |breakpoints| {
        let in_ram: Vec<u32> = (0..breakpoints as u32)
            .map(|n| LOOP + n * BLOCK_BYTES)
            .collect();
        let in_window = (1..breakpoints as u32).map(|n| WINDOW + n * BLOCK_BYTES);
        let in_window: Vec<u32> = std::iter::once(LOOP).chain(in_window).collect();
        let count = Count {
            breakpoints,
            in_ram: exchanges_a_stop(breakpoints, &in_ram, "Z0"),
            in_window: (breakpoints <= UNITS)
                .then(|| exchanges_a_stop(breakpoints, &in_window, "Z1")),
        };
        println!("{}", serde_json::to_string(&count).expect("figures"));
        count
    };
    COUNTS.into_iter().map(of_count).collect()
}

fn exchanges_a_stop(blocks: usize, breakpoints: &[u32], insert: &str) -> f64 {
    let mut served = Served::start();
    let length = blocks as u32 * BLOCK_BYTES;
    // B to the first block (T2).
    let back = 0xE000 | (-(length as i32 + 4) / 2) as u32 & 0x7FF;
    let back = (back as u16).swap_bytes();
    let code = format!("{}{back:04x}", BLOCK.repeat(blocks));
    served.done(&format!("M{LOOP:x},{:x}:{code}", length + 2));
    served.done(&format!("Pf={:08x}", LOOP.swap_bytes()));
    let remove = insert.to_lowercase();
    let each = |served: &mut Served, what: &str| {
        for address in breakpoints {
            served.done(&format!("{what},{address:x},2"));
        }
    };
    let mut run = |stops: usize| {
        for _ in 0..stops {
            let stop = served.client.ask("vCont;s:1");
            assert!(stop.starts_with("T05"), "{stop}");
            each(&mut served, insert);
            let stop = served.client.ask("vCont;c:1");
            assert!(stop.contains("hwbreak"), "{stop}");
            each(&mut served, &remove);
        }
        served.exchanges()
    };
    // Until every patch has been made once.
    let before = run(2 * blocks);
    (run(STOPS) - before) as f64 / STOPS as f64
}

pub fn section(counts: &[Count]) -> String {
    let chart = Chart {
        name: "breakpoints",
        title: "Exchanges a stop, when all breakpoints are removed and inserted at each",
        x: Axis {
            title: "breakpoints",
            from: 1.0,
            to: 64.0,
            base: 2.0,
            label: chart::plain,
        },
        y: Axis {
            title: "exchanges a stop",
            from: 1.0,
            to: 100.0,
            base: 10.0,
            label: chart::plain,
        },
    };
    let point = |count: &Count, exchanges: f64| (count.breakpoints as f64, exchanges);
    let in_ram = counts
        .iter()
        .map(|count| point(count, count.in_ram))
        .collect();
    let in_window = counts
        .iter()
        .filter_map(|count| Some(point(count, count.in_window?)))
        .collect();
    let curves = [
        ("in RAM, each hit in turn", in_ram),
        ("in the window, one hit", in_window),
    ];
    let [first, .., last] = counts else {
        return String::new();
    };
    let about = format!(
        "Each count is a step off the breakpoint and a run to the next one, with all of them removed and inserted around both. Units are written \
         along with other transfers, and only where they change: {} exchanges for one or eight, wherever they lie. The ninth in the window finds no \
         unit and is refused. In RAM it is a BKPT, and one that is stopped at is taken off and put back: {} exchanges at 64, of which most are \
         BKPTs. The others stay as they are while one instruction is stepped.\n",
        first.in_ram,
        chart::plain(&last.in_ram),
    );
    ["### Number of breakpoints\n", &chart.draw(&curves), &about].join("\n")
}
