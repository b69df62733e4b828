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

pub mod options;

use self::options::{Forbidden, Options};
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
/// An erased byte.
const BLANK: u8 = 0xFF;

const ACR: u32 = 0x000;
const KEYR: u32 = 0x004;
const CR: u32 = 0x010;
const SR: u32 = 0x014;
const IER: u32 = 0x020;
const ISR: u32 = 0x024;
const ICR: u32 = 0x028;
const ECCDFADDR: u32 = 0x044;
const OPTKEYR: u32 = 0x100;
const OPTCR: u32 = 0x104;
const OPTISR: u32 = 0x108;
const OPTICR: u32 = 0x10C;

const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const OPTION_KEYS: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

/// CR.
const LOCK: u32 = 1 << 0;
const PG: u32 = 1 << 1;
const SER: u32 = 1 << 2;
const BER: u32 = 1 << 3;
const FW: u32 = 1 << 4;
const START: u32 = 1 << 5;
const CR_STORED: u32 = 0x0103_01CE;
/// OPTCR.
const OPTLOCK: u32 = 1 << 0;
const PG_OPT: u32 = 1 << 1;
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
/// OPTISR.
const OPTERR: u32 = 1 << 30;
const IER_MASK: u32 = 0x1F3F_0000;

const PROGRAM_TIME: Time = Time::micros(31);
const ERASE_TIME: Time = Time::millis(2);
const OPTION_TIME: Time = Time::millis(10);
const IRQ: usize = 8;
/// The last hide protection level to which the hide-protected area is visible.
const VISIBLE_TO: u8 = 1;

/// State of a lock that two keys open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    Locked,
    FirstKey,
    Open,
    /// A wrong key: until reset.
    Jammed,
}

impl Lock {
    fn key(self, value: u32, keys: [u32; 2]) -> Self {
        match self {
            Self::Locked if value == keys[0] => Self::FirstKey,
            Self::FirstKey if value == keys[1] => Self::Open,
            _ => Self::Jammed,
        }
    }

    fn close(self) -> Self {
        if self == Self::Jammed {
            self
        } else {
            Self::Locked
        }
    }
}

/// What the interface is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operation {
    kind: Kind,
    /// The first flash word concerned, and how many are.
    words: (u32, u32),
    until: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Program,
    Erase,
    OptionChange,
}

impl Kind {
    fn status(self) -> u32 {
        match self {
            Self::Program => IS_PROGRAM,
            Self::Erase => IS_ERASE,
            Self::OptionChange => IS_OPTION_CHANGE,
        }
    }
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
    array: Vec<u8>,
    /// One flag a flash word: its ECC does not fit.
    broken: Vec<bool>,
    options: Options,
    acr: u32,
    cr: u32,
    lock: Lock,
    option_lock: Lock,
    /// OPTCR.PG_OPT.
    options_enabled: bool,
    /// OPTISR.
    option_errors: u32,
    ier: u32,
    isr: u32,
    ecc_address: u32,
    buffer: Option<Buffer>,
    operation: Option<Operation>,
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
            array: vec![0xFF; SIZE as usize],
            broken: vec![false; (SIZE / WORD) as usize],
            options: Options::default(),
            acr: 0x13,
            cr: 0,
            lock: Lock::Locked,
            option_lock: Lock::Locked,
            options_enabled: false,
            option_errors: 0,
            ier: 0,
            isr: 0,
            ecc_address: 0,
            buffer: None,
            operation: None,
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

    /// The flash words whose ECC does not fit.
    pub fn broken_words(&self) -> impl Iterator<Item = u32> {
        let broken = self.broken.iter();
        (0..)
            .zip(broken)
            .filter(|(_, broken)| **broken)
            .map(|(word, _)| word)
    }

    /// The ECC of flash word `word` does not fit any more; false if there is no such word.
    pub fn break_word(&mut self, word: u32) -> bool {
        let broken = self.broken.get_mut(word as usize);
        broken.map(|broken| *broken = true).is_some()
    }

    /// The array, behind the interface's back: for state files and tests.
    pub fn contents(&self) -> &[u8] {
        &self.array
    }

