//! System configuration, boot and security (RM0477, SBS): what start-up code waits for.
//!
//! Compensation cells are ready at once when enabled (the boot stage waits for the bits). IOHSLV bits take effect only with
//! their option bytes: here they are stored. BOOTSR shows where the core started.
//!
//! HDPLCR raises the hide protection level, and only a system reset brings it back; FLASH hides its area by it. DBGCR opens AP1 of a
//! closed product for code that runs at the level that it names; which of its two unlocking fields AP1 needs is not known: both \[U\].

use super::{Access, Device, Refusal, Reset, Wires, gate::Gate};
use crate::bus::Width;

const BOOTSR: u32 = 0x00;
const HDPLCR: u32 = 0x10;
const HDPLSR: u32 = 0x14;
const DBGCR: u32 = 0x20;
const DBGLOCKR: u32 = 0x24;
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
/// Codes of the hide protection levels.
const HDPL_CODES: [u32; 4] = [0xB4, 0x51, 0x8A, 0x6F];
/// Where user code starts in an open part \[U\].
const HDPL_AT_RESET: u8 = 1;
/// What HDPLCR, and DBGLOCKR while it is open, read as; in DBGCR's fields it unlocks.
const UNLOCKED: u32 = 0xB4;
/// What DBGLOCKR reads as once something else was written.
const LOCKED: u32 = 0x6A;
/// Writing this to HDPLCR raises the level.
const HDPL_INCREMENT: u32 = 0x6A;

/// Base 0x5800_0400.
pub struct Sbs {
    gate: Gate,
    boot_vector: u32,
    hide_level: u8,
    debug_control: u32,
    debug_lock: u32,
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
            hide_level: HDPL_AT_RESET,
            debug_control: 0,
            debug_lock: UNLOCKED,
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

    fn hide_code(&self) -> u32 {
        HDPL_CODES[usize::from(self.hide_level & 3)]
    }

    fn drive(&self, wires: &mut Wires) {
        let opened = UNLOCKED | UNLOCKED << 8 | self.hide_code() << 16;
        wires.hide_level = self.hide_level;
        for (port, line) in wires.exti_ports.iter_mut().zip(0..) {
            *port = (self.external_lines[line / 4] >> (4 * (line % 4)) & 0xF) as u8;
        }
        wires.debug_opened = self.debug_control == opened;
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            // The reset line of the peripheral leaves alone what protects.
            let Self {
                hide_level,
                debug_control,
                debug_lock,
                ..
            } = *self;
            self.reset(Reset::System, wires);
            (self.hide_level, self.debug_control, self.debug_lock) =
                (hide_level, debug_control, debug_lock);
            self.drive(wires);
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
            HDPLCR => UNLOCKED,
            HDPLSR => self.hide_code(),
            DBGCR => self.debug_control,
            DBGLOCKR => self.debug_lock,
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
                self.hide_level = (self.hide_level + 1).min(3);
                self.drive(wires);
            }
            HDPLCR => {}
            DBGCR if self.debug_lock == UNLOCKED => {
                self.debug_control = value & 0x00FF_FFFF;
                self.drive(wires);
            }
            DBGCR => {}
            DBGLOCKR if value & 0xFF != UNLOCKED => self.debug_lock = LOCKED,
            DBGLOCKR => {}
            PMCR => self.product_mode = value,
            FPUIMR => self.fpu_mask = value,
            CCCSR => self.compensation = value & CCCSR_WRITABLE,
            CCSWVALR => self.software_value = value,
            BKLOCKR => self.break_lock |= value,
            EXTICR1..=EXTICR4 if offset.is_multiple_of(4) => {
                self.external_lines[((offset - EXTICR1) / 4) as usize] = value;
                self.drive(wires);
            }
            _ => return Err(Refusal::Unmodelled { reset: 0 }),
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        let (gate, boot_vector) = (self.gate, self.boot_vector);
        *self = Self {
            gate,
            boot_vector,
            ..Self::new()
        };
        self.drive(wires);
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

    #[test]
    fn the_hide_level_rises_and_only_a_system_reset_lowers_it() {
        let (mut sbs, mut wires) = (Sbs::new(), Wires::default());
        wires.gates.insert(super::super::gate::APB4ENR, 2);
        for (level, code) in [(1, 0x51), (2, 0x8A), (3, 0x6F), (3, 0x6F)] {
            sbs.drive(&mut wires);
            assert_eq!(wires.hide_level, level);
            assert_eq!(sbs.read(HDPLSR, Width::Word, &mut wires), Ok(code));
            sbs.write(HDPLCR, Width::Word, HDPL_INCREMENT, &mut wires)
                .unwrap();
        }
        wires
            .reset_pulses
            .insert((super::super::gate::APB4RSTR, 1), 1);
        assert_eq!(sbs.read(HDPLSR, Width::Word, &mut wires), Ok(0x6F));
        sbs.reset(Reset::System, &mut wires);
        assert_eq!(wires.hide_level, 1);
    }

    #[test]
    fn debug_opens_at_the_level_that_is_named_and_while_it_is_not_locked() {
        let (mut sbs, mut wires) = (Sbs::new(), Wires::default());
        wires.gates.insert(super::super::gate::APB4ENR, 2);
        let mut write = |offset, value| {
            sbs.write(offset, Width::Word, value, &mut wires).unwrap();
            wires.debug_opened
        };
        assert!(!write(DBGCR, 0x8A_B4B4), "another level");
        assert!(write(DBGCR, 0x51_B4B4));
        assert!(!write(DBGCR, 0));
        write(DBGLOCKR, 0xC3);
        assert!(!write(DBGCR, 0x51_B4B4));
    }
}
