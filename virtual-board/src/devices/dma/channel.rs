//! One DMA channel (RM0477, GPDMA channel registers, linked lists): what it does next, one bus access at a time.
//!
//! A block of CBR1.BNDT bytes is moved in bursts through a FIFO; it may be repeated (BRC); then CLLR says where the next item of
//! the list lies, or the channel stops. What the channel was told wrongly is a user setting error, what the bus refuses a data
//! transfer or a link error; each stops it.

use std::collections::VecDeque;

use super::{Controller, data::Shape};
use crate::{bus::BusError, devices::MasterAccess};

const CLBAR: u32 = 0x00;
const CFCR: u32 = 0x0C;
const CSR: u32 = 0x10;
const CCR: u32 = 0x14;
const CTR1: u32 = 0x40;
const CTR2: u32 = 0x44;
const CBR1: u32 = 0x48;
const CSAR: u32 = 0x4C;
const CDAR: u32 = 0x50;
const CTR3: u32 = 0x54;
const CBR2: u32 = 0x58;
const CLLR: u32 = 0x7C;

/// CSR, CFCR; the enables lie in CCR at the same places.
const IDLEF: u32 = 1 << 0;
const TCF: u32 = 1 << 8;
const HTF: u32 = 1 << 9;
const DTEF: u32 = 1 << 10;
const ULEF: u32 = 1 << 11;
const USEF: u32 = 1 << 12;
const SUSPF: u32 = 1 << 13;
const FLAGS: u32 = 0x7F << 8;
/// CCR.
const EN: u32 = 1 << 0;
const RESET: u32 = 1 << 1;
const SUSP: u32 = 1 << 2;
const LSM: u32 = 1 << 16;
const CCR_MASK: u32 = 0x00C3_7F05;
/// CCR: what holds still while the channel is enabled.
const CCR_WHILE_OFF: u32 = 0x00C3_0000;
/// CTR2.
const SWREQ: u32 = 1 << 9;
const DREQ: u32 = 1 << 10;
const BREQ: u32 = 1 << 11;
/// CBR1.
const BNDT: u32 = 0xFFFF;
const BRC: u32 = 0x7FF << 16;
const ONE_REPEAT: u32 = 1 << 16;
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

/// Transfer-complete events of channels, by CTR2.TRIGSEL.
#[derive(Clone, Copy, Debug, Default)]
pub struct Triggers(u64);

impl Triggers {
    pub fn add(&mut self, select: u32) {
        self.0 |= 1 << select;
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn has(self, select: u32) -> bool {
        self.0 >> (select & 0x3F) & 1 == 1
    }
}

/// Where in its work an enabled channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not enabled.
    Off,
    /// Between bursts.
    Between,
    /// Beats that are still to be read; bytes of the current one that are already there.
    Reading { beats: u32, done: u32 },
    /// Beats that are still to be written.
    Writing { beats: u32 },
    /// The upper half of a double word, yet to be written.
    WritingUpper { beats: u32, upper: u32 },
    /// Registers of the next list item that are still to be read, as bits of CLLR, and where the next of them lies.
    Linking { updates: u32, address: u32 },
}

/// One channel.
#[derive(Clone, Debug)]
pub struct Channel {
    controller: Controller,
    base: u32,
    control: u32,
    shape: Shape,
    request: u32,
    block: u32,
    source: u32,
    destination: u32,
    burst_offsets: u32,
    block_offsets: u32,
    link: u32,
    flags: u32,
    phase: Phase,
    /// BNDT when the block began, for repeats and for the half.
    block_bytes: u32,
    fifo: VecDeque<u8>,
    beat: u64,
    /// A block-level request was seen.
    granted: bool,
    /// A trigger has to come first.
    untriggered: bool,
    triggered: bool,
    completed: bool,
}

impl Channel {
    pub fn new(controller: Controller) -> Self {
        Self {
            controller,
            base: 0,
            control: 0,
            shape: Shape(0),
            request: 0,
            block: 0,
            source: 0,
            destination: 0,
            burst_offsets: 0,
            block_offsets: 0,
            link: 0,
            flags: 0,
            phase: Phase::Off,
            block_bytes: 0,
            fifo: VecDeque::new(),
            beat: 0,
            granted: false,
            untriggered: false,
            triggered: false,
            completed: false,
        }
    }

    /// Enabled, and neither suspended nor done.
    pub fn is_active(&self) -> bool {
        self.phase != Phase::Off && self.flags & SUSPF == 0
    }

    /// No burst is under way, which another channel would split.
    pub fn is_between_bursts(&self) -> bool {
        matches!(self.phase, Phase::Off | Phase::Between)
    }

    pub fn interrupts(&self) -> bool {
        self.flags & self.control & FLAGS != 0
    }

    /// True once after a transfer-complete event.
    pub fn take_completion(&mut self) -> bool {
        std::mem::take(&mut self.completed)
    }

    /// Triggers came.
    pub fn trigger(&mut self, triggers: Triggers) {
        self.triggered |= self.is_triggered() && triggers.has(self.request >> 16 & 0x3F);
    }

