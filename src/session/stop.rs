//! Why the core is halted, in the words of a client.

use crate::{
    breakpoints::Kind,
    fault::Fault,
    layout::Address,
    link::core_fault::{CoreFault, Exception},
    semihosting::{Errand, Exit},
};

/// A halt, as it is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Why.
    pub reason: StopReason,
    /// The next instruction.
    pub pc: Address,
    /// Lines that explain it.
    pub console: Vec<String>,
}

/// Why the core is halted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The client asked for it, or it was so when we attached.
    Halt,
    /// A reset ended at the reset vector, or at the appli's first instruction.
    Reset,
    /// A requested breakpoint.
    Breakpoint,
    /// A requested breakpoint whose terms make it none: the program goes on. No client sees it.
    Passed,
    /// A breakpoint that nobody requested: a BKPT of the program itself.
    Unrequested,
    /// A semihosting call that nobody serves.
    SemihostingCall,
    /// A semihosting call that the client which controls is to serve; see [`super::Session::client_answered`]. Only where a client has
    /// asked for that.
    ClientCall(Box<Errand>),
    /// The program has ended, by a semihosting call.
    Exited(Exit),
    /// A requested watchpoint.
    Watchpoint {
        /// Write, read or access.
        kind: Kind,
        /// The address of the request.
        address: Address,
    },
    /// A step, or a range step, is done.
    Step,
    /// The core ran into a fault.
    Fault(Box<CoreFault>),
    /// Nothing ran: the appli could not be reached, and this is why.
    Boot(Box<Fault>),
}

/// The signal that GDB prints for a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTRAP.
    Trap,
    /// SIGSEGV.
    Segment,
    /// SIGBUS.
    Bus,
    /// SIGILL.
    Illegal,
}

impl Signal {
    /// An escalated fault counts as what it was at first.
    fn of(fault: &CoreFault) -> Self {
        match fault.origin() {
            Exception::Bus => Self::Bus,
            Exception::Usage => Self::Illegal,
            Exception::Hard | Exception::MemoryManagement | Exception::Lockup => Self::Segment,
        }
    }
}

impl StopReason {
    /// The core has executed a BKPT of the program's, and stands at it.
    pub fn is_at_a_bkpt(&self) -> bool {
        matches!(
            self,
            Self::Unrequested | Self::SemihostingCall | Self::Exited(_)
        )
    }

    /// The signal that GDB prints.
    pub fn signal(&self) -> Signal {
        match self {
            Self::Halt => Signal::Interrupt,
            Self::Reset
            | Self::Breakpoint
            | Self::Passed
            | Self::Unrequested
            | Self::SemihostingCall
            | Self::ClientCall(_)
            | Self::Exited(_)
            | Self::Watchpoint { .. }
            | Self::Step => Signal::Trap,
            Self::Fault(fault) => Signal::of(fault),
            Self::Boot(_) => Signal::Trap,
        }
    }
}
