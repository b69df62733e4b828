//! A core's fault explained to a person: what happened, where, which instruction, what the registers had to do with it, who called.
//!
//! What the status registers say comes from `link/core_fault.rs`; the code and the registers that led there from the frame that the
//! exception interrupted, as the backtrace finds it. A bus error on a buffered write is imprecise (ARM ARM B1.5.14): then no instruction and
//! no register is blamed.

use std::fmt;

use super::{Session, StopReason, registers};
use crate::{
    debug_info::{Access, Backtrace, Frame, Instruction, Kind, Offset, Registers},
    fault::Fault,
    layout::Address,
    link::core_fault::CoreFault,
    registers::Register as _,
    window::State,
};

/// Addresses below this are a null pointer and the fields behind it.
const NULL_END: u32 = 0x100;

/// What `monitor fault` tells.
#[derive(Clone, Debug)]
pub struct FaultReport {
    /// What the core's registers say, as at the stop.
    pub fault: CoreFault,
    /// What that means, in sentences.
    pub sentences: Vec<String>,
    /// The code that was interrupted.
    pub place: Option<Frame>,
    /// The instruction there.
    pub instruction: Option<Instruction>,
    /// Registers that the instruction names, with what each is to it.
    pub led_there: Vec<String>,
    /// Who called whom, from the handler on.
    pub backtrace: Backtrace,
}

impl fmt::Display for FaultReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = Fault::from(self.fault.clone());
        writeln!(f, "{}: {}", told.code, told.headline)?;
        for sentence in &self.sentences {
            writeln!(f, "  {sentence}")?;
        }
        writeln!(f, "  remedy: {}", told.remedy)?;
        if let Some(frame) = &self.place {
            match frame.places.first() {
                Some(place) => writeln!(f, "where: {} {place}", frame.pc)?,
                None => writeln!(
                    f,
                    "where: {}, which is no code of a known program",
                    frame.pc
                )?,
            }
        }
        if let Some(instruction) = &self.instruction {
            writeln!(f, "instruction: {instruction}")?;
        }
        for line in &self.led_there {
            writeln!(f, "  {line}")?;
        }
        if let Some(frame) = &self.place {
            writeln!(f, "registers as the exception found them:")?;
            write_registers(f, &frame.registers)?;
        }
        write!(f, "backtrace:\n{}", self.backtrace)
    }
}

fn write_registers(f: &mut fmt::Formatter<'_>, registers: &Registers) -> fmt::Result {
    for row in [0..4, 4..8, 8..12, 12..16] {
        let words: Vec<String> = row
            .map(|number| match registers.get(number) {
                Some(value) => format!("{:>3} 0x{value:08x}", name(number)),
                None => format!("{:>3} ?         ", name(number)),
            })
            .collect();
        writeln!(f, " {}", words.join(" ").trim_end())?;
    }
    Ok(())
}

fn name(number: usize) -> String {
    match number {
        Registers::SP => "sp".to_owned(),
        Registers::LR => "lr".to_owned(),
        Registers::PC => "pc".to_owned(),
        _ => format!("r{number}"),
    }
}

impl Session {
    /// The fault that the core is halted at, or in whose handler it is; `None` if it is in none.
    pub fn explain_fault(&mut self) -> Result<Option<FaultReport>, Fault> {
        self.needs_halt("a fault's report")?;
        let fault = match &self.stop.reason {
            StopReason::Fault(fault) => Some((**fault).clone()),
            _ => CoreFault::of_halted(self.link.as_mut())?,
        };
        let Some(mut fault) = fault else {
            return Ok(None);
        };
        let backtrace = self.backtrace()?;
        // What could not be stacked is not there to be found.
        let place = backtrace
            .frames
            .iter()
            .find(|frame| frame.kind == Kind::Interrupted)
            .filter(|_| fault.was_stacked())
            .cloned();
        // A handler that has gone on no longer has its EXC_RETURN in LR.
        fault.pc = fault.pc.or(place.as_ref().map(|frame| frame.pc));
        let precise = !fault.cfsr.imprecise_bus();
        let instruction = match &place {
            Some(frame) if precise && !frame.places.is_empty() => self.instruction_at(frame.pc),
            _ => None,
        };
        let led_there = match (&place, &instruction) {
            (Some(frame), Some(instruction)) => led_there(instruction, &frame.registers),
            _ => Vec::new(),
        };
        let sentences = self.sentences(&fault, place.as_ref(), instruction.as_ref())?;
        Ok(Some(FaultReport {
            fault,
            sentences,
            place,
            instruction,
            led_there,
            backtrace,
        }))
    }

    fn instruction_at(&mut self, pc: Address) -> Option<Instruction> {
        let mut code = [0; 4];
        let read = self.read_memory(pc, &mut code).ok()?;
        Instruction::decode(code.get(..read)?)
    }

