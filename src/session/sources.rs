//! Where the halted program is in its sources, and how it came there.

use super::{Session, SessionError, registers};
use crate::{
    debug_info::{Backtrace, DebugInfo, Registers},
    fault::Fault,
    layout::Address,
};

impl Session {
    /// The debug information of the appli and of the boot stage, as far as their files are known; read when it is first asked for, and
    /// again when the appli's file has changed.
    pub fn debug_info(&mut self) -> Result<&DebugInfo, Fault> {
        let info = self.take_debug_info()?;
        Ok(self.debug_info.insert(info))
    }

    /// Who called whom, up from where the core is halted.
    pub fn backtrace(&mut self) -> Result<Backtrace, Fault> {
        let file = self.registers((0..=registers::PC).chain([registers::PSP]))?;
        let mut general = [0; 16];
        for (number, value) in (0..).zip(&mut general) {
            *value = file.known(number).unwrap_or_default();
        }
        let psp = file.known(registers::PSP).unwrap_or_default();
        self.backtrace_from(Registers::new(general, psp))
    }

    /// Who called whom, from other registers than the core's: a thread's that waits.
    pub fn backtrace_from(&mut self, registers: Registers) -> Result<Backtrace, Fault> {
        self.needs_halt("a backtrace")?;
        let info = self.take_debug_info()?;
        let backtrace = info.backtrace(registers, &mut |address| self.read_stack(address));
        self.debug_info = Some(info);
        Ok(backtrace)
    }

    fn take_debug_info(&mut self) -> Result<DebugInfo, Fault> {
        self.refresh_appli();
        match self.debug_info.take() {
            Some(info) => Ok(info),
            None => Ok(DebugInfo::of(
                self.windows.image().into_iter().chain(&self.boot),
            )?),
        }
    }

    /// Where a stack or code may be: a stack pointer gone astray may point at a register that changes by being read.
    fn read_stack(&mut self, address: Address) -> Result<u32, Fault> {
        let mut word = [0; 4];
        if (self.is_plain_memory(address) || address.is_external())
            && self.read_memory(address, &mut word)? == word.len()
        {
            return Ok(u32::from_le_bytes(word));
        }
        Err(SessionError::NoMemory { address }.into())
    }
}
