//! Pins of the chip with something on them: LEDs, buttons, and whatever somebody holds to one by hand.
//!
//! A button that is not pressed leaves its pin at the other level, by a resistor on the board \[U\]: ST's board support package asks for a
//! pull in the chip as well, so that both agree.

use std::{fmt, str::FromStr};

use super::Board;
use crate::devices::gpio::Gpio;

/// A pin, as `PC13`: ports A to H and M to P, each with 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    pub(super) port: char,
    pub(super) number: u8,
}

/// It is no pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no pin: PA0 to PH15, PM0 to PP15")]
pub struct NoPin(String);

impl FromStr for Pin {
    type Err = NoPin;

    fn from_str(text: &str) -> Result<Self, NoPin> {
        let no_pin = || NoPin(text.to_owned());
        let mut letters = text.chars();
        let port = match (letters.next(), letters.next()) {
            (Some('P'), Some(port @ ('A'..='H' | 'M'..='P'))) => port,
            _ => return Err(no_pin()),
        };
        match letters.as_str().parse() {
            Ok(number) if number < 16 => Ok(Self { port, number }),
            _ => Err(no_pin()),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}{}", self.port, self.number)
    }
}

/// An LED: where it is, and which level lights it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Led {
    /// Its name.
    pub name: String,
    pub(super) pin: Pin,
    /// Level that lights it.
    pub(super) lit: bool,
}

/// A button: where it is, and which level it gives the pin while it is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// Its name.
    pub name: String,
    pub(super) pin: Pin,
    pub(super) pressed: bool,
}

/// There is no such button.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoButton {
    /// The board has others.
    #[error("no button {name}; this board has {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The board has none.
    #[error("this board has no button")]
    None,
}

impl Board {
    /// Presses a button, or lets go of it.
    pub fn push_button(&mut self, name: &str, pressed: bool) -> Result<(), NoButton> {
        let buttons = self.description().buttons();
        let Some(button) = buttons.iter().find(|b| b.name.eq_ignore_ascii_case(name)) else {
            let known: Vec<&str> = buttons.iter().map(|button| button.name.as_str()).collect();
            return Err(match known.is_empty() {
                true => NoButton::None,
                false => NoButton::Unknown {
                    name: name.to_owned(),
                    known: known.join(", "),
                },
            });
        };
        let (pin, level) = (button.pin, button.pressed == pressed);
        self.drive_pin(pin, Some(level));
        Ok(())
    }

    /// Holds a pin at a level from outside, or lets go of it.
    pub fn drive_pin(&mut self, pin: Pin, level: Option<bool>) {
        self.chip.drive_pin(pin, level);
    }

    /// The level that the program reads on a pin.
    pub fn pin_level(&self, pin: Pin) -> bool {
        let gpio: &Gpio = self.device(Gpio::base(pin.port));
        gpio.level(pin.number)
    }

    /// Every button at rest.
    pub(super) fn release_buttons(&mut self) {
        for button in self.description().buttons().to_vec() {
            self.drive_pin(button.pin, Some(!button.pressed));
        }
    }
}
