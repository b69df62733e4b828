//! GPDMA1 and HPDMA1 (RM0477, GPDMA and HPDMA; one register map): 16 channels each, which move data over the bus by
//! themselves, in virtual time.
//!
//! `channel` is one channel: bursts, blocks, linked lists, flags; `item` the registers that say what is moved. A channel whose
//! request is a peripheral's waits for that line in [`Wires::dma_requests`]; one that is started by software goes on at once.
//! Each access takes one cycle of HCLK5, 16 of them at a time. What a channel writes goes to memory past the core's caches.
//!
//! Deviations: channels take turns, whatever CCR.PRIO says; both controllers reach the whole map, whatever CTR1.SAP and DAP
//! say; GPDMA1, whose bus clock may be slower, takes HCLK5 too; privilege and lock registers are plain storage. Triggers are
//! those of the controller's own channels; one that is selected from elsewhere never comes.

mod channel;
mod data;
mod item;
pub mod request;

use self::{
    channel::{Channel, Triggers},
    request::Request,
};
use super::{Access, Device, MasterAccess, Refusal, Reset, Wires, gate::Gate};
use crate::{
    bus::{BusError, Width},
    clock::Time,
};

const PRIVCFGR: u32 = 0x04;
const RCFGLOCKR: u32 = 0x08;
const MISR: u32 = 0x0C;
/// First channel's registers, and the distance to the next one's.
const CHANNELS: u32 = 0x50;
const CHANNEL_BYTES: u32 = 0x80;
/// Accesses that all channels together make before time passes.
const ACCESSES_AT_ONCE: u32 = 16;

/// Which of the two controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// General purpose: base 0x4002_1000.
    Gpdma1,
    /// High performance: base 0x5200_0000; 64-bit beats.
    Hpdma1,
}

impl Controller {
    /// Number of a channel's interrupt.
    const fn irq(self, channel: usize) -> usize {
        match (self, channel) {
            (Self::Gpdma1, 0..=7) => 39 + channel,
            (Self::Gpdma1, _) => 133 + channel - 8,
            (Self::Hpdma1, 0..=7) => 64 + channel,
            (Self::Hpdma1, _) => 141 + channel - 8,
        }
    }

    /// CTR2.TRIGSEL of channel 0's transfer complete; the others follow.
    const fn first_own_trigger(self) -> u32 {
        match self {
            Self::Gpdma1 => 29,
            Self::Hpdma1 => 37,
        }
    }
}

/// One controller.
pub struct Dma {
    controller: Controller,
    gate: Gate,
    channels: [Channel; 16],
    privileged: u32,
    locked: u32,
    /// The channel whose access is under way.
    turn: usize,
    /// Accesses since the last tick.
    spent: u32,
    /// The bus is taken up to here by what was moved already.
    busy_until: Time,
}

impl Dma {
    /// Base 0x4002_1000.
    pub fn gpdma1() -> Self {
        Self::new(Controller::Gpdma1, Gate::ahb1(4))
    }

    /// Base 0x5200_0000.
    pub fn hpdma1() -> Self {
        Self::new(Controller::Hpdma1, Gate::ahb5(0))
    }

    fn new(controller: Controller, gate: Gate) -> Self {
        Self {
            controller,
            gate,
            channels: std::array::from_fn(|_| Channel::new(controller)),
            privileged: 0,
            locked: 0,
            turn: 0,
            spent: 0,
            busy_until: Time(0),
        }
    }

    fn is_open(&mut self, wires: &mut Wires) -> bool {
        if self.gate.was_reset(wires) {
            self.reset(Reset::System, wires);
        }
        self.gate.is_open(wires)
    }

    /// Channel and register within it of an offset.
    fn locate(&mut self, offset: u32) -> Option<(&mut Channel, u32)> {
        let within = offset.checked_sub(CHANNELS)?;
        let channel = self.channels.get_mut((within / CHANNEL_BYTES) as usize)?;
        Some((channel, within % CHANNEL_BYTES))
    }

