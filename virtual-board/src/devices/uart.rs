//! UART, transmitter only (RM0477, USART): text goes to the log line by line and to a buffer.
//!
//! Transmission takes no time: TXE and TC are set whenever the transmitter is enabled, and a DMA channel is asked for data without
//! a pause. Nothing is received.

use super::{Access, Device, Refusal, Reset, Wires, dma::request::Request, gate::Gate};
use crate::bus::Width;

const CR1: u32 = 0x00;
const CR2: u32 = 0x04;
const CR3: u32 = 0x08;
const RTOR: u32 = 0x14;
const RQR: u32 = 0x18;
const ISR: u32 = 0x1C;
const ICR: u32 = 0x20;
const RDR: u32 = 0x24;
const TDR: u32 = 0x28;
const PRESC: u32 = 0x2C;

/// CR1.
const UE: u32 = 1 << 0;
const RE: u32 = 1 << 2;
const TE: u32 = 1 << 3;
/// ISR: transmission complete, data register empty; acknowledges of the enables.
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
const TEACK: u32 = 1 << 21;
const REACK: u32 = 1 << 22;
/// CR1: FIFOs; ISR: transmit FIFO empty.
const FIFOEN: u32 = 1 << 29;
const TXFE: u32 = 1 << 23;
/// CR3: requests to a DMA controller for data to send.
const DMAT: u32 = 1 << 7;
/// TCIE and TXEIE lie in CR1 where TC and TXE lie in ISR.
const INTERRUPTS: u32 = TC | TXE;

/// Longest line that is kept before it goes to the log.
const LONGEST_LINE: usize = 1024;

/// One UART.
pub struct Uart {
    number: u8,
    name: &'static str,
    gate: Gate,
    irq: usize,
    registers: [u32; 12],
    line: Vec<u8>,
    sent: Vec<u8>,
}

impl Uart {
    /// USART1, 2, 3, UART4, 5, 7, 8; [`Request::LPUART`] is LPUART1.
    pub fn new(number: u8) -> Self {
        let (name, gate, irq) = match number {
            1 => ("USART1", Gate::apb2(4), 82),
            2 => ("USART2", Gate::apb1(17), 83),
            3 => ("USART3", Gate::apb1(18), 84),
            4 => ("UART4", Gate::apb1(19), 85),
            5 => ("UART5", Gate::apb1(20), 86),
            7 => ("UART7", Gate::apb1(30), 87),
            8 => ("UART8", Gate::apb1(31), 88),
            _ => ("LPUART1", Gate::apb4(3), 131),
        };
        Self {
            number,
            name,
            gate,
            irq,
            registers: [0; 12],
            line: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// What was sent since the last call.
    pub fn take_sent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent)
    }

    fn status(&self) -> u32 {
        let control = self.registers[0];
        if control & UE == 0 {
            return TC | TXE;
        }
        TC | TXE
            | if control & TE != 0 { TEACK } else { 0 }
            | if control & RE != 0 { REACK } else { 0 }
            | if control & FIFOEN != 0 { TXFE } else { 0 }
    }

    fn send(&mut self, byte: u8) {
        self.sent.push(byte);
        if byte == b'\n' || self.line.len() == LONGEST_LINE {
            let text = String::from_utf8_lossy(&self.line);
            tracing::info!(uart = self.name, "{}", text.trim_end());
            self.line.clear();
        }
        if byte != b'\n' {
            self.line.push(byte);
        }
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }

    fn drive_irq(&self, wires: &mut Wires) {
        let control = self.registers[0];
        let level = control & UE != 0 && control & self.status() & INTERRUPTS != 0;
        wires.set_irq(self.irq, level);
        let sends = control & (UE | TE) == UE | TE;
        let asks = self.registers[(CR3 / 4) as usize] & DMAT != 0;
        wires.request_dma(Request::UartTransmit(self.number), sends && asks);
    }
}

impl Device for Uart {
    fn name(&self) -> &str {
        self.name
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        Ok(match offset {
            ISR => self.status(),
            RQR | ICR | RDR => 0,
            CR1..=PRESC if offset.is_multiple_of(4) => self.registers[(offset / 4) as usize],
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        match offset {
            ISR | ICR | RQR | RDR => {}
            TDR => {
                if self.registers[0] & (UE | TE) == UE | TE {
                    self.send(value as u8);
                }
            }
            CR1 | CR2 | CR3..=RTOR | PRESC if offset.is_multiple_of(4) => {
                self.registers[(offset / 4) as usize] = value;
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        self.drive_irq(wires);
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        self.registers = [0; 12];
        self.line.clear();
        self.drive_irq(wires);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_sent_only_when_enabled() {
        let (mut uart, mut wires) = (Uart::new(4), Wires::default());
        wires.gates.insert(super::super::gate::APB1ENR1, 1 << 19);
        uart.write(TDR, Width::Byte, b'x'.into(), &mut wires)
            .unwrap();
        uart.write(CR1, Width::Word, UE | TE, &mut wires).unwrap();
        for byte in b"ok\n" {
            assert_ne!(uart.read(ISR, Width::Word, &mut wires).unwrap() & TXE, 0);
            uart.write(TDR, Width::Byte, (*byte).into(), &mut wires)
                .unwrap();
        }
        assert_eq!(uart.take_sent(), b"ok\n");
    }

    #[test]
    fn a_line_that_is_too_long_goes_on_in_the_next() {
        let mut uart = Uart::new(4);
        for _ in 0..=LONGEST_LINE {
            uart.send(b'x');
        }
        assert_eq!(uart.line, b"x");
        uart.send(b'\n');
        assert!(uart.line.is_empty());
    }
}
