//! Power control (RM0477, PWR): the I/O supplies of the external memories, forgotten most often.

use super::{block, register};

block! {
    /// Power control.
    pub struct Pwr {
        /// The only one.
        PWR = 0x5802_4800,
    }
}

register! {
    /// PWR control and status register 2 (RM0477, PWR_CSR2).
    pub struct Csr2(u32) at Pwr + 0x00C {
        /// EN_XSPIM1: port 1 is supplied.
        pub port1_supplied: 14,
        /// EN_XSPIM2: port 2 is supplied.
        pub port2_supplied: 15,
    }
}
