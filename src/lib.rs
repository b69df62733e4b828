//! xspi-gdb: a GDB server for firmware that executes in place from external flash.
//!
//! One rule makes the house easy to live in: data flows one way, and a module imports only what stands to its right.
//!
//! `main -> cli -> {gdb, script} -> verbs -> session -> {stage, flash, breakpoints, rtt, semihosting, threads} -> loader -> {window,
//! debug_info} -> {image, link} -> registers -> layout -> {fault, platform}`
//!
//! One OS thread owns the session, every gdbstub machine and the link; tokio owns sockets, signals and timers and talks
//! to it by channels.

pub mod breakpoints;
pub mod cli;
pub mod debug_info;
pub mod fault;
pub mod flash;
pub mod gdb;
pub mod image;
pub mod layout;
pub mod link;
pub mod loader;
pub mod platform;
pub mod registers;
pub mod rtt;
pub mod script;
pub mod semihosting;
pub mod session;
pub mod stage;
pub mod threads;
pub mod verbs;
pub mod window;
