//! Registers, memory and resuming (gdbstub's `base`).

use std::convert::Infallible;

use gdbstub::{
    common::Signal,
    target::{
        TargetResult,
        ext::base::{
            single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps},
            singlethread::{
                SingleThreadBase, SingleThreadRangeStepping, SingleThreadRangeSteppingOps,
                SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep,
                SingleThreadSingleStepOps,
            },
        },
    },
};

use super::Debuggee;
use crate::{
    fault::Fault,
    gdb::{
        arch::{GENERAL_REGISTERS, GeneralRegisters, Number},
        meanwhile::Meanwhile,
        refusal::Refusal,
    },
    layout::Address,
    session::{RangeStep, Resumed, Stop},
};

impl SingleThreadBase for Debuggee {
    /// While the core runs, the registers of the last halt: an error would end GDB's attempt to connect.
    fn read_registers(&mut self, registers: &mut GeneralRegisters) -> TargetResult<(), Self> {
        self.look_at_registers()
            .map_err(|fault| self.refuse(fault))?;
        registers.0 = *self.snapshot.general();
        Ok(())
    }

    fn write_registers(&mut self, registers: &GeneralRegisters) -> TargetResult<(), Self> {
        self.look_at_registers()
            .map_err(|fault| self.refuse(fault))?;
        for (number, value) in (0..).zip(registers.0) {
            if let Some(value) = value
                && self.snapshot.value(Number(number)) != Some(value)
            {
                self.write(Number(number), u64::from(value))
                    .map_err(|fault| self.refuse(fault))?;
            }
        }
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, address: u32, data: &mut [u8]) -> TargetResult<usize, Self> {
        self.session
            .read_memory(Address(address), data)
            .map_err(|fault| self.refuse(fault))
    }

    fn write_addrs(&mut self, address: u32, data: &[u8]) -> TargetResult<(), Self> {
        // GDB asks with no data whether `X` is known.
        if data.is_empty() {
            return Ok(());
        }
        self.session
            .write_memory(Address(address), data)
            .map_err(|fault| self.refuse(fault))
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl Debuggee {
    /// Fetches what `g` carries, of a halted core.
    fn look_at_registers(&mut self) -> Result<(), Fault> {
        if self.session.is_halted() {
            let file = self.session.registers(0..GENERAL_REGISTERS as u16)?;
            self.snapshot.remember(file);
        }
        Ok(())
    }

    /// Writes one register of the halted core.
    fn write(&mut self, number: Number, value: u64) -> Result<(), Fault> {
        self.session.write_register(number.0, value)
    }

    /// One register of the halted core, or of the last halt.
    fn read(&mut self, number: Number) -> Result<u64, Fault> {
        if !self.session.is_halted() {
            return match self.snapshot.value(number) {
                Some(value) => Ok(u64::from(value)),
                None => Err(Refusal::Runs { number: number.0 }.into()),
            };
        }
        self.session.read_register(number.0)
    }

    /// Before a step: a core that a monitor command set running is halted first, and that is the stop.
    fn already_running(&mut self) -> Result<Option<Stop>, Fault> {
        if self.session.is_halted() {
            return Ok(None);
        }
        self.session.halt().map(Some)
    }

    /// Before the core runs: an appli that was loaded into RAM is stored where the boot stage takes it from.
    fn settle_load(&mut self) -> Result<(), Fault> {
        let mut meanwhile = Meanwhile::new(&mut self.company, &self.snapshot);
        if let Some(report) = self.session.settle_load(&mut meanwhile)? {
            self.loaded(&report);
        }
        Ok(())
    }

    fn do_resume(&mut self) -> Result<Option<Stop>, Fault> {
        if !self.session.is_halted() {
            return Ok(None);
        }
        self.settle_load()?;
        Ok(match self.session.resume()? {
            Resumed::Running => None,
            Resumed::Stopped(stop) | Resumed::Refused(stop) => Some(stop),
        })
    }

    fn do_step(&mut self) -> Result<Option<Stop>, Fault> {
        match self.already_running()? {
            Some(stop) => Ok(Some(stop)),
            None => {
                self.settle_load()?;
                self.session.step().map(Some)
            }
        }
    }

    fn do_step_range(&mut self, start: u32, end: u32) -> Result<Option<Stop>, Fault> {
        if let Some(stop) = self.already_running()? {
            return Ok(Some(stop));
        }
        self.settle_load()?;
        Ok(
            match self.session.step_range(Address(start), Address(end))? {
                RangeStep::Stopped(stop) => Some(stop),
                RangeStep::Running => None,
            },
        )
    }
}

impl SingleRegisterAccess<()> for Debuggee {
    fn read_register(
        &mut self,
        (): (),
        number: Number,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let value = self.read(number).map_err(|fault| self.refuse(fault))?;
        let bytes = number.bytes();
        for (to, from) in buffer.iter_mut().zip(value.to_le_bytes()).take(bytes) {
            *to = from;
        }
        Ok(bytes)
    }

    fn write_register(&mut self, (): (), number: Number, bytes: &[u8]) -> TargetResult<(), Self> {
        if bytes.len() != number.bytes() {
            return Err(self.refuse(Refusal::RegisterSize {
                number: number.0,
                expected: number.bytes(),
                bytes: bytes.len(),
            }));
        }
        let mut value = [0; 8];
        for (to, from) in value.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.write(number, u64::from_le_bytes(value))
            .map_err(|fault| self.refuse(fault))
    }
}

impl SingleThreadResume for Debuggee {
    fn resume(&mut self, _signal: Option<Signal>) -> Result<(), Infallible> {
        let result = self.do_resume();
        self.resumed(result);
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<SingleThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Debuggee {
    fn step(&mut self, _signal: Option<Signal>) -> Result<(), Infallible> {
        let result = self.do_step();
        self.resumed(result);
        Ok(())
    }
}

impl SingleThreadRangeStepping for Debuggee {
    fn resume_range_step(&mut self, start: u32, end: u32) -> Result<(), Infallible> {
        let result = self.do_step_range(start, end);
        self.resumed(result);
        Ok(())
    }
}
