//! The core's registers under the numbers of the target description, each fetched once a halt, and only if somebody asks: a transfer is an
//! exchange with the probe.
//!
//! 0-12 general, 13 sp, 14 lr, 15 pc, 16 xpsr, 17 msp, 18 psp, 19 primask, 20 basepri, 21 faultmask, 22 control, 23-38 d0-d15, 39 fpscr.

use crate::link::{CoreRegister, Link, LinkError};

/// How many numbers there are.
pub const COUNT: u16 = 40;
/// The stack pointer in use.
pub const SP: u16 = 13;
/// Return address of a call.
pub const LR: u16 = 14;
/// The next instruction.
pub const PC: u16 = 15;
/// Program status.
pub const XPSR: u16 = 16;
/// Process stack pointer.
pub const PSP: u16 = 18;

/// Their names, in the order of the numbers.
pub const NAMES: [&str; COUNT as usize] = [
    "r0",
    "r1",
    "r2",
    "r3",
    "r4",
    "r5",
    "r6",
    "r7",
    "r8",
    "r9",
    "r10",
    "r11",
    "r12",
    "sp",
    "lr",
    "pc",
    "xpsr",
    "msp",
    "psp",
    "primask",
    "basepri",
    "faultmask",
    "control",
    "d0",
    "d1",
    "d2",
    "d3",
    "d4",
    "d5",
    "d6",
    "d7",
    "d8",
    "d9",
    "d10",
    "d11",
    "d12",
    "d13",
    "d14",
    "d15",
    "fpscr",
];

/// The number of the register that is called `name`.
pub fn number_of(name: &str) -> Option<u16> {
    (0..)
        .zip(NAMES)
        .find_map(|(number, other)| (other == name).then_some(number))
}

const MSP: u16 = 17;
const PRIMASK: u16 = 19;
/// CONTROL.
pub const CONTROL: u16 = 22;
/// The first double register.
pub const D0: u16 = 23;
/// Floating-point status.
pub const FPSCR: u16 = 39;

/// xPSR: IPSR and T belong to the core, whatever a client believes.
const XPSR_OF_THE_CORE: u32 = 0x0100_01FF;

/// What answers for PRIMASK, BASEPRI, FAULTMASK and CONTROL together, in [`RegisterFile::core`].
const SPECIAL: usize = 19;

/// How many transfers the integer half takes.
const CORE_REGISTERS: usize = 20;

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

/// Registers of a halted core, each as it was fetched when it was asked for first; the FP half in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegisterFile {
    core: [Option<u32>; CORE_REGISTERS],
    /// Which of MSP and PSP is SP, where that is known although their values are not.
    active_stack: Option<u16>,
    float: Option<Box<[u32; 33]>>,
}

impl RegisterFile {
    /// Fetches those of `numbers` in the integer half that are not here.
    pub fn fetch(
        &mut self,
        link: &mut dyn Link,
        numbers: impl IntoIterator<Item = u16>,
    ) -> Result<(), LinkError> {
        self.match_stacks();
        let mut missing: Vec<usize> = numbers
            .into_iter()
            .filter_map(index_of)
            .filter(|index| self.core[*index].is_none())
            .collect();
        if missing.contains(&usize::from(SP)) {
            // Known with SP.
            missing.retain(|index| self.active_stack.map(usize::from) != Some(*index));
        }
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let registers: Vec<CoreRegister> = missing.iter().copied().map(core_register).collect();
        let mut values = vec![0; registers.len()];
        link.read_registers(&registers, &mut values)?;
        for (index, value) in missing.into_iter().zip(values) {
            self.core[index] = Some(value);
        }
        self.match_stacks();
        Ok(())
    }

