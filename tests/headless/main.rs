//! xspi-gdb without anybody in front of it: sessions from a file, the example of a CI job, racks of boards, GDB as a library.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod job;
mod power;
mod racks;
mod sessions;
