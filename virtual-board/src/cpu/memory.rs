//! Loads, stores and fetches of the core: alignment, MPU, private bus or system bus, watchpoints, errors (ARM ARM A3.2, B2.3).
//!
//! A bus error on a store is imprecise, as the Cortex-M7's store buffer makes it, unless the MPU calls the address
//! Strongly-ordered: the instruction completes and BusFault pends. Stores to the private bus are always precise.

use super::{
    Core,
    dwt::DataAccess,
    mpu::{Caching, Context, Memory},
    ppb::{self, Accessor},
    scb::ccr,
    trap::Trap,
};
use crate::bus::{Bus, BusError, Master, Width};

/// How an instruction means its access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// LDR, STR and their like: unaligned addresses are split unless CCR.UNALIGN_TRP.
    Normal,
    /// LDRT, STRT: checked as unprivileged.
    Unprivileged,
    /// LDM, STM, LDRD, LDREX, VLDR ...: unaligned addresses always fault.
    Aligned,
}

impl Core {
    /// Loads `width` bytes, zero-extended.
    #[inline]
    pub(crate) fn load<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        kind: AccessKind,
    ) -> Result<u32, Trap> {
        if is_aligned(address, width) {
            return self.load_aligned(bus, address, width, kind);
        }
        self.check_unaligned(kind)?;
        let mut value = 0;
        for place in 0..width.bytes() {
            let byte = self.load_aligned(bus, address.wrapping_add(place), Width::Byte, kind)?;
            value |= byte << (8 * place);
        }
        Ok(value)
    }

    /// Stores the low `width` bytes of `value`.
    #[inline]
    pub(crate) fn store<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
        kind: AccessKind,
    ) -> Result<(), Trap> {
        if is_aligned(address, width) {
            return self.store_aligned(bus, address, width, value, kind);
        }
        self.check_unaligned(kind)?;
        // Nothing is written if any part is forbidden.
        let context = self.context(kind);
        for place in 0..width.bytes() {
            let part = address.wrapping_add(place);
            if !self.verdict(part, context).write {
                return Err(Trap::MemoryData { address: part });
            }
        }
        for place in 0..width.bytes() {
            let byte = value >> (8 * place) & 0xFF;
            self.store_aligned(bus, address.wrapping_add(place), Width::Byte, byte, kind)?;
        }
        Ok(())
    }

    fn check_unaligned(&self, kind: AccessKind) -> Result<(), Trap> {
        if kind == AccessKind::Aligned || self.system.scb.configured(ccr::UNALIGN_TRP) {
            return Err(Trap::Unaligned);
        }
        Ok(())
    }

    #[inline]
    fn load_aligned<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        kind: AccessKind,
    ) -> Result<u32, Trap> {
        if ppb::contains(address) {
            let accessor = self.accessor(kind);
            return self
                .ppb_read(address, width, accessor)
                .map_err(|_| Trap::BusData { address });
        }
        let mut caching = Caching::None;
        if !self.data_is_plain {
            let verdict = self.verdict(address, self.context(kind));
            if !verdict.read {
                return Err(Trap::MemoryData { address });
            }
            caching = verdict.data;
        }
        bus.at_cycle(self.cycles);
        let result = self.read_data(bus, address, width, caching);
        self.look_at_bus(bus);
        if bus.take_time_dependence() {
            self.idle.spoil();
        }
        let value = match result {
            Ok(value) => value,
            Err(BusError::Stalled) => return Err(Trap::Stalled),
            Err(BusError::Refused) if self.ignores_bus_faults() => 0,
            Err(BusError::Refused) => return Err(Trap::BusData { address }),
        };
        if self.system.dwt.watches_data() {
            self.watch(address, width, value, false);
        }
        Ok(value)
    }

    #[inline]
    fn store_aligned<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
        kind: AccessKind,
    ) -> Result<(), Trap> {
        if ppb::contains(address) {
            let accessor = self.accessor(kind);
            self.idle.spoil();
            return self
                .ppb_write(bus, address, width, value, accessor)
                .map_err(|_| Trap::BusData { address });
        }
        let mut caching = Caching::None;
        if !self.data_is_plain {
            let verdict = self.verdict(address, self.context(kind));
            if !verdict.write {
                return Err(Trap::MemoryData { address });
            }
            caching = verdict.data;
        }
        self.idle.stored(address, width, value);
        bus.at_cycle(self.cycles);
        let result = self.write_data(bus, address, width, value, caching);
        self.look_at_bus(bus);
        match result {
            Ok(()) => {}
            Err(BusError::Stalled) => return Err(Trap::Stalled),
            Err(BusError::Refused) if self.ignores_bus_faults() => {}
            Err(BusError::Refused) => {
                let context = self.context(kind);
                if self.system.mpu.memory(address, context) == Memory::StronglyOrdered {
                    return Err(Trap::BusData { address });
                }
                self.imprecise = true;
                self.notice = true;
            }
        }
        if self.system.dwt.watches_data() {
            self.watch(address, width, value, true);
        }
        Ok(())
    }

    #[inline]
    fn look_at_bus<B: Bus>(&mut self, bus: &mut B) {
        if bus.take_attention() {
            self.attention = true;
            self.attention_pc = self.registers.r[15];
            self.notice = true;
        }
    }

    #[cold]
    fn watch(&mut self, address: u32, width: Width, value: u32, write: bool) {
        let access = DataAccess {
            address,
            width,
            value,
            write,
        };
        if self.system.dwt.watch(access) {
            self.watch_hit = true;
            self.notice = true;
        }
    }

    /// Whose access the MPU checks.
    pub(super) fn context(&self, kind: AccessKind) -> Context {
        Context {
            privileged: kind != AccessKind::Unprivileged && self.registers.privileged(),
            negative_priority: self.registers.faultmask || self.system.nvic.active_priority() < 0,
        }
    }

    fn accessor(&self, kind: AccessKind) -> Accessor {
        if self.context(kind).privileged {
            Accessor::Privileged
        } else {
            Accessor::Unprivileged
        }
    }

    /// Fetches the halfword at `address`.
    #[inline]
    pub(super) fn fetch_half<B: Bus>(&mut self, bus: &mut B, address: u32) -> Result<u16, Trap> {
        // The verdict holds for the smallest MPU region, 32 bytes, until something revokes it.
        let grant = address & !0x1F | u32::from(self.registers.privileged());
        if grant != self.fetch_grant || self.registers.faultmask != self.fetch_faultmask {
            self.grant_fetch(bus, address, grant)?;
        }
        if let Some(line) = self.fetch_line {
            return Ok(self.caches.code.half(line, address));
        }
        match bus.read(address, Width::Half, Master::Fetch) {
            Ok(half) => Ok(half as u16),
            Err(BusError::Stalled) => Err(Trap::Stalled),
            Err(BusError::Refused) => Err(Trap::BusFetch),
        }
    }

    /// Lets the fetches of one line through, from the instruction cache or past it.
    fn grant_fetch<B: Bus>(&mut self, bus: &mut B, address: u32, grant: u32) -> Result<(), Trap> {
        self.revoke_fetch_grant();
        let verdict = self.verdict(address, self.context(AccessKind::Normal));
        if !verdict.fetch {
            return Err(Trap::MemoryFetch);
        }
        if verdict.code_cached {
            self.fetch_line = self.code_line(bus, address)?;
        }
        self.fetch_grant = grant;
        self.fetch_faultmask = self.registers.faultmask;
        Ok(())
    }

    /// Privilege, the MPU or the priority changed: the next fetch is checked anew.
    pub(super) fn revoke_fetch_grant(&mut self) {
        // No address has bit 1 set under the mask above.
        self.fetch_grant = 0b10;
        self.fetch_line = None;
    }
}

#[inline]
fn is_aligned(address: u32, width: Width) -> bool {
    address & (width.bytes() - 1) == 0
}
