//! Steps whose effect is known beforehand: what the instruction cannot have changed needs no second look.
//!
//! A masked step of an instruction that stores nowhere, or to RAM, leaves window, clocks, flash memories and most registers as they were. It
//! has been that step if the core stands elsewhere, in the same exception, and no unit stopped it. RAM is forgotten all the same: other
//! masters write it too.

use super::{
    Session,
    effect::{Effect, Store, effect},
    registers::{PC, XPSR},
    stop::{Stop, StopReason},
};
use crate::{
    fault::Fault,
    layout::{Address, Memory},
    link::{CoreState, HaltReason, Interrupts},
};

/// IPSR in xPSR.
const EXCEPTION: u32 = 0x1FF;

/// A step of one instruction that is known.
pub(super) struct Foreseen {
    effect: Effect,
    from: Address,
    exception: u32,
}

impl Session {
    /// What the step of the instruction at the pc is going to change; `None` if that cannot be told.
    pub(super) fn foresee(&mut self) -> Result<Option<Foreseen>, Fault> {
        let from = self.stop.pc;
        if self.step_interrupts() != Interrupts::Masked {
            return Ok(None);
        }
        let Some(effect) = self.code_at(from).and_then(effect) else {
            return Ok(None);
        };
        if let Store::Near(base) = effect.store {
            let address = Address(self.read_register(base)? as u32);
            if self.settings.profile.ram(address).is_none() {
                return Ok(None);
            }
        }
        let exception = self.read_register(XPSR)? as u32 & EXCEPTION;
        Ok(Some(Foreseen {
            effect,
            from,
            exception,
        }))
    }

    /// Where the step has led. If anything else has happened, everything is looked at again.
    pub(super) fn arrive_as_foreseen(&mut self, foreseen: &Foreseen) -> Result<Stop, Fault> {
        self.registers.forget(foreseen.effect.registers);
        let (profile, windows) = (&self.settings.profile, &self.windows);
        self.memory.retain(|start| {
            let window = windows.find(start);
            profile.is_internal(start) || window.is_some_and(|window| window.memory == Memory::Nor)
        });
        self.written_lines.clear();
        let link = self.link.as_mut();
        self.registers.fetch(link, [PC, XPSR])?;
        let stands = self.registers.pc(link)? == foreseen.from.0;
        if self.registers.exception_number(link)? != foreseen.exception {
            return self.arrive_by_step();
        }
        if stands || self.units.are_watching() {
            let state = self.link.state()?;
            if state != ONLY_HALTED {
                return self.arrive_in(state);
            }
        }
        self.arrive(StopReason::Step)
    }

    /// The instruction at `address`, if it has been read.
    fn code_at(&self, address: Address) -> Option<[u8; 4]> {
        let mut code = [0; 4];
        for (index, byte) in code.iter_mut().enumerate() {
            let known = self.memory.from(address.checked_add(index as u32)?);
            match known.and_then(|bytes| bytes.first()) {
                Some(known) => *byte = *known,
                // The second half of what is one half only.
                None if index == 2 && code[1] >> 3 < 0b11101 => return Some(code),
                None => return None,
            }
        }
        Some(code)
    }
}

/// Nothing but the step itself stopped the core.
pub(super) const ONLY_HALTED: CoreState = CoreState::Halted(HaltReason {
    halted: true,
    breakpoint: false,
    watchpoint: false,
    vector_catch: false,
    external: false,
});
