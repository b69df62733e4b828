//! Reads ahead of need (Cortex-M7 TRM 5.2): a load on the path that a conditional branch does not take may be on the bus before the
//! branch is decided, if its memory is Normal and the MPU lets it through, with the caches on or off. Its answer is thrown away, and
//! an error response with it; what it does to a slave is not.
//!
//! So code that waits for a window with the range Normal (MPU off, or no region there) and loads from it behind the loop touches it
//! while it is closed. That the core may do so is certain; how far it runs ahead is not specified. Here it is deterministic \[U\]: behind
//! every conditional branch, up to four instructions of the other path: data processing, with the registers as they are, and loads
//! from Normal memory. A load from Device memory, a barrier, any branch and any call ends it; stores are never made ahead.
//!
//! It shows only where it can do harm, in a window that is closed: elsewhere nothing is read ahead, and no line is filled.

use crate::{
    bus::{Bus, Master, Width},
    cpu::{
        Core, State,
        decode::{Operation, is_wide},
        memory::AccessKind,
        mpu::{Access, Memory},
    },
};

/// Instructions of the other path.
const DEPTH: usize = 4;

/// Where windows are (ARM ARM B3.1, "RAM" regions).
fn is_external(address: u32) -> bool {
    matches!(address, 0x6000_0000..0xA000_0000)
}

impl Core {
    /// Windows or MPU have changed.
    pub(in crate::cpu) fn decide_to_look_ahead(&mut self) {
        let context = self.context(AccessKind::Normal);
        let mpu = &self.system.mpu;
        let reachable = |block: u32| {
            let base = block << 28;
            let normal = matches!(mpu.memory(base, context), Memory::Normal { .. });
            normal && mpu.permits(base, Access::Read, context)
        };
        let mut blocks = (0..16).filter(|block| self.closed_windows >> block & 1 == 1);
        self.looks_ahead = blocks.any(reachable);
    }

    /// A conditional branch is under way; `path` is where it does not go.
    #[cold]
    pub(super) fn look_ahead<B: Bus>(&mut self, bus: &mut B, path: u32) {
        let kept = self.registers.clone();
        let mut at = path;
        for _ in 0..DEPTH {
            let Some(bytes) = self.one_ahead(bus, at) else {
                break;
            };
            at = at.wrapping_add(bytes.into());
        }
        self.registers = kept;
    }

    /// One instruction of the other path; its length if the next may follow.
    fn one_ahead<B: Bus>(&mut self, bus: &mut B, at: u32) -> Option<u8> {
        use Operation::*;
        let mut half = |address| bus.read(address, Width::Half, Master::Fetch).ok();
        let first = half(at)? as u16;
        let second = if is_wide(first) {
            half(at.wrapping_add(2))? as u16
        } else {
            0
        };
        let instruction = self.decoded.get(at, first, second);
        self.registers.r[15] = at;
        match instruction.operation {
            Data {
                op,
                flags,
                d,
                n,
                operand,
            } => {
                self.data(op, flags, d, n, operand);
            }
            operation @ (Address { .. }
            | MoveTop { .. }
            | Extend { .. }
            | BitFieldExtract { .. }
            | BitFieldInsert { .. }) => {
                self.compute(operation).ok()?;
            }
            Load {
                size,
                t,
                n,
                index,
                offset,
            } if t != 15 => {
                let address = self.place(n, index, offset).address;
                let value = self.load_ahead(bus, address, size.width())?;
                self.registers.set(t, size.extended(value));
            }
            LoadRegister {
                size,
                t,
                n,
                m,
                shift,
            } if t != 15 => {
                let address = self.indexed(n, m, shift);
                let value = self.load_ahead(bus, address, size.width())?;
                self.registers.set(t, size.extended(value));
            }
            Store { .. } | StoreRegister { .. } => {}
            _ => return None,
        }
        Some(instruction.bytes)
    }

    /// What a load finds that is made ahead; nothing if it is not made, or if its answer comes too late for the next.
    fn load_ahead<B: Bus>(&mut self, bus: &mut B, address: u32, width: Width) -> Option<u32> {
        let context = self.context(AccessKind::Normal);
        let normal = matches!(
            self.system.mpu.memory(address, context),
            Memory::Normal { .. }
        );
        let aligned = address & (width.bytes() - 1) == 0;
        if !normal || !aligned || !self.verdict(address, context).read {
            return None;
        }
        if is_external(address) {
            if bus.read_ahead(address).is_err() {
                self.state = State::Hung;
                self.notice = true;
            }
            return None;
        }
        if let Some(line) = self.caches.data.find(address)
            && self.system.scb.configured(crate::cpu::scb::ccr::DC)
        {
            return Some(self.caches.data.read(line, address, width));
        }
        bus.read(address, width, Master::Data).ok()
    }
}
