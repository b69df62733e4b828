//! The core's registers under the numbers of the target description, fetched once a halt.
//!
//! 0-12 general, 13 sp, 14 lr, 15 pc, 16 xpsr, 17 msp, 18 psp, 19 primask, 20 basepri, 21 faultmask, 22 control, 23-38 d0-d15, 39 fpscr.

use crate::link::{CoreRegister, Link, LinkError};

/// How many numbers there are.
pub const COUNT: u16 = 40;
/// The stack pointer in use.
pub const SP: u16 = 13;
/// The next instruction.
pub const PC: u16 = 15;
/// Program status.
pub const XPSR: u16 = 16;

const MSP: u16 = 17;
const PSP: u16 = 18;
const PRIMASK: u16 = 19;
const CONTROL: u16 = 22;
const D0: u16 = 23;
const FPSCR: u16 = 39;

/// xPSR: IPSR and T belong to the core, whatever a client believes.
const XPSR_OF_THE_CORE: u32 = 0x0100_01FF;

/// In the order of [`RegisterFile::core`].
const CORE: [CoreRegister; 20] = {
    let mut list = [CoreRegister(0); 20];
    let mut index = 0;
    while index < 19 {
        list[index] = CoreRegister(index as u8);
        index += 1;
    }
    list[19] = CoreRegister::SPECIAL;
    list
};

/// FPSCR, then S0 to S31.
const FLOAT: [CoreRegister; 33] = {
    let mut list = [CoreRegister::FPSCR; 33];
    let mut index = 0;
    while index < 32 {
        list[index + 1] = CoreRegister(CoreRegister::S0.0 + index as u8);
        index += 1;
    }
    list
};

/// Registers of a halted core: the integer half when it was fetched, the FP half when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterFile {
    core: [u32; 20],
    float: Option<Box<[u32; 33]>>,
}

impl RegisterFile {
    /// Fetches the integer half.
    pub fn fetch(link: &mut dyn Link) -> Result<Self, LinkError> {
        let mut core = [0; 20];
        link.read_registers(&CORE, &mut core)?;
        Ok(Self { core, float: None })
    }

    /// The register of a number, `None` if there is no such number; FP registers are fetched when the first is asked for.
    pub fn get(&mut self, link: &mut dyn Link, number: u16) -> Result<Option<u64>, LinkError> {
        if !(D0..=FPSCR).contains(&number) {
            return Ok(self.integer(number).map(u64::from));
        }
        if self.float.is_none() {
            let mut values = Box::new([0; 33]);
            link.read_registers(&FLOAT, values.as_mut_slice())?;
            self.float = Some(values);
        }
        Ok(self.float.as_ref().map(|float| match number {
            FPSCR => u64::from(float[0]),
            _ => {
                let low = 1 + 2 * usize::from(number - D0);
                u64::from(float[low + 1]) << 32 | u64::from(float[low])
            }
        }))
    }

    /// A register of the integer half: numbers 0 to 22.
    pub fn integer(&self, number: u16) -> Option<u32> {
        match number {
            0..=PSP => Some(self.core[usize::from(number)]),
            PRIMASK..=CONTROL => Some(self.core[19] >> (8 * u32::from(number - PRIMASK)) & 0xFF),
            _ => None,
        }
    }

    /// The next instruction.
    pub fn pc(&self) -> u32 {
        self.core[usize::from(PC)]
    }

    /// The exception number in xPSR; 0 in Thread mode.
    pub fn exception_number(&self) -> u32 {
        self.core[usize::from(XPSR)] & 0x1FF
    }

