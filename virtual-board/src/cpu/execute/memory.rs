//! Loads and stores of core registers, and table branches.

use super::Flow;
use crate::{
    bus::{Bus, Width},
    cpu::{
        Core,
        decode::{Index, LoadSize, Operation},
        memory::AccessKind,
        trap::Trap,
    },
};

/// Address of an access and, if the base register moves, its new value.
pub(super) struct Place {
    pub(super) address: u32,
    base: Option<u32>,
}

impl LoadSize {
    pub(super) fn width(self) -> Width {
        match self {
            Self::Word => Width::Word,
            Self::Half | Self::SignedHalf => Width::Half,
            Self::Byte | Self::SignedByte => Width::Byte,
        }
    }

    pub(super) fn extended(self, value: u32) -> u32 {
        match self {
            Self::Word | Self::Half | Self::Byte => value,
            Self::SignedHalf => value as i16 as u32,
            Self::SignedByte => value as i8 as u32,
        }
    }
}

fn kind(index: Index) -> AccessKind {
    if index == Index::Unprivileged {
        AccessKind::Unprivileged
    } else {
        AccessKind::Normal
    }
}

impl Core {
    pub(super) fn place(&self, n: u8, index: Index, offset: i16) -> Place {
        let base = if n == 15 {
            self.registers.literal_base()
        } else {
            self.registers.get(n)
        };
        let moved = base.wrapping_add_signed(offset.into());
        match index {
            Index::Offset | Index::Unprivileged => Place {
                address: moved,
                base: None,
            },
            Index::Pre => Place {
                address: moved,
                base: Some(moved),
            },
            Index::Post => Place {
                address: base,
                base: Some(moved),
            },
        }
    }

    pub(super) fn indexed(&self, n: u8, m: u8, shift: u8) -> u32 {
        self.registers
            .get(n)
            .wrapping_add(self.registers.get(m) << shift)
    }

    fn write_back(&mut self, n: u8, base: Option<u32>) {
        if let Some(base) = base {
            self.registers.set(n, base);
        }
    }

    /// Completes a load of `t`: a load of the pc is an interworking branch.
    fn loaded(&mut self, t: u8, value: u32) -> Flow {
        if t == 15 {
            return self.branch_exchange(value);
        }
        self.registers.set(t, value);
        Flow::Next
    }

