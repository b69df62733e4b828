//! The JTAG side of the debug port (JTAG-DP, ADIv5.2 chapter B3) and the boundary-scan TAP that precedes it in the chain.
//!
//! As on every STM32 the chain is TDI, boundary-scan TAP (5-bit instructions), debug port (4-bit), TDO; both follow one TMS, so one
//! controller serves both. DPACC and APACC are scans of 35 bits: A3:A2 and RnW in, the result of the access before this one and an
//! acknowledge out. WAIT discards the scan that met it. A sticky flag does not show in the acknowledge: the port answers OK/FAULT
//! and drops AP accesses until the flag is cleared, here also by writing ones to CTRL/STAT.
//!
//! Deviations: while the bus does not answer, every DPACC and APACC says WAIT; the boundary-scan TAP has IDCODE and BYPASS but no
//! boundary register; its IDCODE is assumed (\[U\]) to be made as that of other STM32 (revision, DEV_ID, ST's JEP106 code).

use super::{
    Acknowledge, System,
    registers::{DPIDR, Registers, ctrl_stat},
    tap::State,
};
use crate::mishap::Answer;

/// IDCODE of the debug port's TAP (ADIv5.2 B3.2.3), not to be taken for DPIDR.
pub const IDCODE: u32 = 0x6BA0_0477;
/// IDCODE of the boundary-scan TAP \[U\].
pub const BOUNDARY_IDCODE: u32 = 0x0648_5041;

/// Instructions of the debug port (ADIv5.2 B3.2.1); all others are BYPASS.
mod instruction {
    pub const BITS: u32 = 4;
    pub const ABORT: u16 = 0b1000;
    pub const DPACC: u16 = 0b1010;
    pub const APACC: u16 = 0b1011;
    pub const IDCODE: u16 = 0b1110;
}

/// Instructions of the boundary-scan TAP, as in ST's BSDL files; all others are BYPASS here.
mod boundary {
    pub const BITS: u32 = 5;
    pub const IDCODE: u16 = 0b00001;
}

/// Acknowledges of DPACC and APACC (ADIv5.2 B3.2.4).
const OK_OR_FAULT: u128 = 0b010;
const WAIT: u128 = 0b001;
/// Bits of a DPACC, APACC or ABORT scan.
const ACCESS_BITS: u32 = 35;
/// Bits of an IDCODE scan.
const IDCODE_BITS: u32 = 32;
/// What an instruction scan captures in either TAP: the mandatory 01.
const CAPTURED_INSTRUCTION: u128 = 0b01;

/// The pins that a host drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// TCK.
    pub clock: bool,
    /// TMS.
    pub mode: bool,
    /// TDI.
    pub data: bool,
}

/// The shift registers of both TAPs in a row; the debug port's are the lower bits and leave first.
#[derive(Clone, Copy, Debug, Default)]
struct Shift {
    bits: u128,
    length: u32,
}

impl Shift {
    /// The debug port's register with the boundary-scan TAP's above it.
    fn of((port, port_length): (u128, u32), (boundary, length): (u128, u32)) -> Self {
        Self {
            bits: port | boundary << port_length,
            length: port_length + length,
        }
    }

    fn clock(&mut self, data: bool) {
        self.bits = self.bits >> 1 | u128::from(data) << (self.length.max(1) - 1);
    }
}

/// Both TAPs.
#[derive(Clone, Debug)]
pub struct JtagDp {
    state: State,
    clock: bool,
    data_out: bool,
    shift: Shift,
    instruction: u16,
    boundary_instruction: u16,
    /// The result of the last read, which the next scan brings.
    result: u32,
    /// The scan under way met a WAIT.
    discarded: bool,
}

impl Default for JtagDp {
    fn default() -> Self {
        Self {
            state: State::Reset,
            clock: false,
            data_out: true,
            shift: Shift::default(),
            instruction: instruction::IDCODE,
            boundary_instruction: boundary::IDCODE,
            result: 0,
            discarded: false,
        }
    }
}

impl JtagDp {
    /// TCK as it is driven.
    pub fn clock(&self) -> bool {
        self.clock
    }

    /// TDO; high, as pulled, outside the shift states.
    pub fn data_out(&self) -> bool {
        self.data_out
    }

    /// nTRST, or Test-Logic-Reset: both TAPs show their IDCODE. The debug port's registers are not touched.
    pub fn reset(&mut self) {
        *self = Self {
            clock: self.clock,
            result: self.result,
            ..Self::default()
        };
    }

    /// The access that was under way has read `value`.
    pub fn complete(&mut self, value: u32) {
        self.result = value;
    }

    /// Drives the pins. While JTAG is not `selected` the controller is held in reset. True if a scan was acted upon.
    pub fn drive(
        &mut self,
        pins: Pins,
        selected: bool,
        registers: &mut Registers,
        system: &mut dyn System,
    ) -> bool {
        let edge = pins.clock != std::mem::replace(&mut self.clock, pins.clock);
        if !selected {
            self.reset();
            false
        } else if edge && pins.clock {
            self.rise(pins, registers);
            false
        } else {
            edge && self.fall(registers, system)
        }
    }

