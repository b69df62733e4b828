//! What becomes of a fault: status bits, the exception that takes it, escalation, lockup (ARM ARM B1.5.13-B1.5.15).

use super::{
    Core, State,
    debug::demcr,
    nvic::{HARD_FAULT_PRIORITY, number},
    scb::{ccr, cfsr, hfsr},
    trap::Trap,
};

/// Where the pc stands in lockup (ARM ARM B1.5.15).
pub(super) const LOCKUP_ADDRESS: u32 = 0xFFFF_FFFE;

/// A configurable fault: who takes it, what it leaves in CFSR, which vector-catch bits it answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) exception: u16,
    pub(super) status: u32,
    pub(super) catch: u32,
}

impl Fault {
    pub(super) const fn memory(status: u32, catch: u32) -> Self {
        Self {
            exception: number::MEM_MANAGE,
            status,
            catch,
        }
    }

    pub(super) const fn bus(status: u32, catch: u32) -> Self {
        Self {
            exception: number::BUS_FAULT,
            status,
            catch,
        }
    }

    pub(super) const fn usage(status: u32, catch: u32) -> Self {
        Self {
            exception: number::USAGE_FAULT,
            status,
            catch,
        }
    }
}

impl Core {
    /// Turns a trap that is a fault into state; the others are `run`'s.
    pub(super) fn fault_of(&mut self, trap: Trap) -> Option<Fault> {
        use demcr::{VC_BUSERR, VC_CHKERR, VC_MMERR, VC_NOCPERR, VC_STATERR};
        Some(match trap {
            Trap::Undefined => Fault::usage(cfsr::UNDEFINSTR, VC_STATERR),
            Trap::InvalidState => Fault::usage(cfsr::INVSTATE, VC_STATERR),
            Trap::InvalidReturn => Fault::usage(cfsr::INVPC, VC_STATERR),
            Trap::NoCoprocessor => Fault::usage(cfsr::NOCP, VC_NOCPERR),
            Trap::Unaligned => Fault::usage(cfsr::UNALIGNED, VC_CHKERR),
            Trap::DivideByZero => Fault::usage(cfsr::DIVBYZERO, VC_CHKERR),
            Trap::MemoryFetch => Fault::memory(cfsr::IACCVIOL, VC_MMERR),
            Trap::MemoryData { address } => {
                self.system.scb.memory_fault_address = address;
                Fault::memory(cfsr::DACCVIOL | cfsr::MMARVALID, VC_MMERR)
            }
            Trap::BusFetch => Fault::bus(cfsr::IBUSERR, VC_BUSERR),
            Trap::BusData { address } => {
                self.system.scb.bus_fault_address = address;
                Fault::bus(cfsr::PRECISERR | cfsr::BFARVALID, VC_BUSERR)
            }
            _ => return None,
        })
    }

    /// A synchronous fault: it is taken now, escalates, or locks the core up.
    pub(super) fn raise(&mut self, fault: Fault) {
        self.system.scb.fault_status |= fault.status;
        self.raise_at(fault.exception, fault.catch, self.execution_priority());
    }

    /// A fault while an exception is being entered. It must beat what ran before, or escalates; then the more urgent of the two
    /// is taken and the other waits (ARM ARM B1.5.11). So the handler of a BusFault runs even if its own frame could not be
    /// pushed. What cannot rise above HardFault or NMI leaves only its status.
    pub(super) fn raise_derived(&mut self, fault: Fault) {
        self.system.scb.fault_status |= fault.status;
        let priority = self.execution_priority();
        if priority > HARD_FAULT_PRIORITY || self.takes(fault.exception, priority) {
            self.raise_at(fault.exception, fault.catch, priority);
        }
    }

    /// A synchronous exception against the execution `priority` that it must beat.
    pub(super) fn raise_at(&mut self, exception: u16, catch: u32, priority: i16) {
        if self.takes(exception, priority) {
            self.pend_caught(exception, catch);
        } else if priority > HARD_FAULT_PRIORITY {
            self.system.scb.hard_fault_status |= hfsr::FORCED;
            let catch = demcr::VC_HARDERR | catch & demcr::VC_INTERR;
            self.pend_caught(number::HARD_FAULT, catch);
        } else {
            self.lock_up();
        }
    }

    fn takes(&self, exception: u16, priority: i16) -> bool {
        let nvic = &self.system.nvic;
        nvic.is_enabled(exception) && nvic.group_priority(exception) < priority
    }

    /// The error response to a buffered store arrives when the instruction is long complete.
    pub(super) fn raise_imprecise(&mut self) {
        self.system.scb.fault_status |= cfsr::IMPRECISERR;
        if self.system.nvic.is_enabled(number::BUS_FAULT) {
            self.pend_caught(number::BUS_FAULT, demcr::VC_BUSERR);
        } else {
            self.system.scb.hard_fault_status |= hfsr::FORCED;
            self.pend_caught(number::HARD_FAULT, demcr::VC_HARDERR);
        }
    }

    /// A fault that is a HardFault from the start; `status` is a bit of HFSR.
    pub(super) fn hard_fault(&mut self, status: u32, catch: u32) {
        self.system.scb.hard_fault_status |= status;
        if self.execution_priority() > HARD_FAULT_PRIORITY {
            self.pend_caught(number::HARD_FAULT, catch);
        } else {
            self.lock_up();
        }
    }

    pub(super) fn pend_caught(&mut self, exception: u16, catch: u32) {
        self.system.debug.expect(exception, catch);
        self.system.nvic.pend(exception);
        self.raised = true;
    }

    /// Lockup: the core stands still until NMI, a halt by the debugger, or reset.
    pub(super) fn lock_up(&mut self) {
        tracing::debug!(
            pc = format_args!("{:#010x}", self.registers.r[15]),
            cfsr = format_args!("{:#010x}", self.system.scb.fault_status),
            hfsr = format_args!("{:#010x}", self.system.scb.hard_fault_status),
            "core locked up"
        );
        self.registers.r[15] = LOCKUP_ADDRESS;
        self.registers.itstate = 0;
        self.state = State::LockedUp;
    }

    /// Loads and stores at priority -1 and -2 may ignore bus errors (CCR.BFHFNMIGN).
    pub(super) fn ignores_bus_faults(&self) -> bool {
        self.system.scb.configured(ccr::BFHFNMIGN) && self.execution_priority() < 0
    }
}
