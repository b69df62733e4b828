//! How cost grows: with the size of an image, the number of breakpoints, of clients, of stops. `cargo bench --bench growth` writes the
//! curves and figures that docs/benchmarks.md shows. Exchanges and modelled time are the same on every machine; so is the peak of the
//! heap, but for what a compiler makes of the code.

#![allow(
    clippy::duplicate_mod,
    reason = "the bench without a session and the support of the real server both bring the firmware's files"
)]

#[path = "../../tests/bench/mod.rs"]
mod bench;
#[path = "../../tests/programming/measure.rs"]
mod measure;
#[path = "../page/mod.rs"]
mod page;
#[path = "../../tests/support/mod.rs"]
mod support;

mod breakpoints;
mod chart;
mod clients;
mod images;
mod served;
mod stops;

use std::fs;

use serde::{Deserialize, Serialize};

/// Counts what is on the heap while a profiler is there, and costs nothing else.
#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// docs/benchmarks/growth.json.
#[derive(Serialize, Deserialize)]
struct Figures {
    images: Vec<images::Size>,
    breakpoints: Vec<breakpoints::Count>,
    clients: Vec<clients::Count>,
    stops: Vec<stops::Count>,
}

impl Figures {
    fn measure() -> Self {
        Self {
            images: images::measure(),
            breakpoints: breakpoints::measure(),
            clients: clients::measure(),
            stops: stops::measure(),
        }
    }

    fn page(&self) -> String {
        [
            images::section(&self.images),
            breakpoints::section(&self.breakpoints),
            clients::section(&self.clients),
            stops::section(&self.stops),
        ]
        .join("\n")
    }
}

/// With `page` as an argument the figures that are there are drawn anew.
fn main() {
    let folder = page::folder();
    let file = folder.join("growth.json");
    fs::create_dir_all(&folder).expect("docs/benchmarks");
    let figures = if std::env::args().any(|argument| argument == "page") {
        let text = fs::read_to_string(&file).expect("growth.json");
        serde_json::from_str(&text).expect("figures")
    } else {
        let figures = Figures::measure();
        let text = serde_json::to_string_pretty(&figures).expect("figures");
        fs::write(&file, text + "\n").expect("growth.json");
        figures
    };
    page::write_section("growth", &figures.page());
}
