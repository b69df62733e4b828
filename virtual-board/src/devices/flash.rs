//! Internal flash and its interface (RM0477, FLASH): 64 KB in eight sectors of 8 KB, flash words of 16 bytes with ECC.
//!
//! Base 0x5200_2000; the array is [`Device::read_memory`] and [`Device::write_memory`] at 0x0800_0000.
//! - Two keys unlock CR; a wrong one locks it until reset. So do OPTKEYR and OPTCR.
//! - With PG, sixteen bytes of one flash word collect in the write buffer (SR.WBNE, QW) and are then programmed; FW forces an
//!   incomplete one. Erase with SER or BER and START.
//! - A flash word that is programmed twice with different data has wrong ECC: reads of it are bus errors and set DBECCERRF
//!   until its sector is erased.
//!
//! - A sector is protected by WRPSR, and so is one that the hide-protected area (HDPSR) reaches into once SBS_HDPLSR has gone
//!   beyond level 1: erase and program end in WRPERRF. A read of the hidden area is a bus error and sets RDSERRF.
//! - Option bytes: unlock, set PG_OPT, write the word's programming register, wait for QW, clear PG_OPT, as ST's HAL does
//!   (`HAL_FLASHEx_OBProgram`). What is forbidden sets OPTERRF. RAM sizes and product state take effect at the next reset.
//!
//! Deviations: error rules follow the STM32H7 family's (RM0433, 4.7) where RM0477 was not at hand; program and erase times
//! are those of ST's other 40 nm parts with 128-bit words (31 us, 2 ms); a read while busy does not wait; a program that a reset or
//! power cut interrupts leaves a flash word with wrong ECC, an erase every other one of its sectors; no CRC unit, no OTP, no key
//! storage. The level from which HDP hides, and that a hidden read is a bus error, are those of ST's other families \[U\].

mod array;
mod lock;
mod option_control;
pub mod options;

use std::ops::Range;

pub use self::array::Array;
use self::{array::Unreadable, lock::Lock, option_control::OptionControl, options::Options};
use super::{Access, Device, Refusal, Reset, Wires};
use crate::{
    bus::Width,
    clock::Time,
    mishap::{self, Ambushes, Blow, Failing, Strike},
};

/// Bytes of the array.
pub const SIZE: u32 = 0x1_0000;
/// Bytes of a sector.
pub const SECTOR: u32 = 0x2000;
/// Bytes of a flash word.
pub const WORD: u32 = 16;

const ACR: u32 = 0x000;
const KEYR: u32 = 0x004;
const CR: u32 = 0x010;
const SR: u32 = 0x014;
const IER: u32 = 0x020;
const ISR: u32 = 0x024;
const ICR: u32 = 0x028;
const ECCDFADDR: u32 = 0x044;

const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];

/// CR.
const LOCK: u32 = 1 << 0;
const PG: u32 = 1 << 1;
const SER: u32 = 1 << 2;
const BER: u32 = 1 << 3;
const FW: u32 = 1 << 4;
const START: u32 = 1 << 5;
const CR_STORED: u32 = 0x0103_01CE;
/// SR.
const BUSY: u32 = 1 << 0;
const WBNE: u32 = 1 << 1;
const QW: u32 = 1 << 2;
const IS_PROGRAM: u32 = 1 << 4;
const IS_ERASE: u32 = 1 << 5;
const IS_OPTION_CHANGE: u32 = 1 << 6;
/// ISR.
const EOP: u32 = 1 << 16;
const WRPERR: u32 = 1 << 17;
const PGSERR: u32 = 1 << 18;
const STRBERR: u32 = 1 << 19;
const INCERR: u32 = 1 << 21;
const RDSERR: u32 = 1 << 24;
const DBECCERR: u32 = 1 << 26;
const ERRORS: u32 = WRPERR | PGSERR | STRBERR | INCERR;
const IER_MASK: u32 = 0x1F3F_0000;

const PROGRAM_TIME: Time = Time::micros(31);
const ERASE_TIME: Time = Time::millis(2);
const OPTION_TIME: Time = Time::millis(10);
const IRQ: usize = 8;
/// The last hide protection level to which the hide-protected area is visible.
const VISIBLE_TO: u8 = 1;

/// What the interface does by itself, with the flash words concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Program(u32),
    Erase(Range<u32>),
    OptionChange,
}

impl Operation {
    fn status(&self) -> u32 {
        match self {
            Self::Program(_) => IS_PROGRAM,
            Self::Erase(_) => IS_ERASE,
            Self::OptionChange => IS_OPTION_CHANGE,
        }
    }
}

/// An operation under way.
#[derive(Debug)]
struct Busy {
    operation: Operation,
    until: Time,
}

/// The write buffer.
#[derive(Clone, Copy, Debug)]
struct Buffer {
    word: u32,
    bytes: [u8; WORD as usize],
    filled: u16,
}

