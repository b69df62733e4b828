//! Debug MCU configuration (RM0477, DBGMCU): identity, low-power debug and freeze bits.
//!
//! SR says which access ports the product state leaves open. The mailbox of debug authentication is there and nobody answers: ST's
//! authentication code is not modelled.
//!
//! The core and AP1 see it at 0x5C00_1000, AP0 at 0xE00E_1000. Only a power cycle resets it.

use super::{Access, Device, Refusal, Reset, Wires};
use crate::bus::Width;

const IDCODE: u32 = 0x00;
const CR: u32 = 0x04;
const AHB5FZR: u32 = 0x1C;
const AHB1FZR: u32 = 0x24;
const APB1FZR: u32 = 0x3C;
const APB2FZR: u32 = 0x4C;
const APB4FZR: u32 = 0x54;
const SR: u32 = 0xFC;
const DBG_AUTH_HOST: u32 = 0x100;
const DBG_AUTH_DEVICE: u32 = 0x104;
const DBG_AUTH_ACK: u32 = 0x108;

/// SR: AP0 and AP1 are there, AP0 is open.
const PORTS: u32 = 0x0001_0003;
/// SR: AP1 is open.
const CORE_PORT_OPEN: u32 = 1 << 17;

/// STM32H7Rx/7Sx, and the revision of the first parts sold (not verified against a part).
const IDENTITY: u32 = 0x1003_0485;
/// CR: DBG_SLEEP, DBG_STOP, DBG_STANDBY.
const LOW_POWER: u32 = 7;
const CR_MASK: u32 = 0x1031_0007;

/// Offsets of the freeze registers.
const FREEZE: [u32; 5] = [AHB5FZR, AHB1FZR, APB1FZR, APB2FZR, APB4FZR];
/// APB1FZR in [`FREEZE`].
const APB1: usize = 2;
/// APB4FZR in [`FREEZE`].
const APB4: usize = 4;

/// Base 0x5C00_1000.
#[derive(Default)]
pub struct Dbgmcu {
    control: u32,
    freeze: [u32; 5],
    /// The last message of a debugger that wants to authenticate.
    message: u32,
}

impl Dbgmcu {
    /// In power-on state.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Device for Dbgmcu {
    fn name(&self) -> &str {
        "DBGMCU"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        match offset {
            IDCODE => Ok(IDENTITY),
            CR => Ok(self.control),
            SR if wires.debug_closed && !wires.debug_opened => Ok(PORTS),
            SR => Ok(PORTS | CORE_PORT_OPEN),
            DBG_AUTH_HOST => Ok(self.message),
            DBG_AUTH_DEVICE | DBG_AUTH_ACK => Ok(0),
            _ => match FREEZE.iter().position(|&at| at == offset) {
                Some(index) => Ok(self.freeze[index]),
                None => Err(Refusal::Unmodelled { reset: 0 }),
            },
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        match offset {
            IDCODE | SR | DBG_AUTH_DEVICE | DBG_AUTH_ACK => {}
            DBG_AUTH_HOST => self.message = value,
            CR => self.control = value & CR_MASK,
            _ => match FREEZE.iter().position(|&at| at == offset) {
                Some(index) => self.freeze[index] = value,
                None => return Err(Refusal::Unmodelled { reset: 0 }),
            },
        }
        wires.debug_low_power = self.control & LOW_POWER;
        wires.frozen_apb1 = self.freeze[APB1];
        wires.frozen_apb4 = self.freeze[APB4];
        Ok(())
    }

    fn reset(&mut self, reset: Reset, wires: &mut Wires) {
        if reset == Reset::Power {
            *self = Self::new();
            wires.debug_low_power = 0;
            wires.frozen_apb1 = 0;
            wires.frozen_apb4 = 0;
        }
    }
}
