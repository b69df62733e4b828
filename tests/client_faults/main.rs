//! Every fault as a GDB user meets it: provoked on the virtual board, with an old GDB and a recent one; what they show is a golden in
//! tests/mi/faults/. `UPDATE_GOLDENS=1` records them anew; `catalogue` sees to it that no fault is without a test.

#[path = "../bench/patched.rs"]
#[allow(dead_code, reason = "what is wrong with a loader is chosen elsewhere")]
mod patched;
#[path = "../support/mod.rs"]
mod support;
// Where `patched` looks for firmware.
use support::images;

mod catalogue;
mod command_line;
mod core;
mod flash;
mod link;
mod loaders;
mod requests;
mod rtt;
mod scene;
mod session;
mod threads;
mod window;
