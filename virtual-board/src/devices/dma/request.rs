//! Request lines from peripherals to the DMA controllers, and the numbers by which CTR2.REQSEL selects them
//! (RM0477, GPDMA and HPDMA implementation; LL_GPDMA1_REQUEST_ and LL_HPDMA1_REQUEST_ of ST's driver).

use super::Controller;

/// A request line. Each is a level: high while the peripheral has or wants data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// XSPI1 or XSPI2: the FIFO has reached its threshold.
    Xspi(u8),
    /// Transmitter of a UART: its data register is empty. 1 to 8; [`Request::LPUART`] is the low-power one.
    UartTransmit(u8),
    /// Receiver of a UART: its data register is full.
    UartReceive(u8),
}

impl Request {
    /// Number of LPUART1 among the UARTs.
    pub const LPUART: u8 = 9;

    /// The line that `select` selects at a controller, if something that is modelled can drive it.
    pub const fn of(controller: Controller, select: u32) -> Option<Self> {
        Some(match (controller, select as u8) {
            (Controller::Hpdma1, 2) => Self::Xspi(1),
            (Controller::Hpdma1, 3) => Self::Xspi(2),
            (Controller::Hpdma1, 11) => Self::UartReceive(4),
            (Controller::Hpdma1, 12) => Self::UartTransmit(4),
            (Controller::Hpdma1, 13) => Self::UartReceive(5),
            (Controller::Hpdma1, 14) => Self::UartTransmit(5),
            (Controller::Hpdma1, 15) => Self::UartReceive(7),
            (Controller::Hpdma1, 16) => Self::UartTransmit(7),
            // Receive and transmit of USART1, 2, 3, UART4, 5, 7, 8.
            (Controller::Gpdma1, select @ 73..=86) => {
                let position = (select - 73) / 2 + 1;
                let number = if position > 5 { position + 1 } else { position };
                if (select - 73) % 2 == 0 {
                    Self::UartReceive(number)
                } else {
                    Self::UartTransmit(number)
                }
            }
            (Controller::Gpdma1, 101) => Self::UartReceive(Self::LPUART),
            (Controller::Gpdma1, 102) => Self::UartTransmit(Self::LPUART),
            _ => return None,
        })
    }

    const fn bit(self) -> u64 {
        match self {
            Self::Xspi(number) => 1 << number,
            Self::UartTransmit(number) => 1 << (8 + number),
            Self::UartReceive(number) => 1 << (24 + number),
        }
    }
}

/// The levels of all request lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests(u64);

impl Requests {
    /// The line is high.
    pub const fn has(self, request: Request) -> bool {
        self.0 & request.bit() != 0
    }

    /// Drives a line. True if its level changed.
    pub fn set(&mut self, request: Request, level: bool) -> bool {
        let before = self.0;
        if level {
            self.0 |= request.bit();
        } else {
            self.0 &= !request.bit();
        }
        self.0 != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_manual_select_the_uarts() {
        let general = |select| Request::of(Controller::Gpdma1, select);
        assert_eq!(general(73), Some(Request::UartReceive(1)));
        assert_eq!(general(78), Some(Request::UartTransmit(3)));
        assert_eq!(general(80), Some(Request::UartTransmit(4)));
        assert_eq!(general(83), Some(Request::UartReceive(7)));
        assert_eq!(general(86), Some(Request::UartTransmit(8)));
        assert_eq!(general(3), None);
    }

    #[test]
    fn a_line_keeps_its_level() {
        let mut lines = Requests::default();
        assert!(lines.set(Request::Xspi(2), true) && !lines.set(Request::Xspi(2), true));
        assert!(lines.has(Request::Xspi(2)) && !lines.has(Request::Xspi(1)));
    }
}
