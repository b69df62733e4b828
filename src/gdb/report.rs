//! From our words to gdbstub's: faults to target errors, stops to stop reasons.

use std::{convert::Infallible, fmt};

use gdbstub::{
    common::Signal as GdbSignal,
    stub::SingleThreadStopReason,
    target::{TargetError, ext::breakpoints::WatchKind},
};

use crate::{
    breakpoints::Kind,
    fault::Fault,
    session::{Signal, Stop, StopReason},
};

/// The target error of `fault`: the only place that makes one. It is never fatal: gdbstub's session outlives every fault.
pub fn target_error(fault: &Fault) -> TargetError<Infallible> {
    TargetError::Errno(fault.errno() as u8)
}

/// GDB's number of a signal.
fn signal(signal: Signal) -> GdbSignal {
    match signal {
        Signal::Interrupt => GdbSignal::SIGINT,
        Signal::Trap => GdbSignal::SIGTRAP,
        Signal::Segment => GdbSignal::SIGSEGV,
        Signal::Bus => GdbSignal::SIGBUS,
        Signal::Illegal => GdbSignal::SIGILL,
    }
}

/// What is reported to the client that waits. A step is reported by `SignalWithThread`: `DoneStep` carries no registers. So is a
/// BKPT of the program: GDB takes a `hwbreak` where it has no breakpoint for a late one of its own, and silently resumes.
pub fn stop_reason(stop: &Stop) -> SingleThreadStopReason<u32> {
    match &stop.reason {
        StopReason::Breakpoint => SingleThreadStopReason::HwBreak(()),
        StopReason::Watchpoint { kind, address } => SingleThreadStopReason::Watch {
            tid: (),
            kind: match kind {
                Kind::Read => WatchKind::Read,
                Kind::Access => WatchKind::ReadWrite,
                Kind::Write | Kind::Software | Kind::Hardware => WatchKind::Write,
            },
            addr: address.0,
        },
        reason => SingleThreadStopReason::SignalWithThread {
            tid: (),
            signal: signal(reason.signal()),
        },
    }
}

/// A stop in words, for log and events.
#[derive(Debug)]
pub struct InWords<'a>(pub &'a StopReason);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StopReason::Halt => f.write_str("halt"),
            StopReason::Reset => f.write_str("reset"),
            StopReason::Breakpoint | StopReason::Passed => f.write_str("breakpoint"),
            StopReason::Unrequested => f.write_str("breakpoint instruction"),
            StopReason::SemihostingCall => f.write_str("semihosting call"),
            StopReason::ClientCall(_) => f.write_str("semihosting call for the client"),
            StopReason::Exited(exit) => write!(f, "exit with code {}", exit.code),
            StopReason::Watchpoint { address, .. } => write!(f, "watchpoint at {address}"),
            StopReason::Step => f.write_str("step"),
            StopReason::Fault(fault) => write!(f, "{fault}"),
            StopReason::Boot(fault) => f.write_str(&fault.one_line()),
        }
    }
}
