//! `--trace-link FILE`: every exchange with the probe, a line each: its number, for whom, by what operation of the link, and what it carried.
//! The columns are separated by tabs.

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};

/// Where exchanges are written down.
pub struct Trace {
    file: BufWriter<File>,
    exchanges: u64,
    caller: String,
    operation: &'static str,
}

impl Trace {
    /// Begins a new file.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "# exchange\tfor\tby\ttransfers")?;
        Ok(Self {
            file,
            exchanges: 0,
            caller: "attach".to_owned(),
            operation: "connect",
        })
    }

    pub(super) fn is_for(&mut self, caller: &dyn fmt::Display) {
        self.caller = caller.to_string();
    }

    pub(super) fn does(&mut self, operation: &'static str) {
        self.operation = operation;
    }

    /// A line is complete when the next one begins: what a killed server leaves can be read.
    pub(super) fn exchange(&mut self, transfers: &str) {
        self.exchanges += 1;
        let (number, caller, operation) = (self.exchanges, &self.caller, self.operation);
        let written = writeln!(self.file, "{number}\t{caller}\t{operation}\t{transfers}")
            .and_then(|()| self.file.flush());
        if let Err(error) = written {
            tracing::warn!("the trace of the link has a gap at exchange {number}: {error}");
        }
    }
}
