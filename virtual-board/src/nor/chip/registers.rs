//! Status and configuration registers, Macronix's and Winbond's, and what of them outlives power and resets.

use super::WEL;
use crate::nor::{Part, opcode::Family, part::QuadEnable};

/// Macronix, status register: block protection.
const BLOCK_PROTECT: u8 = 0x3C;
/// Macronix, configuration register: the protected area counts from the bottom (one-time programmable in the real chip).
const TOP_BOTTOM: u8 = 0x08;
/// Winbond, status register 1: SRP, SEC, TB and BP2 to BP0 can be written.
const WINBOND_STATUS: u8 = 0xFC;
/// Winbond, status register 2: CMP, QE and SRL can be written (LB3 to LB1, one-time programmable, are not modelled).
const WINBOND_STATUS2: u8 = 0x43;
/// Winbond, status register 3: driver strength and WPS.
const WINBOND_STATUS3: u8 = 0x64;
/// Winbond, status register 2: quad enable.
const QUAD_ENABLE: u8 = 1 << 1;
/// Winbond, status register 2: complement of the protected area.
const COMPLEMENT: u8 = 1 << 6;
/// Winbond, status register 2: an erase or program is suspended.
const SUSPENDED: u8 = 1 << 7;
/// Winbond, status register 3 as delivered: a quarter of the driver strength.
const WINBOND_STATUS3_DELIVERED: u8 = 0x60;

/// Configuration register 2 of Macronix is an address space; these addresses hold something.
#[derive(Clone, Debug, Default)]
pub(super) struct Configuration2 {
    /// 0x0000_0000: mode.
    pub mode: u8,
    /// 0x0000_0200: DQS in STR mode, pre-cycle.
    pub strobe: u8,
    /// 0x0000_0300: dummy cycles.
    pub dummies: u8,
    /// 0x0000_0500: preamble pattern.
    preamble: u8,
    /// 0x4000_0000: mode after power-on, inverted, non-volatile.
    default_mode: u8,
}

/// The registers.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    family: Family,
    quad_enable: QuadEnable,
    /// Status register, without WIP.
    pub status: u8,
    /// Macronix.
    pub configuration: u8,
    /// Macronix.
    pub configuration2: Configuration2,
    /// Macronix. Of Winbond's, which have none, it keeps what nobody can read.
    pub security: u8,
    /// Winbond.
    status2: u8,
    /// Winbond.
    pub status3: u8,
    /// Winbond: the three status registers as they come back with power.
    kept: [u8; 3],
    /// Winbond: 50h was the last command.
    pub volatile_write: bool,
}

impl Registers {
    /// As the part is delivered.
    pub fn new(part: &Part) -> Self {
        let winbond = part.commands.family == Family::Winbond;
        let kept = match part.quad_enable {
            _ if !winbond => [0; 3],
            QuadEnable::Clear => [0, 0, WINBOND_STATUS3_DELIVERED],
            QuadEnable::Fixed => [0, QUAD_ENABLE, WINBOND_STATUS3_DELIVERED],
        };
        Self {
            family: part.commands.family,
            quad_enable: part.quad_enable,
            status: kept[0],
            configuration: 0,
            configuration2: Configuration2 {
                default_mode: 0xFF,
                ..Default::default()
            },
            security: 0,
            status2: kept[1],
            status3: kept[2],
            kept,
            volatile_write: false,
        }
    }

    /// Power came back, or a software reset.
    pub fn return_to_power_on(&mut self) {
        let default_mode = self.configuration2.default_mode;
        self.configuration2 = Configuration2 {
            mode: !default_mode & 3,
            default_mode,
            ..Default::default()
        };
        self.configuration &= TOP_BOTTOM;
        self.security = 0;
        self.volatile_write = false;
        match self.family {
            Family::Macronix => self.status &= BLOCK_PROTECT,
            Family::Winbond => [self.status, self.status2, self.status3] = self.kept,
        }
    }

    /// Four lines carry data.
    pub fn quad_enabled(&self) -> bool {
        self.family == Family::Winbond && self.status2 & QUAD_ENABLE != 0
    }

