//! Side by side with the peers: the same GDB commands, by a real GDB in batch mode, on the same virtual board through each server; in
//! exchanges, bytes and modelled time. `cargo bench --profile dev --bench peers` runs every row, or those that are named, and writes
//! docs/benchmarks.md, docs/benchmarks/peers.json and docs/benchmarks/peers.svg; `-- --only SERVER` keeps the others' figures.

mod chart;
mod client;
mod counts;
mod firmware;
mod log;
mod own;
#[path = "../page/mod.rs"]
mod page;
mod process;
mod report;
mod results;
mod rows;
mod run;
mod servers;

use std::env;

use anyhow::Result;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.split_first() {
        Some((word, rest)) if word == client::MARK => client::report(rest),
        Some((word, rest)) if word == own::SERVE => own::serve(rest),
        _ => run::all(arguments),
    }
}
