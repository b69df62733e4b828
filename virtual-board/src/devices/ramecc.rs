//! RAM ECC monitoring (RM0477, RAMECC): one monitor a protected memory, with its flags, and the first error that it saw.
//!
//! Monitors as ST's OEMiROT_Boot assigns them (`low_level_ramecc.c`): RAMECC1 0 AXI SRAM1, 2 and 3 the halves of DTCM, 4 AXI SRAM3;
//! RAMECC2 1 backup SRAM. Monitor 1 of RAMECC1 is the one that is left for ITCM \[U\]. FAR counts words of the memory, as ST's example
//! RAMECC_ErrorCount reads it. A monitor asks for the interrupt by its own enable bits or by the global ones.
//!
//! Deviations: the error code is that of no particular pair of bits; CR's test modes are stored and inject nothing.

use super::{Access, Device, Refusal, Reset, Wires};
use crate::bus::Width;

const IER: u32 = 0x00;
/// Distance of monitors; the first lies one distance above the base.
const STRIDE: u32 = 0x20;
const CR: u32 = 0x00;
const SR: u32 = 0x04;
const FAR: u32 = 0x08;
const FDRL: u32 = 0x0C;
const FDRH: u32 = 0x10;
const FECR: u32 = 0x14;

/// IER: GIE, GECCSEIE, GECCDEIE, GECCDEBWIE.
const IER_MASK: u32 = 0xF;
const GIE: u32 = 1 << 0;
/// CR: ECCSEIE, ECCDEIE, ECCDEBWIE, ECCELEN, and the test modes of ST's example.
const CR_MASK: u32 = 0x3_003C;
const ECCELEN: u32 = 1 << 5;
/// SR.
const DEDF: u32 = 1 << 1;
const DEBWDF: u32 = 1 << 2;
/// A code that no single wrong bit has.
const DOUBLE_ERROR_CODE: u32 = 0x3;

const IRQ: usize = 9;
const MONITORS: usize = 5;

/// A memory with check bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitored {
    /// AXI SRAM1.
    AxiSram1,
    /// ITCM.
    Itcm,
    /// Even words of DTCM.
    Dtcm0,
    /// Odd words of DTCM.
    Dtcm1,
    /// AXI SRAM3.
    AxiSram3,
    /// Backup SRAM.
    Backup,
}

/// Two wrong bits in a word of RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RamError {
    /// Of which memory.
    pub monitored: Monitored,
    /// The word's number in that memory.
    pub place: u32,
    /// The word's address.
    pub address: u32,
    /// Its size.
    pub word_bytes: u32,
    /// It was read to be merged with less than a word.
    pub partial_write: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Monitor {
    control: u32,
    status: u32,
    place: u32,
    data: [u32; 2],
    code: u32,
}

/// RAMECC1: base 0x5200_9000. RAMECC2: base 0x5802_7000.
pub struct Ramecc {
    number: usize,
    enabled: u32,
    monitors: [Monitor; MONITORS],
}

impl Ramecc {
    /// In reset state; `number` is 1 or 2.
    pub fn new(number: usize) -> Self {
        Self {
            number,
            enabled: 0,
            monitors: Default::default(),
        }
    }

    /// Which monitor of which unit looks after a memory.
    const fn monitor_of(monitored: Monitored) -> (usize, usize) {
        match monitored {
            Monitored::AxiSram1 => (1, 0),
            Monitored::Itcm => (1, 1),
            Monitored::Dtcm0 => (1, 2),
            Monitored::Dtcm1 => (1, 3),
            Monitored::AxiSram3 => (1, 4),
            Monitored::Backup => (2, 1),
        }
    }

    fn drive_irq(&self, wires: &mut Wires) {
        // SEDCF, DEDF and DEBWDF are enabled by the bits two above in CR and one above in IER.
        let globally = self.enabled >> 1 & 0x7;
        let level = self.monitors.iter().any(|monitor| {
            let enabled = monitor.control >> 2 & 0x7 | globally;
            monitor.status & enabled != 0 || self.enabled & GIE != 0 && monitor.status != 0
        });
        wires.ram_errors[self.number - 1] = level;
        let either = wires.ram_errors[0] || wires.ram_errors[1];
        wires.set_irq(IRQ, either);
    }

