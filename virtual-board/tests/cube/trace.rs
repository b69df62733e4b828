//! The register writes that the board logs at level TRACE, gathered for a test.

use std::{
    io::Write,
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::EnvFilter;

/// A write to a peripheral's register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterWrite {
    pub block: String,
    pub offset: u32,
    pub value: u32,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The register writes while `act` runs.
pub fn writes_during(act: impl FnOnce()) -> Vec<RegisterWrite> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("virtual_board::map=trace"))
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_level(false)
        .with_target(false)
        .finish();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = std::mem::take(&mut *log.0.lock().unwrap_or_else(PoisonError::into_inner));
    String::from_utf8_lossy(&bytes)
        .lines()
        .filter_map(parse)
        .collect()
}

/// `XSPI2 0x110 = 0x0000ee11`.
fn parse(line: &str) -> Option<RegisterWrite> {
    let (place, value) = line.trim().split_once(" = ")?;
    let (block, offset) = place.split_once(' ')?;
    Some(RegisterWrite {
        block: block.to_owned(),
        offset: u32::from_str_radix(offset.strip_prefix("0x")?, 16).ok()?,
        value: u32::from_str_radix(value.strip_prefix("0x")?, 16).ok()?,
    })
}
