//! The section of docs/benchmarks.md.

use std::fmt::Write as _;

use crate::{
    page,
    results::{Measured, Outcome, Outcomes, Results},
    rows::{ROWS, Row},
    servers::{EXCHANGE_US, SPEED_KHZ, Server},
};

/// What an exchange costs in the second table.
const SLOW_EXCHANGE_US: u64 = 1_000;

/// What the figures are of.
const MODEL: &str = include_str!("model.md");

/// Writes the section.
pub fn write(results: &Results) {
    page::write_section("peers", &section(results));
}

fn section(results: &Results) -> String {
    let mut text = String::from(MODEL.trim());
    let versions: Vec<String> = results
        .versions
        .iter()
        .map(|(name, version)| format!("{name}: {version}"))
        .collect();
    // Writing to a string cannot fail.
    let _ = write!(text, "\n\nVersions: {}.\n\n", versions.join("; "));
    text.push_str("![Exchanges of each row, by server](benchmarks/peers.svg)\n\n");
    let _ = writeln!(
        text,
        "### An exchange at {EXCHANGE_US} us\n\nEach cell: exchanges, modelled time, bytes on the wire.\n"
    );
    head(&mut text, &["Goal", "Reached", ""]);
    let mut reasons = String::new();
    for (number, row, outcomes) in measured(results) {
        let verdict = (row.judge)(outcomes);
        let met = if verdict.met { "met" } else { "not met" };
        let cells = cells(outcomes, |measured| cell(row, measured));
        let _ = writeln!(
            text,
            "| {number} | {} | {cells} | {} | {} | {met} |",
            work(row),
            row.goal,
            verdict.figure
        );
        if let Some(why) = verdict.why {
            let _ = writeln!(reasons, "- Row {number}: {why}");
        }
    }
    if !reasons.is_empty() {
        let _ = writeln!(text, "\nWhy a goal is not met:\n\n{reasons}");
    }
    let _ = writeln!(
        text,
        "\n### Modelled time with an exchange at 1 ms\n\nThe same runs: each exchange costs {} us more.\n",
        SLOW_EXCHANGE_US - EXCHANGE_US
    );
    head(&mut text, &[]);
    for (number, row, outcomes) in measured(results) {
        let cells = cells(outcomes, |measured| {
            seconds(measured.seconds(row.time, EXCHANGE_US, SLOW_EXCHANGE_US))
        });
        let _ = writeln!(text, "| {number} | {} | {cells} |", row.work);
    }
    text
}

fn measured(results: &Results) -> impl Iterator<Item = (usize, &'static Row, &Outcomes)> {
    let rows = (1..).zip(ROWS);
    rows.filter_map(|(number, row)| Some((number, row, results.rows.get(row.name)?)))
}

/// What is done, and how often where that differs.
fn work(row: &Row) -> String {
    match (row.units.own, row.units.others) {
        (own, others) if own == others => row.work.to_owned(),
        (_, others) => format!("{} ({others} on the other ports)", row.work),
    }
}

fn head(text: &mut String, more: &[&str]) {
    let servers = Server::ALL.map(Server::title);
    let heads: Vec<&str> = ["", "Work"]
        .iter()
        .chain(&servers)
        .chain(more)
        .copied()
        .collect();
    let _ = writeln!(
        text,
        "| {} |\n|{}",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
}

fn cells(outcomes: &Outcomes, show: impl Fn(&Measured) -> String) -> String {
    let cell = |server: Server| match outcomes.0.get(&server) {
        Some(Outcome::Done(measured)) => show(measured),
        Some(Outcome::Failed(why)) => format!("cannot: `{}`", why.replace('|', "/")),
        None => "-".to_owned(),
    };
    Server::ALL.map(cell).join(" | ")
}

fn cell(row: &Row, measured: &Measured) -> String {
    let time = seconds(measured.seconds(row.time, EXCHANGE_US, EXCHANGE_US));
    let bytes = measured.wire_bytes(EXCHANGE_US, SPEED_KHZ);
    match row.unit {
        Some(unit) => format!(
            "{:.1} a {}, {time}, {}",
            measured.exchanges(),
            unit,
            size(bytes)
        ),
        None => format!("{}, {time}, {}", measured.counts.exchanges, size(bytes)),
    }
}

fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{:.1} ms", 1e3 * s),
    }
}

fn size(bytes: f64) -> String {
    match bytes {
        b if b >= 1e6 => format!("{:.2} MB", b / 1e6),
        b if b >= 1e3 => format!("{:.1} KB", b / 1e3),
        b => format!("{b:.0} B"),
    }
}
