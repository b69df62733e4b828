//! One instruction: condition, effect, next pc (ARM ARM A7.7, chapter by mnemonic).
//!
//! Nothing architectural changes before an instruction can no longer fault, so a fault leaves the registers as they were and
//! the pc at the instruction. Memory is the exception, as in the manual: the words of an STM that faults late are written.

mod ahead;
mod arithmetic;
mod memory;
mod special;

use super::{
    Core,
    decode::{Instruction, Operation},
    registers::{Registers, psr},
    trap::Trap,
};
use crate::bus::Bus;

/// Where a completed instruction leads.
pub(super) enum Flow {
    /// To the instruction behind it.
    Next,
    /// Elsewhere.
    Branch(u32),
    /// To the instruction behind it, and then there is something for `exceptions` to do.
    Trap(Trap),
}

impl Core {
    /// Executes `instruction`, which lies at the pc.
    ///
    /// On success the pc and ITSTATE are those of the next instruction, as they are with [`Trap::SupervisorCall`],
    /// [`Trap::WaitForInterrupt`] and [`Trap::WaitForEvent`]. With any other trap that is not a return the pc still is at `instruction`.
    #[inline]
    pub fn execute<B: Bus>(&mut self, bus: &mut B, instruction: Instruction) -> Result<(), Trap> {
        let next = self.registers.r[15].wrapping_add(instruction.bytes.into());
        let state = self.registers.itstate;
        if state != 0 {
            let unconditional = matches!(instruction.operation, Operation::Breakpoint { .. });
            if !unconditional && !self.registers.condition_holds(state >> 4) {
                self.registers.itstate = advanced(state);
                self.registers.r[15] = next;
                return Ok(());
            }
        }
        let flow = self.perform(bus, instruction.operation, next)?;
        if state != 0 {
            self.registers.itstate = advanced(state);
        }
        match flow {
            Flow::Next => self.registers.r[15] = next,
            Flow::Branch(target) => self.registers.r[15] = target,
            Flow::Trap(trap) => {
                self.registers.r[15] = next;
                return Err(trap);
            }
        }
        Ok(())
    }

    #[inline]
    fn perform<B: Bus>(
        &mut self,
        bus: &mut B,
        operation: Operation,
        next: u32,
    ) -> Result<Flow, Trap> {
        use Operation::*;
        Ok(match operation {
            Data {
                op,
                flags,
                d,
                n,
                operand,
            } => return Ok(self.data(op, flags, d, n, operand)),
            Branch { condition, offset } => {
                let target = self.registers.pc().wrapping_add_signed(offset);
                let taken = self.registers.condition_holds(condition);
                if self.looks_ahead && condition < 14 {
                    self.look_ahead(bus, if taken { next } else { target });
                }
                if taken {
                    Flow::Branch(target)
                } else {
                    Flow::Next
                }
            }
            BranchLink { offset } => {
                self.registers.r[14] = next | 1;
                Flow::Branch(self.registers.pc().wrapping_add_signed(offset))
            }
            BranchExchange { link: false, m } => {
                let target = self.registers.get(m);
                self.branch_exchange(target)
            }
            BranchExchange { link: true, m } => {
                let target = self.registers.get(m);
                self.registers.r[14] = next | 1;
                self.registers.thumb = target & 1 == 1;
                Flow::Branch(target & !1)
            }
            CompareBranch { nonzero, n, offset } => {
                let target = self.registers.pc().wrapping_add(offset.into());
                let taken = (self.registers.get(n) != 0) == nonzero;
                if self.looks_ahead {
                    self.look_ahead(bus, if taken { next } else { target });
                }
                if taken {
                    Flow::Branch(target)
                } else {
                    Flow::Next
                }
            }
            IfThen { state } => {
                self.registers.itstate = state;
                Flow::Next
            }
            Load { .. }
            | LoadRegister { .. }
            | Store { .. }
            | StoreRegister { .. }
            | LoadDual { .. }
            | StoreDual { .. }
            | LoadExclusive { .. }
            | StoreExclusive { .. }
            | ClearExclusive
            | LoadMultiple { .. }
            | StoreMultiple { .. }
            | TableBranch { .. } => return self.access(bus, operation),
            Address { .. }
            | MoveTop { .. }
            | Extend { .. }
            | Unary { .. }
            | BitFieldExtract { .. }
            | BitFieldInsert { .. }
            | Saturate { .. }
            | SaturateHalves { .. }
            | Pack { .. }
            | Parallel { .. }
            | SaturatingAdd { .. }
            | SelectBytes { .. }
            | MultiplyNarrow { .. }
            | Multiply { .. }
            | MultiplyLong { .. }
            | Divide { .. } => return self.compute(operation),
            Nothing => Flow::Next,
            Undefined => return Err(Trap::Undefined),
            Coprocessor => return Err(Trap::NoCoprocessor),
            WaitForEvent
            | WaitForInterrupt
            | SendEvent
            | SupervisorCall
            | Breakpoint { .. }
            | ChangeState { .. }
            | ReadSpecial { .. }
            | WriteSpecial { .. } => return self.system_operation(operation),
            _ => {
                self.float(bus, operation)?;
                Flow::Next
            }
        })
    }

