//! Real-Time Transfer: ring buffers in RAM that program and debugger fill and empty while the core runs (SEGGER UM08001, chapter 16).
//!
//! A control block names the buffers: up channels carry what the program says, down channels what it is told. The writer moves the
//! write offset, the reader the read offset, both last: neither side ever stops the other. All descriptors lie in one piece, so that a
//! look costs one transfer, and data is read only where the offsets differ.
//!
//! The program can overwrite everything here: each look takes the block as untrusted bytes and checks it whole (`block.rs`). RAM keeps a
//! block through a reset: it is wiped before one ([`Rtt::wipe`]), and what is found afterwards was written afterwards. Buffers outside
//! the chip are not served: a window may not be looked at while the core runs.

mod block;
pub mod defmt;

mod error;
mod search;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Range};

pub use block::{Channel, Direction, Mode};
pub use error::{Damage, RttError};
pub use search::{ID, Place, Search};

use crate::{
    image::Image,
    layout::Address,
    link::{Link, LinkError},
};
use block::{Block, Piece};

/// Looks that are left out after a search without success, at most: a scan of all RAM is not cheap.
const MOST_LEFT_OUT: u32 = 64;

/// Names longer than this are cut.
const NAME_BYTES: usize = 32;

/// What came up a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The up channel.
    pub channel: u32,
    /// Bytes as the program wrote them.
    pub data: Vec<u8>,
}

/// The block that was found, with what does not change while it is there.
#[derive(Debug)]
struct Found {
    address: Address,
    /// Bytes of header and descriptors.
    length: usize,
    /// Names of up channels, then of down channels.
    names: Vec<String>,
    buffers: Vec<Range<u64>>,
    /// Modes of up channels before we changed them.
    modes: BTreeMap<Address, u32>,
}

/// Real-Time Transfer with one program.
#[derive(Debug)]
pub struct Rtt {
    place: Place,
    search: Search,
    /// Where block and buffers may lie.
    rams: Vec<Range<u64>>,
    found: Option<Found>,
    /// Looks to leave out before the next search, and how many the last one had left out.
    left_out: (u32, u32),
    /// What was last told of a block that is there and damaged.
    told: Option<Damage>,
    /// Up channels that somebody reads.
    wanted: Vec<u32>,
    /// What was read before the block was wiped.
    kept: Vec<Chunk>,
    /// The program waits when a buffer is full, instead of losing text.
    blocks: bool,
}

impl Rtt {
    /// For the program `image`; nothing is looked at yet.
    pub fn new(place: Place, image: Option<&Image>, rams: Vec<Range<u64>>) -> Self {
        Self {
            search: place.search(image, &rams),
            place,
            rams,
            found: None,
            left_out: (0, 0),
            told: None,
            wanted: Vec::new(),
            kept: Vec::new(),
            blocks: false,
        }
    }

    /// From now on the program waits when an up channel is full, so that nothing is lost, until [`Rtt::release`].
    pub fn block_when_full(&mut self) {
        self.blocks = true;
    }

    /// Where it is looked for.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Block and buffers, once they were found.
    pub fn memory(&self) -> impl Iterator<Item = Range<u64>> {
        let buffers = self.found.iter().flat_map(|found| found.buffers.iter());
        self.block().into_iter().chain(buffers.cloned())
    }

    /// Where the block is, and how many bytes it takes, once it was found.
    pub fn block(&self) -> Option<Range<u64>> {
        let found = self.found.as_ref()?;
        let start = u64::from(found.address.0);
        Some(start..start + found.length as u64)
    }

    /// The block's channels as they are now; `None` as long as there is no block. Names that lie outside RAM are read from `image`.
    pub fn channels(
        &mut self,
        link: &mut dyn Link,
        image: Option<&Image>,
    ) -> Result<Option<Vec<Channel>>, RttError> {
        self.left_out = (0, 0);
        self.told = None;
        let Some(block) = self.look(link, image)? else {
            return Ok(None);
        };
        let names = self.found.iter().flat_map(|found| found.names.iter());
        let channels = block.rings().zip(names);
        Ok(Some(
            channels.map(|(ring, name)| ring.channel(name)).collect(),
        ))
    }

    /// What the program has written to the up channels `wanted` since the last look. A block that is damaged is told once.
    pub fn read(
        &mut self,
        link: &mut dyn Link,
        image: Option<&Image>,
        wanted: &[u32],
    ) -> Result<Vec<Chunk>, RttError> {
        wanted.clone_into(&mut self.wanted);
        let mut chunks = std::mem::take(&mut self.kept);
        if let Some(block) = self.look(link, image)? {
            self.empty(link, &block, &mut chunks)?;
        }
        Ok(chunks)
    }

