//! A virtual STM32H7S78-DK: a Cortex-M7 with its debug port, devices and external memories, in virtual time.
//!
//! Data flows one way: `{{bmp, bitbang, cmsis_dap} -> serve, probe} -> handle -> adapter -> board -> {debug_port, cpu, map} -> devices -> nor ->
//! mishap -> clock`. The board wires, devices behave, an unknown access is loud. Nothing here is shared with the server or with the
//! firmware: two readings of the manuals catch each other's mistakes.

pub mod adapter;
pub mod bitbang;
pub mod bmp;
pub mod board;
pub mod bus;
pub mod clock;
pub mod cmsis_dap;
pub mod cpu;
pub mod debug_port;
pub mod devices;
pub mod file_lock;
pub mod handle;
pub mod map;
pub mod mishap;
pub mod nor;
pub mod probe;
pub mod serve;
pub mod state;
