//! GDB's agent expressions: the conditions and commands that it sends along with a breakpoint (GDB manual, appendix "The GDB Agent
//! Expression Mechanism").
//!
//! A stack machine of 64-bit words. It reads registers by their numbers in the target description, and memory; GDB's compiler puts an `ext` or
//! `zero_ext` behind each. Deviations: what only tracepoints use (`trace`, `tracev`, `getv`, ...) and floating point, which GDB never
//! compiles, are refused where they are met. Work is bounded, whatever the bytes are: GDB's own have no loops.

mod print;

use crate::{
    fault::{Code, Disposition, Explain, Fault},
    layout::Address,
};

/// Instructions that one evaluation may execute.
const MOST_STEPS: usize = 10_000;
/// Reads of memory and registers that it may ask for: each can be an exchange with the probe.
const MOST_READS: usize = 512;
/// Values on the stack.
const MOST_VALUES: usize = 100;

/// What an expression reads: the halted core.
pub trait Core {
    /// A register by its number in the target description.
    fn register(&mut self, number: u16) -> Result<u64, Fault>;

    /// Fills `data` from memory.
    fn memory(&mut self, address: Address, data: &mut [u8]) -> Result<(), Fault>;
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// A jump leads outside, an operand is cut off, or `end` is missing.
    #[error("its bytecode is left at offset {at}, without `end`")]
    Outside {
        /// Where.
        at: usize,
    },
    /// No such instruction, or one that is not offered.
    #[error("its bytecode has 0x{opcode:02x}{name} at offset {at}, which is not evaluated here")]
    NotOffered {
        /// The byte.
        opcode: u8,
        /// What the manual calls it, behind a blank.
        name: &'static str,
        /// Where.
        at: usize,
    },
    /// An instruction wants more values than there are.
    #[error("its bytecode takes a value at offset {at} that is not on the stack")]
    Empty {
        /// Where.
        at: usize,
    },
    /// It ends without a value.
    #[error("its bytecode ends without a value")]
    NoValue,
    /// Too many values.
    #[error("its bytecode keeps more than {MOST_VALUES} values at offset {at}")]
    Full {
        /// Where.
        at: usize,
    },
    /// By zero.
    #[error("it divides by zero")]
    Division,
    /// It goes on and on.
    #[error("it is not done after {limit} {what}")]
    TooLong {
        /// So many.
        limit: usize,
        /// Instructions or reads.
        what: &'static str,
    },
    /// Memory or a register could not be read.
    #[error("it reads what cannot be read: {}", why.headline)]
    Unreadable {
        /// Why.
        why: Box<Fault>,
    },
    /// A format string that says something impossible.
    #[error("its format string {0}")]
    Format(&'static str),
}

impl Explain for AgentError {
    fn code(&self) -> Code {
        match self {
            Self::Unreadable { why } if why.disposition() == Disposition::EndSession => why.code,
            _ => Code::XG048,
        }
    }
}

/// One expression, as GDB compiled it.
#[derive(Clone, PartialEq, Eq)]
pub struct Expression(Vec<u8>);

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytecode ")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Expression {
    /// Any bytes: what is wrong with them is found where they are evaluated.
    pub fn new(bytecode: Vec<u8>) -> Self {
        Self(bytecode)
    }

    /// The value, if it has left one. What it prints is added to `printed`.
    pub fn evaluate(
        &self,
        core: &mut dyn Core,
        printed: &mut Vec<u8>,
    ) -> Result<Option<u64>, AgentError> {
        let mut machine = Machine {
            code: &self.0,
            at: 0,
            next: 0,
            stack: Vec::new(),
            reads: 0,
            core,
            printed,
        };
        for _ in 0..MOST_STEPS {
            if machine.step()? == Flow::Ends {
                return Ok(machine.stack.pop());
            }
        }
        Err(AgentError::TooLong {
            limit: MOST_STEPS,
            what: "instructions",
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    GoesOn,
    Ends,
}

struct Machine<'a> {
    code: &'a [u8],
    /// The instruction.
    at: usize,
    /// The byte behind what has been read of it.
    next: usize,
    stack: Vec<u64>,
    reads: usize,
    core: &'a mut dyn Core,
    printed: &'a mut Vec<u8>,
}

impl Machine<'_> {
    /// One instruction; the numbers are the appendix's ("Bytecode Descriptions").
    fn step(&mut self) -> Result<Flow, AgentError> {
        self.at = self.next;
        let [opcode] = self.operand()?;
        match opcode {
            0x02 => self.combine(u64::wrapping_add)?,
            0x03 => self.combine(u64::wrapping_sub)?,
            0x04 => self.combine(u64::wrapping_mul)?,
            0x05 => self.divide(|a, b| a.cast_signed().wrapping_div(b.cast_signed()) as u64)?,
            0x06 => self.divide(|a, b| a / b)?,
            0x07 => self.divide(|a, b| a.cast_signed().wrapping_rem(b.cast_signed()) as u64)?,
            0x08 => self.divide(|a, b| a % b)?,
            0x09 => self.combine(|a, b| shift(b).map_or(0, |bits| a << bits))?,
            0x0a => self.combine(|a, b| {
                let bits = shift(b).unwrap_or(u64::BITS - 1);
                (a.cast_signed() >> bits) as u64
            })?,
            0x0b => self.combine(|a, b| shift(b).map_or(0, |bits| a >> bits))?,
            0x0e => self.change(|a| u64::from(a == 0))?,
            0x0f => self.combine(|a, b| a & b)?,
            0x10 => self.combine(|a, b| a | b)?,
            0x11 => self.combine(|a, b| a ^ b)?,
            0x12 => self.change(|a| !a)?,
            0x13 => self.combine(|a, b| u64::from(a == b))?,
            0x14 => self.combine(|a, b| u64::from(a.cast_signed() < b.cast_signed()))?,
            0x15 => self.combine(|a, b| u64::from(a < b))?,
            0x16 => {
                let [bits] = self.operand()?;
                self.change(|a| extend(a, bits))?;
            }
            0x17 => self.load::<1>()?,
            0x18 => self.load::<2>()?,
            0x19 => self.load::<4>()?,
            0x1a => self.load::<8>()?,
            0x20 => {
                let target = u16::from_be_bytes(self.operand()?);
                if self.pop()? != 0 {
                    self.next = target.into();
                }
            }
            0x21 => self.next = u16::from_be_bytes(self.operand()?).into(),
            0x22 => self.constant::<1>()?,
            0x23 => self.constant::<2>()?,
            0x24 => self.constant::<4>()?,
            0x25 => self.constant::<8>()?,
            0x26 => {
                let number = u16::from_be_bytes(self.operand()?);
                self.count_read()?;
                let value = self.core.register(number).map_err(unreadable)?;
                self.push(value)?;
            }
            0x27 => return Ok(Flow::Ends),
            0x28 => self.pick(0)?,
            0x29 => drop(self.pop()?),
            0x2a => {
                let [bits] = self.operand()?;
                self.change(|a| a & low(bits))?;
            }
            0x2b => {
                let (a, b) = (self.pop()?, self.pop()?);
                self.push(a)?;
                self.push(b)?;
            }
            0x32 => {
                let [depth] = self.operand()?;
                self.pick(depth.into())?;
            }
            0x33 => {
                let (c, b, a) = (self.pop()?, self.pop()?, self.pop()?);
                for value in [c, a, b] {
                    self.push(value)?;
                }
            }
            0x34 => self.print()?,
            _ => {
                return Err(AgentError::NotOffered {
                    opcode,
                    name: name_of_refused(opcode),
                    at: self.at,
                });
            }
        }
        Ok(Flow::GoesOn)
    }

    /// The next bytes of the instruction.
    fn operand<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], AgentError> {
        let rest = self.code.get(self.next..).unwrap_or_default();
        let Some((bytes, _)) = rest.split_first_chunk() else {
            return Err(AgentError::Outside { at: self.at });
        };
        self.next += BYTES;
        Ok(*bytes)
    }