    /// BXWritePC and LoadWritePC (ARM ARM A2.3.1): in Handler mode the top of the address space is an exception return.
    fn branch_exchange(&mut self, target: u32) -> Flow {
        const EXC_RETURN: u32 = 0xF000_0000;
        if self.registers.ipsr != 0 && target >= EXC_RETURN {
            return Flow::Trap(Trap::ExceptionReturn { value: target });
        }
        self.registers.thumb = target & 1 == 1;
        Flow::Branch(target & !1)
    }
}

/// ITAdvance (ARM ARM A7.3.3).
fn advanced(state: u8) -> u8 {
    if state & 7 == 0 {
        0
    } else {
        state & 0xE0 | state << 1 & 0x1F
    }
}

impl Registers {
    /// Value of register `n` as an operand: the pc reads 4 ahead.
    #[inline]
    pub(super) fn get(&self, n: u8) -> u32 {
        let value = self.r[usize::from(n & 15)];
        if n == 15 {
            value.wrapping_add(4)
        } else {
            value
        }
    }

    /// Writes register `d`. SP keeps its low bits zero; the pc is written by branches only.
    #[inline]
    pub(super) fn set(&mut self, d: u8, value: u32) {
        let value = if d == 13 { value & !3 } else { value };
        self.r[usize::from(d & 15)] = value;
    }

    /// The pc as an operand.
    #[inline]
    pub(super) fn pc(&self) -> u32 {
        self.get(15)
    }

    /// Align(PC, 4), the base of literals.
    #[inline]
    pub(super) fn literal_base(&self) -> u32 {
        self.pc() & !3
    }

    /// ConditionPassed for `condition` (ARM ARM A7.3.1).
    #[inline]
    pub(super) fn condition_holds(&self, condition: u8) -> bool {
        let flag = |mask| self.apsr & mask != 0;
        let holds = match condition >> 1 {
            0 => flag(psr::Z),
            1 => flag(psr::C),
            2 => flag(psr::N),
            3 => flag(psr::V),
            4 => flag(psr::C) && !flag(psr::Z),
            5 => flag(psr::N) == flag(psr::V),
            6 => flag(psr::N) == flag(psr::V) && !flag(psr::Z),
            _ => return true,
        };
        holds != (condition & 1 == 1)
    }

    /// Replaces N and Z by those of `result`.
    #[inline]
    pub(super) fn set_nz(&mut self, result: u32) {
        let zero = if result == 0 { psr::Z } else { 0 };
        self.apsr = self.apsr & !(psr::N | psr::Z) | result & psr::N | zero;
    }

    /// Sets Q if something saturated; only MSR clears it.
    pub(super) fn note_saturation(&mut self, saturated: bool) {
        if saturated {
            self.apsr |= psr::Q;
        }
    }
}

#[cfg(test)]
mod tests;
