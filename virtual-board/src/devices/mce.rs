//! Memory cipher engine (RM0477, MCE; ST's HAL and register descriptions): it sits between the bus and a memory controller, and
//! deciphers what is read from the regions that it is told of and enciphers what is written.
//!
//! MCE1 is before XSPI1, MCE2 before XSPI2, MCE3 before FMC. Four regions of whole 4 KB; each is plain or ciphered as a stream (MCE1
//! only), in blocks, or in fast blocks, and can be written or not. Keys: the master key, the fast master key, and on MCE1 two contexts.
//! - A ciphered region is deciphered while its key is there: four words in order, and on a context CCEN. Without, it is read as it is
//!   stored: ST's example MCE_AESEncryptDecryptData sees its data enciphered while the context is off.
//! - A write to a region that is read-only is ignored and sets IAEF.
//! - In block modes 16 aligned bytes are written at a time, as ST's boot stage does by DMA "for MCE writing". Here that is any series of
//!   stores that fills a block; what does not is dropped and sets IAEF \[U\].
//! - GLOCK, MKLOCK, CCLOCK and KEYLOCK lock until reset. A region is set up while it is off; BREN does not rise while it ends before
//!   it starts. Keys read as zero.
//! - Indirect transfers of the controller pass by the engine: a flash routine programs what it is given.
//!
//! Deviations: the ciphers are stand-ins ([`cipher`]); no check of privilege (PRIV is stored, CAEF never rises, IAPRIV is set); KEYCRC reads
//! as zero; MCE3 has nothing behind it.

pub mod cipher;

use self::cipher::{Block, Cipher};
use super::{Access, Device, Refusal, Reset, Wires};
use crate::bus::Width;

const CR: u32 = 0x000;
const SR: u32 = 0x004;
const IASR: u32 = 0x008;
const IACR: u32 = 0x00C;
const IAIER: u32 = 0x010;
const PRIVCFGR: u32 = 0x01C;
const IAESR: u32 = 0x020;
const IADDR: u32 = 0x024;
/// Regions: REGCR, SADDR, EADDR, ATTR.
const REGIONS: std::ops::Range<u32> = 0x040..0x080;
const MKEYR: std::ops::Range<u32> = 0x200..0x210;
const FMKEYR: std::ops::Range<u32> = 0x220..0x230;
/// Contexts: CCCFGR, CCNR0, CCNR1, CCKEYR0 to 3.
const CONTEXTS: std::ops::Range<u32> = 0x240..0x2A0;
const CONTEXT_STRIDE: u32 = 0x30;

/// CR.
const GLOCK: u32 = 1 << 0;
const MKLOCK: u32 = 1 << 1;
/// SR.
const MKVALID: u32 = 1 << 0;
const FMKVALID: u32 = 1 << 2;
/// IASR, IACR, IAIER: CAEF and IAEF.
const IAEF: u32 = 1 << 1;
const ILLEGAL_MASK: u32 = 0x3;
/// IAESR: IAPRIV, IANRW.
const PRIVILEGED: u32 = 1 << 4;
const WRITE: u32 = 1 << 7;
/// REGCR.
const BREN: u32 = 1 << 0;
const REGCR_MASK: u32 = 0x0001_C601;
/// What of an address tells a region: neither the place in 4 KB nor the window.
const PLACE: u32 = 0x0FFF_F000;
/// ATTR.
const WREN: u32 = 1 << 16;
/// CCCFGR.
const CCEN: u32 = 1 << 0;
const CCLOCK: u32 = 1 << 1;
const KEYLOCK: u32 = 1 << 2;
const CCCFGR_MASK: u32 = 0xFFFF_0007;
/// MCE1's; the others follow.
const IRQ: usize = 102;

/// 128 bits that are there once all four words were written in order.
#[derive(Clone, Copy, Debug, Default)]
struct Key {
    words: [u32; 4],
    written: u8,
}

impl Key {
    fn write(&mut self, index: u32, value: u32) {
        let index = index as usize & 3;
        self.written = match index {
            0 => 1,
            _ if usize::from(self.written) == index => self.written + 1,
            _ => 0,
        };
        self.words[index] = value;
    }

