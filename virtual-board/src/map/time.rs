//! The map's notion of time: devices act by events of their own, and are told the time when somebody reaches them.

use super::Map;
use crate::{
    bus::{Bus, Master},
    clock::{CycleClock, Time},
};

impl Map {
    /// Says what time it is while the core has run `cycle` cycles, and how fast it runs from now.
    pub fn synchronise(&mut self, now: Time, cycle: u64) {
        self.clock = CycleClock::new(now, cycle, self.wires.core_hz);
        self.cycle = cycle;
        self.told = cycle;
        self.wires.now = now;
    }

    /// Lets the devices know the time of the access: fetches between two accesses to data have the time of the first.
    #[inline]
    pub(super) fn tell_time(&mut self) {
        if self.told != self.cycle {
            self.told = self.cycle;
            self.wires.now = self.clock.time_at(self.cycle);
        }
    }

    /// The core is about to run until `horizon`; a write that makes a device act before calls for its attention.
    pub fn set_horizon(&mut self, horizon: Time) {
        self.horizon = horizon;
    }

    /// The time at which the core has run `cycle` cycles.
    pub fn time_at(&self, cycle: u64) -> Time {
        self.clock.time_at(cycle)
    }

    /// The next time at which a device changes something by itself. One that has passed means nothing after [`Self::tick`].
    pub fn next_event(&self) -> Option<Time> {
        self.slots
            .iter()
            .filter_map(|slot| slot.device.next_event())
            .filter(|event| *event > self.wires.now)
            .min()
    }

    /// Lets every device act, before something changes that it does not see: the core's state, a clock.
    pub fn tick_all(&mut self) {
        self.wires.clocks_changed = false;
        for index in 0..self.slots.len() {
            self.slots[index].device.tick(&mut self.wires);
            self.let_master(index);
        }
    }

    /// Lets every device that is due act.
    pub fn tick(&mut self) {
        if !self.wires.clocks_changed {
            for index in 0..self.slots.len() {
                let device = &mut self.slots[index].device;
                if device.next_event().is_some_and(|due| due <= self.wires.now) {
                    device.tick(&mut self.wires);
                    self.let_master(index);
                }
            }
        }
        // Also a clock that began just now, which concerns devices that had no event of their own.
        while self.wires.clocks_changed {
            self.tick_all();
        }
    }

    /// Lets a device make the bus accesses that it wants to make now.
    fn let_master(&mut self, index: usize) {
        while let Some(access) = self.slots[index].device.next_access(&mut self.wires) {
            let (address, width) = (access.address, access.width);
            let result = match access.value {
                Some(value) => self.write(address, width, value, Master::Dma).map(|()| 0),
                None => self.read(address, width, Master::Dma),
            };
            self.slots[index].device.accessed(result, &mut self.wires);
        }
    }
}
