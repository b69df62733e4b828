//! General-purpose I/O port (RM0477, GPIO).
//!
//! A pin that is an output shows ODR; an input shows what [`Gpio::drive`] put on it, else its pull resistor. A pin in analog mode reads
//! low. A pin that changes is an edge for EXTI, if SBS selects its port. Ports N, O and P tell XSPIM when the pins of a memory port are
//! at alternate function 9.
//!
//! Deviations: open drain drives like push-pull; LCKR is stored and locks nothing.

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::bus::Width;

const MODER: u32 = 0x00;
const OTYPER: u32 = 0x04;
const OSPEEDR: u32 = 0x08;
const PUPDR: u32 = 0x0C;
const IDR: u32 = 0x10;
const ODR: u32 = 0x14;
const BSRR: u32 = 0x18;
const LCKR: u32 = 0x1C;
const AFRL: u32 = 0x20;
const AFRH: u32 = 0x24;
const BRR: u32 = 0x28;

/// MODER fields.
const OUTPUT: u32 = 1;
const ALTERNATE: u32 = 2;
/// Alternate function of the XSPI ports.
const AF_XSPI: u32 = 9;

/// One port.
pub struct Gpio {
    letter: char,
    name: String,
    gate: Gate,
    mode: u32,
    output_type: u32,
    speed: u32,
    pull: u32,
    output: u16,
    lock: u32,
    alternate: [u32; 2],
    driven: u16,
    level: u16,
    /// What the pins showed when EXTI last heard of them.
    shown: u16,
}

impl Gpio {
    /// Port `letter`, A to H or M to P: base 0x5802_0000 + 0x400 * (letter - 'A').
    pub fn new(letter: char) -> Self {
        let letter = letter.to_ascii_uppercase();
        let number = u32::from(letter) - u32::from('A');
        let mut port = Self {
            letter,
            name: format!("GPIO{letter}"),
            gate: Gate::ahb4(number),
            mode: 0,
            output_type: 0,
            speed: 0,
            pull: 0,
            output: 0,
            lock: 0,
            alternate: [0; 2],
            driven: 0,
            level: 0,
            shown: 0,
        };
        port.return_to_reset();
        port
    }

    /// Base address of port `letter`.
    pub const fn base(letter: char) -> u32 {
        0x5802_0000 + 0x400 * (letter as u32 - 'A' as u32)
    }

    /// Pins of the XSPI ports and everything else wait in analog mode; ports A and B carry the debug pins.
    fn return_to_reset(&mut self) {
        (self.mode, self.speed, self.pull) = match self.letter {
            'A' => (0xABFF_FFFF, 0x0C00_0000, 0x6400_0000),
            'B' => (0xFFFF_FEBF, 0x0000_00C0, 0x0000_0100),
            _ => (0xFFFF_FFFF, 0, 0),
        };
        self.output_type = 0;
        self.output = 0;
        self.lock = 0;
        self.alternate = [0; 2];
    }

    fn mode_of(&self, pin: u32) -> u32 {
        self.mode >> (2 * pin) & 3
    }

    /// Level of output `pin`, if it is one: LEDs look here.
    pub fn pin_output(&self, pin: u8) -> Option<bool> {
        let pin = u32::from(pin & 15);
        (self.mode_of(pin) == OUTPUT).then_some(self.output >> pin & 1 == 1)
    }

    /// Puts a level on an input from outside; `None` lets go of it.
    pub fn drive(&mut self, pin: u8, level: Option<bool>, wires: &mut Wires) {
        let bit = 1 << (pin & 15);
        self.driven = if level.is_some() {
            self.driven | bit
        } else {
            self.driven & !bit
        };
        self.level = if level == Some(true) {
            self.level | bit
        } else {
            self.level & !bit
        };
        self.tell_edges(wires);
    }

    /// What the program reads on a pin.
    pub fn level(&self, pin: u8) -> bool {
        self.levels() >> (pin & 15) & 1 == 1
    }

    /// Tells EXTI which pins of this port have changed, as far as SBS selects them.
    fn tell_edges(&mut self, wires: &mut Wires) {
        let levels = self.levels();
        let port = self.letter as u8 - b'A';
        for line in (0..16).filter(|line| (levels ^ self.shown) >> line & 1 == 1) {
            if wires.exti_ports[line] == port {
                let edges = match levels >> line & 1 {
                    1 => &mut wires.risen,
                    _ => &mut wires.fallen,
                };
                *edges |= 1 << line;
            }
        }
        self.shown = levels;
    }

    fn levels(&self) -> u16 {
        (0..16).fold(0, |levels, pin| {
            let bit = 1u16 << pin;
            let high = match self.mode_of(pin) {
                OUTPUT => self.output & bit != 0,
                3 => false,
                _ if self.driven & bit != 0 => self.level & bit != 0,
                _ => self.pull >> (2 * pin) & 3 == 1,
            };
            if high { levels | bit } else { levels }
        })
    }

    fn pins_at_xspi(&self) -> u16 {
        (0..16u32).fold(0, |pins, pin| {
            let function = self.alternate[(pin / 8) as usize] >> (4 * (pin % 8)) & 0xF;
            let there = self.mode_of(pin) == ALTERNATE && function == AF_XSPI;
            if there { pins | 1 << pin } else { pins }
        })
    }

