//! The core as GDB sees it: registers with their numbers, the target description, gdbstub's `Arch`.
//!
//! GDB manual, "ARM Features". `org.gnu.gdb.arm.m-profile` holds the core registers, `m-system` MSP and PSP (since GDB 13 the
//! unwinder uses them to leave an exception), `vfp` d0-d15 and fpscr: with 16 double registers GDB derives s0-s31 itself. PRIMASK,
//! BASEPRI, FAULTMASK and CONTROL are in a feature of our own, which GDB shows and does not interpret.
//!
//! `g` carries only what GDB needs at every stop, up to PSP; whatever it wants beyond that it fetches with `p`.

use std::num::NonZeroUsize;

use gdbstub::arch::{Arch, RegId, Registers};

/// Registers that `g` and `G` carry: r0-r12, sp, lr, pc, xpsr, msp, psp.
pub const GENERAL_REGISTERS: usize = 19;

/// A register by its number in the target description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u16);

impl Number {
    /// Frame pointer of Thumb code.
    pub const R7: Self = Self(7);
    /// Stack pointer in use.
    pub const SP: Self = Self(13);
    /// Link register.
    pub const LR: Self = Self(14);
    /// Next instruction.
    pub const PC: Self = Self(15);
    /// Program status.
    pub const XPSR: Self = Self(16);
    /// Main stack pointer: GDB's unwinder asks for it, and for the other one, at every stop.
    pub const MSP: Self = Self(17);
    /// Process stack pointer.
    pub const PSP: Self = Self(18);
    /// The last one.
    pub const FPSCR: Self = Self(39);

    /// Bytes of its value.
    pub fn bytes(self) -> usize {
        match self.0 {
            19..=22 => 1,
            23..=38 => 8,
            _ => 4,
        }
    }
}

impl RegId for Number {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        let number = u16::try_from(id)
            .ok()
            .map(Self)
            .filter(|number| number.0 <= Self::FPSCR.0)?;
        Some((number, NonZeroUsize::new(number.bytes())))
    }

    fn to_raw_id(&self) -> Option<usize> {
        Some(usize::from(self.0))
    }
}

/// The registers of `g` and `G` in their order; `None` is shown as not available.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GeneralRegisters(pub [Option<u32>; GENERAL_REGISTERS]);

impl Registers for GeneralRegisters {
    type ProgramCounter = u32;

    fn pc(&self) -> u32 {
        self.0[usize::from(Number::PC.0)].unwrap_or_default()
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        for value in self.0 {
            match value {
                Some(value) => value.to_le_bytes().map(Some),
                None => [None; 4],
            }
            .into_iter()
            .for_each(&mut write_byte);
        }
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let (words, rest) = bytes.as_chunks::<4>();
        if words.len() != GENERAL_REGISTERS || !rest.is_empty() {
            return Err(());
        }
        for (register, word) in self.0.iter_mut().zip(words) {
            *register = Some(u32::from_le_bytes(*word));
        }
        Ok(())
    }
}

/// ARMv7E-M with FPv5-D16.
#[derive(Debug)]
pub enum CortexM7 {}

impl Arch for CortexM7 {
    type Usize = u32;
    type Registers = GeneralRegisters;
    type BreakpointKind = usize;
    type RegId = Number;
}

/// The target description.
pub const DESCRIPTION: &str = include_str!("target.xml");

#[cfg(test)]
mod tests {
    use super::*;

    /// `attribute="value"` of each `<reg .../>`.
    fn attributes(name: &str) -> Vec<&'static str> {
        let key = format!("{name}=\"");
        DESCRIPTION
            .lines()
            .filter(|line| line.starts_with("<reg "))
            .filter_map(|line| line.split_once(&key)?.1.split('"').next())
            .collect()
    }

    #[test]
    fn the_description_and_the_numbers_agree() {
        for (position, number) in attributes("regnum").into_iter().enumerate() {
            assert_eq!(number, position.to_string());
        }
        for (number, bits) in attributes("bitsize").into_iter().enumerate() {
            let bytes = Number::from_raw_id(number)
                .and_then(|(_, bytes)| bytes)
                .map(NonZeroUsize::get);
            assert_eq!(bytes, bits.parse().ok().map(|bits: usize| bits / 8));
        }
        assert_eq!(Number::from_raw_id(attributes("regnum").len()), None);
        let names = attributes("name");
        assert_eq!(names[usize::from(Number::PC.0)], "pc");
        assert_eq!(names[usize::from(Number::XPSR.0)], "xpsr");
        assert_eq!(names[GENERAL_REGISTERS - 1], "psp");
    }

    #[test]
    fn a_g_of_another_length_is_refused() {
        let mut registers = GeneralRegisters::default();
        assert_eq!(
            registers.gdb_deserialize(&[0; GENERAL_REGISTERS * 4]),
            Ok(())
        );
        assert_eq!(
            registers.gdb_deserialize(&[0; GENERAL_REGISTERS * 4 + 1]),
            Err(())
        );
        assert_eq!(registers.gdb_deserialize(&[]), Err(()));
    }
}