/// Internal flash.
pub struct Flash {
    array: Array,
    options: Options,
    acr: u32,
    cr: u32,
    lock: Lock,
    option_control: OptionControl,
    ier: u32,
    isr: u32,
    ecc_address: u32,
    buffer: Option<Buffer>,
    busy: Option<Busy>,
    programmed_bytes: u64,
    erased_sectors: u64,
    ambushes: Ambushes,
    /// The operation under way never ends before a reset.
    stuck: bool,
}

impl Default for Flash {
    fn default() -> Self {
        Self::new()
    }
}

impl Flash {
    /// Blank, product state open.
    pub fn new() -> Self {
        Self {
            array: Array::default(),
            options: Options::default(),
            acr: 0x13,
            cr: 0,
            lock: Lock::default(),
            option_control: OptionControl::default(),
            ier: 0,
            isr: 0,
            ecc_address: 0,
            buffer: None,
            busy: None,
            programmed_bytes: 0,
            erased_sectors: 0,
            ambushes: Ambushes::default(),
            stuck: false,
        }
    }

    /// What lies in wait for its operations.
    pub fn ambushes_mut(&mut self) -> &mut Ambushes {
        &mut self.ambushes
    }

    /// The array, behind the interface's back: for state files and tests.
    pub fn array(&self) -> &Array {
        &self.array
    }

    /// The same, to be changed.
    pub fn array_mut(&mut self) -> &mut Array {
        &mut self.array
    }

    /// Option bytes.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Option bytes, as the factory or a tool has set them.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Bytes programmed since the flash was made.
    pub fn programmed_bytes(&self) -> u64 {
        self.programmed_bytes
    }

    /// Sectors erased since the flash was made.
    pub fn erased_sectors(&self) -> u64 {
        self.erased_sectors
    }

    fn settle(&mut self, wires: &mut Wires) {
        if let Some(busy) = &self.busy
            && wires.now >= busy.until
            && !self.stuck
        {
            self.busy = None;
            self.isr |= EOP;
            self.drive_irq(wires);
        }
    }

    fn drive_irq(&self, wires: &mut Wires) {
        wires.set_irq(IRQ, self.isr & self.ier != 0);
    }

    fn fail(&mut self, flag: u32, wires: &mut Wires) {
        self.isr |= flag;
        self.buffer = None;
        self.drive_irq(wires);
    }

    fn status(&self) -> u32 {
        let busy = self.busy.as_ref();
        let operation = busy.map_or(0, |busy| BUSY | QW | busy.operation.status());
        operation | if self.buffer.is_some() { WBNE } else { 0 }
    }

    fn begin(&mut self, operation: Operation, duration: Time, wires: &mut Wires) {
        let blows = match operation {
            Operation::Program(_) => self.ambushes.spring(mishap::Operation::Program),
            Operation::Erase(_) => self.ambushes.spring(mishap::Operation::Erase),
            Operation::OptionChange => Vec::new(),
        };
        for blow in blows {
            match blow {
                Blow::Event(event) => wires.expect_strike(Strike {
                    at: wires.now + Time(duration.0 / 2),
                    event,
                }),
                Blow::Failing(Failing::Stuck) => self.stuck = true,
                Blow::Failing(Failing::Failed) => self.spoil(&operation),
            }
        }
        self.busy = Some(Busy {
            operation,
            until: wires.now + duration,
        });
    }

    /// Leaves a half-done operation as real cells would be: neither old nor new, and with an ECC that does not fit.
    fn spoil(&mut self, operation: &Operation) {
        match operation {
            Operation::Program(word) => self.array.program_half(*word),
            Operation::Erase(words) => self.array.erase_half(words.clone()),
            Operation::OptionChange => {}
        }
    }

    fn write_cr(&mut self, value: u32, wires: &mut Wires) {
        if !self.lock.is_open() {
            return;
        }
        if value & LOCK != 0 {
            self.lock = self.lock.close();
            return;
        }
        if self.busy.is_some() {
            return;
        }
        self.cr = value & CR_STORED;
        if value & FW != 0
            && let Some(buffer) = self.buffer.take()
        {
            self.program(buffer, wires);
        }
        if value & START != 0 {
            self.erase(value, wires);
        }
    }

    /// True if the sector can be neither erased nor programmed.
    fn is_protected(&self, sector: u32, wires: &Wires) -> bool {
        let bytes = sector * SECTOR..(sector + 1) * SECTOR;
        self.options.is_write_protected(sector)
            || wires.hide_level > VISIBLE_TO && self.options.hides(bytes)
    }

    fn erase(&mut self, cr: u32, wires: &mut Wires) {
        let sectors = if cr & BER != 0 {
            0..SIZE / SECTOR
        } else if cr & SER != 0 {
            let sector = cr >> 6 & 7;
            sector..sector + 1
        } else {
            return self.fail(PGSERR, wires);
        };
        if self.isr & ERRORS != 0 || self.buffer.is_some() {
            return self.fail(PGSERR, wires);
        }
        if sectors
            .clone()
            .any(|sector| self.is_protected(sector, wires))
        {
            return self.fail(WRPERR, wires);
        }
        let count = u64::from(sectors.end - sectors.start);
        let words = sectors.start * SECTOR / WORD..sectors.end * SECTOR / WORD;
        self.array.erase(words.clone());
        self.erased_sectors += count;
        let duration = Time(ERASE_TIME.0 * count);
        self.begin(Operation::Erase(words), duration, wires);
    }

