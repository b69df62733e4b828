//! Steps whose effect is known beforehand: what the instruction cannot have changed needs no second look.
//!
//! A masked step of an instruction that stores nowhere, or to RAM, leaves window, clocks, flash memories and most registers as they were. It
//! has been that step if the core stands elsewhere, in the same exception, and no unit stopped it. RAM is forgotten all the same: other
//! masters write it too.

use super::{
    Session,
    effect::{Effect, Store, effect},
    registers::{PC, SP, XPSR},
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
        self.forget_ram();
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

    /// Other masters write it too.
    fn forget_ram(&mut self) {
        let (profile, windows) = (&self.settings.profile, &self.windows);
        self.memory.retain(|start| {
            let window = windows.find(start);
            profile.is_internal(start) || window.is_some_and(|window| window.memory == Memory::Nor)
        });
        self.written_lines.clear();
    }

    /// The registers that a masked run through `instructions`, which do not loop, can change, if it changes nothing else but RAM near
    /// where registers point now.
    pub(super) fn foresee_run(&mut self, instructions: &[Address]) -> Result<Option<u32>, Fault> {
        let (mut changed, mut moved, mut bases) = (0, 0, 0);
        for address in instructions {
            let code = self.code_at(*address);
            let Some((code, effect)) = code.and_then(|code| Some((code, effect(code)?))) else {
                return Ok(None);
            };
            if holds_others(code) {
                return Ok(None);
            }
            changed |= effect.registers;
            if !moves_stack_a_little(code) {
                moved |= effect.registers;
            }
            if let Store::Near(base) = effect.store {
                bases |= 1 << base;
            }
        }
        if moved & bases != 0 || changed & bases & !(1 << SP) != 0 {
            return Ok(None);
        }
        for base in (0..16).filter(|base| bases & 1 << base != 0) {
            let address = Address(self.read_register(base)? as u32);
            if self.settings.profile.ram(address).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(changed))
    }

    /// The run has led to `pc`: what it cannot have changed is kept. False if it has not been that run.
    pub(super) fn arrives_as_foreseen(
        &mut self,
        changed: u32,
        exception: u32,
        is_exit: impl Fn(Address) -> bool,
    ) -> Result<bool, Fault> {
        self.registers.forget(changed);
        self.forget_ram();
        let link = self.link.as_mut();
        self.registers.fetch(link, [PC, XPSR])?;
        let pc = Address(self.registers.pc(link)?);
        let same = self.registers.exception_number(link)? == exception;
        if !same || !is_exit(pc) {
            self.forget();
            return Ok(false);
        }
        Ok(true)
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

/// IT: those behind it are not in the list.
fn holds_others(code: [u8; 4]) -> bool {
    code[1] == 0xBF && code[0] & 0xF != 0
}

/// PUSH, POP, ADD and SUB of an immediate (T1, T2), STMDB and LDM with write-back: the stack is where it was, but for a few words.
fn moves_stack_a_little(code: [u8; 4]) -> bool {
    matches!(code[1], 0xB0 | 0xB4 | 0xB5 | 0xBC | 0xBD)
        || matches!(code[..2], [0x2D, 0xE9] | [0xBD, 0xE8])
}

/// Nothing but the step itself stopped the core.
pub(super) const ONLY_HALTED: CoreState = CoreState::Halted(HaltReason {
    halted: true,
    breakpoint: false,
    watchpoint: false,
    vector_catch: false,
    external: false,
});