    fn locate(&mut self, offset: u32) -> Option<(&mut Monitor, u32)> {
        let index = (offset / STRIDE).checked_sub(1)? as usize;
        let exists = self.number == 1 || index == 1;
        let monitor = self.monitors.get_mut(index).filter(|_| exists)?;
        Some((monitor, offset % STRIDE))
    }
}

impl Device for Ramecc {
    fn name(&self) -> &str {
        match self.number {
            1 => "RAMECC1",
            _ => "RAMECC2",
        }
    }

    fn read(&mut self, offset: u32, _width: Width, _wires: &mut Wires) -> Access<u32> {
        if offset == IER {
            return Ok(self.enabled);
        }
        let unmodelled = Refusal::Unmodelled { reset: 0 };
        let (monitor, register) = self.locate(offset).ok_or(unmodelled)?;
        Ok(match register {
            CR => monitor.control,
            SR => monitor.status,
            FAR => monitor.place,
            FDRL => monitor.data[0],
            FDRH => monitor.data[1],
            FECR => monitor.code,
            _ => return Err(unmodelled),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if offset == IER {
            self.enabled = value & IER_MASK;
        } else {
            let unmodelled = Refusal::Unmodelled { reset: 0 };
            let (monitor, register) = self.locate(offset).ok_or(unmodelled)?;
            match register {
                CR => monitor.control = value & CR_MASK,
                // Zeros clear.
                SR => monitor.status &= value,
                FAR | FDRL | FDRH | FECR => {}
                _ => return Err(unmodelled),
            }
        }
        self.drive_irq(wires);
        Ok(())
    }

    fn ram_error(&mut self, error: &RamError, data: [u32; 2], wires: &mut Wires) {
        let (unit, index) = Self::monitor_of(error.monitored);
        if unit != self.number {
            return;
        }
        let monitor = &mut self.monitors[index];
        let first = monitor.status == 0;
        monitor.status |= if error.partial_write { DEBWDF } else { DEDF };
        if first && monitor.control & ECCELEN != 0 {
            monitor.place = error.place;
            monitor.data = data;
            monitor.code = DOUBLE_ERROR_CODE;
        }
        self.drive_irq(wires);
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        *self = Self::new(self.number);
        self.drive_irq(wires);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONITOR_2: u32 = 0x60;

    fn error(partial_write: bool) -> RamError {
        RamError {
            monitored: Monitored::Dtcm0,
            place: 3,
            address: 0x2000_0018,
            word_bytes: 4,
            partial_write,
        }
    }

    #[test]
    fn the_first_error_is_kept_and_asks_for_the_interrupt() {
        let (mut ramecc, mut wires) = (Ramecc::new(1), Wires::default());
        let write = |ramecc: &mut Ramecc, offset, value, wires: &mut Wires| {
            ramecc.write(offset, Width::Word, value, wires).unwrap();
        };
        write(&mut ramecc, MONITOR_2 + CR, ECCELEN | 1 << 3, &mut wires);
        ramecc.ram_error(&error(false), [0x1234, 0], &mut wires);
        assert_eq!(wires.irq[0], 1 << IRQ);
        let mut later = error(true);
        later.place = 7;
        ramecc.ram_error(&later, [0, 0], &mut wires);
        let mut read = |offset| {
            ramecc
                .read(MONITOR_2 + offset, Width::Word, &mut wires)
                .unwrap()
        };
        assert_eq!(read(SR), DEDF | DEBWDF);
        assert_eq!((read(FAR), read(FDRL)), (3, 0x1234));
        write(&mut ramecc, MONITOR_2 + SR, !DEDF, &mut wires);
        assert_eq!(wires.irq[0], 0, "the other flag is not enabled");
    }

    #[test]
    fn each_unit_has_its_memories() {
        let (mut ramecc, mut wires) = (Ramecc::new(2), Wires::default());
        ramecc.ram_error(&error(false), [0; 2], &mut wires);
        assert!(
            ramecc
                .read(MONITOR_2 + SR, Width::Word, &mut wires)
                .is_err(),
            "it has one monitor"
        );
        let mut backup = error(false);
        backup.monitored = Monitored::Backup;
        ramecc.ram_error(&backup, [0; 2], &mut wires);
        assert_eq!(ramecc.read(0x40 + SR, Width::Word, &mut wires), Ok(DEDF));
        assert_eq!(wires.irq[0], 0, "nobody asked");
    }
}