    fn drive_xspim(&self, wires: &mut Wires) {
        let pins = self.pins_at_xspi();
        let before = wires.xspim_pins;
        let [port1, port2] = &mut wires.xspim_pins;
        match self.letter {
            'N' => port2.set_from_port_n(pins),
            'O' => port1.set_from_port_o(pins),
            'P' => port1.set_from_port_p(pins),
            _ => return,
        }
        if wires.xspim_pins != before {
            wires.generation += 1;
        }
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }
}

/// Writes part of a register: bytes and halves go to their lane.
fn merge(old: u32, offset: u32, width: Width, value: u32) -> u32 {
    let shift = 8 * (offset & 3);
    let mask = u32::MAX >> (32 - 8 * width.bytes());
    old & !(mask << shift) | (value & mask) << shift
}

impl Device for Gpio {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        Ok(match offset {
            MODER => self.mode,
            OTYPER => self.output_type,
            OSPEEDR => self.speed,
            PUPDR => self.pull,
            IDR => self.levels().into(),
            ODR => self.output.into(),
            BSRR | BRR => 0,
            LCKR => self.lock,
            AFRL => self.alternate[0],
            AFRH => self.alternate[1],
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        let new = |old: u32| merge(old, offset, width, value);
        match offset & !3 {
            MODER => self.mode = new(self.mode),
            OTYPER => self.output_type = new(self.output_type) & 0xFFFF,
            OSPEEDR => self.speed = new(self.speed),
            PUPDR => self.pull = new(self.pull),
            IDR => {}
            ODR => self.output = new(self.output.into()) as u16,
            BSRR => {
                let bits = new(0);
                self.output = self.output & !((bits >> 16) as u16) | bits as u16;
            }
            BRR => self.output &= !(new(0) as u16),
            LCKR => self.lock = new(self.lock),
            AFRL => self.alternate[0] = new(self.alternate[0]),
            AFRH => self.alternate[1] = new(self.alternate[1]),
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.drive_xspim(wires);
        self.tell_edges(wires);
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        self.return_to_reset();
        self.drive_xspim(wires);
        self.tell_edges(wires);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::socket::PortPins;

    fn powered() -> Wires {
        let mut wires = Wires::default();
        wires.gates.insert(super::super::gate::AHB4ENR, u32::MAX);
        wires
    }

    #[test]
    fn set_and_reset_move_an_output() {
        let (mut port, mut wires) = (Gpio::new('O'), powered());
        assert_eq!(port.pin_output(1), None, "analog after reset");
        port.write(MODER, Width::Word, 0xFFFF_FFF7, &mut wires)
            .unwrap();
        port.write(BSRR, Width::Word, 1 << 1, &mut wires).unwrap();
        assert_eq!(port.pin_output(1), Some(true));
        assert_eq!(port.read(IDR, Width::Word, &mut wires), Ok(2));
        port.write(BSRR, Width::Word, 1 << 17, &mut wires).unwrap();
        assert_eq!(port.pin_output(1), Some(false));
    }

    #[test]
    fn an_input_shows_who_drives_it_and_tells_the_line_that_is_selected() {
        let (mut port, mut wires) = (Gpio::new('C'), powered());
        port.drive(13, Some(true), &mut wires);
        wires.exti_ports[13] = 2;
        assert_eq!(port.read(IDR, Width::Word, &mut wires), Ok(0), "analog");
        port.write(MODER, Width::Word, !(3 << 26), &mut wires)
            .unwrap();
        assert_eq!(port.read(IDR, Width::Word, &mut wires), Ok(1 << 13));
        assert_eq!((wires.risen, wires.fallen), (1 << 13, 0));
        port.drive(13, None, &mut wires);
        port.drive(12, Some(true), &mut wires);
        assert_eq!((wires.risen, wires.fallen), (1 << 13, 1 << 13));
        port.write(PUPDR, Width::Word, 1 << 26, &mut wires).unwrap();
        assert!(port.level(13), "pulled up");
    }

    #[test]
    fn without_its_clock_a_port_is_deaf() {
        let (mut port, mut wires) = (Gpio::new('M'), Wires::default());
        port.write(MODER, Width::Word, 0x10, &mut wires).unwrap();
        wires.gates.insert(super::super::gate::AHB4ENR, 1 << 12);
        assert_eq!(port.read(MODER, Width::Word, &mut wires), Ok(0xFFFF_FFFF));
    }

    #[test]
    fn port_n_tells_when_the_octal_pins_are_there() {
        let (mut port, mut wires) = (Gpio::new('N'), powered());
        port.write(AFRL, Width::Word, 0x0999_9999, &mut wires)
            .unwrap();
        port.write(AFRH, Width::Word, 0x0000_9999, &mut wires)
            .unwrap();
        assert_eq!(wires.xspim_pins[1], PortPins::default());
        port.write(MODER, Width::Word, 0x00AA_2AAA, &mut wires)
            .unwrap();
        let pins = wires.xspim_pins[1];
        assert!(pins.clock && pins.strobe(8));
        assert_eq!((pins.selects, pins.data), ([true, false], 0xFF));
        assert_eq!(wires.generation, 1);
    }

    #[test]
    fn a_reset_pulse_returns_the_port_to_analog() {
        let (mut port, mut wires) = (Gpio::new('M'), powered());
        port.write(MODER, Width::Word, 0, &mut wires).unwrap();
        wires
            .reset_pulses
            .insert((super::super::gate::AHB4RSTR, 12), 1);
        assert_eq!(port.read(MODER, Width::Word, &mut wires), Ok(0xFFFF_FFFF));
    }
}