    /// The second status register of Winbond.
    pub fn status2_with(&self, suspended: bool) -> u8 {
        self.status2 | if suspended { SUSPENDED } else { 0 }
    }

    /// The register at an address of configuration register 2.
    pub fn configuration2_at(&mut self, address: u32) -> Option<&mut u8> {
        let registers = &mut self.configuration2;
        match address {
            0x0000_0000 => Some(&mut registers.mode),
            0x0000_0200 => Some(&mut registers.strobe),
            0x0000_0300 => Some(&mut registers.dummies),
            0x0000_0500 => Some(&mut registers.preamble),
            0x4000_0000 => Some(&mut registers.default_mode),
            _ => None,
        }
    }

    /// WRSR of Macronix. True if a non-volatile bit changed.
    pub fn write_macronix(&mut self, status: u8, configuration: Option<u8>) -> bool {
        let before = (self.status & BLOCK_PROTECT, self.configuration & TOP_BOTTOM);
        self.status = self.status & !BLOCK_PROTECT | status & BLOCK_PROTECT;
        if let Some(configuration) = configuration {
            self.configuration = configuration | self.configuration & TOP_BOTTOM;
        }
        before != (self.status & BLOCK_PROTECT, self.configuration & TOP_BOTTOM)
    }

    /// New values of Winbond's status registers until power goes.
    pub fn write_volatile(&mut self, values: &[Option<u8>; 3]) {
        [self.status, self.status2, self.status3] =
            self.merged([self.status, self.status2, self.status3], values);
    }

    /// New values of Winbond's status registers, now and after power-on.
    pub fn write_for_good(&mut self, values: &[Option<u8>; 3]) {
        self.kept = self.merged(self.kept, values);
        self.write_volatile(values);
    }

    fn merged(&self, old: [u8; 3], values: &[Option<u8>; 3]) -> [u8; 3] {
        let masks = [WINBOND_STATUS, WINBOND_STATUS2, WINBOND_STATUS3];
        let mut merged = old;
        for ((register, value), mask) in merged.iter_mut().zip(values).zip(masks) {
            if let Some(value) = value {
                *register = *register & !mask | value & mask;
            }
        }
        if self.quad_enable == QuadEnable::Fixed {
            merged[1] |= QUAD_ENABLE;
        }
        merged
    }

    /// Level of block protection, as WRSR would write it.
    pub fn set_block_protection(&mut self, bits: u8) {
        let mask = match self.family {
            Family::Macronix => BLOCK_PROTECT,
            Family::Winbond => 0x1C,
        };
        self.status = self.status & !mask | bits << 2 & mask;
        self.kept[0] = self.status & !WEL;
    }

    /// Bytes that are protected, from the bottom (true) or the top of a chip of `size` bytes.
    ///
    /// Macronix: BP3 to BP0, 64 KB times powers of two. Winbond: BP2 to BP0, the 64th part of the chip times powers of two, or with SEC
    /// 4 KB times powers of two up to 32 KB; CMP protects the rest instead.
    pub fn protected(&self, size: u32) -> (bool, u32) {
        let doubled = |unit: u32, level: u8| match level {
            0 => 0,
            _ => unit
                .checked_shl(u32::from(level) - 1)
                .unwrap_or(size)
                .min(size),
        };
        match self.family {
            Family::Macronix => (
                self.configuration & TOP_BOTTOM != 0,
                doubled(0x1_0000, self.status >> 2 & 0xF),
            ),
            Family::Winbond => {
                let level = self.status >> 2 & 7;
                let bottom = self.status >> 5 & 1 == 1;
                let bytes = match (level, self.status >> 6 & 1) {
                    (7, _) => size,
                    (_, 1) => doubled(0x1000, level).min(0x8000),
                    _ => doubled(size / 64, level),
                };
                match self.status2 & COMPLEMENT {
                    0 => (bottom, bytes),
                    _ => (!bottom, size - bytes),
                }
            }
        }
    }
}
