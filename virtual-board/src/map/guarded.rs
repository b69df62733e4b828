//! Memory behind a cipher engine: an access is what the engine makes of it, and then the controller's affair.

use std::any::Any;

use super::{Map, lane};
use crate::{
    bus::{BusError, Width},
    devices::mce::{
        Mce, Passage,
        cipher::{Block, Cipher},
    },
};

/// Slots of a memory controller and of the engine before it.
type Guarded = (usize, usize);

impl Map {
    fn engine(&mut self, slot: usize) -> Option<&mut Mce> {
        let device: &mut dyn Any = self.slots.get_mut(slot)?.device.as_mut();
        device.downcast_mut()
    }

    fn passage(&mut self, engine: usize, offset: u32, write: bool) -> Passage {
        self.engine(engine)
            .map_or(Passage::Plain, |mce| mce.passage(offset, write))
    }

    pub(super) fn read_guarded(
        &mut self,
        (slot, engine): Guarded,
        offset: u32,
        width: Width,
    ) -> Result<u32, BusError> {
        let Passage::Ciphered(cipher) = self.passage(engine, offset, false) else {
            let device = &mut self.slots[slot].device;
            return Ok(device.read_memory(offset, width, &mut self.wires)?);
        };
        let start = offset & !0xF;
        let mut stored = Block::default();
        for (place, word) in (start..).step_by(4).zip(&mut stored) {
            let device = &mut self.slots[slot].device;
            *word = device.read_memory(place, Width::Word, &mut self.wires)?;
        }
        let plain = cipher.decipher(start, stored);
        Ok(lane(plain[(offset & 0xF) as usize / 4], offset, width))
    }

    pub(super) fn write_guarded(
        &mut self,
        (slot, engine): Guarded,
        (address, offset): (u32, u32),
        width: Width,
        value: u32,
    ) -> Result<(), BusError> {
        match self.passage(engine, offset, true) {
            Passage::Plain => {
                let device = &mut self.slots[slot].device;
                Ok(device.write_memory(offset, width, value, &mut self.wires)?)
            }
            Passage::ReadOnly => {
                self.with_engine(engine, |mce, wires| mce.note_illegal_write(address, wires));
                Ok(())
            }
            Passage::Ciphered(cipher) if cipher.is_stream() => {
                let stream = cipher.encipher(offset & !0xF, Block::default());
                let key = lane(stream[(offset & 0xF) as usize / 4], offset, width);
                let device = &mut self.slots[slot].device;
                Ok(device.write_memory(offset, width, value ^ key, &mut self.wires)?)
            }
            Passage::Ciphered(cipher) => {
                let full = self.with_engine(engine, |mce, wires| {
                    mce.collect(address, width, value, wires)
                });
                match full.flatten() {
                    Some(block) => self.write_block(slot, offset & !0xF, &cipher, block),
                    None => Ok(()),
                }
            }
        }
    }

    fn write_block(
        &mut self,
        slot: usize,
        start: u32,
        cipher: &Cipher,
        plain: Block,
    ) -> Result<(), BusError> {
        let stored = cipher.encipher(start, plain);
        for (place, word) in (start..).step_by(4).zip(stored) {
            let device = &mut self.slots[slot].device;
            device.write_memory(place, Width::Word, word, &mut self.wires)?;
        }
        Ok(())
    }

    fn with_engine<T>(
        &mut self,
        slot: usize,
        act: impl FnOnce(&mut Mce, &mut crate::devices::Wires) -> T,
    ) -> Option<T> {
        let Self { slots, wires, .. } = self;
        let device: &mut dyn Any = slots.get_mut(slot)?.device.as_mut();
        Some(act(device.downcast_mut()?, wires))
    }
}
