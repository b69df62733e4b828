//! What was measured, kept in docs/benchmarks/peers.json: the page and the chart are drawn from that file.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{counts::Counts, page, servers::Server};

/// What a server did in a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The work was done.
    Done(Measured),
    /// It was not, and this is what GDB showed.
    Failed(String),
}

/// Work that was done, and its cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// How often the work of the row was done.
    pub units: u32,
    pub counts: Counts,
    /// What the transfer log of our own link says besides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, u64>,
}

impl Measured {
    /// Exchanges for one unit.
    pub fn exchanges(&self) -> f64 {
        self.counts.exchanges as f64 / f64::from(self.units)
    }

    /// Modelled seconds for one unit, if an exchange costs `exchange_us`; `measured_us` is what it cost.
    pub fn seconds(&self, time: Time, measured_us: u64, exchange_us: u64) -> f64 {
        let counted = match time {
            Time::Link => self.counts.link_ns,
            Time::Board => self.counts.time_ns,
        };
        let more = (exchange_us - measured_us) * 1_000 * self.counts.exchanges;
        (counted + more) as f64 / 1e9 / f64::from(self.units)
    }

    /// Bytes on the wire for one unit: what of the link's time is no exchange's cost, at the set clock.
    pub fn wire_bytes(&self, exchange_us: u64, speed_khz: u32) -> f64 {
        let wire_ns = self.counts.link_ns - 1_000 * exchange_us * self.counts.exchanges;
        wire_ns as f64 * f64::from(speed_khz) / 1e6 / 8.0 / f64::from(self.units)
    }

    /// A fact of the log, 0 if the log has none.
    pub fn fact(&self, name: &str) -> u64 {
        self.facts.get(name).copied().unwrap_or_default()
    }
}

/// What counts as the time of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// What the link takes: the core is halted.
    Link,
    /// What the board's clock says: a loader or the program runs.
    Board,
}

/// A row, by server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outcomes(pub BTreeMap<Server, Outcome>);

impl Outcomes {
    /// What was measured of `server`.
    pub fn of(&self, server: Server) -> Option<&Measured> {
        match self.0.get(&server) {
            Some(Outcome::Done(measured)) => Some(measured),
            _ => None,
        }
    }

    /// What was measured of the peers.
    pub fn peers(&self) -> impl Iterator<Item = (Server, &Measured)> {
        let peers = Server::ALL.into_iter().filter(|server| !server.is_own());
        peers.filter_map(|server| Some((server, self.of(server)?)))
    }
}

/// Everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Results {
    pub versions: Vec<(String, String)>,
    pub rows: BTreeMap<String, Outcomes>,
}

fn path() -> PathBuf {
    page::folder().join("peers.json")
}

impl Results {
    /// What an earlier run left, so that a run of some rows keeps the others.
    pub fn read() -> Result<Self> {
        match fs::read(path()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(_) => Ok(Self::default()),
        }
    }

    pub fn write(&self) -> Result<()> {
        fs::create_dir_all(page::folder())?;
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(fs::write(path(), text)?)
    }
}
