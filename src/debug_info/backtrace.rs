//! Who called whom, from the registers of a halted core (or of a thread that an RTOS has put aside) and its stack.
//!
//! A step goes by call frame information, or by the prologue where there is none, and through the frame of an exception where the
//! return address is an EXC_RETURN: so the backtrace of a fault handler goes on in the code that faulted. A stack may hold anything:
//! each step must go up the stack, there are at most [`DEEPEST`] of them, and the end says why it is one.

use std::fmt;

use super::{DebugInfo, Place, cfi, exception, prologue};
use crate::{fault::Fault, layout::Address};

/// Reads a word of memory; no address is too strange to be asked for.
pub type ReadWord<'a> = &'a mut dyn FnMut(Address) -> Result<u32, Fault>;

/// More frames than any firmware has on its stacks.
pub const DEEPEST: usize = 200;

/// LR as a reset leaves it (ARM ARM B1.5.5).
const NOBODY: u32 = u32::MAX;

/// The core registers of a frame, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    general: [Option<u32>; 16],
    /// The process stack pointer, where an exception may have left a frame.
    pub psp: Option<u32>,
}

impl Registers {
    /// Stack pointer.
    pub const SP: usize = 13;
    /// Link register.
    pub const LR: usize = 14;
    /// Program counter.
    pub const PC: usize = 15;

    /// r0 to r12, sp, lr, pc, all known.
    pub fn new(general: [u32; 16], psp: u32) -> Self {
        Self {
            general: general.map(Some),
            psp: Some(psp),
        }
    }

    /// A register by its number, if it is known.
    pub fn get(&self, number: usize) -> Option<u32> {
        self.general.get(number).copied().flatten()
    }

    /// Sets a register, or says that it is not known.
    pub fn set(&mut self, number: usize, value: Option<u32>) {
        if let Some(register) = self.general.get_mut(number) {
            *register = value;
        }
    }
}

/// How the core came to be where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is there: pc is the next instruction.
    Here,
    /// It has called the frame before: pc is where that returns to.
    Caller,
    /// The frame before is an exception's, taken here: pc is the next instruction, or the one that faulted.
    Interrupted,
}

/// A function that has not returned yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The next instruction; see [`Kind`].
    pub pc: Address,
    /// How it came to be there.
    pub kind: Kind,
    /// Where that is: what was inlined first. Empty if nothing is known of it.
    pub places: Vec<Place>,
    /// The registers as the function has them.
    pub registers: Registers,
}

impl Frame {
    fn new(info: &DebugInfo, registers: Registers, pc: Address, kind: Kind) -> Self {
        Self {
            pc,
            kind,
            places: info.places(instruction(pc, kind)),
            registers,
        }
    }

    /// An address in the instruction that the frame is at: a call is in front of where it returns to.
    pub fn instruction(&self) -> Address {
        instruction(self.pc, self.kind)
    }
}

fn instruction(pc: Address, kind: Kind) -> Address {
    match kind {
        Kind::Caller => Address(pc.0.wrapping_sub(1)),
        Kind::Here | Kind::Interrupted => pc,
    }
}

/// Why a backtrace ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// Nobody called it: a reset handler, or the first function of a thread.
    #[error("nobody called it")]
    Outermost,
    /// Neither call frame information nor a prologue that could be read.
    #[error("no call frame information for {0}")]
    NoInformation(Address),
    /// The return address is none.
    #[error("the return address 0x{0:08x} is no code of the program")]
    NotCode(u32),
    /// The stack cannot be read.
    #[error("the stack at {address} cannot be read: {reason}")]
    Unreadable {
        /// Where.
        address: Address,
        /// The headline of the fault.
        reason: String,
    },
    /// A register that is needed is not known.
    #[error("r{0} is not known here")]
    Unknown(usize),
    /// A caller's stack pointer lies not above its callee's.
    #[error("the stack does not go on above 0x{0:08x}")]
    NoProgress(u32),
    /// What the compiler wrote cannot be read.
    #[error("call frame information of {address} cannot be used: {reason}")]
    Malformed {
        /// Of which instruction.
        address: Address,
        /// What is wrong.
        reason: String,
    },
    /// A stack this deep is a broken one.
    #[error("more than {DEEPEST} frames")]
    TooDeep,
}