    /// CTR2.TRIGPOL: rising or falling edge.
    fn is_triggered(&self) -> bool {
        matches!(self.request >> 24 & 3, 1 | 2)
    }

    /// CTR2.TRIGM: 0 each block, 1 each repeated block, 2 each list item, 3 each burst.
    fn waits_for_trigger_at(&mut self, levels: &[u32]) {
        if self.is_triggered() && levels.contains(&(self.request >> 14 & 3)) {
            self.untriggered = true;
        }
    }

    pub fn read(&self, register: u32) -> Option<u32> {
        Some(match register {
            CLBAR => self.base,
            CFCR => 0,
            CSR => {
                let idle = if self.is_active() { 0 } else { IDLEF };
                self.flags | idle | (self.fifo.len() as u32) << 16
            }
            CCR => self.control,
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

    pub fn write(&mut self, register: u32, value: u32) -> Option<()> {
        match register {
            CFCR => self.clear_flags(value),
            CSR => {}
            CCR => self.write_control(value),
            CLBAR | CTR1 | CTR2 | CBR1 | CSAR | CDAR | CTR3 | CBR2 | CLLR
                if self.phase != Phase::Off => {}
            CLBAR => self.base = value & 0xFFFF_0000,
            _ => self.set(register, value)?,
        }
        Some(())
    }

    /// A register that a list item may have.
    fn set(&mut self, register: u32, value: u32) -> Option<()> {
        match register {
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

    fn clear_flags(&mut self, value: u32) {
        self.flags &= !(value & FLAGS);
    }

    fn write_control(&mut self, value: u32) {
        if value & RESET != 0 {
            self.stop();
            self.control &= !SUSP;
            return;
        }
        let held = if self.phase == Phase::Off {
            0
        } else {
            CCR_WHILE_OFF
        } | EN;
        self.control = self.control & held | value & CCR_MASK & !held;
        if value & SUSP == 0 {
            self.flags &= !SUSPF;
        } else if self.phase == Phase::Off || self.phase == Phase::Between {
            self.flags |= SUSPF;
        }
        if value & EN != 0 && self.phase == Phase::Off {
            self.start();
        }
    }

    fn start(&mut self) {
        self.control |= EN;
        self.fifo.clear();
        self.triggered = false;
        self.untriggered = false;
        self.waits_for_trigger_at(&[0, 1, 2, 3]);
        if self.block & BNDT == 0 && self.link != 0 {
            self.begin_link();
        } else {
            self.begin_item();
        }
    }

    fn stop(&mut self) {
        self.control &= !EN;
        self.phase = Phase::Off;
        self.fifo.clear();
        self.granted = false;
    }

    fn fail(&mut self, flag: u32) {
        self.flags |= flag;
        self.stop();
    }

    /// What the registers say is possible: whole beats (BNDT), and addresses that are aligned to them wherever the offsets lead.
    fn is_sound(&self) -> bool {
        let (source, destination) = (self.shape.source_width(), self.shape.destination_width());
        let bytes = self.block & BNDT;
        let is_aligned = |width: u32, address: u32, within: u32, behind: u32| {
            (address | within & 0x1FFF | behind & 0xFFFF).is_multiple_of(width)
        };
        let widest = match self.controller {
            Controller::Gpdma1 => 4,
            Controller::Hpdma1 => 8,
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

    fn begin_item(&mut self) {
        if self.is_sound() {
            self.block_bytes = self.block & BNDT;
            self.phase = Phase::Between;
            self.granted = false;
        } else {
            self.fail(USEF);
        }
    }

    fn begin_link(&mut self) {
        self.phase = Phase::Linking {
            updates: self.link & UPDATE_BITS,
            address: self.base | self.link & LINK_ADDRESS,
        };
        if self.link & UPDATE_BITS == 0 {
            self.end_link();
        }
    }

    fn end_link(&mut self) {
        if self.control & LSM != 0 {
            self.stop();
            return;
        }
        self.waits_for_trigger_at(&[0, 1, 2]);
        self.begin_item();
    }

    /// The next access, if the channel can go on. `requested` tells whether the line of a CTR2.REQSEL is high.
    pub fn next_access(&mut self, requested: impl Fn(u32) -> bool) -> Option<MasterAccess> {
        if self.flags & SUSPF != 0 {
            return None;
        }
        if self.phase == Phase::Between {
            self.plan(requested);
        }
        match self.phase {
            Phase::Off | Phase::Between => None,
            Phase::Reading { done, .. } => {
                let width = self.shape.source_width().min(4);
                Some(MasterAccess::read(self.source + done, width))
            }
            Phase::Writing { .. } => {
                self.beat = self.shape.give_out(&mut self.fifo);
                let width = self.shape.destination_width().min(4);
                Some(MasterAccess::write(
                    self.destination,
                    width,
                    self.beat as u32,
                ))
            }
            Phase::WritingUpper { upper, .. } => {
                Some(MasterAccess::write(self.destination + 4, 4, upper))
            }
            Phase::Linking { address, .. } => Some(MasterAccess::read(address, 4)),
        }
    }

    /// Between bursts: what comes next.
    fn plan(&mut self, requested: impl Fn(u32) -> bool) {
        if self.control & SUSP != 0 {
            self.flags |= SUSPF;
            return;
        }
        if self.untriggered && !std::mem::take(&mut self.triggered) {
            return;
        }
        self.untriggered = false;
        let by_software = self.request & SWREQ != 0;
        let by_destination = self.request & DREQ != 0;
        let high = by_software || self.granted || requested(self.request & 0x7F);
        let left = self.block & BNDT;
        let burst = self.shape.destination_beats();
        let held = self.fifo.len() as u32 / self.shape.destination_width();
        // A source that is asked for one burst at a time has all whole beats of it passed on.
        let is_enough = held >= burst || held > 0 && (left == 0 || !by_destination);
        if is_enough {
            if high || !by_destination {
                self.granted |= by_destination && self.request & BREQ != 0;
                self.phase = Phase::Writing {
                    beats: held.min(burst),
                };
            }
        } else if high || by_destination {
            self.granted |= !by_destination && self.request & BREQ != 0;
            let beats = left / self.shape.source_width();
            self.phase = Phase::Reading {
                beats: beats.min(self.shape.source_beats()),
                done: 0,
            };
        }
    }

    /// What came of the access that [`Self::next_access`] asked for.
    pub fn accessed(&mut self, result: Result<u32, BusError>) {
        let Ok(value) = result else {
            let flag = match self.phase {
                Phase::Linking { .. } => ULEF,
                _ => DTEF,
            };
            return self.fail(flag);
        };
        match self.phase {
            Phase::Off | Phase::Between => {}
            Phase::Reading { beats, done } => self.was_read(beats, done, value),
            Phase::Writing { beats } if self.shape.destination_width() == 8 => {
                self.phase = Phase::WritingUpper {
                    beats,
                    upper: (self.beat >> 32) as u32,
                };
            }
            Phase::Writing { beats } | Phase::WritingUpper { beats, .. } => self.was_written(beats),
            Phase::Linking { updates, address } => self.was_linked(updates, address, value),
        }
    }

    fn was_read(&mut self, beats: u32, done: u32, value: u32) {
        let width = self.shape.source_width();
        if done == 0 {
            self.beat = value.into();
            if width == 8 {
                self.phase = Phase::Reading { beats, done: 4 };
                return;
            }
        } else {
            self.beat |= u64::from(value) << 32;
        }
        self.shape.take_in(self.beat, &mut self.fifo);
        self.block -= width;
        if self.shape.source_increments() {
            self.source = self.source.wrapping_add(width);
        }
        if beats > 1 {
            let beats = beats - 1;
            self.phase = Phase::Reading { beats, done: 0 };
            return;
        }
        let offset = self.burst_offsets & 0x1FFF;
        self.source = moved(self.source, offset, self.block >> 28 & 1 == 1);
        self.phase = Phase::Between;
    }

    fn was_written(&mut self, beats: u32) {
        if self.shape.destination_increments() {
            let width = self.shape.destination_width();
            self.destination = self.destination.wrapping_add(width);
        }
        if beats > 1 {
            self.phase = Phase::Writing { beats: beats - 1 };
            return;
        }
        let offset = self.burst_offsets >> 16 & 0x1FFF;
        self.destination = moved(self.destination, offset, self.block >> 29 & 1 == 1);
        self.phase = Phase::Between;
        self.waits_for_trigger_at(&[3]);
        let left = self.block & BNDT;
        if left <= self.block_bytes / 2 && left + self.fifo.len() as u32 != 0 {
            self.flags |= HTF;
        }
        if left == 0 && self.fifo.is_empty() {
            self.end_block();
        }
    }

    fn end_block(&mut self) {
        self.flags |= HTF;
        self.granted = false;
        // CTR2.TCEM: 0 each block, 1 each repeated block, 2 each list item, 3 the last one.
        let events = self.request >> 30;
        if self.block & BRC != 0 {
            self.block = (self.block - ONE_REPEAT) | self.block_bytes;
            let (from, to) = (self.block_offsets & 0xFFFF, self.block_offsets >> 16);
            self.source = moved(self.source, from, self.block >> 30 & 1 == 1);
            self.destination = moved(self.destination, to, self.block >> 31 == 1);
            if events == 0 {
                self.complete();
            }
            self.waits_for_trigger_at(&[0]);
            return;
        }
        if events < 3 || self.link == 0 {
            self.complete();
        }
        if self.link == 0 {
            self.stop();
            return;
        }
        // An item without a CBR1 of its own is as long as the last.
        self.block |= self.block_bytes;
        self.begin_link();
    }

    fn complete(&mut self) {
        self.flags |= TCF;
        self.completed = true;
    }

    fn was_linked(&mut self, updates: u32, address: u32, value: u32) {
        let next = UPDATES.iter().find(|(bit, _)| updates & bit != 0);
        let Some(&(bit, register)) = next else {
            return self.end_link();
        };
        // Every register of the table exists.
        let _ = self.set(register, value);
        let (updates, address) = (updates & !bit, address.wrapping_add(4));
        if updates == 0 {
            self.end_link();
        } else {
            self.phase = Phase::Linking { updates, address };
        }
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
