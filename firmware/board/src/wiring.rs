//! Which controller serves the NOR, and which XSPIM port the NOR is on: what one board has other than another.
//!
//! | Features | Board | Controller | Port | Window |
//! |---|---|---|---|---|
//! | none | STM32H7S78-DK, NUCLEO-H7S3L8 | XSPI2 | 2 | 0x70000000 |
//! | `xspi1` | STM32H7S78-DK with swapped ports | XSPI1 | 2 | 0x90000000 |
//! | `quad` | a quad NOR on port 1 | XSPI1 | 1 | 0x90000000 |

/// The controller.
#[cfg(not(any(feature = "xspi1", feature = "quad")))]
pub use stm32_metapac::XSPI2 as XSPI;

/// The controller.
#[cfg(any(feature = "xspi1", feature = "quad"))]
pub use stm32_metapac::XSPI1 as XSPI;

/// Where the controller maps the NOR.
pub const WINDOW_BASE: u32 = if XSPI1_SERVES {
    0x9000_0000
} else {
    0x7000_0000
};

/// XSPI1 serves the NOR, not XSPI2.
pub const XSPI1_SERVES: bool = cfg!(any(feature = "xspi1", feature = "quad"));

/// The NOR is on port 1, not on port 2.
pub const ON_PORT_1: bool = cfg!(feature = "quad");

/// XSPIM crosses the ports.
pub const SWAPPED: bool = XSPI1_SERVES != ON_PORT_1;
