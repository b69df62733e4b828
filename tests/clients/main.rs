//! The debug adapters and IDEs that people use, each from its folder of launch-configs/: the real client where it can run here, what it
//! sends where it cannot. docs/clients.md says which is which.

#[path = "../support/mod.rs"]
mod support;

mod by_schema;
mod cdt;
mod cortex_debug;
mod dap;
mod eclipse;
mod gdb_dap;
mod gdbserver;
mod project;
mod recorded;
mod rtt;
mod table;