    /// Puts bytes into the array behind the interface's back, with an ECC that fits; false if they do not fit in.
    pub fn store(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let end = offset.saturating_add(bytes.len());
        let Some(target) = self.array.get_mut(offset..end) else {
            return false;
        };
        target.copy_from_slice(bytes);
        let words = offset / WORD as usize..end.div_ceil(WORD as usize);
        self.broken[words].fill(false);
        true
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
        if let Some(operation) = self.operation
            && wires.now >= operation.until
            && !self.stuck
        {
            self.operation = None;
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
        let operation = self
            .operation
            .map_or(0, |operation| BUSY | QW | operation.kind.status());
        operation | if self.buffer.is_some() { WBNE } else { 0 }
    }

    fn begin(&mut self, kind: Kind, words: (u32, u32), duration: Time, wires: &mut Wires) {
        let operation = Operation {
            kind,
            words,
            until: wires.now + duration,
        };
        self.operation = Some(operation);
        let blows = match kind {
            Kind::Program => self.ambushes.spring(mishap::Operation::Program),
            Kind::Erase => self.ambushes.spring(mishap::Operation::Erase),
            Kind::OptionChange => Vec::new(),
        };
        for blow in blows {
            match blow {
                Blow::Event(event) => wires.expect_strike(Strike {
                    at: wires.now + Time(duration.0 / 2),
                    event,
                }),
                Blow::Failing(Failing::Stuck) => self.stuck = true,
                Blow::Failing(Failing::Failed) => self.spoil(operation),
            }
        }
    }

    /// Leaves a half-done operation as real cells would be: neither old nor new, and with an ECC that does not fit.
    fn spoil(&mut self, operation: Operation) {
        let (first, count) = operation.words;
        let spoilt = match operation.kind {
            Kind::OptionChange => return,
            Kind::Program => (first..first + count).step_by(1),
            Kind::Erase => (first + 1..first + count).step_by(2),
        };
        for word in spoilt {
            let start = (word * WORD) as usize;
            for (index, cell) in self.array[start..start + WORD as usize]
                .iter_mut()
                .enumerate()
            {
                match operation.kind {
                    Kind::Program if index >= WORD as usize / 2 => *cell = BLANK,
                    Kind::Erase => *cell = index as u8 & 0x5A,
                    _ => {}
                }
            }
            self.broken[word as usize] = true;
        }
    }

    fn write_cr(&mut self, value: u32, wires: &mut Wires) {
        if self.lock != Lock::Open {
            return;
        }
        if value & LOCK != 0 {
            self.lock = self.lock.close();
            return;
        }
        if self.operation.is_some() {
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
        let bytes = (sectors.start * SECTOR) as usize..(sectors.end * SECTOR) as usize;
        self.broken[bytes.start / WORD as usize..bytes.end / WORD as usize].fill(false);
        self.array[bytes].fill(0xFF);
        self.erased_sectors += count;
        let words = (sectors.start * SECTOR / WORD, count as u32 * SECTOR / WORD);
        self.begin(Kind::Erase, words, Time(ERASE_TIME.0 * count), wires);
    }

    fn program(&mut self, buffer: Buffer, wires: &mut Wires) {
        let start = (buffer.word * WORD) as usize;
        let cells = &mut self.array[start..start + WORD as usize];
        let erased = cells.iter().all(|&byte| byte == 0xFF);
        if !erased && cells != buffer.bytes {
            self.broken[buffer.word as usize] = true;
        }
        for (cell, byte) in cells.iter_mut().zip(buffer.bytes) {
            *cell &= byte;
        }
        self.programmed_bytes += u64::from(WORD);
        self.begin(Kind::Program, (buffer.word, 1), PROGRAM_TIME, wires);
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

    fn write_optcr(&mut self, value: u32) {
        if self.option_lock != Lock::Open {
            return;
        }
        self.options_enabled = value & PG_OPT != 0;
        if value & OPTLOCK != 0 {
            self.option_lock = self.option_lock.close();
        }
    }

    /// A write to a register that programs an option word.
    fn program_option(&mut self, offset: u32, value: u32, wires: &mut Wires) {
        if self.option_lock != Lock::Open || !self.options_enabled {
            return;
        }
        match self.options.program(offset, value) {
            Ok(true) => self.begin(Kind::OptionChange, (0, 0), OPTION_TIME, wires),
            Ok(false) => {}
            Err(Forbidden) => self.option_errors |= OPTERR,
        }
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
            KEYR | ICR | OPTKEYR | OPTICR => 0,
            OPTISR => self.option_errors,
            CR => self.cr | if self.lock == Lock::Open { 0 } else { LOCK },
            SR => self.status(),
            IER => self.ier,
            ISR => self.isr,
            ECCDFADDR => self.ecc_address,
            OPTCR => {
                let enabled = if self.options_enabled { PG_OPT } else { 0 };
                match self.option_lock {
                    Lock::Open => enabled,
                    _ => enabled | OPTLOCK,
                }
            }
            _ => match self.options.register(offset) {
                Some(value) => value,
                None => return Err(Refusal::Unmodelled { reset: 0 }),
            },
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        self.settle(wires);
        match offset {
            ACR => self.acr = value & 0x3F,
            KEYR => self.lock = self.lock.key(value, KEYS),
            CR => self.write_cr(value, wires),
            SR | ISR | OPTISR | ECCDFADDR => {}
            OPTICR => self.option_errors &= !value,
            IER => {
                self.ier = value & IER_MASK;
                self.drive_irq(wires);
            }
            ICR => {
                self.isr &= !value;
                self.drive_irq(wires);
            }
            OPTKEYR => self.option_lock = self.option_lock.key(value, OPTION_KEYS),
            OPTCR => self.write_optcr(value),
            _ => {
                if self.options.register(offset).is_none() {
                    return Err(Refusal::Unmodelled { reset: 0 });
                }
                self.program_option(offset, value, wires);
            }
        }
        Ok(())
    }

    #[inline]
    fn read_memory(&mut self, offset: u32, width: Width, wires: &mut Wires) -> Access<u32> {
        let at = offset as usize;
        let Some(bytes) = self.array.get(at..at + width.bytes() as usize) else {
            return Err(Refusal::Error);
        };
        if wires.hide_level > VISIBLE_TO && self.options.hides(offset..offset + width.bytes()) {
            self.isr |= RDSERR;
            self.drive_irq(wires);
            return Err(Refusal::Error);
        }
        if self.broken[at / WORD as usize] {
            self.isr |= DBECCERR;
            self.ecc_address = offset;
            self.drive_irq(wires);
            return Err(Refusal::Error);
        }
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u32::from(byte)))
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
        if self.lock != Lock::Open || self.cr & PG == 0 {
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
        self.operation = None;
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
        if let Some(operation) = self.operation.take()
            && (self.stuck || wires.now < operation.until)
        {
            self.spoil(operation);
        }
        let kept = Self {
            ambushes: std::mem::take(&mut self.ambushes),
            array: std::mem::take(&mut self.array),
            broken: std::mem::take(&mut self.broken),
            options: self.options.clone(),
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
        let operation = self.operation.filter(|_| !self.stuck);
        operation.map(|operation| operation.until)
    }
}

#[cfg(test)]
mod tests;