/// Frames, the innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backtrace {
    /// The frames; there is at least one.
    pub frames: Vec<Frame>,
    /// Why there are no more.
    pub end: End,
}

impl fmt::Display for Backtrace {
    /// A line a function, inlined ones too, numbered as GDB does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = [Place::default()];
        let mut number = 0;
        for frame in &self.frames {
            if frame.kind == Kind::Interrupted {
                writeln!(f, "    <exception taken here>")?;
            }
            let places = match frame.places.as_slice() {
                [] => &unknown[..],
                places => places,
            };
            for place in places {
                let inlined = if place.inlined { ", inlined" } else { "" };
                writeln!(f, "#{number:<3}{} {place}{inlined}", frame.pc)?;
                number += 1;
            }
        }
        match &self.end {
            End::Outermost => Ok(()),
            end => writeln!(f, "    <{end}>"),
        }
    }
}

impl DebugInfo {
    /// Who called whom, from `registers` on.
    pub fn backtrace(&self, registers: Registers, read: ReadWord<'_>) -> Backtrace {
        let pc = Address(registers.get(Registers::PC).unwrap_or_default() & !1);
        let mut frames = vec![Frame::new(self, registers, pc, Kind::Here)];
        let end = loop {
            let Some(innermost) = frames.last() else {
                break End::Outermost;
            };
            if frames.len() == DEEPEST {
                break End::TooDeep;
            }
            match self.caller(innermost, read) {
                Ok(frame) => frames.push(frame),
                Err(end) => break end,
            }
        };
        Backtrace { frames, end }
    }

    /// The frame that called `frame`, or that was interrupted by it.
    fn caller(&self, frame: &Frame, read: ReadWord<'_>) -> Result<Frame, End> {
        let before = frame.registers.get(Registers::SP);
        let mut registers = self.unwound(frame, read)?;
        let after = registers.get(Registers::SP);
        let target = registers
            .get(Registers::PC)
            .ok_or(End::Unknown(Registers::PC))?;
        if target == NOBODY || target == 0 {
            return Err(End::Outermost);
        }
        if exception::is_return(target) {
            exception::unstack(target, &mut registers, read)?;
            let pc = registers.get(Registers::PC).unwrap_or_default() & !1;
            return Ok(Frame::new(self, registers, Address(pc), Kind::Interrupted));
        }
        // Whoever calls has put its own return address on the stack, or never returns: so does a reset handler.
        if frame.kind == Kind::Caller && after == before {
            return Err(End::Outermost);
        }
        if after < before {
            return Err(End::NoProgress(before.unwrap_or_default()));
        }
        let pc = Address(target & !1);
        if target & 1 == 0 || !self.is_code(instruction(pc, Kind::Caller)) {
            return Err(End::NotCode(target));
        }
        Ok(Frame::new(self, registers, pc, Kind::Caller))
    }

    /// The caller's registers, PC being the return address as it is.
    fn unwound(&self, frame: &Frame, read: ReadWord<'_>) -> Result<Registers, End> {
        let at = frame.instruction();
        let program = self.program_at(at);
        if let Some(entry) = program.and_then(|program| program.frame_entry(at))
            && let Some(program) = program
        {
            return cfi::unwind(&program.frames, &entry, at, &frame.registers, read);
        }
        prologue::unwind(self, frame, read)
    }
}

/// A word of the stack.
pub(super) fn word(read: ReadWord<'_>, address: u32) -> Result<u32, End> {
    let address = Address(address);
    read(address).map_err(|fault| End::Unreadable {
        address,
        reason: fault.headline,
    })
}