    pub(super) fn access<B: Bus>(
        &mut self,
        bus: &mut B,
        operation: Operation,
    ) -> Result<Flow, Trap> {
        use Operation::*;
        match operation {
            Load {
                size,
                t,
                n,
                index,
                offset,
            } => {
                let place = self.place(n, index, offset);
                let value = self.load(bus, place.address, size.width(), kind(index))?;
                self.write_back(n, place.base);
                Ok(self.loaded(t, size.extended(value)))
            }
            LoadRegister {
                size,
                t,
                n,
                m,
                shift,
            } => {
                let address = self.indexed(n, m, shift);
                let value = self.load(bus, address, size.width(), AccessKind::Normal)?;
                Ok(self.loaded(t, size.extended(value)))
            }
            Store {
                width,
                t,
                n,
                index,
                offset,
            } => {
                let place = self.place(n, index, offset);
                let value = self.registers.get(t);
                self.store(bus, place.address, width, value, kind(index))?;
                self.write_back(n, place.base);
                Ok(Flow::Next)
            }
            StoreRegister {
                width,
                t,
                n,
                m,
                shift,
            } => {
                let (address, value) = (self.indexed(n, m, shift), self.registers.get(t));
                self.store(bus, address, width, value, AccessKind::Normal)?;
                Ok(Flow::Next)
            }
            LoadDual {
                t,
                t2,
                n,
                index,
                offset,
            } => {
                let place = self.place(n, index, offset);
                let first = self.load_word(bus, place.address)?;
                let second = self.load_word(bus, place.address.wrapping_add(4))?;
                self.write_back(n, place.base);
                self.registers.set(t, first);
                self.registers.set(t2, second);
                Ok(Flow::Next)
            }
            StoreDual {
                t,
                t2,
                n,
                index,
                offset,
            } => {
                let place = self.place(n, index, offset);
                let (first, second) = (self.registers.get(t), self.registers.get(t2));
                self.store_word(bus, place.address, first)?;
                self.store_word(bus, place.address.wrapping_add(4), second)?;
                self.write_back(n, place.base);
                Ok(Flow::Next)
            }
            LoadMultiple {
                n,
                list,
                before,
                writeback,
            } => self.load_multiple(bus, n, list, before, writeback),
            StoreMultiple {
                n,
                list,
                before,
                writeback,
            } => self.store_multiple(bus, n, list, before, writeback),
            TableBranch { half, n, m } => {
                let (width, shift) = if half {
                    (Width::Half, 1)
                } else {
                    (Width::Byte, 0)
                };
                let address = self.indexed(n, m, shift);
                let entry = self.load(bus, address, width, AccessKind::Normal)?;
                Ok(Flow::Branch(self.registers.pc().wrapping_add(entry * 2)))
            }
            LoadExclusive {
                width,
                t,
                n,
                offset,
            } => {
                let place = self.place(n, Index::Offset, offset);
                let value = self.load(bus, place.address, width, AccessKind::Aligned)?;
                self.registers.exclusive = Some(place.address);
                self.registers.set(t, value);
                Ok(Flow::Next)
            }
            StoreExclusive {
                width,
                d,
                t,
                n,
                offset,
            } => {
                let place = self.place(n, Index::Offset, offset);
                let granted = self.registers.exclusive == Some(place.address);
                if granted {
                    let value = self.registers.get(t);
                    self.store(bus, place.address, width, value, AccessKind::Aligned)?;
                }
                self.registers.exclusive = None;
                self.registers.set(d, u32::from(!granted));
                Ok(Flow::Next)
            }
            ClearExclusive => {
                self.registers.exclusive = None;
                Ok(Flow::Next)
            }
            _ => Err(Trap::Undefined),
        }
    }

    /// Reads a word that must be aligned, as those of multiple and FPU transfers must.
    pub(in crate::cpu) fn load_word<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
    ) -> Result<u32, Trap> {
        self.load(bus, address, Width::Word, AccessKind::Aligned)
    }

    /// Writes a word that must be aligned.
    pub(in crate::cpu) fn store_word<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        value: u32,
    ) -> Result<(), Trap> {
        self.store(bus, address, Width::Word, value, AccessKind::Aligned)
    }

    /// First address of a multiple transfer, and where its base register ends.
    fn block(&self, n: u8, list: u16, before: bool) -> (u32, u32) {
        let base = self.registers.get(n);
        let bytes = list.count_ones() * 4;
        if before {
            let lowest = base.wrapping_sub(bytes);
            (lowest, lowest)
        } else {
            (base, base.wrapping_add(bytes))
        }
    }

    fn load_multiple<B: Bus>(
        &mut self,
        bus: &mut B,
        n: u8,
        list: u16,
        before: bool,
        writeback: bool,
    ) -> Result<Flow, Trap> {
        let (mut address, end) = self.block(n, list, before);
        let mut values = [0; 16];
        for t in listed(list) {
            values[usize::from(t)] = self.load_word(bus, address)?;
            address = address.wrapping_add(4);
        }
        if writeback {
            self.registers.set(n, end);
        }
        let mut flow = Flow::Next;
        for t in listed(list) {
            flow = self.loaded(t, values[usize::from(t)]);
        }
        Ok(flow)
    }

    fn store_multiple<B: Bus>(
        &mut self,
        bus: &mut B,
        n: u8,
        list: u16,
        before: bool,
        writeback: bool,
    ) -> Result<Flow, Trap> {
        let (mut address, end) = self.block(n, list, before);
        for t in listed(list) {
            let value = self.registers.get(t);
            self.store_word(bus, address, value)?;
            address = address.wrapping_add(4);
        }
        if writeback {
            self.registers.set(n, end);
        }
        Ok(Flow::Next)
    }
}

/// Register numbers in `list`, lowest first.
fn listed(mut list: u16) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let t = list.trailing_zeros();
        list &= list.wrapping_sub(1);
        (t < 16).then_some(t as u8)
    })
}