    /// Writes a register through to the core. `Ok(false)` if there is no such number.
    pub fn set(&mut self, link: &mut dyn Link, number: u16, value: u64) -> Result<bool, LinkError> {
        let word = value as u32;
        match number {
            D0..FPSCR => {
                let single = CoreRegister::S0.0 + 2 * (number - D0) as u8;
                link.write_register(CoreRegister(single), word)?;
                link.write_register(CoreRegister(single + 1), (value >> 32) as u32)?;
                self.float = None;
            }
            FPSCR => {
                link.write_register(CoreRegister::FPSCR, word)?;
                self.float = None;
            }
            XPSR => {
                let kept = self.core[usize::from(XPSR)] & XPSR_OF_THE_CORE;
                self.write(link, number, word & !XPSR_OF_THE_CORE | kept)?;
            }
            PC => self.write(link, number, word & !1)?,
            SP | MSP | PSP => {
                self.write(link, number, word & !3)?;
                self.refresh_stacks(link)?;
            }
            0..=PSP => self.write(link, number, word)?,
            PRIMASK..=CONTROL => {
                let shift = 8 * u32::from(number - PRIMASK);
                let special = self.core[19] & !(0xFF << shift) | (word & 0xFF) << shift;
                link.write_register(CoreRegister::SPECIAL, special)?;
                self.core[19] = special;
                self.refresh_stacks(link)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(&mut self, link: &mut dyn Link, number: u16, word: u32) -> Result<(), LinkError> {
        link.write_register(CoreRegister(number as u8), word)?;
        self.core[usize::from(number)] = word;
        Ok(())
    }

    /// SP is one of MSP and PSP, by CONTROL.SPSEL and the mode: the core says which.
    fn refresh_stacks(&mut self, link: &mut dyn Link) -> Result<(), LinkError> {
        let mut stacks = [0; 3];
        link.read_registers(
            &[CoreRegister::SP, CoreRegister::MSP, CoreRegister::PSP],
            &mut stacks,
        )?;
        for (number, value) in [SP, MSP, PSP].into_iter().zip(stacks) {
            self.core[usize::from(number)] = value;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::fake::{Event, FakeLink};

    #[test]
    fn numbers_follow_the_target_description() {
        let mut link = FakeLink::new();
        link.registers.insert(20, 0x0301_5001);
        link.registers.insert(64 + 2, 0x1111_2222);
        link.registers.insert(64 + 3, 0x3333_4444);
        link.registers.insert(33, 0x0300_0000);
        let mut file = RegisterFile::fetch(&mut link).unwrap();
        let mut get = |number| file.get(&mut link, number).unwrap();
        assert_eq!(get(PC), Some(0x7001_0000));
        assert_eq!(get(19), Some(1), "primask");
        assert_eq!(get(20), Some(0x50), "basepri");
        assert_eq!(get(21), Some(1), "faultmask");
        assert_eq!(get(22), Some(3), "control");
        assert_eq!(get(24), Some(0x3333_4444_1111_2222), "d1");
        assert_eq!(get(39), Some(0x0300_0000), "fpscr");
        assert_eq!(get(COUNT), None);
    }

    #[test]
    fn each_half_is_fetched_once() {
        let mut link = FakeLink::new();
        let mut file = RegisterFile::fetch(&mut link).unwrap();
        for number in (0..COUNT).chain(0..COUNT) {
            file.get(&mut link, number).unwrap();
        }
        assert_eq!(
            link.take_events(),
            [Event::Registers(20), Event::Registers(33)]
        );
    }

    #[test]
    fn xpsr_keeps_what_belongs_to_the_core() {
        let mut link = FakeLink::new();
        link.registers.insert(16, 0x0100_0003);
        let mut file = RegisterFile::fetch(&mut link).unwrap();
        assert!(file.set(&mut link, XPSR, 0xF000_0000).unwrap());
        assert_eq!(link.registers[&16], 0xF100_0003);
        assert_eq!(file.integer(XPSR), Some(0xF100_0003));
    }

    #[test]
    fn an_entry_with_the_thumb_bit_is_a_pc_without() {
        let mut link = FakeLink::new();
        let mut file = RegisterFile::fetch(&mut link).unwrap();
        assert!(file.set(&mut link, PC, 0x7000_0401).unwrap());
        assert_eq!(link.registers[&15], 0x7000_0400);
        assert!(!file.set(&mut link, COUNT, 0).unwrap());
    }
}