    /// Bits of channels whose flags interrupt.
    fn interrupting(&self) -> u32 {
        (0u32..)
            .zip(&self.channels)
            .map(|(index, channel)| u32::from(channel.interrupts()) << index)
            .sum()
    }

    fn drive_irqs(&self, wires: &mut Wires) {
        for (index, channel) in self.channels.iter().enumerate() {
            wires.set_irq(self.controller.irq(index), channel.interrupts());
        }
    }

    /// Hands on what ended as triggers to the channels that wait for it.
    fn hand_on_triggers(&mut self) {
        let mut ended = Triggers::default();
        for (index, channel) in (0u32..).zip(&mut self.channels) {
            if channel.take_completion() {
                ended.add(self.controller.first_own_trigger() + index);
            }
        }
        if !ended.is_empty() {
            for channel in &mut self.channels {
                channel.trigger(ended);
            }
        }
    }
}

impl Device for Dma {
    fn name(&self) -> &str {
        match self.controller {
            Controller::Gpdma1 => "GPDMA1",
            Controller::Hpdma1 => "HPDMA1",
        }
    }

    fn read(&mut self, offset: u32, _width: Width, wires: &mut Wires) -> Access<u32> {
        if !self.is_open(wires) {
            return Ok(0);
        }
        match offset {
            PRIVCFGR => Ok(self.privileged),
            RCFGLOCKR => Ok(self.locked),
            MISR => Ok(self.interrupting()),
            _ => self
                .locate(offset)
                .and_then(|(channel, register)| channel.read(register))
                .ok_or(Refusal::Unmodelled { reset: 0 }),
        }
    }

    fn write(&mut self, offset: u32, _width: Width, value: u32, wires: &mut Wires) -> Access<()> {
        if !self.is_open(wires) {
            return Ok(());
        }
        match offset {
            PRIVCFGR => self.privileged = value & 0xFFFF,
            RCFGLOCKR => self.locked |= value & 0xFFFF,
            MISR => {}
            _ => self
                .locate(offset)
                .and_then(|(channel, register)| channel.write(register, value))
                .ok_or(Refusal::Unmodelled { reset: 0 })?,
        }
        wires.attention = true;
        self.drive_irqs(wires);
        Ok(())
    }

    fn reset(&mut self, _reset: Reset, wires: &mut Wires) {
        *self = Self::new(self.controller, self.gate);
        self.drive_irqs(wires);
    }

    fn tick(&mut self, wires: &mut Wires) {
        self.spent = 0;
        self.busy_until = self.busy_until.max(wires.now);
    }

    fn next_event(&self) -> Option<Time> {
        let waits = self.channels.iter().any(Channel::is_active);
        waits.then_some(self.busy_until)
    }

    fn next_access(&mut self, wires: &mut Wires) -> Option<MasterAccess> {
        if self.busy_until > wires.now || self.spent >= ACCESSES_AT_ONCE || !self.is_open(wires) {
            return None;
        }
        self.hand_on_triggers();
        let controller = self.controller;
        let lines = wires.dma_requests;
        let requested = |select| Request::of(controller, select).is_some_and(|r| lines.has(r));
        // The channel after the one that had the last turn comes first, but a burst is not split.
        for step in 0..self.channels.len() {
            let index = (self.turn + step) % self.channels.len();
            if let Some(access) = self.channels[index].next_access(requested) {
                self.turn = index;
                self.spent += 1;
                return Some(access);
            }
        }
        self.drive_irqs(wires);
        self.busy_until = wires.now + Time::of_cycles(self.spent.into(), wires.hclk_hz);
        None
    }

    fn accessed(&mut self, result: Result<u32, BusError>, wires: &mut Wires) {
        let channel = &mut self.channels[self.turn];
        channel.accessed(result);
        if channel.is_between_bursts() {
            self.turn = (self.turn + 1) % self.channels.len();
        }
        if self.spent >= ACCESSES_AT_ONCE {
            self.hand_on_triggers();
            self.drive_irqs(wires);
            self.busy_until = wires.now + Time::of_cycles(self.spent.into(), wires.hclk_hz);
        }
    }
}

#[cfg(test)]
mod tests;
