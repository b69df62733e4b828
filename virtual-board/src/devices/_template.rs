//! NAME (RM0477, CHAPTER): what the hardware does, in a sentence. Then where we deviate.
//!
//! To add a device: 1. copy this file, rename the type, set its gate; 2. name its registers and give them behaviour;
//! 3. enter it in `devices.rs` (table and `mod`) and in the map of `board.rs`. This copy is compiled and tested as it is.

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::bus::Width;

/// Control register.
const CR: u32 = 0x00;
/// CR: bits that exist.
const CR_MASK: u32 = 0x0000_0001;

/// Base 0x0000_0000.
struct Template {
    gate: Gate,
    control: u32,
}

impl Template {
    /// In reset state.
    fn new() -> Self {
        Self {
            gate: Gate::ahb5(0),
            control: 0,
        }
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }
}

impl Device for Template {
    fn name(&self) -> &str {
        "TEMPLATE"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        match offset {
            _ if !self.is_open(wires) => Ok(0),
            CR => Ok(self.control),
            _ => Err(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        match offset {
            _ if !self.is_open(wires) => {}
            CR => self.control = value & CR_MASK,
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, _wires: &mut Wires) {
        self.control = 0;
    }
}

#[test]
fn behaves_like_a_gated_register() {
    let (mut device, mut wires) = (Template::new(), Wires::default());
    device.write(CR, Width::Word, 1, &mut wires).unwrap();
    wires.gates.insert(super::gate::AHB5ENR, 1);
    assert_eq!(
        device.read(CR, Width::Word, &mut wires),
        Ok(0),
        "written without a clock"
    );
    device.write(CR, Width::Word, 3, &mut wires).unwrap();
    assert_eq!(device.read(CR, Width::Word, &mut wires), Ok(1));
    assert_eq!(device.name(), "TEMPLATE");
    let unmodelled = device.read(4, Width::Word, &mut wires);
    assert_eq!(unmodelled, Err(Refusal::Unmodelled { reset: 0 }));
}
