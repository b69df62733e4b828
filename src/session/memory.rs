//! Memory: RAM and internal flash through the cache while halted, everything else with exact widths, windows through their gate.

use super::{
    Session,
    cache::{BLOCK, MemoryCache},
};
use crate::{
    fault::Fault,
    layout::Address,
    link::{Link, LinkError, RegisterAccess},
    registers::{
        debug::SCS,
        scb::{CACHE_LINE, Ccr, CleanAndInvalidateData},
    },
};

impl Session {
    /// Reads memory as the program has it; may be short where memory, or the image of a closed window, ends.
    pub fn read_memory(&mut self, address: Address, data: &mut [u8]) -> Result<usize, Fault> {
        let length = if self.is_halted() && self.is_plain_memory(address) {
            self.read_cached(address, data)?
        } else {
            self.link.read(address, data)?;
            data.len()
        };
        self.breakpoints.hide(address, &mut data[..length]);
        Ok(length)
    }

    /// Writes memory.
    pub fn write_memory(&mut self, address: Address, data: &[u8]) -> Result<(), Fault> {
        let mut data = data.to_vec();
        self.breakpoints.cover(address, &mut data);
        if self.is_plain_memory(address) {
            self.write_back_lines(address, data.len())?;
            self.link.write(address, &data)?;
            self.memory.update(address, &data);
        } else {
            self.link.write(address, &data)?;
            self.memory.clear();
        }
        Ok(())
    }

    /// GDB's qCRC (polynomial 0x04C11DB7, most significant bit first, start 0xFFFFFFFF, no final inversion).
    pub fn crc(&mut self, address: Address, length: u32) -> Result<u32, Fault> {
        let mut crc = u32::MAX;
        self.for_each_chunk(address, length, |chunk| {
            crc = chunk.iter().fold(crc, |crc, byte| crc_of_byte(crc, *byte));
        })?;
        Ok(crc)
    }

    /// Internal flash and on-chip RAM: a read changes nothing, so it may be done once and in blocks.
    fn is_plain_memory(&self, address: Address) -> bool {
        let profile = &self.settings.profile;
        profile.ram(address).is_some() || profile.is_internal(address)
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
            if !self.fetch_blocks(at, data.len() - done)? {
                self.link.read(at, &mut data[done..])?;
                done = data.len();
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
                    self.memory.from(block).is_none() && self.is_plain_memory(block)
                })
            })
            .count();
        let mut blocks = vec![0; missing * BLOCK];
        self.write_back_lines(start, blocks.len())?;
        match self.link.read(start, &mut blocks) {
            Ok(()) => self.memory.keep(start, &blocks),
            Err(LinkError::Refused { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(missing > 0)
    }

    /// Where the probe does not look into the data cache, lines are written back and dropped before it reads or writes memory.
    fn write_back_lines(&mut self, address: Address, length: usize) -> Result<(), Fault> {
        if self.link.is_coherent() || !self.is_halted() || !self.data_cache_is_on()? {
            return Ok(());
        }
        write_back(self.link.as_mut(), address, length)?;
        Ok(())
    }

    fn data_cache_is_on(&mut self) -> Result<bool, LinkError> {
        Ok(self.link.peek::<Ccr>(SCS)?.data_cache())
    }

    fn for_each_chunk(
        &mut self,
        address: Address,
        length: u32,
        mut look: impl FnMut(&[u8]),
    ) -> Result<(), Fault> {
        let mut buffer = [0; 4096];
        let mut done = 0;
        while done < length {
            let wanted = buffer.len().min((length - done) as usize);
            let at = Address(address.0.wrapping_add(done));
            let read = self.read_memory(at, &mut buffer[..wanted])?;
            look(&buffer[..read]);
            done += read as u32;
        }
        Ok(())
    }
}

fn write_back(link: &mut dyn Link, address: Address, length: usize) -> Result<(), LinkError> {
    let first = address.0 & !(CACHE_LINE - 1);
    let end = u64::from(address.0) + length as u64;
    let mut line = u64::from(first);
    while line < end {
        link.poke(
            SCS,
            CleanAndInvalidateData::default().with_address(line as u32),
        )?;
        line += u64::from(CACHE_LINE);
    }
    Ok(())
}

fn crc_of_byte(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
        let carry = crc & 0x8000_0000 != 0;
        crc << 1 ^ if carry { 0x04C1_1DB7 } else { 0 }
    })
}
