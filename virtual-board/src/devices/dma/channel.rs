//! One DMA channel (RM0477, GPDMA channel registers, linked lists): what it does next, one bus access at a time.
//!
//! A block of CBR1.BNDT bytes is moved in bursts through a FIFO; it may be repeated (BRC); then CLLR says where the next item of
//! the list lies, or the channel stops. What the channel was told wrongly is a user setting error, what the bus refuses a data
//! transfer or a link error; each stops it.

use std::collections::VecDeque;

use super::{
    Controller,
    item::{CompletionMode, Item, TriggerMode},
};
use crate::{bus::BusError, devices::MasterAccess};

const CLBAR: u32 = 0x00;
const CFCR: u32 = 0x0C;
const CSR: u32 = 0x10;
const CCR: u32 = 0x14;

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
    item: Item,
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
            item: Item::default(),
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
        let awaited = self.item.trigger();
        self.triggered |= awaited.is_some_and(|select| triggers.has(select));
    }

    /// A trigger has to come first, if it has to at one of these.
    fn waits_for_trigger_at(&mut self, levels: &[TriggerMode]) {
        self.untriggered |=
            self.item.trigger().is_some() && levels.contains(&self.item.trigger_mode());
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
            _ => return self.item.register(register),
        })
    }

    pub fn write(&mut self, register: u32, value: u32) -> Option<()> {
        match register {
            CFCR => self.clear_flags(value),
            CSR => {}
            CCR => self.write_control(value),
            CLBAR if self.phase != Phase::Off => {}
            CLBAR => self.base = value & 0xFFFF_0000,
            _ if self.phase != Phase::Off => self.item.register(register).map(drop)?,
            _ => self.item.set(register, value)?,
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
        self.waits_for_trigger_at(&[
            TriggerMode::Block,
            TriggerMode::RepeatedBlock,
            TriggerMode::Item,
            TriggerMode::Burst,
        ]);
        if self.item.left() == 0 && self.item.has_next() {
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

    fn begin_item(&mut self) {
        let widest = match self.controller {
            Controller::Gpdma1 => 4,
            Controller::Hpdma1 => 8,
        };
        if self.item.is_sound(widest) {
            self.block_bytes = self.item.left();
            self.phase = Phase::Between;
            self.granted = false;
        } else {
            self.fail(USEF);
        }
    }

    fn begin_link(&mut self) {
        let (updates, place) = self.item.next();
        self.phase = Phase::Linking {
            updates,
            address: self.base | place,
        };
        if updates == 0 {
            self.end_link();
        }
    }

    fn end_link(&mut self) {
        if self.control & LSM != 0 {
            self.stop();
            return;
        }
        self.waits_for_trigger_at(&[
            TriggerMode::Block,
            TriggerMode::RepeatedBlock,
            TriggerMode::Item,
        ]);
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
                let width = self.item.shape.source_width().min(4);
                Some(MasterAccess::read(self.item.source + done, width))
            }
            Phase::Writing { .. } => {
                self.beat = self.item.shape.give_out(&mut self.fifo);
                let width = self.item.shape.destination_width().min(4);
                Some(MasterAccess::write(
                    self.item.destination,
                    width,
                    self.beat as u32,
                ))
            }
            Phase::WritingUpper { upper, .. } => {
                Some(MasterAccess::write(self.item.destination + 4, 4, upper))
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
        let by_destination = self.item.is_requested_by_destination();
        let high = self.granted || self.item.request().is_none_or(requested);
        let left = self.item.left();
        let burst = self.item.shape.destination_beats();
        let held = self.fifo.len() as u32 / self.item.shape.destination_width();
        // A source that is asked for one burst at a time has all whole beats of it passed on.
        let is_enough = held >= burst || held > 0 && (left == 0 || !by_destination);
        if is_enough {
            if high || !by_destination {
                self.granted |= by_destination && self.item.is_requested_by_block();
                self.phase = Phase::Writing {
                    beats: held.min(burst),
                };
            }
        } else if high || by_destination {
            self.granted |= !by_destination && self.item.is_requested_by_block();
            let beats = left / self.item.shape.source_width();
            self.phase = Phase::Reading {
                beats: beats.min(self.item.shape.source_beats()),
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
            Phase::Writing { beats } if self.item.shape.destination_width() == 8 => {
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
        let width = self.item.shape.source_width();
        if done == 0 {
            self.beat = value.into();
            if width == 8 {
                self.phase = Phase::Reading { beats, done: 4 };
                return;
            }
        } else {
            self.beat |= u64::from(value) << 32;
        }
        self.item.shape.take_in(self.beat, &mut self.fifo);
        self.item.beat_was_read();
        if beats > 1 {
            let beats = beats - 1;
            self.phase = Phase::Reading { beats, done: 0 };
            return;
        }
        self.item.burst_was_read();
        self.phase = Phase::Between;
    }

    fn was_written(&mut self, beats: u32) {
        self.item.beat_was_written();
        if beats > 1 {
            self.phase = Phase::Writing { beats: beats - 1 };
            return;
        }
        self.item.burst_was_written();
        self.phase = Phase::Between;
        self.waits_for_trigger_at(&[TriggerMode::Burst]);
        let left = self.item.left();
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
        let events = self.item.completion_mode();
        if self.item.repeats(self.block_bytes) {
            if events == CompletionMode::Block {
                self.complete();
            }
            self.waits_for_trigger_at(&[TriggerMode::Block]);
            return;
        }
        if events != CompletionMode::List || !self.item.has_next() {
            self.complete();
        }
        if !self.item.has_next() {
            self.stop();
            return;
        }
        self.item.restore(self.block_bytes);
        self.begin_link();
    }

    fn complete(&mut self) {
        self.flags |= TCF;
        self.completed = true;
    }

    fn was_linked(&mut self, updates: u32, address: u32, value: u32) {
        let updates = self.item.update(updates, value);
        let address = address.wrapping_add(4);
        if updates == 0 {
            self.end_link();
        } else {
            self.phase = Phase::Linking { updates, address };
        }
    }
}
