//! What the end-to-end tests stand on: the real server binary, a real GDB, boards with a known past, goldens.

#![allow(
    dead_code,
    reason = "each test binary uses its own part of the support code"
)]

pub mod board;
pub mod debugger;
pub mod gdb;
pub mod golden;
pub mod images;
pub mod local;
pub mod recorded;
pub mod rsp;
pub mod server;
pub mod tiny_boot;

use std::path::PathBuf;

pub use images::firmware;

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The probe under test: the virtual board, or the real one of `make test-board`.
pub fn probe() -> String {
    std::env::var("XSPI_GDB_TEST_PROBE").unwrap_or_else(|_| "virtual".to_owned())
}

/// True when the tests run on a real board.
pub fn on_hardware() -> bool {
    probe() != "virtual"
}
