//! Headless sessions: a file of steps that are run one after the other, for CI jobs and racks of boards.
//!
//! `document.rs` is the file, `steps/` has the steps, `runner.rs` runs them, `report.rs` says how each ended; docs/session.schema.json
//! and docs/session-lines.schema.json are made from the types here. The first step that does not hold ends the session: the others are
//! skipped, and then the steps of `finally` run, each of them whatever becomes of the others.
//!
//! Whatever waits here waits by [`crate::session::Session::idle`], and time limits are in the target's time ([`Host::now`]): the same session gives the
//! same figures on the virtual board however busy the machine is.
//!
//! Adding a step: copy a type of `steps/`, add it to the table in `steps.rs`, and describe it in docs/headless.md; the schema is
//! recorded by `UPDATE_GOLDENS=1 cargo test --lib script`.

mod bench;
mod document;
mod error;
mod heard;
pub mod junit;
mod place;
pub mod report;
mod runner;
#[cfg(test)]
mod schema;
mod steps;
mod value;

use std::time::Duration;

pub use document::Script;
pub use error::ScriptError;
pub use report::{Line, Outcome};
pub use runner::{not_run, run};

use crate::{fault::Fault, link::Attendant, session::Session};

/// What whoever runs a session offers it.
pub trait Host {
    /// The target's time since some moment: the virtual board's own, the wall clock's otherwise.
    fn now(&self) -> Duration;

    /// Looked at during long work.
    fn attendant(&mut self) -> &mut dyn Attendant;

    /// True once somebody wants the session to end (Ctrl-C, SIGTERM).
    fn is_interrupted(&self) -> bool;

    /// What is to be tidied up gets a turn of its own.
    fn forget_interruption(&mut self);

    /// Runs a monitor command; what it said.
    fn monitor(&mut self, command: &str, session: &mut Session) -> Result<String, Fault>;

    /// Tells what has happened.
    fn tell(&mut self, line: &Line<'_>);
}
