//! What a bus master sees: addresses, widths, and the two ways in which a slave can refuse.

/// Width of one bus access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// 8 bits.
    Byte = 1,
    /// 16 bits.
    Half = 2,
    /// 32 bits.
    Word = 4,
}

impl Width {
    /// Size in bytes.
    pub const fn bytes(self) -> u32 {
        self as u32
    }
}

/// Who makes the access. The core and the AHB-AP (AP1) see the same map; some gates tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Master {
    /// Instruction fetch of the core.
    Fetch,
    /// Load, store, stacking or vector read of the core.
    Data,
    /// MEM-AP transfer.
    Debug,
    /// A peripheral that moves data by itself.
    Dma,
}

/// How a slave refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BusError {
    /// An error response: nothing is there, or the slave refuses. A bus fault for the core, a sticky error for the AP.
    Refused,
    /// No response at all: the AP answers WAIT until DAPABORT, the core hangs until reset.
    Stalled,
}

/// A slave never answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalled;

/// Everything outside the core's private peripheral bus (0xE000_0000..0xE010_0000 never arrives here).
///
/// Values are little-endian and right-aligned. Addresses are aligned to `width`: the core and the MEM-AP split what is not.
pub trait Bus {
    /// Reads `width` bytes at `address`.
    fn read(&mut self, address: u32, width: Width, master: Master) -> Result<u32, BusError>;

    /// Writes the low `width` bytes of `value` at `address`.
    fn write(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
        master: Master,
    ) -> Result<(), BusError>;

    /// A read that the core makes ahead of need, of memory that may be external. Its value and an error response are thrown away.
    /// `Err` says that no response ever comes.
    fn read_ahead(&mut self, _address: u32) -> Result<(), Stalled> {
        Ok(())
    }

    /// Where a read ahead can do harm: bit n for the 256 MB from n * 0x1000_0000 on.
    fn closed_windows(&self) -> u32 {
        0
    }

    /// Core cycles since the core last started to run; devices derive the current time from it.
    /// Called before every access that is not a fetch, so that a timer read in a loop advances.
    fn at_cycle(&mut self, cycle: u64);

    /// True once after an access changed something that the core must look at before its next instruction
    /// (an interrupt line, a reset request, a clock change).
    fn take_attention(&mut self) -> bool;

    /// True once if a read since the last call returned a value that changes with time alone (a timer's counter), or changed
    /// something itself (a FIFO): a loop that polls it must not be skipped as a whole.
    fn take_time_dependence(&mut self) -> bool;
}
