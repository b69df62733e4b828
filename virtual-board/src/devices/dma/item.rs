//! What a channel moves next: the registers that an item of a linked list can bring (RM0477, GPDMA_CxTR1 to CxLLR).

use super::data::Shape;

const CTR1: u32 = 0x40;
const CTR2: u32 = 0x44;
const CBR1: u32 = 0x48;
const CSAR: u32 = 0x4C;
const CDAR: u32 = 0x50;
const CTR3: u32 = 0x54;
const CBR2: u32 = 0x58;
const CLLR: u32 = 0x7C;

/// CTR2.
const REQSEL: u32 = 0x7F;
const SWREQ: u32 = 1 << 9;
const DREQ: u32 = 1 << 10;
const BREQ: u32 = 1 << 11;
/// CBR1.
const BNDT: u32 = 0xFFFF;
const BRC: u32 = 0x7FF << 16;
const ONE_REPEAT: u32 = 1 << 16;
/// CBR1: an offset is subtracted.
const SDEC: u32 = 1 << 28;
const DDEC: u32 = 1 << 29;
const BRSDEC: u32 = 1 << 30;
const BRDDEC: u32 = 1 << 31;
/// CTR3: SAO, and DAO above it.
const BURST_OFFSET: u32 = 0x1FFF;
/// CBR2: BRSAO, and BRDAO above it.
const BLOCK_OFFSET: u32 = 0xFFFF;
/// CLLR: which registers the next item has, in the order in which they lie in memory.
const UPDATES: [(u32, u32); 8] = [
    (1 << 31, CTR1),
    (1 << 30, CTR2),
    (1 << 29, CBR1),
    (1 << 28, CSAR),
    (1 << 27, CDAR),
    (1 << 26, CTR3),
    (1 << 25, CBR2),
    (1 << 16, CLLR),
];
const UPDATE_BITS: u32 = 0xFE01_0000;
const LINK_ADDRESS: u32 = 0xFFFC;

/// CTR2.TRIGM: before what a trigger has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerMode {
    Block,
    RepeatedBlock,
    Item,
    Burst,
}

/// CTR2.TCEM: at whose end there is a transfer-complete event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionMode {
    Block,
    RepeatedBlock,
    Item,
    List,
}

/// The registers.
#[derive(Clone, Debug, Default)]
pub struct Item {
    pub shape: Shape,
    pub source: u32,
    pub destination: u32,
    request: u32,
    block: u32,
    burst_offsets: u32,
    block_offsets: u32,
    link: u32,
}

impl Item {
    /// The register at `offset` from the channel's first.
    pub fn register(&self, offset: u32) -> Option<u32> {
        Some(match offset {
            CTR1 => self.shape.0,
            CTR2 => self.request,
            CBR1 => self.block,
            CSAR => self.source,
            CDAR => self.destination,
            CTR3 => self.burst_offsets,
            CBR2 => self.block_offsets,
            CLLR => self.link,
            _ => return None,
        })
    }

    pub fn set(&mut self, offset: u32, value: u32) -> Option<()> {
        match offset {
            CTR1 => self.shape = Shape(value),
            CTR2 => self.request = value,
            CBR1 => self.block = value,
            CSAR => self.source = value,
            CDAR => self.destination = value,
            CTR3 => self.burst_offsets = value,
            CBR2 => self.block_offsets = value,
            CLLR => self.link = value & (UPDATE_BITS | LINK_ADDRESS),
            _ => return None,
        }
        Some(())
    }

    /// What the registers say is possible: whole beats (BNDT), and addresses that are aligned to them wherever the offsets lead.
    pub fn is_sound(&self, widest: u32) -> bool {
        let (source, destination) = (self.shape.source_width(), self.shape.destination_width());
        let bytes = self.left();
        let is_aligned = |width: u32, address: u32, within: u32, behind: u32| {
            (address | within & BURST_OFFSET | behind & BLOCK_OFFSET).is_multiple_of(width)
        };
        bytes != 0
            && bytes.is_multiple_of(source)
            && (!self.shape.packs() || bytes.is_multiple_of(destination))
            && is_aligned(source, self.source, self.burst_offsets, self.block_offsets)
            && is_aligned(
                destination,
                self.destination,
                self.burst_offsets >> 16,
                self.block_offsets >> 16,
            )
            && source.max(destination) <= widest
    }

