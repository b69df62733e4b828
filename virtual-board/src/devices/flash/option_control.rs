//! How option bytes are programmed (RM0477, FLASH_OPTKEYR, OPTCR, OPTISR, OPTICR): two keys, PG_OPT, then a write to the register that
//! programs a word.

use super::{
    lock::Lock,
    options::{Forbidden, Options},
};

pub(super) const OPTKEYR: u32 = 0x100;
pub(super) const OPTCR: u32 = 0x104;
pub(super) const OPTISR: u32 = 0x108;
pub(super) const OPTICR: u32 = 0x10C;

/// The keys, in order.
pub(super) const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

/// OPTCR.
pub(super) const OPTLOCK: u32 = 1 << 0;
pub(super) const PG_OPT: u32 = 1 << 1;
/// OPTISR.
pub(super) const OPTERR: u32 = 1 << 30;

/// The registers, as they are after reset.
#[derive(Debug, Default)]
pub struct OptionControl {
    lock: Lock,
    /// OPTCR.PG_OPT.
    enabled: bool,
    /// OPTISR.
    errors: u32,
}

impl OptionControl {
    /// The register at `offset`; none if it is not one of these.
    pub fn read(&self, offset: u32) -> Option<u32> {
        Some(match offset {
            OPTKEYR | OPTICR => 0,
            OPTCR => {
                let enabled = if self.enabled { PG_OPT } else { 0 };
                let lock = if self.lock.is_open() { 0 } else { OPTLOCK };
                enabled | lock
            }
            OPTISR => self.errors,
            _ => return None,
        })
    }

    /// A write to one of these registers, or to one that programs a word of `options`. True if that begins.
    pub fn write(&mut self, offset: u32, value: u32, options: &mut Options) -> bool {
        match offset {
            OPTKEYR => self.lock = self.lock.key(value, OPTION_KEYS),
            OPTCR if self.lock.is_open() => {
                self.enabled = value & PG_OPT != 0;
                if value & OPTLOCK != 0 {
                    self.lock = self.lock.close();
                }
            }
            OPTCR | OPTISR => {}
            OPTICR => self.errors &= !value,
            _ if self.lock.is_open() && self.enabled => match options.program(offset, value) {
                Ok(begins) => return begins,
                Err(Forbidden) => self.errors |= OPTERR,
            },
            _ => {}
        }
        false
    }
}
