//! System configuration, boot and security (RM0477, SBS): what start-up code waits for.
//!
//! Compensation cells are ready at once when enabled (the boot stage waits for the bits). IOHSLV bits take effect only with
//! their option bytes: here they are stored. BOOTSR and HDPLSR show what the tests set.

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::bus::Width;

const BOOTSR: u32 = 0x00;
const HDPLCR: u32 = 0x10;
const HDPLSR: u32 = 0x14;
const PMCR: u32 = 0x100;
const FPUIMR: u32 = 0x104;
const MESR: u32 = 0x108;
const CCCSR: u32 = 0x110;
const CCVALR: u32 = 0x114;
const CCSWVALR: u32 = 0x118;
const BKLOCKR: u32 = 0x120;
const EXTICR1: u32 = 0x130;
const EXTICR4: u32 = 0x13C;

/// CCCSR: cells enabled at 0, 2 and 4 are ready at 8, 9 and 10.
const CELLS: [(u32, u32); 3] = [(0, 8), (2, 9), (4, 10)];
const CCCSR_WRITABLE: u32 = 0x0007_003F;
/// HDPL 1, where user code starts in an open part (codes: 0xB4 level 0, 0x51 level 1, 0x8A level 2, 0x6F level 3).
const HDPL_LEVEL_1: u32 = 0x51;
/// Writing this to HDPLCR raises the level.
const HDPL_INCREMENT: u32 = 0x6A;

/// Base 0x5800_0400.
pub struct Sbs {
    gate: Gate,
    boot_vector: u32,
    hide_level: u32,
    product_mode: u32,
    fpu_mask: u32,
    compensation: u32,
    software_value: u32,
    break_lock: u32,
    external_lines: [u32; 4],
}

impl Default for Sbs {
    fn default() -> Self {
        Self::new()
    }
}

impl Sbs {
    /// In reset state; boots from internal flash.
    pub fn new() -> Self {
        Self {
            gate: Gate::apb4(1),
            boot_vector: 0x0800_0000,
            hide_level: HDPL_LEVEL_1,
            product_mode: 0,
            fpu_mask: 0x1F,
            compensation: 0,
            software_value: 0x0088_8888,
            break_lock: 0,
            external_lines: [0; 4],
        }
    }

    /// Where the core took its vectors from after reset (BOOT0 and option bytes decide on a real board).
    pub fn set_boot_vector(&mut self, address: u32) {
        self.boot_vector = address;
    }

    fn compensation_now(&self) -> u32 {
        CELLS
            .iter()
            .fold(self.compensation, |value, (enable, ready)| {
                value | (self.compensation >> enable & 1) << ready
            })
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }
}

impl Device for Sbs {
    fn name(&self) -> &str {
        "SBS"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        Ok(match offset {
            BOOTSR => self.boot_vector,
            HDPLCR => 0,
            HDPLSR => self.hide_level,
            PMCR => self.product_mode,
            FPUIMR => self.fpu_mask,
            MESR => 0,
            CCCSR => self.compensation_now(),
            CCVALR | CCSWVALR => self.software_value,
            BKLOCKR => self.break_lock,
            EXTICR1..=EXTICR4 if offset.is_multiple_of(4) => {
                self.external_lines[((offset - EXTICR1) / 4) as usize]
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        match offset {
            BOOTSR | HDPLSR | MESR | CCVALR => {}
            HDPLCR if value & 0xFF == HDPL_INCREMENT => {
                self.hide_level = match self.hide_level {
                    0xB4 => 0x51,
                    0x51 => 0x8A,
                    _ => 0x6F,
                };
            }
            HDPLCR => {}
            PMCR => self.product_mode = value,
            FPUIMR => self.fpu_mask = value,
            CCCSR => self.compensation = value & CCCSR_WRITABLE,
            CCSWVALR => self.software_value = value,
            BKLOCKR => self.break_lock |= value,
            EXTICR1..=EXTICR4 if offset.is_multiple_of(4) => {
                self.external_lines[((offset - EXTICR1) / 4) as usize] = value;
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, _wires: &mut Wires) {
        let (gate, boot_vector) = (self.gate, self.boot_vector);
        *self = Self {
            gate,
            boot_vector,
            ..Self::new()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_ready_when_enabled() {
        let (mut sbs, mut wires) = (Sbs::new(), Wires::default());
        assert_eq!(sbs.read(BOOTSR, Width::Word, &mut wires), Ok(0), "no clock");
        wires.gates.insert(super::super::gate::APB4ENR, 2);
        sbs.write(CCCSR, Width::Word, 0x14, &mut wires).unwrap();
        assert_eq!(sbs.read(CCCSR, Width::Word, &mut wires), Ok(0x614));
    }
}