    /// Writes to down channel `number` what there is room for; returns how many bytes that were.
    pub fn write(
        &mut self,
        link: &mut dyn Link,
        image: Option<&Image>,
        number: u32,
        data: &[u8],
    ) -> Result<usize, RttError> {
        let Some(block) = self.look(link, image)? else {
            return Ok(0);
        };
        let ring = block
            .down
            .get(number as usize)
            .filter(|ring| ring.size > 0)
            .ok_or(RttError::NoChannel {
                direction: Direction::Down,
                number,
                count: block.down.len(),
            })?;
        let mut offset = ring.write;
        let mut rest = &data[..data.len().min(ring.free() as usize)];
        let written = rest.len();
        while !rest.is_empty() {
            let piece = rest.len().min((ring.size - offset) as usize);
            link.write(Address(ring.buffer.0 + offset), &rest[..piece])?;
            rest = &rest[piece..];
            offset = (offset + piece as u32) % ring.size;
        }
        if written > 0 {
            link.write_word(ring.write_at(), offset)?;
        }
        Ok(written)
    }

    /// Before a reset, with the core halted: what is unread is kept for the next [`Rtt::read`], and the block is made unrecognisable, so
    /// that what is found behind the reset was written behind it. Returns what was overwritten.
    pub fn wipe(&mut self, link: &mut dyn Link) -> Result<Option<Range<u64>>, RttError> {
        self.left_out = (0, 0);
        // A block that is damaged is wiped too.
        if let Ok(Some(block)) = self.look(link, None) {
            let mut chunks = std::mem::take(&mut self.kept);
            self.empty(link, &block, &mut chunks)?;
            self.kept = chunks;
        }
        let address = match self.found.take() {
            Some(found) => Some(found.address),
            None => self.search.find(link)?,
        };
        self.told = None;
        self.left_out = (0, 0);
        let Some(address) = address else {
            return Ok(None);
        };
        let length = Block::length(&header(link, address)?).unwrap_or(Block::HEADER_BYTES);
        link.write(address, &vec![0; length])?;
        Ok(Some(
            u64::from(address.0)..u64::from(address.0) + length as u64,
        ))
    }

    /// The program was reset by itself, or its block may be elsewhere now: it is looked for anew.
    pub fn forget(&mut self, image: Option<&Image>) {
        self.search = self.place.search(image, &self.rams);
        self.found = None;
        self.told = None;
        self.left_out = (0, 0);
    }

    /// Leaves the channels as the program had set them up: nobody reads them any more, and nothing may wait for a reader.
    pub fn release(&mut self, link: &mut dyn Link) -> Result<(), LinkError> {
        let Some(found) = self.found.take().filter(|found| !found.modes.is_empty()) else {
            return Ok(());
        };
        let mut id = vec![0; self.search.id().len()];
        link.read(found.address, &mut id)?;
        if id == self.search.id() {
            for (address, flags) in found.modes {
                link.write_word(address, flags)?;
            }
        }
        Ok(())
    }

    /// One look at all descriptors: found, and in order.
    fn look(
        &mut self,
        link: &mut dyn Link,
        image: Option<&Image>,
    ) -> Result<Option<Block>, RttError> {
        if self.found.is_none() && !self.find(link)? {
            return Ok(None);
        }
        let Some(found) = &self.found else {
            return Ok(None);
        };
        let mut bytes = vec![0; found.length];
        link.read(found.address, &mut bytes)?;
        // The program has begun anew, or has overwritten it.
        let is_there = bytes.starts_with(self.search.id());
        if !is_there || Block::length(&bytes) != Ok(found.length) {
            self.found = None;
            return Ok(None);
        }
        match Block::parse(found.address, &bytes, &self.rams) {
            Ok(block) => {
                self.told = None;
                self.settle(link, image, &block)?;
                Ok(Some(block))
            }
            Err(damage) => {
                let address = found.address;
                self.damaged(address, damage).map(|()| None)
            }
        }
    }