    fn sentences(
        &mut self,
        fault: &CoreFault,
        place: Option<&Frame>,
        instruction: Option<&Instruction>,
    ) -> Result<Vec<String>, Fault> {
        let cfsr = fault.cfsr;
        let mut sentences = Vec::new();
        if cfsr.memory_stacking() || cfsr.bus_stacking() {
            sentences.push(self.stacking()?);
        }
        if cfsr.imprecise_bus() {
            sentences.push(
                "a buffered write was refused: it was made some instructions before the pc, and which one it was is not known"
                    .to_owned(),
            );
        }
        if cfsr.precise_bus() || cfsr.data_access_violation() {
            let refused_by = if cfsr.precise_bus() { "bus" } else { "MPU" };
            let address = match (cfsr.bus_address_valid(), cfsr.memory_address_valid()) {
                (true, _) => Some(fault.bfar),
                (_, true) => Some(fault.mmfar),
                _ => None,
            };
            sentences.push(match address {
                Some(address) => {
                    let there = self.what_is_at(address)?;
                    format!("the {refused_by} refused the access to {address}: {there}")
                }
                None => format!("the {refused_by} refused an access; its address was not kept"),
            });
        }
        if cfsr.instruction_bus() || cfsr.instruction_access_violation() || cfsr.invalid_state() {
            sentences.push(self.jump(fault, place)?);
        }
        if cfsr.undefined_instruction() {
            sentences.push(match instruction.is_some_and(Instruction::is_permanently_undefined) {
                true => "the instruction is UDF: compilers put it where a program must not come (abort, unreachable code)".to_owned(),
                false => "the core does not know this instruction: data, or code for another core, is executed".to_owned(),
            });
        }
        if cfsr.divide_by_zero() {
            sentences.push(
                "the divisor is 0, and the program wants that to be a fault (CCR.DIV_0_TRP)"
                    .to_owned(),
            );
        }
        if cfsr.unaligned() {
            sentences.push("the address is no multiple of what the instruction asks for; LDM, LDRD and the like, or CCR.UNALIGN_TRP, want that".to_owned());
        }
        if cfsr.no_coprocessor() {
            sentences.push(
                "a floating-point instruction while the FPU is off: CPACR gives access to it"
                    .to_owned(),
            );
        }
        if cfsr.invalid_return() {
            sentences.push("an exception returned with a wrong EXC_RETURN, or its frame was overwritten on the stack".to_owned());
        }
        if fault.hfsr.forced() && cfsr.bits() == 0 {
            sentences.push("an SVC or BKPT was executed where its exception could not be taken: interrupts are masked, or a handler of high priority runs".to_owned());
        }
        Ok(sentences)
    }

    /// The frame of the exception could not be stacked.
    fn stacking(&mut self) -> Result<String, Fault> {
        let file = self.registers([registers::SP, registers::PSP])?;
        let (msp, psp) = (file.known(registers::SP), file.known(registers::PSP));
        let astray = [msp, psp]
            .into_iter()
            .flatten()
            .find(|sp| *sp != 0 && self.settings.profile.ram(Address(*sp)).is_none());
        Ok(match astray {
            Some(sp) => format!("the stack overflowed or was lost: sp is 0x{sp:08x}, where no RAM is; the pc was not kept"),
            None => "the stack overflowed into memory that is guarded: the exception's frame could not be written, so the pc was not kept".to_owned(),
        })
    }

    /// The core was sent where no instruction can be fetched.
    fn jump(&mut self, fault: &CoreFault, place: Option<&Frame>) -> Result<String, Fault> {
        let target = place.map(|frame| frame.pc);
        let from = place
            .and_then(|frame| frame.registers.get(Registers::LR))
            .filter(|lr| *lr & 1 == 1)
            .map(|lr| Address((lr & !1).wrapping_sub(1)));
        let caller = match from {
            Some(from) => self.debug_info()?.describe(from),
            None => None,
        };
        let caller = caller.map_or_else(String::new, |caller| {
            format!("; lr says that it came from {caller}")
        });
        let target = match target {
            Some(Address(0..=1)) => return Ok(format!("a jump through a null pointer{caller}")),
            Some(target) => target.to_string(),
            None => "an unknown address".to_owned(),
        };
        Ok(match fault.cfsr.invalid_state() {
            true => format!(
                "a jump to {target} with bit 0 of the pointer clear: a function's address has it set (Thumb){caller}"
            ),
            false => {
                format!("a jump to {target}, from where no instruction can be fetched{caller}")
            }
        })
    }

    /// What the memory map has at an address.
    fn what_is_at(&mut self, address: Address) -> Result<String, Fault> {
        if address.0 < NULL_END {
            return Ok("a null pointer, or a field behind one".to_owned());
        }
        let profile = &self.settings.profile;
        if profile.ram(address).is_some() {
            return Ok("RAM, which the program has guarded".to_owned());
        }
        if profile.is_internal(address) {
            return Ok("internal flash".to_owned());
        }
        let states = self.window_states()?;
        let window = states
            .into_iter()
            .find(|(window, _)| window.contains(address));
        Ok(match window {
            Some((window, State::Open)) => format!("in the window {window}, which is open"),
            Some((window, state)) => format!("in the window {window}, which is {state}"),
            None => "nothing is there, or it has no clock".to_owned(),
        })
    }
}

/// What each register of an instruction had to do with it.
fn led_there(instruction: &Instruction, registers: &Registers) -> Vec<String> {
    let mut lines = Vec::new();
    for number in &instruction.registers {
        let Some(value) = registers.get(*number) else {
            continue;
        };
        let role = match instruction.access {
            Some(access) if access.base == *number => " was the base of the address",
            Some(Access {
                offset: Offset::Index { register, .. },
                ..
            }) if register == *number => " was the index",
            _ => "",
        };
        lines.push(format!("{} = 0x{value:08x}{role}", name(*number)));
    }
    if let Some(address) = instruction
        .access
        .and_then(|access| access.address(registers))
    {
        lines.push(format!("address = 0x{address:08x}"));
    }
    lines
}
