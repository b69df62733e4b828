//! Power control (RM0477, PWR): supplies, voltage scaling, and the I/O supplies of the XSPI ports.
//!
//! Ready bits follow their enables at once, but for the USB supply's and the voltage scaling's, which take a moment.
//! Only registers that start-up code touches have a meaning; the rest of the block is plain storage.

use super::{Access, Device, LowPower, Refusal, Reset, Wires};
use crate::{bus::Width, clock::Time};

const CR1: u32 = 0x00;
const SR1: u32 = 0x04;
const CSR1: u32 = 0x08;
const CSR2: u32 = 0x0C;
const CSR3: u32 = 0x10;
const CSR4: u32 = 0x14;
const WKUPCR: u32 = 0x20;
const PLAIN_END: u32 = 0x50;

/// CSR1: backup regulator enable and ready.
const BREN: u32 = 1 << 0;
const BRRDY: u32 = 1 << 16;
/// CSR2: I/O supplies of XSPIM port 1 and 2.
const EN_XSPIM1: u32 = 1 << 14;
const EN_XSPIM2: u32 = 1 << 15;
/// CSR2: step-down converter feeds an external consumer and is ready.
const SDEN: u32 = 1 << 2;
const SDEXTRDY: u32 = 1 << 16;
/// CSR2: USB supply detector, regulator, ready.
const USB33DEN: u32 = 1 << 24;
const USBREGEN: u32 = 1 << 25;
const USB33RDY: u32 = 1 << 26;
const CSR2_READ_ONLY: u32 = SDEXTRDY | USB33RDY;
/// CSR3: power-down in deep sleep, clears the flags below, the chip was in Stop, in Standby.
const PDDS: u32 = 1 << 0;
const CSSF: u32 = 1 << 1;
const STOPF: u32 = 1 << 8;
const SBF: u32 = 1 << 9;
/// CSR4: voltage scaling and its ready bit.
const VOS: u32 = 1 << 0;
const VOSRDY: u32 = 1 << 1;
/// SR1: scaling that is active, and that it is settled.
const ACTVOS: u32 = 1 << 0;
const ACTVOSRDY: u32 = 1 << 1;

/// Assumed settling time of the regulator, and of the USB supply's detector.
const SETTLE: Time = Time::micros(20);

/// Base 0x5802_4800.
pub struct Pwr {
    cr1: u32,
    csr1: u32,
    csr2: u32,
    csr3: u32,
    csr4: u32,
    plain: [u32; 20],
    scaling_settled: Time,
    usb_settled: Time,
    /// Up to when somebody has looked.
    seen: Time,
}

impl Default for Pwr {
    fn default() -> Self {
        Self::new()
    }
}

impl Pwr {
    /// In reset state: step-down converter and LDO on (the board wires the converter to VCORE).
    pub fn new() -> Self {
        Self {
            cr1: 0,
            csr1: 0,
            csr2: 0x0000_0006,
            csr3: 0,
            csr4: 0,
            plain: [0; 20],
            scaling_settled: Time(0),
            usb_settled: Time(0),
            seen: Time(0),
        }
    }

    /// The chip enters Stop or Standby.
    pub fn note(&mut self, mode: LowPower) {
        self.csr3 |= match mode {
            LowPower::Stop => STOPF,
            LowPower::Standby => SBF,
            LowPower::Run | LowPower::Sleep => 0,
        };
    }

    fn drive(&self, wires: &mut Wires) {
        wires.usb_supply = self.csr2 & (USB33DEN | USBREGEN) != 0;
        let supply = [self.csr2 & EN_XSPIM1 != 0, self.csr2 & EN_XSPIM2 != 0];
        if supply != wires.xspim_supply {
            wires.xspim_supply = supply;
            wires.generation += 1;
        }
    }

    fn csr2_now(&self, now: Time) -> u32 {
        let usb = self.csr2 & (USB33DEN | USBREGEN) != 0 && now >= self.usb_settled;
        self.csr2
            | if self.csr2 & SDEN != 0 { SDEXTRDY } else { 0 }
            | if usb { USB33RDY } else { 0 }
    }
}

impl Device for Pwr {
    fn name(&self) -> &str {
        "PWR"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        self.seen = wires.now;
        let settled = wires.now >= self.scaling_settled;
        Ok(match offset {
            CR1 => self.cr1,
            SR1 => {
                let active = if self.csr4 & VOS != 0 { ACTVOS } else { 0 };
                active | if settled { ACTVOSRDY } else { 0 }
            }
            CSR1 => self.csr1 | if self.csr1 & BREN != 0 { BRRDY } else { 0 },
            CSR2 => self.csr2_now(wires.now),
            CSR3 => self.csr3,
            CSR4 => self.csr4 | if settled { VOSRDY } else { 0 },
            WKUPCR..PLAIN_END if offset.is_multiple_of(4) => self.plain[(offset / 4) as usize],
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        match offset {
            CR1 => self.cr1 = value,
            SR1 => {}
            CSR1 => self.csr1 = value & !BRRDY,
            CSR2 => {
                if value & !self.csr2 & (USB33DEN | USBREGEN) != 0 {
                    self.usb_settled = wires.now + SETTLE;
                }
                self.csr2 = value & !CSR2_READ_ONLY;
                self.drive(wires);
            }
            CSR4 => {
                if (value ^ self.csr4) & VOS != 0 {
                    self.scaling_settled = wires.now + SETTLE;
                }
                self.csr4 = value & VOS;
            }
            // Write-one-to-clear flags, none of which is ever set.
            WKUPCR => {}
            CSR3 => {
                let kept = if value & CSSF != 0 { 0 } else { STOPF | SBF };
                self.csr3 = self.csr3 & kept | value & PDDS;
                wires.power_down_deepsleep = value & PDDS != 0;
            }
            WKUPCR..PLAIN_END if offset.is_multiple_of(4) => {
                self.plain[(offset / 4) as usize] = value;
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, reset: Reset, wires: &mut Wires) {
        let flags = match reset {
            Reset::Power => 0,
            Reset::System => self.csr3 & (STOPF | SBF),
        };
        *self = Self {
            csr3: flags,
            ..Self::new()
        };
        wires.power_down_deepsleep = false;
        self.drive(wires);
    }

    fn next_event(&self) -> Option<Time> {
        let times = [self.scaling_settled, self.usb_settled];
        times.into_iter().filter(|&at| at > self.seen).min()
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.seen = wires.now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supplies_reach_the_ports() {
        let (mut pwr, mut wires) = (Pwr::new(), Wires::default());
        pwr.write(CSR2, Width::Word, 0x1_C004, &mut wires).unwrap();
        assert_eq!(wires.xspim_supply, [true, true]);
        assert_eq!(pwr.read(CSR2, Width::Word, &mut wires), Ok(0x1_C004));
        pwr.reset(Reset::System, &mut wires);
        assert_eq!(wires.xspim_supply, [false, false]);
        assert_eq!(wires.generation, 2);
    }

    #[test]
    fn scaling_takes_a_moment() {
        let (mut pwr, mut wires) = (Pwr::new(), Wires::default());
        pwr.write(CSR4, Width::Word, 3, &mut wires).unwrap();
        assert_eq!(pwr.read(CSR4, Width::Word, &mut wires), Ok(VOS));
        wires.now = pwr.next_event().unwrap();
        assert_eq!(pwr.read(CSR4, Width::Word, &mut wires), Ok(VOS | VOSRDY));
        assert_eq!(pwr.read(SR1, Width::Word, &mut wires), Ok(3));
    }
}
