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
