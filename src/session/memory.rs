//! Memory: RAM and internal flash through the cache while halted, everything else with exact widths, windows through their gate.

use super::{
    Session,
    cache::{BLOCK, MemoryCache},
};
use crate::{
    fault::{Code, Fault},
    layout::{Address, Window},
    link::{LinkError, RegisterAccess, caches},
    registers::{debug::SCS, scb::Ccr},
    window::{Core, State, WindowError},
};

/// Bytes that are compared or searched at a time.
const CHUNK: usize = 4096;

/// Bytes that are fetched into the cache at a time: the largest packets of a probe fit many times.
const LARGEST_FETCH: usize = 0x1_0000;

impl Session {
    /// Reads memory as the program has it; short where a window, or the image of a closed one, ends. Never empty.
    pub fn read_memory(&mut self, address: Address, data: &mut [u8]) -> Result<usize, Fault> {
        let length = if address.is_external() {
            self.read_window(address, data)?
        } else if self.is_halted() && self.is_plain_memory(address) {
            self.read_cached(address, data)?
        } else {
            self.link.read(address, data)?;
            data.len()
        };
        self.breakpoints.hide(address, &mut data[..length]);
        Ok(length)
    }

    /// Reads a few bytes of which the neighbours are not wanted: a block would take an exchange more.
    pub(super) fn read_alone(&mut self, address: Address, data: &mut [u8]) -> Result<usize, Fault> {
        if !self.is_halted()
            || !self.is_plain_memory(address)
            || self.memory.from(address).is_some()
        {
            return self.read_memory(address, data);
        }
        self.write_back_lines(address, data.len())?;
        self.link.read(address, data)?;
        self.breakpoints.hide(address, data);
        Ok(data.len())
    }

    /// Writes memory. A NOR is not written like memory.
    pub fn write_memory(&mut self, address: Address, data: &[u8]) -> Result<(), Fault> {
        let mut data = data.to_vec();
        self.breakpoints.cover(address, &mut data);
        self.known_threads.forget();
        if address.is_external() {
            self.needs_halt("writing to a window")?;
            let copied = self.settings.profile.is_copied(address);
            if copied {
                self.load.wrote_ram(address, &data);
            }
            let written = self.windows.write(self.link.as_mut(), address, &data);
            // RAM that the boot stage fills is not there yet when a client loads: what it writes is kept, and stored in the NOR.
            if !(copied && matches!(written, Err(WindowError::Closed { .. }))) {
                self.settle(written)?;
            }
            self.memory.update(address, &data);
        } else if self.is_plain_memory(address) {
            self.write_ram(address, &data)?;
            if self.is_halted() {
                self.load.wrote_ram(address, &data);
            }
        } else {
            self.link.write(address, &data)?;
            self.memory.clear();
            self.windows.forget();
            self.link.distrust_clock();
        }
        Ok(())
    }

    /// The first place of `pattern` in `length` bytes from `address` on. Never answered from an image.
    pub fn search(
        &mut self,
        address: Address,
        length: u32,
        pattern: &[u8],
    ) -> Result<Option<Address>, Fault> {
        let mut seen: Vec<u8> = Vec::new();
        let mut start = address.0;
        let mut found = None;
        self.for_each_chunk(address, length, |chunk| {
            seen.extend_from_slice(chunk);
            let position = seen
                .windows(pattern.len().max(1))
                .position(|bytes| bytes == pattern);
            found = position.map(|position| Address(start + position as u32));
            let keep = pattern.len().saturating_sub(1).min(seen.len());
            start += (seen.len() - keep) as u32;
            seen.drain(..seen.len() - keep);
            found.is_none()
        })?;
        Ok(found)
    }

    /// GDB's qCRC, never answered from an image (polynomial 0x04C11DB7, most significant bit first, start 0xFFFFFFFF, no final inversion).
    pub fn crc(&mut self, address: Address, length: u32) -> Result<u32, Fault> {
        let mut crc = u32::MAX;
        self.for_each_chunk(address, length, |chunk| {
            crc = chunk.iter().fold(crc, |crc, byte| crc_of_byte(crc, *byte));
            true
        })?;
        Ok(crc)
    }

