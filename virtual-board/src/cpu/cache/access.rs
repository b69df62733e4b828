//! The core's and the debugger's accesses through the caches, and maintenance.

use super::{LINE, Lines, Operation, Upkeep, is_bypassed};
use crate::{
    bus::{Bus, BusError, Master, Width},
    cpu::{
        Core, State,
        mpu::{Caching, Memory},
        scb::{cacr, ccr},
        trap::Trap,
    },
};

/// How much is fetched from one line without looking again.
pub(in crate::cpu) type FetchLine = Option<usize>;

impl Core {
    /// How the data cache treats an address with these attributes.
    pub(in crate::cpu) fn data_caching(&self, address: u32, memory: Memory) -> Caching {
        let scb = &self.system.scb;
        let Memory::Normal { caching, shareable } = memory else {
            return Caching::None;
        };
        if caching == Caching::None || !scb.configured(ccr::DC) || is_bypassed(address) {
            return Caching::None;
        }
        match shareable {
            true if scb.cache_control & cacr::SIWT != 0 => Caching::WriteThrough,
            true => Caching::None,
            false if scb.cache_control & cacr::FORCEWT != 0 => Caching::WriteThrough,
            false => caching,
        }
    }

    /// True if the instruction cache serves an address with these attributes.
    pub(in crate::cpu) fn code_is_cached(&self, address: u32, memory: Memory) -> bool {
        let cacheable =
            matches!(memory, Memory::Normal { caching, .. } if caching != Caching::None);
        cacheable && self.system.scb.configured(ccr::IC) && !is_bypassed(address)
    }