    /// Searches, unless the last searches say that it is too early.
    fn find(&mut self, link: &mut dyn Link) -> Result<bool, RttError> {
        let (wait, last) = self.left_out;
        if wait > 0 {
            self.left_out = (wait - 1, last);
            return Ok(false);
        }
        let next = if self.search.is_cheap() {
            0
        } else {
            (last * 2 + 1).min(MOST_LEFT_OUT)
        };
        self.left_out = (next, next);
        let Some(address) = self.search.find(link)? else {
            return Ok(false);
        };
        match Block::length(&header(link, address)?) {
            // It is just being set up.
            Ok(Block::HEADER_BYTES) => Ok(false),
            Ok(length) => {
                self.found = Some(Found {
                    address,
                    length,
                    names: Vec::new(),
                    buffers: Vec::new(),
                    modes: BTreeMap::new(),
                });
                self.left_out = (0, 0);
                Ok(true)
            }
            Err(damage) => self.damaged(address, damage).map(|()| false),
        }
    }

    /// Told once, until it is another damage or none.
    fn damaged(&mut self, address: Address, damage: Damage) -> Result<(), RttError> {
        self.found = None;
        self.left_out = (MOST_LEFT_OUT, MOST_LEFT_OUT);
        if self.told.replace(damage) == Some(damage) {
            return Ok(());
        }
        Err(RttError::Damaged { address, damage })
    }

    /// Names at the first look at channels; and whether the program waits for readers, at every one: it may be setting them up.
    fn settle(
        &mut self,
        link: &mut dyn Link,
        image: Option<&Image>,
        block: &Block,
    ) -> Result<(), RttError> {
        let Some(found) = &mut self.found else {
            return Ok(());
        };
        if found.names.is_empty() && block.rings().any(|ring| ring.size > 0) {
            for ring in block.rings() {
                found.buffers.push(ring.buffer_range());
                found.names.push(name(link, image, ring.name, &self.rams)?);
            }
        }
        if !self.blocks {
            return Ok(());
        }
        let rings = block.up.iter().filter(|ring| ring.size > 0);
        for ring in rings.filter(|ring| ring.mode() != Mode::Block) {
            found.modes.entry(ring.flags_at()).or_insert(ring.flags);
            link.write_word(ring.flags_at(), ring.blocking_flags())?;
        }
        Ok(())
    }

    /// Reads what the wanted up channels hold, and tells the program so.
    fn empty(
        &self,
        link: &mut dyn Link,
        block: &Block,
        chunks: &mut Vec<Chunk>,
    ) -> Result<(), RttError> {
        for channel in &self.wanted {
            let Some(ring) = block.up.get(*channel as usize) else {
                continue;
            };
            if ring.unread() == 0 {
                continue;
            }
            let mut data = Vec::with_capacity(ring.unread() as usize);
            for piece in ring.pieces() {
                read_whole_words(link, piece, &mut data)?;
            }
            link.write_word(ring.read_at(), ring.write)?;
            let channel = *channel;
            chunks.push(Chunk { channel, data });
        }
        Ok(())
    }
}

fn header(link: &mut dyn Link, address: Address) -> Result<Vec<u8>, LinkError> {
    let mut header = vec![0; Block::HEADER_BYTES];
    link.read(address, &mut header)?;
    Ok(header)
}

/// Appends the bytes of `piece`. Whole words around them are read: bytes at the ends would be transfers of their own.
fn read_whole_words(
    link: &mut dyn Link,
    piece: Piece,
    data: &mut Vec<u8>,
) -> Result<(), LinkError> {
    if piece.length == 0 {
        return Ok(());
    }
    let before = (piece.start.0 & 3) as usize;
    let start = Address(piece.start.0 - before as u32);
    let mut words = vec![0; (before + piece.length as usize).next_multiple_of(4)];
    link.read(start, &mut words)?;
    data.extend_from_slice(&words[before..before + piece.length as usize]);
    Ok(())
}

/// The text at `address`: in RAM by the link, elsewhere by the program's file, for a window may be closed.
fn name(
    link: &mut dyn Link,
    image: Option<&Image>,
    address: Address,
    rams: &[Range<u64>],
) -> Result<String, LinkError> {
    let mut bytes = [0; NAME_BYTES];
    let end = u64::from(address.0) + NAME_BYTES as u64;
    let in_ram = |ram: &Range<u64>| ram.contains(&address.0.into()) && end <= ram.end;
    let length = if rams.iter().any(in_ram) {
        link.read(address, &mut bytes)?;
        bytes.len()
    } else {
        image.map_or(0, |image| image.read(address, &mut bytes))
    };
    let text = bytes[..length].split(|byte| *byte == 0).next();
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    Ok(match text {
        Some(text) if text.iter().all(printable) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    })
}