    /// Internal flash and on-chip RAM: a read changes nothing, so it may be done once and in blocks.
    pub(super) fn is_plain_memory(&self, address: Address) -> bool {
        let profile = &self.settings.profile;
        profile.ram(address).is_some() || profile.is_internal(address)
    }

    /// RAM, internal flash, or a window of the board: what a program keeps its data in.
    pub(super) fn is_memory(&self, address: Address) -> bool {
        self.is_plain_memory(address) || self.windows.find(address).is_some()
    }

    /// Through the gate: from the chip in blocks, once a halt, when the window is open.
    fn read_window(&mut self, address: Address, data: &mut [u8]) -> Result<usize, Fault> {
        if !self.is_halted() {
            let read = self
                .windows
                .read(self.link.as_mut(), address, data, Core::Running);
            return Ok(self.settle(read)?.length);
        }
        if self.window_is_open(address)? {
            return self.read_cached(address, data);
        }
        self.refresh_appli();
        let read = self
            .windows
            .read(self.link.as_mut(), address, data, Core::Halted);
        let length = self.settle(read)?.length;
        self.console.extend(self.windows.take_notices());
        Ok(length)
    }

    /// The state of each window, as the profile lists them. A running core may change it at any moment.
    pub fn window_states(&mut self) -> Result<Vec<(Window, State)>, Fault> {
        if !self.is_halted() {
            self.windows.forget();
        }
        let windows: Vec<Window> = self.windows.iter().cloned().collect();
        let mut states = Vec::new();
        for window in windows {
            let state = self.windows.state(self.link.as_mut(), &window);
            states.push((window, self.settle(state)?));
        }
        self.console.extend(self.windows.take_notices());
        Ok(states)
    }

    fn window_is_open(&mut self, address: Address) -> Result<bool, Fault> {
        let Some(window) = self.windows.find(address).cloned() else {
            return Ok(false);
        };
        let state = self.windows.state(self.link.as_mut(), &window);
        let open = self.settle(state)? == State::Open;
        self.console.extend(self.windows.take_notices());
        Ok(open)
    }

    /// A window that stalled the bus was recovered by nRST: the core is halted at the reset vector, and nothing that was known holds.
    ///
    /// The reset has closed the window. Until the core runs again, that is no news: GDB tries a read that failed again in pieces, and
    /// what it is told in the end must be the reason of the first.
    fn settle<T>(&mut self, outcome: Result<T, WindowError>) -> Result<T, Fault> {
        match (outcome, &self.stalled) {
            (Err(error @ WindowError::Stalled { .. }), _) => {
                self.was_recovered()?;
                let fault = Fault::from(error);
                self.stalled = Some(fault.clone());
                Err(fault)
            }
            (Err(WindowError::Closed { .. }), Some(stalled)) => Err(stalled.clone()),
            (outcome, _) => Ok(outcome?),
        }
    }

    fn read_cached(&mut self, address: Address, data: &mut [u8]) -> Result<usize, Fault> {
        let mut done = 0;
        while done < data.len() {
            let at = Address(address.0.wrapping_add(done as u32));
            if let Some(bytes) = self.memory.from(at) {
                let length = bytes.len().min(data.len() - done);
                data[done..done + length].copy_from_slice(&bytes[..length]);
                done += length;
                continue;
            }
            if !self.is_plain_memory(at) && !at.is_external() {
                break;
            }
            if !self.fetch_blocks(at, LARGEST_FETCH.min(data.len() - done))? {
                let length = self.read_chip(at, &mut data[done..])?;
                return Ok(done + length);
            }
        }
        Ok(done)
    }

