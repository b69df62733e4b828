//! Every row through every server.

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    chart,
    client::{self, Mark, Script},
    counts::Counts,
    log, own, report,
    results::{Measured, Outcome, Results},
    rows::{Begin, LONGEST_GAP, ROWS, Row},
    servers::{self, Clock, Served, Server},
};

/// How long GDB may take for a row.
const LIMIT: Duration = Duration::from_secs(150);
/// How long the target runs in the row in which nothing happens, by the board's clock.
const IDLE_NS: u64 = 10_000_000_000;
/// What `restore` restores.
const PATTERN_BYTES: usize = 256 * 1024;

/// What is to be run.
#[derive(clap::Parser)]
struct Arguments {
    /// Rows by their names; all of them without.
    rows: Vec<String>,
    /// One server only, as the JSON file names it.
    #[arg(long)]
    only: Option<String>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Runs what the arguments name and writes page, figures and chart.
pub fn all(arguments: Vec<String>) -> Result<()> {
    let name = ["peers".to_owned()];
    let arguments = <Arguments as clap::Parser>::parse_from(name.into_iter().chain(arguments));
    let only: Option<Server> = match &arguments.only {
        Some(name) => Some(serde_json::from_value(name.as_str().into())?),
        None => None,
    };
    let mut results = Results::read()?;
    results.versions = servers::versions();
    let meant = |row: &&Row| {
        arguments.rows.is_empty() || arguments.rows.iter().any(|name| name == row.name)
    };
    for row in ROWS.iter().filter(meant) {
        for server in Server::ALL {
            if only.is_some_and(|only| only != server) {
                continue;
            }
            let began = Instant::now();
            let units = row.units_of(server);
            let required = row
                .requires
                .and_then(|name| results.rows.get(name)?.0.get(&server));
            let outcome = match required {
                Some(failed @ Outcome::Failed(_)) => failed.clone(),
                _ => measure(row, server, units),
            };
            let outcome = match outcome {
                // Timeouts of a server are of the wall clock, and this computer may have had other things to do.
                Outcome::Failed(_) if row.clock == Clock::Paced && required.is_none() => {
                    measure(row, server, units)
                }
                outcome => outcome,
            };
            let seconds = began.elapsed().as_secs();
            println!(
                "{} through {}: {outcome:?}, {seconds} s on the wall",
                row.name,
                server.title()
            );
            let outcomes = results.rows.entry(row.name.to_owned()).or_default();
            outcomes.0.insert(server, outcome);
        }
        results.write()?;
    }
    report::write(&results);
    chart::draw(&results)
}

/// What became of a row, whatever happened.
fn measure(row: &Row, server: Server, units: u32) -> Outcome {
    match try_to_measure(row, server, units) {
        Ok(measured) => Outcome::Done(measured),
        Err(error) => {
            let text = error.to_string();
            Outcome::Failed(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

fn try_to_measure(row: &Row, server: Server, units: u32) -> Result<Measured> {
    let folder = servers::fresh_folder(row.name, server)?;
    let files = row.memories.write(&folder)?;
    fs::write(folder.join("pattern.bin"), pattern())?;
    let mut served = server.start(&files, row.clock, &folder)?;
    let commands = format!(
        "cd {}\nset $units = {units}\n{}{}",
        folder.display(),
        served.connect,
        row.script
    );
    let script = Script {
        commands: &commands,
        elf: &files.elf,
        folder: &folder,
        limit: LIMIT,
    };
    let mut first = match row.begin {
        Begin::Server => Some((Counts::default(), 0)),
        Begin::Mark => None,
    };
    let mut longest_gap = None;
    let mut measured = None;
    let outcome = client::run(&script, |mark| {
        match mark {
            Mark::Begin => first = Some((served.counts()?, lines(&served)?)),
            Mark::Idle => longest_gap = idle(&mut served)?,
            Mark::Counted(units) => {
                let (before, line) = first.context("a beginning")?;
                let counts = served.counts()? - before;
                ensure!(
                    served.holds(&files.programmed, &folder)?,
                    "GDB has no error, but the NOR does not hold the image"
                );
                let mut facts = match &served.trace {
                    Some(path) => (row.facts)(&log::read(path, line)?),
                    None => BTreeMap::new(),
                };
                facts.extend(longest_gap.map(|gap| (LONGEST_GAP.to_owned(), gap)));
                measured = Some(Measured {
                    units,
                    counts,
                    facts,
                });
            }
        }
        Ok(())
    });
    match (measured, outcome) {
        // What happens behind the last mark is GDB's leaving.
        (Some(measured), _) if measured.units == units => Ok(measured),
        (_, Err(error)) => Err(error),
        (Some(measured), Ok(())) => {
            bail!("{} of {units} done, and GDB has no error", measured.units)
        }
        (None, Ok(())) => bail!("GDB ended before the work was done"),
    }
}

fn lines(served: &Served) -> Result<usize> {
    served.trace.as_deref().map_or(Ok(0), log::length)
}

/// Lets the board's time pass. The longest time between two exchanges meanwhile, where there is a record.
fn idle(served: &mut Served) -> Result<Option<u64>> {
    let begin = served.counts()?.time_ns;
    while served.counts()?.time_ns < begin + IDLE_NS {
        thread::sleep(Duration::from_millis(5));
    }
    let waits = served
        .trace
        .as_deref()
        .map(|path| path.with_file_name(own::WAITS));
    waits
        .map(|path| log::longest_gap_us(&path, begin))
        .transpose()
}

fn pattern() -> Vec<u8> {
    let words = 0..PATTERN_BYTES as u32 / 4;
    words
        .flat_map(|word| word.wrapping_mul(0x9E37_79B1).to_le_bytes())
        .collect()
}