    /// The register of a number, `None` if there is no such number; what is not here is fetched.
    pub fn get(&mut self, link: &mut dyn Link, number: u16) -> Result<Option<u64>, LinkError> {
        if !(D0..=FPSCR).contains(&number) {
            self.fetch(link, [number])?;
            return Ok(self.known(number).map(u64::from));
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

    /// A register of the integer half (numbers 0 to 22), if it is here.
    pub fn known(&self, number: u16) -> Option<u32> {
        let value = self.core[index_of(number)?]?;
        Some(match number {
            PRIMASK..=CONTROL => value >> (8 * u32::from(number - PRIMASK)) & 0xFF,
            _ => value,
        })
    }

    /// One register of the integer half, fetched if it is not here. Zero for a number that is not in that half.
    fn integer(&mut self, link: &mut dyn Link, number: u16) -> Result<u32, LinkError> {
        self.fetch(link, [number])?;
        Ok(self.known(number).unwrap_or_default())
    }

    /// The next instruction.
    pub fn pc(&mut self, link: &mut dyn Link) -> Result<u32, LinkError> {
        self.integer(link, PC)
    }

    /// The exception number in xPSR; 0 in Thread mode.
    pub fn exception_number(&mut self, link: &mut dyn Link) -> Result<u32, LinkError> {
        Ok(self.integer(link, XPSR)? & 0x1FF)
    }

    /// An instruction has run that can have written the registers of `changed` (a bit a number, r0 to lr), pc, status, FP registers, and
    /// nothing else: which stack is in use is as before.
    pub fn forget(&mut self, changed: u32) {
        if changed & 1 << SP != 0 {
            self.active_stack = self.stack_in_use();
            if let Some(stack) = self.active_stack {
                self.core[usize::from(stack)] = None;
            } else {
                self.core[usize::from(MSP)] = None;
                self.core[usize::from(PSP)] = None;
            }
        }
        let changed = changed | 1 << PC | 1 << XPSR;
        for (number, value) in self.core.iter_mut().enumerate().take(SPECIAL) {
            if changed & 1 << number != 0 {
                *value = None;
            }
        }
        self.float = None;
    }

    fn stack_in_use(&self) -> Option<u16> {
        let [sp, main, process] = [SP, MSP, PSP].map(|number| self.core[usize::from(number)]);
        match (sp?, main?, process?) {
            (sp, main, process) if sp == main && sp != process => Some(MSP),
            (sp, main, process) if sp == process && sp != main => Some(PSP),
            _ => None,
        }
    }

    /// SP and the stack that it is have one value.
    fn match_stacks(&mut self) {
        let Some(stack) = self.active_stack.map(usize::from) else {
            return;
        };
        let sp = usize::from(SP);
        let value = self.core[sp].or(self.core[stack]);
        self.core[sp] = value;
        self.core[stack] = value;
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
                let kept = self.integer(link, XPSR)? & XPSR_OF_THE_CORE;
                self.write(link, number, word & !XPSR_OF_THE_CORE | kept)?;
            }
            PC => self.write(link, number, word & !1)?,
            SP | MSP | PSP => {
                self.write(link, number, word & !3)?;
                self.forget_other_stacks(number);
            }
            0..=PSP => self.write(link, number, word)?,
            PRIMASK..=CONTROL => {
                let shift = 8 * u32::from(number - PRIMASK);
                self.fetch(link, [number])?;
                let special = self.core[SPECIAL].unwrap_or_default();
                let special = special & !(0xFF << shift) | (word & 0xFF) << shift;
                link.write_register(CoreRegister::SPECIAL, special)?;
                self.core[SPECIAL] = Some(special);
                self.forget_other_stacks(CONTROL);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn write(&mut self, link: &mut dyn Link, number: u16, word: u32) -> Result<(), LinkError> {
        link.write_register(CoreRegister(number as u8), word)?;
        self.core[usize::from(number)] = Some(word);
        Ok(())
    }

    /// SP is one of MSP and PSP, by CONTROL.SPSEL and the mode: the core says which when it is asked again.
    fn forget_other_stacks(&mut self, written: u16) {
        self.active_stack = None;
        for number in [SP, MSP, PSP] {
            if number != written {
                self.core[usize::from(number)] = None;
            }
        }
    }
}

/// Where a number of the integer half is in [`RegisterFile::core`].
fn index_of(number: u16) -> Option<usize> {
    match number {
        0..=PSP => Some(usize::from(number)),
        PRIMASK..=CONTROL => Some(SPECIAL),
        _ => None,
    }
}

fn core_register(index: usize) -> CoreRegister {
    match index {
        SPECIAL => CoreRegister::SPECIAL,
        _ => CoreRegister(index as u8),
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
        let mut file = RegisterFile::default();
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
        let mut file = RegisterFile::default();
        for number in (0..COUNT).chain(0..COUNT) {
            file.get(&mut link, number).unwrap();
        }
        assert_eq!(
            link.take_events(),
            [
                [Event::Registers(1); 20].as_slice(),
                &[Event::Registers(33)]
            ]
            .concat()
        );
    }

    #[test]
    fn xpsr_keeps_what_belongs_to_the_core() {
        let mut link = FakeLink::new();
        link.registers.insert(16, 0x0100_0003);
        let mut file = RegisterFile::default();
        assert!(file.set(&mut link, XPSR, 0xF000_0000).unwrap());
        assert_eq!(link.registers[&16], 0xF100_0003);
        assert_eq!(file.known(XPSR), Some(0xF100_0003));
    }

    #[test]
    fn an_entry_with_the_thumb_bit_is_a_pc_without() {
        let mut link = FakeLink::new();
        let mut file = RegisterFile::default();
        assert!(file.set(&mut link, PC, 0x7000_0401).unwrap());
        assert_eq!(link.registers[&15], 0x7000_0400);
        assert!(!file.set(&mut link, COUNT, 0).unwrap());
    }
}