    /// Fetches the blocks from `at` on that are not here, in one transfer. `false` if memory ends inside them.
    fn fetch_blocks(&mut self, at: Address, length: usize) -> Result<bool, Fault> {
        let start = MemoryCache::start_of(at);
        let wanted = ((at.0 - start.0) as usize + length).div_ceil(BLOCK);
        let missing = (0..wanted)
            .take_while(|index| {
                let block = start.checked_add((index * BLOCK) as u32);
                block.is_some_and(|block| {
                    self.memory.from(block).is_none() && self.same_memory(at, block)
                })
            })
            .count();
        let mut blocks = vec![0; missing * BLOCK];
        self.write_back_lines(start, blocks.len())?;
        match self.read_chip(start, &mut blocks) {
            Ok(length) => self.memory.keep(start, &blocks[..length]),
            Err(fault) if matches!(fault.code, Code::XG002 | Code::XG015) => return Ok(false),
            Err(fault) => return Err(fault),
        }
        Ok(self.memory.from(at).is_some())
    }

    /// What the chip has, and never what a file says.
    fn read_chip(&mut self, address: Address, data: &mut [u8]) -> Result<usize, Fault> {
        if address.is_external() {
            let read = self.windows.read_chip(self.link.as_mut(), address, data);
            return self.settle(read);
        }
        self.link.read(address, data)?;
        Ok(data.len())
    }

    /// True if a transfer may go on from one address to the other.
    fn same_memory(&self, one: Address, other: Address) -> bool {
        if one.is_external() {
            let window = self.windows.find(one);
            return window.is_some_and(|window| window.contains(other));
        }
        self.is_plain_memory(other)
    }

    /// Where the probe does not look into the data cache, lines are written back and dropped before it reads or writes memory.
    pub(super) fn write_back_lines(
        &mut self,
        address: Address,
        length: usize,
    ) -> Result<(), Fault> {
        if self.link.is_coherent()
            || !self.is_halted()
            || is_tightly_coupled(address)
            || !self.data_cache_is_on()?
        {
            return Ok(());
        }
        let lines: Vec<u32> = caches::lines(address, length).collect();
        caches::clean_and_invalidate_data(self.link.as_mut(), &lines)?;
        Ok(())
    }

    /// Writes memory on the chip; it may be code, which the core is to execute as written once it runs.
    pub(super) fn write_ram(&mut self, address: Address, data: &[u8]) -> Result<(), Fault> {
        self.write_back_lines(address, data.len())?;
        self.link.write(address, data)?;
        self.memory.update(address, data);
        if self.is_halted() && !is_tightly_coupled(address) {
            self.written_lines
                .extend(caches::lines(address, data.len()));
        }
        Ok(())
    }

    /// Before the core runs: what was written since it stopped is in memory, and the instruction cache has nothing older.
    pub(super) fn publish_writes(&mut self) -> Result<(), LinkError> {
        if self.written_lines.is_empty() {
            return Ok(());
        }
        let lines: Vec<u32> = std::mem::take(&mut self.written_lines)
            .into_iter()
            .collect();
        caches::publish_code(self.link.as_mut(), &lines)
    }

    pub(super) fn data_cache_is_on(&mut self) -> Result<bool, LinkError> {
        Ok(self.link.peek::<Ccr>(SCS)?.data_cache())
    }

    /// Shows what the chip has, piece by piece, until `look` has seen enough.
    fn for_each_chunk(
        &mut self,
        address: Address,
        length: u32,
        mut look: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Fault> {
        let mut buffer = [0; CHUNK];
        let mut done = 0;
        while done < length {
            let at = Address(address.0.wrapping_add(done));
            let wanted = CHUNK.min((length - done) as usize);
            let read = if at.is_external() {
                self.needs_halt("comparing a window")?;
                self.read_chip(at, &mut buffer[..wanted])?
            } else {
                self.read_memory(at, &mut buffer[..wanted])?
            };
            self.breakpoints.hide(at, &mut buffer[..read]);
            if read == 0 || !look(&buffer[..read]) {
                return Ok(());
            }
            done += read as u32;
        }
        Ok(())
    }
}

/// ITCM and DTCM: no cache stands before them (Cortex-M7 TRM 5.9).
pub(super) fn is_tightly_coupled(address: Address) -> bool {
    matches!(address.0 >> 24, 0x00 | 0x20)
}

fn crc_of_byte(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
        let carry = crc & 0x8000_0000 != 0;
        crc << 1 ^ if carry { 0x04C1_1DB7 } else { 0 }
    })
}
