//! How far the bring-up came, and what stopped it: the words that boot stage and loader report with.

/// Stages of the bring-up, in order. The numbers are the contract of the retained status (see [`crate::status`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stage {
    /// The first instructions ran; nothing is configured.
    Started = 1,
    /// Core at 600 MHz, PLL2 gives XSPI its 200 MHz.
    ClocksUp = 2,
    /// I/O supplies, compensation cell and pins of XSPIM port 2 are ready.
    SuppliesUp = 3,
    /// The NOR answered its identity in 1-bit mode.
    NorIdentified = 4,
    /// The NOR answers in octal DTR mode.
    OctalMode = 5,
    /// The window is memory-mapped and the MPU lets it through.
    WindowOpen = 6,
    /// The window holds no plausible vector table; the boot stage waits for a debugger.
    ImageInvalid = 7,
    /// The next instruction is the image's.
    Jumping = 8,
    /// A stage failed; see the cause.
    Failed = 9,
    /// The boot stage itself took a HardFault.
    HardFault = 10,
}

/// Why a stage failed. The numbers are the contract of the retained status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Cause {
    /// A ready bit did not come in time: `location` is the register's address, `value` what it last read.
    NotReady = 1,
    /// No MX66UW1G45G answers in 1-bit mode: `value` is the identity that was read.
    Identity = 2,
    /// The NOR does not answer in octal DTR mode: `value` is what should be the SFDP signature.
    OctalIdentity = 3,
    /// The NOR stayed busy: `location` is the window address concerned, `value` its status register.
    Busy = 4,
    /// The NOR reports a failed erase or program: `location` is the window address, `value` its security register.
    Refused = 5,
    /// XSPI reports a transfer error: `location` is the address of XSPI_SR, `value` its content.
    Transfer = 6,
    /// The program panicked.
    Panic = 7,
    /// The host asked for an address outside the NOR: `location`.
    OutOfRange = 8,
    /// The image does not have the hash that it states, or states none: `location` is its header's address, `value` the first word of
    /// the hash that was found.
    Hash = 9,
}

/// A failed step, with its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub cause: Cause,
    /// Where: see [`Cause`].
    pub location: u32,
    /// What was read there.
    pub value: u32,
}

/// Keeps a record of the bring-up while it goes on.
pub trait Journal {
    /// `stage` is reached.
    fn reached(&mut self, stage: Stage);

    /// The core waits for the register at `address`; 0 when it no longer does.
    fn waiting(&mut self, address: u32);
}

/// Keeps nothing: the loader answers its host instead.
pub struct Silent;

impl Journal for Silent {
    fn reached(&mut self, _stage: Stage) {}
    fn waiting(&mut self, _address: u32) {}
}
