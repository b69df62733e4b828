//! RTT in a session: when the block is looked for, and what the data cache has to do with it.
//!
//! Through an access port whose accesses are cacheable (`Link::is_coherent`) the host sees what the core sees. Past the cache it does
//! not: while the core is halted, lines are written back first, as for every other memory; while it runs nothing can be done, so that a
//! block in cached memory is told. DTCM has no cache.

use std::ops::Range;

use super::{Session, memory::is_tightly_coupled};
use crate::{
    fault::{Disposition, Fault},
    layout::{Address, Ram},
    link::caches,
    rtt::{Channel, Chunk, Place, Rtt, RttError},
};

/// RTT, once somebody asked for it.
#[derive(Debug)]
pub(super) struct Transfer {
    rtt: Rtt,
    past_cache_told: bool,
}

impl Session {
    /// Where the control block is looked for.
    pub fn rtt_setup(&mut self, place: Place) -> Result<(), Fault> {
        self.rtt_place = place;
        if self.rtt_is_started() {
            self.rtt_stop()?;
            self.rtt_start();
        }
        Ok(())
    }

    /// Looks for a control block from now on.
    pub fn rtt_start(&mut self) {
        if self.rtt_is_started() {
            return;
        }
        let rams = self.settings.profile.rams.iter().map(Ram::range).collect();
        self.transfer = Some(Transfer {
            rtt: Rtt::new(self.rtt_place.clone(), self.windows.image(), rams),
            past_cache_told: false,
        });
    }

    /// No longer; channels are left as the program had them.
    pub fn rtt_stop(&mut self) -> Result<(), Fault> {
        if let Some(mut transfer) = self.transfer.take() {
            transfer.rtt.release(self.link.as_mut())?;
        }
        Ok(())
    }

    /// Where a control block is looked for, if it is.
    pub fn rtt_place(&self) -> Option<&Place> {
        self.transfer.as_ref().map(|_| &self.rtt_place)
    }

    /// True if a control block is looked for.
    pub fn rtt_is_started(&self) -> bool {
        self.transfer.is_some()
    }

    /// Where the control block is, if it was found.
    pub fn rtt_block(&self) -> Option<Address> {
        let block = self.transfer.as_ref()?.rtt.block()?;
        Some(Address(block.start as u32))
    }

    /// From now on the program waits when an up channel is full, until [`Session::rtt_stop`].
    pub fn rtt_block_when_full(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.rtt.block_when_full();
        }
    }

    /// What the program has written to these up channels since the last look; nothing if RTT is not started.
    pub fn rtt_read(&mut self, channels: &[u32]) -> Result<Vec<Chunk>, Fault> {
        self.with_rtt(|rtt, link, image| rtt.read(link, image, channels))
            .unwrap_or(Ok(Vec::new()))
    }

    /// Writes to a down channel what there is room for; returns how many bytes that were.
    pub fn rtt_write(&mut self, channel: u32, data: &[u8]) -> Result<usize, Fault> {
        self.with_rtt(|rtt, link, image| rtt.write(link, image, channel, data))
            .unwrap_or_else(|| Err(RttError::NotStarted.into()))
    }

    /// The channels that the program has set up.
    pub fn rtt_channels(&mut self) -> Result<Vec<Channel>, Fault> {
        let channels = self.with_rtt(|rtt, link, image| {
            let place = rtt.search().to_string();
            rtt.channels(link, image)?
                .ok_or(RttError::NotFound { place })
        });
        channels.unwrap_or_else(|| Err(RttError::NotStarted.into()))
    }

    /// Before a reset, with the core halted: what is found behind it must have been written behind it.
    pub(super) fn wipe_rtt(&mut self) -> Result<(), Fault> {
        let Some(wiped) = self.with_rtt(|rtt, link, _| rtt.wipe(link)) else {
            return Ok(());
        };
        match wiped {
            Ok(Some(block)) => self.clean_lines(&block),
            Ok(None) => Ok(()),
            Err(fault) if fault.disposition() == Disposition::EndSession => Err(fault),
            Err(fault) => {
                self.journal.record(fault);
                Ok(())
            }
        }
    }

    /// The core was reset: what the program is, and where its block, is seen anew.
    pub(super) fn forget_rtt(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.rtt.forget(self.windows.image());
        }
    }

    /// Does `work` if RTT is started; with what the core has of the block in memory, and nothing known that changes.
    fn with_rtt<T>(
        &mut self,
        work: impl FnOnce(
            &mut Rtt,
            &mut dyn crate::link::Link,
            Option<&crate::image::Image>,
        ) -> Result<T, RttError>,
    ) -> Option<Result<T, Fault>> {
        let mut transfer = self.transfer.take()?;
        let done = match self.see_past_cache(&mut transfer) {
            Ok(()) => work(&mut transfer.rtt, self.link.as_mut(), self.windows.image())
                .map_err(Fault::from),
            Err(fault) => Err(fault),
        };
        self.transfer = Some(transfer);
        // Offsets and buffers have changed below what a halted core's memory is known as.
        self.memory.clear();
        Some(done)
    }

    /// Where accesses go past the data cache: lines of block and buffers are written back, or the user is told that they cannot be.
    fn see_past_cache(&mut self, transfer: &mut Transfer) -> Result<(), Fault> {
        if self.link.is_coherent() {
            return Ok(());
        }
        let cached: Vec<Range<u64>> = transfer
            .rtt
            .memory()
            .filter(|piece| !is_tightly_coupled(Address(piece.start as u32)))
            .collect();
        if cached.is_empty() || (!self.is_halted() && transfer.past_cache_told) {
            return Ok(());
        }
        if self.is_halted() {
            return cached
                .iter()
                .try_for_each(|piece| self.write_back_lines(start_of(piece), length_of(piece)));
        }
        transfer.past_cache_told = true;
        if self.data_cache_is_on()? {
            self.console.push(format!(
                "RTT lies in cached memory ({}), and this probe reads past the cache: text comes late or twice while the core runs; DTCM has no cache",
                start_of(&cached[0])
            ));
        }
        Ok(())
    }

    /// What was written reaches memory: a reset drops what only the cache has.
    fn clean_lines(&mut self, block: &Range<u64>) -> Result<(), Fault> {
        if is_tightly_coupled(start_of(block)) || !self.data_cache_is_on()? {
            return Ok(());
        }
        let lines: Vec<u32> = caches::lines(start_of(block), length_of(block)).collect();
        Ok(caches::clean_and_invalidate_data(
            self.link.as_mut(),
            &lines,
        )?)
    }
}

fn start_of(piece: &Range<u64>) -> Address {
    Address(piece.start as u32)
}

fn length_of(piece: &Range<u64>) -> usize {
    (piece.end - piece.start) as usize
}
