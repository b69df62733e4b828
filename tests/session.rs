//! The session on the virtual board, through its probe: what GDB, command line and scripts stand on, without any of them.
//!
//! Boot stage and appli are the ones of firmware/prebuilt; time is virtual and the same on every run.

#[path = "session/bench.rs"]
mod bench;
#[path = "session/caches.rs"]
mod caches;
#[path = "session/exchanges.rs"]
mod exchanges;
#[path = "session/faults.rs"]
mod faults;
#[path = "support/images.rs"]
mod images;
#[path = "session/load.rs"]
mod load;
#[path = "session/mishaps.rs"]
mod mishaps;
#[path = "session/range.rs"]
mod range;
#[path = "session/run_control.rs"]
mod run_control;
#[path = "session/semihosting.rs"]
mod semihosting;
#[path = "session/start.rs"]
mod start;
