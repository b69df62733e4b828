//! The transfer log of our own link (`--trace-link`), as far as goals are about it.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// An exchange: for whom, by what operation of the link, and what it carried.
pub struct Exchange {
    pub caller: String,
    pub operation: String,
    pub transfers: String,
}

/// The log's lines from number `first` on.
pub fn read(path: &Path, first: usize) -> Result<Vec<Exchange>> {
    let text = fs::read_to_string(path)?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let exchange = |line: &str| {
        let mut columns = line.split('\t').skip(1).map(str::to_owned);
        Some(Exchange {
            caller: columns.next()?,
            operation: columns.next()?,
            transfers: columns.next()?,
        })
    };
    lines
        .skip(first)
        .map(|line| exchange(line).with_context(|| format!("no exchange: {line}")))
        .collect()
}

/// How many lines it has.
pub fn length(path: &Path) -> Result<usize> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().filter(|line| !line.starts_with('#')).count())
}

/// The longest time between two exchanges from board time `begin` on, in microseconds, by the record of waits.
pub fn longest_gap_us(waits: &Path, begin: u64) -> Result<u64> {
    let text = fs::read_to_string(waits)?;
    let mut longest = 0;
    let mut last: Option<(u64, u64)> = None;
    for line in text.lines() {
        let (time, exchanges) = line.split_once('\t').context("two columns")?;
        let (time, exchanges) = (time.parse()?, exchanges.parse()?);
        match last {
            // The one who waits waits on.
            Some((_, same)) if same == exchanges => {}
            Some((before, _)) if before >= begin => {
                longest = longest.max((time - before) / 1_000);
                last = Some((time, exchanges));
            }
            _ => last = Some((time, exchanges)),
        }
    }
    Ok(longest)
}