    fn program(&mut self, buffer: Buffer, wires: &mut Wires) {
        self.array.program(buffer.word, buffer.bytes);
        self.programmed_bytes += u64::from(WORD);
        self.begin(Operation::Program(buffer.word), PROGRAM_TIME, wires);
    }

    /// One byte of a store to the array.
    fn collect(&mut self, offset: u32, byte: u8) -> Result<(), u32> {
        let word = offset / WORD;
        let buffer = self.buffer.get_or_insert(Buffer {
            word,
            bytes: [0xFF; WORD as usize],
            filled: 0,
        });
        if buffer.word != word {
            return Err(INCERR);
        }
        let within = (offset % WORD) as usize;
        if buffer.filled >> within & 1 == 1 {
            return Err(STRBERR);
        }
        buffer.filled |= 1 << within;
        buffer.bytes[within] = byte;
        Ok(())
    }
}

impl Device for Flash {
    fn name(&self) -> &str {
        "FLASH"
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        self.settle(wires);
        Ok(match offset {
            ACR => self.acr,
            KEYR | ICR => 0,
            CR => self.cr | if self.lock.is_open() { 0 } else { LOCK },
            SR => self.status(),
            IER => self.ier,
            ISR => self.isr,
            ECCDFADDR => self.ecc_address,
            _ => {
                let control = self.option_control.read(offset);
                let value = control.or_else(|| self.options.register(offset));
                value.ok_or(Refusal::Unmodelled { reset: 0 })?
            }
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        self.settle(wires);
        match offset {
            ACR => self.acr = value & 0x3F,
            KEYR => self.lock = self.lock.key(value, KEYS),
            CR => self.write_cr(value, wires),
            SR | ISR | ECCDFADDR => {}
            IER => {
                self.ier = value & IER_MASK;
                self.drive_irq(wires);
            }
            ICR => {
                self.isr &= !value;
                self.drive_irq(wires);
            }
            _ => {
                let control = self.option_control.read(offset);
                if control.or_else(|| self.options.register(offset)).is_none() {
                    return Err(Refusal::Unmodelled { reset: 0 });
                }
                if self.option_control.write(offset, value, &mut self.options) {
                    self.begin(Operation::OptionChange, OPTION_TIME, wires);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn read_memory(&mut self, offset: u32, width: Width, wires: &mut Wires) -> Access<u32> {
        let bytes = offset..offset.saturating_add(width.bytes());
        let flag = if wires.hide_level > VISIBLE_TO && self.options.hides(bytes) {
            RDSERR
        } else {
            match self.array.read(offset, width) {
                Ok(value) => return Ok(value),
                Err(Unreadable::Nowhere) => return Err(Refusal::Error),
                Err(Unreadable::WrongEcc) => {
                    self.ecc_address = offset;
                    DBECCERR
                }
            }
        };
        self.isr |= flag;
        self.drive_irq(wires);
        Err(Refusal::Error)
    }

    fn write_memory(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        wires: &mut Wires,
    ) -> Access<()> {
        self.settle(wires);
        if offset.saturating_add(width.bytes()) > SIZE {
            return Err(Refusal::Error);
        }
        // A store while busy waits on the bus.
        if self.stuck {
            return Err(Refusal::Stall);
        }
        if !self.lock.is_open() || self.cr & PG == 0 {
            self.fail(PGSERR, wires);
            return Ok(());
        }
        if self.is_protected(offset / SECTOR, wires) {
            self.fail(WRPERR, wires);
            return Ok(());
        }
        if self.isr & ERRORS != 0 {
            self.fail(PGSERR, wires);
            return Ok(());
        }
        // A store while a flash word is being programmed waits on the bus: the programming is taken as done.
        self.busy = None;
        for (at, byte) in (offset..offset + width.bytes()).zip(value.to_le_bytes()) {
            if let Err(flag) = self.collect(at, byte) {
                self.fail(flag, wires);
                return Ok(());
            }
        }
        if let Some(buffer) = self.buffer.take_if(|buffer| buffer.filled == u16::MAX) {
            self.program(buffer, wires);
        }
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        if let Some(busy) = self.busy.take()
            && (self.stuck || wires.now < busy.until)
        {
            self.spoil(&busy.operation);
        }
        let kept = Self {
            ambushes: std::mem::take(&mut self.ambushes),
            array: std::mem::take(&mut self.array),
            options: std::mem::take(&mut self.options),
            programmed_bytes: self.programmed_bytes,
            erased_sectors: self.erased_sectors,
            ..Self::new()
        };
        *self = kept;
        self.drive_irq(wires);
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.settle(wires);
    }

    fn next_event(&self) -> Option<Time> {
        let busy = self.busy.as_ref().filter(|_| !self.stuck);
        busy.map(|busy| busy.until)
    }
}

#[cfg(test)]
mod tests;