    /// A rising edge: capture, shift, move on.
    fn rise(&mut self, pins: Pins, registers: &mut Registers) {
        match self.state {
            State::CaptureInstruction => {
                self.shift = Shift::of(
                    (CAPTURED_INSTRUCTION, instruction::BITS),
                    (CAPTURED_INSTRUCTION, boundary::BITS),
                );
            }
            State::CaptureData => self.shift = self.capture(registers),
            State::ShiftInstruction | State::ShiftData => self.shift.clock(pins.data),
            _ => {}
        }
        self.state = self.state.next(pins.mode);
    }

    /// A falling edge: TDO changes, what was shifted in takes effect. True if that was an access.
    fn fall(&mut self, registers: &mut Registers, system: &mut dyn System) -> bool {
        self.data_out = match self.state {
            State::ShiftInstruction | State::ShiftData => self.shift.bits & 1 == 1,
            _ => true,
        };
        match self.state {
            State::Reset => self.reset(),
            State::UpdateInstruction => {
                let bits = self.shift.bits as u16;
                self.instruction = bits & ((1 << instruction::BITS) - 1);
                self.boundary_instruction = bits >> instruction::BITS & ((1 << boundary::BITS) - 1);
            }
            State::UpdateData => return self.update(registers, system),
            _ => {}
        }
        false
    }

    fn capture(&mut self, registers: &mut Registers) -> Shift {
        let port = match self.instruction {
            instruction::IDCODE => (IDCODE.into(), IDCODE_BITS),
            instruction::ABORT => (0, ACCESS_BITS),
            instruction::DPACC | instruction::APACC => {
                self.discarded =
                    registers.refusal() == Some(Acknowledge::Wait) || self.is_disturbed(registers);
                let acknowledge = if self.discarded {
                    registers.note_overrun();
                    WAIT
                } else {
                    OK_OR_FAULT
                };
                (u128::from(self.result) << 3 | acknowledge, ACCESS_BITS)
            }
            _ => (0, 1),
        };
        let boundary = match self.boundary_instruction {
            boundary::IDCODE => (BOUNDARY_IDCODE.into(), IDCODE_BITS),
            _ => (0, 1),
        };
        Shift::of(port, boundary)
    }

    /// A scan knows WAIT, FAULT as a flag of CTRL/STAT, and no other mishap. True for WAIT.
    fn is_disturbed(&self, registers: &mut Registers) -> bool {
        if registers.refusal().is_some() {
            return false;
        }
        let access = self.instruction == instruction::APACC;
        let answer = registers.disturbances.next(access);
        if answer == Some(Answer::Fault) {
            registers.set_sticky(ctrl_stat::STICKY_ERROR);
        }
        answer == Some(Answer::Wait)
    }

    fn update(&mut self, registers: &mut Registers, system: &mut dyn System) -> bool {
        let read = self.shift.bits & 1 == 1;
        let address = (self.shift.bits as u8 & 0b110) << 1;
        let value = (self.shift.bits >> 3) as u32;
        match self.instruction {
            // Reading, or another address, is UNPREDICTABLE; here nothing happens.
            instruction::ABORT if !read && address == 0 => registers.abort(value),
            instruction::ABORT => {}
            instruction::DPACC | instruction::APACC if self.discarded => {}
            instruction::DPACC if read => self.result = debug_read(address, registers),
            instruction::DPACC => debug_write(address, value, registers),
            instruction::APACC if registers.refusal().is_some() => self.result = 0,
            instruction::APACC if read => self.result = registers.access_read(address, system),
            instruction::APACC => registers.access_write(address, value, system),
            _ => return false,
        }
        true
    }
}

/// A register of the debug port; RDBUFF is always zero on this side.
fn debug_read(address: u8, registers: &Registers) -> u32 {
    match address {
        0x0 => DPIDR,
        0x4 if registers.bank() == 0 => registers.status(),
        0x4 => registers.banked(),
        0x8 => registers.select,
        _ => 0,
    }
}

/// ABORT is not written by DPACC, and RDBUFF ignores writes.
fn debug_write(address: u8, value: u32, registers: &mut Registers) {
    /// The flags that CTRL/STAT clears where a one is written (ADIv5.2 B2.2.2, JTAG-DP).
    const CLEARED_BY_ONE: u32 =
        ctrl_stat::STICKY_OVERRUN | ctrl_stat::STICKY_COMPARE | ctrl_stat::STICKY_ERROR;
    match address {
        0x4 => {
            if registers.bank() == 0 {
                registers.clear_sticky(value & CLEARED_BY_ONE);
            }
            registers.set_control(value);
        }
        0x8 => registers.set_select(value),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
