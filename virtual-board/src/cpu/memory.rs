//! Loads and stores of the core.

use super::{Core, trap::Trap};
use crate::bus::{Bus, BusError, Master, Width};

/// What rules an access obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessKind {
    /// May be unaligned.
    Normal,
    /// May be unaligned, and has user's rights (LDRT, STRT).
    Unprivileged,
    /// Traps when unaligned (LDM, LDRD, LDREX, VLDR).
    Aligned,
}

impl Core {
    /// Reads memory.
    pub(crate) fn load<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        kind: AccessKind,
    ) -> Result<u32, Trap> {
        let fault = |error, address| match error {
            BusError::Refused => Trap::BusData { address },
            BusError::Stalled => Trap::Stalled,
        };
        if address.is_multiple_of(width.bytes()) {
            return bus
                .read(address, width, Master::Data)
                .map_err(|error| fault(error, address));
        }
        if kind == AccessKind::Aligned {
            return Err(Trap::Unaligned);
        }
        (0..width.bytes()).try_fold(0, |value, offset| {
            let address = address.wrapping_add(offset);
            let byte = bus.read(address, Width::Byte, Master::Data);
            Ok(value | byte.map_err(|error| fault(error, address))? << (8 * offset))
        })
    }

    /// Writes memory.
    pub(crate) fn store<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
        kind: AccessKind,
    ) -> Result<(), Trap> {
        let fault = |error, address| match error {
            BusError::Refused => Trap::BusData { address },
            BusError::Stalled => Trap::Stalled,
        };
        if address.is_multiple_of(width.bytes()) {
            return bus
                .write(address, width, value, Master::Data)
                .map_err(|error| fault(error, address));
        }
        if kind == AccessKind::Aligned {
            return Err(Trap::Unaligned);
        }
        for offset in 0..width.bytes() {
            let address = address.wrapping_add(offset);
            bus.write(
                address,
                Width::Byte,
                value >> (8 * offset) & 0xFF,
                Master::Data,
            )
            .map_err(|error| fault(error, address))?;
        }
        Ok(())
    }
}