    /// A read of the data side.
    #[inline]
    pub(in crate::cpu) fn read_data<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        caching: Caching,
    ) -> Result<u32, BusError> {
        if caching == Caching::None {
            return bus.read(address, width, Master::Data);
        }
        if let Some(line) = self.caches.data.find(address) {
            return Ok(self.caches.data.read(line, address, width));
        }
        match self.fill_data(bus, address)? {
            Some(line) => Ok(self.caches.data.read(line, address, width)),
            None => bus.read(address, width, Master::Data),
        }
    }

    /// A write of the data side.
    #[inline]
    pub(in crate::cpu) fn write_data<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
        width: Width,
        value: u32,
        caching: Caching,
    ) -> Result<(), BusError> {
        if caching == Caching::None {
            return bus.write(address, width, value, Master::Data);
        }
        let mut line = self.caches.data.find(address);
        if line.is_none() && caching == Caching::WriteBackAllocate {
            line = self.fill_data(bus, address)?;
        }
        let Some(line) = line else {
            return bus.write(address, width, value, Master::Data);
        };
        self.caches.data.write(line, address, width, value);
        if caching == Caching::WriteThrough {
            return bus.write(address, width, value, Master::Data);
        }
        self.caches.data.mark_dirty(line);
        Ok(())
    }

    /// The line of the instruction cache that serves `address`, filled if need be.
    pub(in crate::cpu) fn code_line<B: Bus>(
        &mut self,
        bus: &mut B,
        address: u32,
    ) -> Result<FetchLine, Trap> {
        if let Some(line) = self.caches.code.find(address) {
            return Ok(Some(line));
        }
        match read_line(bus, address, Master::Fetch) {
            Ok(contents) => {
                let line = self.caches.code.victim(address);
                self.caches.code.fill(line, address, contents);
                Ok(Some(line))
            }
            Err(BusError::Refused) => Ok(None),
            Err(BusError::Stalled) => Err(Trap::Stalled),
        }
    }

    #[cold]
    fn fill_data<B: Bus>(&mut self, bus: &mut B, address: u32) -> Result<Option<usize>, BusError> {
        let contents = match read_line(bus, address, Master::Data) {
            Ok(contents) => contents,
            Err(BusError::Refused) => return Ok(None),
            Err(BusError::Stalled) => return Err(BusError::Stalled),
        };
        let line = self.caches.data.victim(address);
        self.write_line_back(bus, line);
        self.caches.data.fill(line, address, contents);
        Ok(Some(line))
    }

    /// Writes a line to memory if it is dirty. Nobody waits for the response: an error is imprecise.
    fn write_line_back<B: Bus>(&mut self, bus: &mut B, line: usize) {
        let Some((address, contents)) = self.caches.data.dirty(line) else {
            return;
        };
        self.caches.data.mark_clean(line);
        for (address, word) in (address..).step_by(4).zip(contents.as_chunks::<4>().0) {
            let value = u32::from_le_bytes(*word);
            match bus.write(address, Width::Word, value, Master::Data) {
                Ok(()) => {}
                Err(BusError::Refused) => {
                    self.imprecise = true;
                    self.notice = true;
                }
                Err(BusError::Stalled) => {
                    if self.state == State::Running {
                        self.state = State::Hung;
                    }
                    self.notice = true;
                    return;
                }
            }
        }
    }

    /// A maintenance operation with the value written to its register.
    pub(in crate::cpu) fn maintain<B: Bus>(
        &mut self,
        bus: &mut B,
        operation: Operation,
        value: u32,
    ) {
        match operation {
            Operation::InvalidateAllCode => self.caches.code.drop_all(),
            Operation::InvalidateCode => {
                while let Some(line) = self.caches.code.find(value) {
                    self.caches.code.drop_line(line);
                }
            }
            Operation::Line(upkeep) => {
                if let Some(line) = self.caches.data.find(value) {
                    self.keep_up(bus, line, upkeep);
                }
            }
            Operation::SetWay(upkeep) => {
                let line = self.caches.data.at_set_way(value);
                self.keep_up(bus, line, upkeep);
            }
            Operation::InvalidateBranches => {}
        }
        self.revoke_fetch_grant();
    }

    fn keep_up<B: Bus>(&mut self, bus: &mut B, line: usize, upkeep: Upkeep) {
        if upkeep != Upkeep::Invalidate {
            self.write_line_back(bus, line);
        }
        if upkeep != Upkeep::Clean {
            self.caches.data.drop_line(line);
        }
    }

    /// The data line that a cacheable access of the debugger meets.
    fn debugged_line(&self, address: u32) -> Option<usize> {
        let looks = self.system.scb.configured(ccr::DC) && !is_bypassed(address);
        looks.then(|| self.caches.data.find(address)).flatten()
    }

    /// A read of the AHB-AP with HPROT\[3\] set: from the data cache where that holds the line. A miss allocates nothing.
    pub(in crate::cpu) fn debug_read_line(&self, address: u32, width: Width) -> Option<u32> {
        let line = self.debugged_line(address)?;
        Some(self.caches.data.read(line, address, width))
    }

    /// A write of the AHB-AP with HPROT\[3\] set: into the line that holds the address. True if memory need not be written.
    pub(in crate::cpu) fn debug_write_line(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
    ) -> bool {
        let Some(line) = self.debugged_line(address) else {
            return false;
        };
        self.caches.data.write(line, address, width, value);
        let memory = self.system.mpu.memory(address, DEBUGGER);
        let written_back = matches!(
            self.data_caching(address, memory),
            Caching::WriteBack | Caching::WriteBackAllocate
        );
        if written_back {
            self.caches.data.mark_dirty(line);
        }
        written_back
    }
}

/// The debugger is no code that the MPU could mean.
const DEBUGGER: crate::cpu::mpu::Context = crate::cpu::mpu::Context {
    privileged: true,
    negative_priority: false,
};

/// A whole line; an error response to any word of it is one to all.
fn read_line<B: Bus>(
    bus: &mut B,
    address: u32,
    master: Master,
) -> Result<[u8; LINE as usize], BusError> {
    let base = address & !(LINE - 1);
    let mut contents = [0; LINE as usize];
    for (address, word) in (base..).step_by(4).zip(contents.as_chunks_mut::<4>().0) {
        *word = bus.read(address, Width::Word, master)?.to_le_bytes();
    }
    Ok(contents)
}

impl Lines {
    /// The halfword that a fetch takes from a line.
    #[inline]
    pub(in crate::cpu) fn half(&self, line: usize, address: u32) -> u16 {
        self.read(line, address, Width::Half) as u16
    }
}
