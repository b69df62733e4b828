//! What goes wrong by order: see [`crate::mishap`].

use super::{Board, XspiPort};
use crate::{
    devices::{ResetCause, external_memory::ExternalMemory, flash::WORD},
    map::FLASH_BASE,
    mishap::{Blow, Event, Memory, Mishap, Moment, Occasion},
};

impl Board {
    /// Injects a fault.
    pub fn inject(&mut self, mishap: Mishap) {
        match mishap {
            Mishap::Answer(disturbance) => self.port.disturbances_mut().add(disturbance),
            Mishap::Event {
                event,
                moment: Moment::Now,
            } => self.happen(event),
            Mishap::Event {
                event,
                moment: Moment::During(occasion),
            } => self.lay(occasion, Blow::Event(event)),
            Mishap::Operation { failing, occasion } => self.lay(occasion, Blow::Failing(failing)),
        }
    }

    /// Takes back what has not happened yet.
    pub fn clear_mishaps(&mut self) {
        self.port.disturbances_mut().clear();
        self.flash_mut().ambushes_mut().clear();
        self.nor_mut().ambushes_mut().clear();
        self.chip.map.wires.strikes.clear();
    }

    /// Pulls the probe's plug: its host gets no answer until it is plugged in again. The board keeps its power, and nRST rises.
    pub fn unplug(&mut self) {
        self.plugged = false;
        self.drive_reset_pin(true);
    }

    /// Plugs the probe in again.
    pub fn plug_in(&mut self) {
        self.plugged = true;
    }

    /// True if the probe's host can reach it.
    pub fn is_plugged(&self) -> bool {
        self.plugged
    }

    fn lay(&mut self, occasion: Occasion, blow: Blow) {
        match occasion.memory {
            Memory::Internal => self.flash_mut().ambushes_mut().lay(occasion, blow),
            Memory::Nor => self.nor_mut().ambushes_mut().lay(occasion, blow),
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        tracing::info!("mishap: {event} at {:.6} s", self.now().as_secs_f64());
        match event {
            Event::PowerCut => self.power_cycle(),
            Event::Unplug => self.unplug(),
            Event::BrownOut => self.chip.reset(ResetCause::BrownOut),
            Event::FlippedBit { address, bit } => self.flip(address, bit),
        }
    }

    fn flip(&mut self, address: u32, bit: u8) {
        let mask = 1 << bit;
        if address < XspiPort::Xspi2.window() {
            let array = self.flash_mut().array_mut();
            let word = address.wrapping_sub(FLASH_BASE) / WORD;
            if !array.break_word(word) {
                tracing::warn!("no bit to flip at {address:#010x}");
            }
            return;
        }
        let contents = self.nor_mut().contents_mut();
        let offset = address & (contents.size() - 1);
        contents.set(offset, contents.byte(offset) ^ mask);
    }
}