    /// CTR2.REQSEL; none if software started the transfer.
    pub fn request(&self) -> Option<u32> {
        (self.request & SWREQ == 0).then_some(self.request & REQSEL)
    }

    /// CTR2.DREQ: the request is the destination's.
    pub fn is_requested_by_destination(&self) -> bool {
        self.request & DREQ != 0
    }

    /// CTR2.BREQ: one request for a whole block.
    pub fn is_requested_by_block(&self) -> bool {
        self.request & BREQ != 0
    }

    /// CTR2.TRIGSEL, if TRIGPOL is the rising or the falling edge.
    pub fn trigger(&self) -> Option<u32> {
        matches!(self.request >> 24 & 3, 1 | 2).then_some(self.request >> 16 & 0x3F)
    }

    pub fn trigger_mode(&self) -> TriggerMode {
        match self.request >> 14 & 3 {
            0 => TriggerMode::Block,
            1 => TriggerMode::RepeatedBlock,
            2 => TriggerMode::Item,
            _ => TriggerMode::Burst,
        }
    }

    pub fn completion_mode(&self) -> CompletionMode {
        match self.request >> 30 {
            0 => CompletionMode::Block,
            1 => CompletionMode::RepeatedBlock,
            2 => CompletionMode::Item,
            _ => CompletionMode::List,
        }
    }

    /// CBR1.BNDT: bytes of the block that are still to be read.
    pub fn left(&self) -> u32 {
        self.block & BNDT
    }

    pub fn beat_was_read(&mut self) {
        let width = self.shape.source_width();
        self.block -= width;
        if self.shape.source_increments() {
            self.source = self.source.wrapping_add(width);
        }
    }

    pub fn burst_was_read(&mut self) {
        let offset = self.burst_offsets & BURST_OFFSET;
        self.source = moved(self.source, offset, self.block & SDEC != 0);
    }

    pub fn beat_was_written(&mut self) {
        if self.shape.destination_increments() {
            let width = self.shape.destination_width();
            self.destination = self.destination.wrapping_add(width);
        }
    }

    pub fn burst_was_written(&mut self) {
        let offset = self.burst_offsets >> 16 & BURST_OFFSET;
        self.destination = moved(self.destination, offset, self.block & DDEC != 0);
    }

    /// At the end of a block of `bytes`: true if it is there once more.
    pub fn repeats(&mut self, bytes: u32) -> bool {
        if self.block & BRC == 0 {
            return false;
        }
        self.block = (self.block - ONE_REPEAT) | bytes;
        let (from, to) = (self.block_offsets & BLOCK_OFFSET, self.block_offsets >> 16);
        self.source = moved(self.source, from, self.block & BRSDEC != 0);
        self.destination = moved(self.destination, to, self.block & BRDDEC != 0);
        true
    }

    /// There is another item behind this one.
    pub fn has_next(&self) -> bool {
        self.link != 0
    }

    /// An item without a CBR1 of its own is as long as the last, of `bytes`.
    pub fn restore(&mut self, bytes: u32) {
        self.block |= bytes;
    }

    /// Bits of the registers that the next item has, and its place above CLBAR.
    pub fn next(&self) -> (u32, u32) {
        (self.link & UPDATE_BITS, self.link & LINK_ADDRESS)
    }

    /// Takes the first register of `updates`; gives those that are left.
    pub fn update(&mut self, updates: u32, value: u32) -> u32 {
        let next = UPDATES.iter().find(|(bit, _)| updates & bit != 0);
        let Some((bit, register)) = next else {
            return 0;
        };
        // Every register of the table exists.
        let _ = self.set(*register, value);
        updates & !bit
    }
}

/// An address that an offset moves up or down.
const fn moved(address: u32, offset: u32, down: bool) -> u32 {
    if down {
        address.wrapping_sub(offset)
    } else {
        address.wrapping_add(offset)
    }
}
