//! One step by call frame information (DWARF 5, 6.4; Arm's AADWARF32 for the register numbers: 0 to 15 are r0 to pc).

use gimli::{
    BaseAddresses, CfaRule, DebugFrame, Encoding, EvaluationResult, FrameDescriptionEntry,
    Location, Register, RegisterRule, UnwindContext, UnwindExpression, UnwindTableRow, Value,
};

use super::{
    backtrace::{End, ReadWord, Registers},
    program::Bytes,
};
use crate::layout::Address;

/// Operations of one expression; a compiler uses a handful.
const LONGEST_EXPRESSION: u32 = 1000;

/// The callee may do what it wants to r0 to r3 and r12 (AAPCS32 6.1.1).
const SCRATCH: [usize; 5] = [0, 1, 2, 3, 12];

/// What a step needs.
struct Step<'a, 'r> {
    frames: &'a DebugFrame<Bytes>,
    encoding: Encoding,
    at: Address,
    callee: &'a Registers,
    read: ReadWord<'r>,
}

/// The caller's registers, PC being the return address.
pub(super) fn unwind(
    frames: &DebugFrame<Bytes>,
    entry: &FrameDescriptionEntry<Bytes>,
    at: Address,
    callee: &Registers,
    read: ReadWord<'_>,
) -> Result<Registers, End> {
    let mut step = Step {
        frames,
        encoding: entry.cie().encoding(),
        at,
        callee,
        read,
    };
    let mut context = UnwindContext::new();
    let row = entry
        .unwind_info_for_address(
            frames,
            &BaseAddresses::default(),
            &mut context,
            u64::from(at.0),
        )
        .map_err(|error| step.malformed(error))?;
    let return_address = usize::from(entry.cie().return_address_register().0);
    step.caller(row, return_address)
}

impl Step<'_, '_> {
    fn caller(
        &mut self,
        row: &UnwindTableRow<usize>,
        return_address: usize,
    ) -> Result<Registers, End> {
        let cfa = self.cfa(row.cfa())?;
        let mut caller = *self.callee;
        for number in 0..Registers::PC {
            let rule = row.register(Register(number as u16));
            caller.set(number, self.value(rule, number, cfa)?);
        }
        // The canonical frame address is the stack pointer before the call.
        if row.register(Register(Registers::SP as u16)).is_none() {
            caller.set(Registers::SP, Some(cfa));
        }
        if row.register(Register(return_address as u16)) == Some(RegisterRule::Undefined) {
            return Err(End::Outermost);
        }
        let target = caller.get(return_address);
        caller.set(Registers::PC, target);
        Ok(caller)
    }

    fn cfa(&mut self, rule: &CfaRule<usize>) -> Result<u32, End> {
        match rule {
            CfaRule::RegisterAndOffset { register, offset } => {
                let base = self.register(*register)?;
                Ok(base.wrapping_add(*offset as u32))
            }
            CfaRule::Expression(expression) => self.evaluate(expression, None),
        }
    }

    fn value(
        &mut self,
        rule: Option<RegisterRule<usize>>,
        number: usize,
        cfa: u32,
    ) -> Result<Option<u32>, End> {
        let own = self.callee.get(number);
        Ok(match rule {
            None if SCRATCH.contains(&number) => None,
            None | Some(RegisterRule::SameValue) => own,
            Some(RegisterRule::Offset(offset)) => Some(self.word(cfa.wrapping_add(offset as u32))?),
            Some(RegisterRule::ValOffset(offset)) => Some(cfa.wrapping_add(offset as u32)),
            Some(RegisterRule::Register(register)) => self.callee.get(usize::from(register.0)),
            Some(RegisterRule::Expression(expression)) => {
                let address = self.evaluate(&expression, Some(cfa))?;
                Some(self.word(address)?)
            }
            Some(RegisterRule::ValExpression(expression)) => {
                Some(self.evaluate(&expression, Some(cfa))?)
            }
            Some(RegisterRule::Constant(value)) => Some(value as u32),
            // Undefined, or what only an augmentation would define.
            Some(_) => None,
        })
    }

    fn evaluate(
        &mut self,
        expression: &UnwindExpression<usize>,
        initial: Option<u32>,
    ) -> Result<u32, End> {
        let expression = expression
            .get(self.frames)
            .map_err(|error| self.malformed(error))?;
        let mut evaluation = expression.evaluation(self.encoding);
        evaluation.set_max_iterations(LONGEST_EXPRESSION);
        if let Some(initial) = initial {
            evaluation.set_initial_value(u64::from(initial));
        }
        let mut state = evaluation.evaluate();
        loop {
            state = match state.map_err(|error| self.malformed(error))? {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresMemory { address, .. } => {
                    let word = self.word(address as u32)?;
                    evaluation.resume_with_memory(Value::Generic(u64::from(word)))
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = self.register(register)?;
                    evaluation.resume_with_register(Value::Generic(u64::from(value)))
                }
                _ => return Err(self.malformed("an expression that needs more than registers")),
            };
        }
        match evaluation.as_result() {
            [piece] => match piece.location {
                Location::Address { address } => Ok(address as u32),
                _ => Err(self.malformed("an expression without an address")),
            },
            _ => Err(self.malformed("an expression without a value")),
        }
    }

    fn register(&self, register: Register) -> Result<u32, End> {
        let number = usize::from(register.0);
        self.callee.get(number).ok_or(End::Unknown(number))
    }

    fn word(&mut self, address: u32) -> Result<u32, End> {
        super::backtrace::word(self.read, address)
    }

    fn malformed(&self, reason: impl ToString) -> End {
        End::Malformed {
            address: self.at,
            reason: reason.to_string(),
        }
    }
}