    fn pop(&mut self) -> Result<u64, AgentError> {
        self.stack.pop().ok_or(AgentError::Empty { at: self.at })
    }

    fn push(&mut self, value: u64) -> Result<(), AgentError> {
        if self.stack.len() == MOST_VALUES {
            return Err(AgentError::Full { at: self.at });
        }
        self.stack.push(value);
        Ok(())
    }

    fn change(&mut self, operation: impl Fn(u64) -> u64) -> Result<(), AgentError> {
        let value = self.pop()?;
        self.push(operation(value))
    }

    /// The value on top is the second operand.
    fn combine(&mut self, operation: impl Fn(u64, u64) -> u64) -> Result<(), AgentError> {
        let (b, a) = (self.pop()?, self.pop()?);
        self.push(operation(a, b))
    }

    fn divide(&mut self, operation: impl Fn(u64, u64) -> u64) -> Result<(), AgentError> {
        match self.stack.last() {
            Some(0) => Err(AgentError::Division),
            _ => self.combine(operation),
        }
    }

    fn pick(&mut self, depth: usize) -> Result<(), AgentError> {
        let index = self.stack.len().checked_sub(depth + 1);
        let value = index.and_then(|index| self.stack.get(index).copied());
        self.push(value.ok_or(AgentError::Empty { at: self.at })?)
    }

    fn constant<const BYTES: usize>(&mut self) -> Result<(), AgentError> {
        let bytes: [u8; BYTES] = self.operand()?;
        let value = bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        self.push(value)
    }

    /// Memory is little-endian.
    fn load<const BYTES: usize>(&mut self) -> Result<(), AgentError> {
        let address = Address(self.pop()? as u32);
        let mut bytes = [0; 8];
        self.read(address, &mut bytes[..BYTES])?;
        self.push(u64::from_le_bytes(bytes))
    }

    fn read(&mut self, address: Address, data: &mut [u8]) -> Result<(), AgentError> {
        self.count_read()?;
        self.core.memory(address, data).map_err(unreadable)
    }

    fn count_read(&mut self) -> Result<(), AgentError> {
        self.reads += 1;
        if self.reads > MOST_READS {
            return Err(AgentError::TooLong {
                limit: MOST_READS,
                what: "reads",
            });
        }
        Ok(())
    }
}

fn unreadable(why: Fault) -> AgentError {
    AgentError::Unreadable { why: Box::new(why) }
}

/// By how much a shift shifts, if anything is left behind it.
fn shift(bits: u64) -> Option<u32> {
    u32::try_from(bits).ok().filter(|bits| *bits < u64::BITS)
}

/// As many ones.
fn low(bits: u8) -> u64 {
    1_u64
        .checked_shl(bits.into())
        .map_or(u64::MAX, |one| one - 1)
}

/// The low `bits`, and the uppermost of them over all above it.
fn extend(value: u64, bits: u8) -> u64 {
    let value = value & low(bits);
    match bits {
        0 => value,
        _ if value & !low(bits - 1) != 0 => value | !low(bits),
        _ => value,
    }
}

/// What the manual calls an instruction that is not evaluated here.
fn name_of_refused(opcode: u8) -> &'static str {
    match opcode {
        0x01 | 0x1b..=0x1f => " (floating point)",
        0x0c | 0x0d | 0x2e..=0x30 => " (tracing)",
        0x2c | 0x2d => " (trace state variables)",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
