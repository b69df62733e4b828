//! The GDB server: the remote protocol (GDB manual, "GDB Remote Serial Protocol") over TCP for several clients.
//!
//! A packet's way: `wire/framer.rs` finds it, `wire/dispatch.rs` says what it asks for, gdbstub or `answers.rs` asks the
//! session, `wire/reply.rs` gives the answer the form that the client can show.

pub mod arch;
pub mod event_loop;
pub mod events;
pub mod memory_map;
pub mod monitor;
pub mod program_console;
pub mod rtt;
pub mod server;
pub mod text_port;
pub mod wire;

mod answers;
mod company;
mod meanwhile;
mod owner;
mod refusal;
mod report;
mod snapshot;
mod target;
mod threads;
mod undescribed;

pub use server::{Options, Server};

#[cfg(test)]
mod tests;
