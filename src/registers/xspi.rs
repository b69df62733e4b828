//! XSPI controllers and their I/O manager (RM0477, XSPI and XSPIM).

use super::{block, register};

block! {
    /// Extended-SPI controller.
    pub struct Xspi {
        /// Its window is at 0x9000_0000.
        XSPI1 = 0x5200_5000,
        /// Its window is at 0x7000_0000.
        XSPI2 = 0x5200_A000,
    }
}

block! {
    /// I/O manager: which controller drives which port.
    pub struct Xspim {
        /// The only one.
        XSPIM = 0x5200_B400,
    }
}

/// XSPI_CR.FMODE: the window answers.
pub const MEMORY_MAPPED: u32 = 3;

register! {
    /// XSPI control register (RM0477, XSPI_CR).
    pub struct Cr(u32) at Xspi + 0x000 {
        /// EN.
        pub enabled: 0,
        /// ABORT.
        pub abort: 1,
        /// FMODE: 0 indirect write, 1 indirect read, 2 automatic polling, 3 memory-mapped.
        pub functional_mode: 28..=29,
    }
}

register! {
    /// XSPI status register (RM0477, XSPI_SR).
    pub struct Sr(u32) at Xspi + 0x020 {
        /// TEF: transfer error.
        pub transfer_error: 0,
        /// TCF: transfer complete.
        pub transfer_complete: 1,
        /// FTF: FIFO threshold.
        pub fifo_threshold: 2,
        /// SMF: status match of automatic polling.
        pub status_match: 3,
        /// TOF: timeout.
        pub timeout: 4,
        /// BUSY: says nothing in memory-mapped mode, where it stays set after the first access.
        pub busy: 5,
    }
}

register! {
    /// XSPI flag clear register (RM0477, XSPI_FCR).
    pub struct Fcr(u32) at Xspi + 0x024 {
        /// CTCF: clears TCF.
        pub transfer_complete: 1,
    }
}

register! {
    /// XSPI timing configuration register (RM0477, XSPI_TCR).
    pub struct Tcr(u32) at Xspi + 0x108 {
        /// DCYC: cycles between address and data.
        pub dummy_cycles: 0..=4,
    }
}

register! {
    /// XSPI communication configuration register (RM0477, XSPI_CCR): the protocol that the window speaks.
    pub struct Ccr(u32) at Xspi + 0x100 {
        /// IMODE: 0 none, 1, 2, 4 or 8 lines as 1 to 4.
        pub instruction_lines: 0..=2,
        /// IDTR.
        pub instruction_double_rate: 3,
        /// ISIZE: bytes of the instruction less one.
        pub instruction_bytes: 4..=5,
        /// ADMODE.
        pub address_lines: 8..=10,
        /// ADDTR.
        pub address_double_rate: 11,
        /// DMODE.
        pub data_lines: 24..=26,
        /// DDTR.
        pub data_double_rate: 27,
        /// DQSE: the memory strobes the data.
        pub data_strobe: 29,
    }
}

register! {
    /// XSPI instruction register (RM0477, XSPI_IR): the read command of the window.
    pub struct Ir(u32) at Xspi + 0x110 {
        /// INSTRUCTION.
        pub instruction: 0..=31,
    }
}

register! {
    /// XSPIM control register (RM0477, XSPIM_CR).
    pub struct XspimCr(u32) at Xspim + 0x000 {
        /// MUXEN: both controllers share one port.
        pub multiplexed: 0,
        /// MODE: not multiplexed, 1 swaps the ports; multiplexed, it names the shared port (0 is port 1).
        pub mode: 1,
    }
}
