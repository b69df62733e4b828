//! XSPIM ports as a board uses them: what is soldered to each, and which of its pins the chip has connected.
//!
//! Port 1 is on PO (NCS1 PO0, NCS2 PO1, DQS0 PO2, DQS1 PO3, CLK PO4) and PP (IO0 to IO15), port 2 on PN (DQS0 PN0, NCS1 PN1, IO0 to IO3
//! PN2 to PN5, CLK PN6, IO4 to IO7 PN8 to PN11, NCS2 PN12): STM32H7RS data sheet, alternate functions; the NCS2 pins \[U\].

use std::any::Any;

use super::external_memory::{ExternalMemory, Frame};

/// Pins of a port that are at their alternate function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortPins {
    /// CLK.
    pub clock: bool,
    /// NCS1 and NCS2.
    pub selects: [bool; 2],
    /// DQS0 and DQS1.
    pub strobes: [bool; 2],
    /// IO0 to IO15.
    pub data: u16,
}

impl PortPins {
    /// Every pin.
    pub const ALL: Self = Self {
        clock: true,
        selects: [true; 2],
        strobes: [true; 2],
        data: u16::MAX,
    };

    /// Port 1's pins on PO.
    pub fn set_from_port_o(&mut self, pins: u16) {
        let pin = |number: u32| pins >> number & 1 == 1;
        self.selects = [pin(0), pin(1)];
        self.strobes = [pin(2), pin(3)];
        self.clock = pin(4);
    }

    /// Port 1's pins on PP.
    pub fn set_from_port_p(&mut self, pins: u16) {
        self.data = pins;
    }

    /// Port 2's pins.
    pub fn set_from_port_n(&mut self, pins: u16) {
        let pin = |number: u32| pins >> number & 1 == 1;
        self.strobes = [pin(0), false];
        self.selects = [pin(1), pin(12)];
        self.clock = pin(6);
        self.data = pins >> 2 & 0x000F | pins >> 4 & 0x00F0;
    }

    /// True if every line of `frame` is there.
    pub fn carry(&self, frame: &Frame) -> bool {
        let phases = frame.header().map(|phase| phase.lines);
        let data = frame.data.map(|(_, lines)| lines);
        phases
            .chain(data)
            .all(|lines| u32::from(lines.count) <= self.data.trailing_ones())
    }

    /// True if DQS is there for a frame of so many data lines: DQS1 goes with IO8 to IO15.
    pub fn strobe(&self, lines: u8) -> bool {
        self.strobes[0] && (lines < 16 || self.strobes[1])
    }
}

/// A chip on a port.
pub struct Socket {
    /// The chip.
    pub memory: Box<dyn ExternalMemory>,
    /// Which chip select it is on: 0 for NCS1, 1 for NCS2.
    pub select: usize,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on NCS{}", self.memory.name(), self.select + 1)
    }
}

impl Socket {
    /// A chip on NCS1.
    pub fn new(memory: Box<dyn ExternalMemory>) -> Self {
        Self { memory, select: 0 }
    }

    /// The chip, if it is of this kind.
    pub fn chip<Chip: ExternalMemory>(&self) -> Option<&Chip> {
        let memory: &dyn Any = &*self.memory;
        memory.downcast_ref()
    }

    /// The same, to be changed.
    pub fn chip_mut<Chip: ExternalMemory>(&mut self) -> Option<&mut Chip> {
        let memory: &mut dyn Any = &mut *self.memory;
        memory.downcast_mut()
    }
}
