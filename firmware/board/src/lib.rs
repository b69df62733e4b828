//! Board support shared by boot stage, appli and loader.
//!
//! Registers are reached through `stm32-metapac`: generated from ST's own descriptions, kept by the embassy project, and it knows
//! this chip's RCC, PWR, SBS (there: SYSCFG), GPIO, XSPI and XSPIM. Its XSPI enumerations have no words (`B_0X4`), so the frame
//! format is spelled in [`xspi`]. Nothing here is shared with the virtual board or the server: each reads the manuals by itself.
//!
//! Manuals: RM0477 (STM32H7Rx/7Sx), DDI 0403E (ARMv7-M), Macronix MX66UW1G45G and Winbond W25Q64JV data sheets.

#![no_std]

pub mod clocks;
pub mod journal;
pub mod leds;
pub mod memory_protection;
pub mod nor;
pub mod status;
pub mod supplies;
pub mod wait;
pub mod window;
pub mod wiring;
pub mod xspi;

pub use stm32_metapac as pac;