    fn complete(&self) -> Option<[u32; 4]> {
        (self.written == 4).then_some(self.words)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Region {
    control: u32,
    start: u32,
    end: u32,
    attributes: u32,
}

impl Region {
    fn is_on(&self) -> bool {
        self.control & BREN != 0
    }

    fn contains(&self, offset: u32) -> bool {
        self.is_on() && (self.start..=self.end).contains(&(offset & PLACE))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Context {
    control: u32,
    nonce: [u32; 2],
    key: Key,
}

/// What an engine does with an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Nothing.
    Plain,
    /// Deciphers or enciphers.
    Ciphered(Cipher),
    /// Keeps the memory from being written.
    ReadOnly,
}

/// MCE1 to MCE3: base 0x5200_B800 + 0x400 * (number - 1).
pub struct Mce {
    number: u8,
    control: u32,
    illegal: u32,
    enabled: u32,
    privilege: u32,
    /// IAESR and IADDR of the first illegal access.
    first_illegal: (u32, u32),
    regions: [Region; 4],
    master: Key,
    fast_master: Key,
    contexts: [Context; 2],
    /// A block that is being written, and which of its bytes are there.
    block: Option<(u32, [u8; 16], u16)>,
}

impl Mce {
    /// In reset state; `number` is 1 to 3.
    pub fn new(number: u8) -> Self {
        Self {
            number,
            control: 0,
            illegal: 0,
            enabled: 0,
            privilege: 0,
            first_illegal: (0, 0),
            regions: Default::default(),
            master: Key::default(),
            fast_master: Key::default(),
            contexts: Default::default(),
            block: None,
        }
    }

    /// What becomes of an access at `offset` of the window.
    pub fn passage(&self, offset: u32, write: bool) -> Passage {
        let mut regions = self.regions.iter();
        let Some(region) = regions.find(|region| region.contains(offset)) else {
            return Passage::Plain;
        };
        if write && region.attributes & WREN == 0 {
            return Passage::ReadOnly;
        }
        self.cipher(region)
            .map_or(Passage::Plain, Passage::Ciphered)
    }

    /// The cipher of a region, if it has one and its key is there.
    fn cipher(&self, region: &Region) -> Option<Cipher> {
        let mode = region.control >> 14 & 3;
        let is_stream = mode == 1;
        if mode == 0 || is_stream && self.number != 1 {
            return None;
        }
        let context = region.control >> 9 & 3;
        if self.number == 1 && context != 0 {
            let context = self.contexts.get(context as usize - 1)?;
            let nonce = u64::from(context.nonce[0]) | u64::from(context.nonce[1]) << 32;
            let version = u64::from(context.control >> 16);
            return (context.control & CCEN != 0).then_some(Cipher {
                key: context.key.complete()?,
                domain: nonce.rotate_left(mode) ^ version,
                is_stream,
            });
        }
        let key = if mode == 2 {
            &self.master
        } else {
            &self.fast_master
        };
        Some(Cipher {
            key: key.complete().filter(|_| !is_stream)?,
            domain: u64::from(mode),
            is_stream,
        })
    }

    /// Collects a store to a region that is enciphered in blocks; gives the block that it fills. `address` is that of the bus.
    pub fn collect(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
        wires: &mut Wires,
    ) -> Option<Block> {
        let start = address & !0xF;
        if let Some((other, ..)) = self.block.filter(|(other, ..)| *other != start) {
            self.block = None;
            self.note_illegal_write(other, wires);
        }
        let (_, bytes, there) = self.block.get_or_insert((start, [0; 16], 0));
        for (place, byte) in (address as usize & 0xF..)
            .zip(value.to_le_bytes())
            .take(width.bytes() as usize)
        {
            if let Some(slot) = bytes.get_mut(place) {
                *slot = byte;
                *there |= 1 << place;
            }
        }
        if *there != u16::MAX {
            return None;
        }
        let bytes = *bytes;
        self.block = None;
        let (words, _) = bytes.as_chunks::<4>();
        let mut block = [0; 4];
        for (word, bytes) in block.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        Some(block)
    }

    /// A write that the engine ignores.
    pub fn note_illegal_write(&mut self, address: u32, wires: &mut Wires) {
        if self.illegal & IAEF == 0 {
            self.first_illegal = (WRITE | PRIVILEGED, address);
        }
        self.illegal |= IAEF;
        self.drive(wires);
    }

    fn drive(&self, wires: &mut Wires) {
        let place = usize::from(self.number - 1);
        wires.set_irq(IRQ + place, self.illegal & self.enabled != 0);
        let on = self.regions.iter().any(Region::is_on);
        wires.cipher_engines = wires.cipher_engines & !(1 << place) | u8::from(on) << place;
    }

    fn read_region(&self, offset: u32) -> Option<u32> {
        let offset = offset - REGIONS.start;
        let region = self.regions.get((offset / 0x10) as usize)?;
        Some(match offset % 0x10 {
            0x0 => region.control,
            0x4 => region.start,
            0x8 => region.end | 0xFFF,
            _ => region.attributes,
        })
    }

    fn write_region(&mut self, offset: u32, value: u32) {
        let offset = offset - REGIONS.start;
        let Some(region) = self.regions.get_mut((offset / 0x10) as usize) else {
            return;
        };
        match offset % 0x10 {
            // While it is on only BREN and PRIV can be written.
            0x0 => {
                let held = if region.is_on() { 0xC600 } else { 0 };
                let value = region.control & held | value & REGCR_MASK & !held;
                let backwards = region.start > region.end;
                region.control = if backwards { value & !BREN } else { value };
            }
            0x4 => region.start = value & PLACE,
            0x8 => region.end = value & PLACE,
            _ => region.attributes = value & WREN,
        }
    }

    fn read_context(&self, offset: u32) -> Option<u32> {
        let offset = offset - CONTEXTS.start;
        let context = self.contexts.get((offset / CONTEXT_STRIDE) as usize)?;
        Some(match offset % CONTEXT_STRIDE {
            0x00 => context.control,
            0x04 => context.nonce[0],
            0x08 => context.nonce[1],
            0x0C..0x1C => 0,
            _ => return None,
        })
    }

    fn write_context(&mut self, offset: u32, value: u32) -> Option<()> {
        let offset = offset - CONTEXTS.start;
        let context = self.contexts.get_mut((offset / CONTEXT_STRIDE) as usize)?;
        let is_locked = context.control & CCLOCK != 0;
        let register = offset % CONTEXT_STRIDE;
        match register {
            0x00 | 0x04 | 0x08 if is_locked => {}
            0x00 => {
                let locks = context.control & KEYLOCK;
                let implied = if value & CCLOCK != 0 { KEYLOCK } else { 0 };
                context.control = value & CCCFGR_MASK | locks | implied;
            }
            0x04 => context.nonce[0] = value,
            0x08 => context.nonce[1] = value,
            0x0C..0x1C if context.control & KEYLOCK == 0 => {
                context.key.write((register - 0x0C) / 4, value);
            }
            0x0C..0x1C => {}
            _ => return None,
        }
        Some(())
    }

    fn write_setting(&mut self, offset: u32, value: u32) -> Access<()> {
        let unmodelled = Refusal::Unmodelled { reset: 0 };
        match offset {
            CR => self.control |= value & (GLOCK | MKLOCK),
            SR | IASR | IAESR | IADDR => {}
            PRIVCFGR => self.privilege = value & 1,
            _ if REGIONS.contains(&offset) => self.write_region(offset, value),
            _ if MKEYR.contains(&offset) || FMKEYR.contains(&offset) => {
                let key = if offset < FMKEYR.start {
                    &mut self.master
                } else {
                    &mut self.fast_master
                };
                if self.control & MKLOCK == 0 {
                    key.write(offset / 4, value);
                }
            }
            _ if CONTEXTS.contains(&offset) && self.number == 1 => {
                self.write_context(offset, value).ok_or(unmodelled)?;
            }
            _ => return Err(unmodelled),
        }
        Ok(())
    }
}

impl Device for Mce {
    fn name(&self) -> &str {
        match self.number {
            1 => "MCE1",
            2 => "MCE2",
            _ => "MCE3",
        }
    }

    fn read(&mut self, offset: u32, _width: Width, _wires: &mut Wires) -> Access<u32> {
        let unmodelled = Refusal::Unmodelled { reset: 0 };
        Ok(match offset {
            CR => self.control,
            SR => {
                let flag = |key: &Key, flag| key.complete().map_or(0, |_| flag);
                flag(&self.master, MKVALID) | flag(&self.fast_master, FMKVALID)
            }
            IASR => self.illegal,
            IACR => 0,
            IAIER => self.enabled,
            PRIVCFGR => self.privilege,
            IAESR => self.first_illegal.0,
            IADDR => self.first_illegal.1,
            _ if REGIONS.contains(&offset) => self.read_region(offset).ok_or(unmodelled)?,
            _ if MKEYR.contains(&offset) || FMKEYR.contains(&offset) => 0,
            _ if CONTEXTS.contains(&offset) && self.number == 1 => {
                self.read_context(offset).ok_or(unmodelled)?
            }
            _ => return Err(unmodelled),
        })
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        match offset {
            IACR => self.illegal &= !value,
            IAIER => self.enabled = value & ILLEGAL_MASK,
            _ if self.control & GLOCK != 0 => {}
            _ => self.write_setting(offset, value)?,
        }
        self.drive(wires);
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        *self = Self::new(self.number);
        self.drive(wires);
    }
}

#[cfg(test)]
mod tests;
