//! XSPI I/O manager: which controller has which port (RM0477, XSPIM).
//!
//! MODE swaps the ports; with MUXEN both controllers have port 1 or, with MODE, port 2; CSSEL_OVR decides the chip select in place of
//! XSPI_CR.CSSEL (as ST's HAL_XSPIM_Config reads them back). See [`Wires::xspim_port`] and [`Wires::xspim_select`].
//!
//! Deviation: arbitration takes no time, REQ2ACK_TIME is stored.

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::bus::Width;

/// Offset of the control register.
const CR: u32 = 0;
/// Bits that exist.
const CR_MASK: u32 = 0x00FF_0073;

/// Base 0x5200_B400.
pub struct Xspim {
    gate: Gate,
    cr: u32,
}

impl Default for Xspim {
    fn default() -> Self {
        Self::new()
    }
}

impl Xspim {
    /// In reset state.
    pub fn new() -> Self {
        Self {
            gate: Gate::ahb5(14),
            cr: 0,
        }
    }

    fn drive(&self, wires: &mut Wires) {
        if wires.xspim_cr != self.cr {
            wires.xspim_cr = self.cr;
            wires.generation += 1;
        }
    }
}

impl Device for Xspim {
    fn name(&self) -> &str {
        "XSPIM"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        match offset {
            _ if !self.gate.is_open(wires) => Ok(0),
            CR => Ok(self.cr),
            _ => Err(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        match offset {
            _ if !self.gate.is_open(wires) => {}
            CR => {
                self.cr = value & CR_MASK;
                self.drive(wires);
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        self.cr = 0;
        self.drive(wires);
    }
}
