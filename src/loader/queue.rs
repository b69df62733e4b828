//! The queue of our own loader: erases and programs are carried out one after the other while the next data travel.
//!
//! `FastProgram` (firmware/loader, `fast.rs`) shares a mailbox with us: the words ready, stop and done, then 32 entries of work, address,
//! length and data, used in turn. We write an entry and its data, then ready; the loader counts done. The data lie in slots of the
//! largest RAM that is left, so that during an erase of 256 ms the next blocks arrive. The whole queue is one call, which may take longer
//! than the longest period of a watchdog that option bytes started: it is fed whenever an entry is done.

use std::time::Duration;

use super::{Call, Loader, LoaderError, Operation, Outcome};
use crate::{layout::Address, link::Link, window::Windows};

/// Offsets in the mailbox.
const READY: u32 = 0;
const DONE: u32 = 8;
const ENTRIES: u32 = 12;
const ENTRY_BYTES: u32 = 16;
const ENTRY_COUNT: u32 = 32;
const MAILBOX_BYTES: u32 = ENTRIES + ENTRY_BYTES * ENTRY_COUNT;

/// Between two looks at what is done, while there is nothing else to do.
const PAUSE: Duration = Duration::from_millis(1);

/// How often the counter is looked at before the core itself is.
const LOOKS: u32 = 16;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Program; the data are given with it.
    Program = 0,
    /// Erase 4 KiB.
    EraseSector = 1,
    /// Erase 64 KiB.
    EraseBlock = 2,
}

/// A queue that a loader works through.
#[derive(Debug)]
pub struct Queue {
    call: Call,
    mailbox: Address,
    slots: Address,
    slot_bytes: u32,
    slot_count: u32,
    /// Entries written, and how many of them were programs.
    sent: u32,
    programs: u32,
    done: u32,
    /// What each entry of the mailbox is, by its turn; and which entry has used each slot last.
    operations: [Option<Operation>; ENTRY_COUNT as usize],
    users: Vec<u32>,
}

impl Loader<'_> {
    /// Starts the queue; `None` if the loader has none, or no room for it.
    pub fn start_queue(
        &mut self,
        link: &mut dyn Link,
        windows: &mut Windows,
    ) -> Result<Option<Queue>, LoaderError> {
        let slot_bytes = self.plan.buffer_bytes;
        let pool = self.plan.pool.clone();
        let room = (pool.end - pool.start).saturating_sub(MAILBOX_BYTES.into());
        let slot_count = (room / u64::from(slot_bytes)).min(ENTRY_COUNT.into()) as u32;
        let Some(fast) = self.routine.fast().filter(|_| slot_count >= 2) else {
            return Ok(None);
        };
        let slots = Address(pool.start as u32);
        let mailbox = Address(slots.0 + slot_bytes * slot_count);
        link.write(mailbox, &[0; MAILBOX_BYTES as usize])?;
        let operation = Operation::Program {
            address: Address(self.routine.flash.range.start as u32),
            length: 0,
        };
        let limit = self.routine.limits.erase;
        let arguments = [mailbox.0, 0, 0, 0];
        let request = self.request(operation, fast.program, arguments, limit);
        self.has_changed = true;
        Ok(Some(Queue {
            call: self.begin(link, windows, request)?,
            mailbox,
            slots,
            slot_bytes,
            slot_count,
            sent: 0,
            programs: 0,
            done: 0,
            operations: [None; ENTRY_COUNT as usize],
            users: Vec::new(),
        }))
    }
}

impl Queue {
    /// Most bytes of one program.
    pub fn program_bytes(&self) -> u32 {
        self.slot_bytes
    }

    /// Adds a piece of work, as soon as there is room for it.
    pub fn push(
        &mut self,
        loader: &mut Loader<'_>,
        link: &mut dyn Link,
        work: Work,
        address: Address,
        data: &[u8],
    ) -> Result<(), LoaderError> {
        let length = data.len() as u32;
        let slot = self.programs % self.slot_count;
        if work == Work::Program {
            if let Some(user) = self.users.get(slot as usize).copied() {
                self.wait_for(loader, link, user + 1)?;
            }
            link.write(self.slot(slot), data)?;
        }
        self.wait_for(loader, link, (self.sent + 1).saturating_sub(ENTRY_COUNT))?;
        let turn = self.sent % ENTRY_COUNT;
        let entry = [work as u32, address.0, length, self.slot(slot).0];
        let at = Address(self.mailbox.0 + ENTRIES + ENTRY_BYTES * turn);
        link.write(at, entry.map(u32::to_le_bytes).as_flattened())?;
        let operation = match work {
            Work::Program => Operation::Program { address, length },
            Work::EraseSector | Work::EraseBlock => Operation::Erase { sector: address },
        };
        if let Some(known) = self.operations.get_mut(turn as usize) {
            *known = Some(operation);
        }
        if work == Work::Program {
            match self.users.get_mut(slot as usize) {
                Some(user) => *user = self.sent,
                None => self.users.push(self.sent),
            }
            self.programs += 1;
        }
        self.sent += 1;
        link.write_word(Address(self.mailbox.0 + READY), self.sent)?;
        Ok(())
    }

    /// Says that no more will come, and waits until all is done.
    pub fn finish(
        mut self,
        loader: &mut Loader<'_>,
        link: &mut dyn Link,
        windows: &mut Windows,
    ) -> Result<(), LoaderError> {
        let stop = [self.sent, 1].map(u32::to_le_bytes);
        link.write(Address(self.mailbox.0 + READY), stop.as_flattened())?;
        let sent = self.sent;
        self.wait_for(loader, link, sent)?;
        loader.wait(link, windows, self.call)
    }

    /// Waits until `count` entries are done.
    fn wait_for(
        &mut self,
        loader: &Loader<'_>,
        link: &mut dyn Link,
        count: u32,
    ) -> Result<(), LoaderError> {
        let mut looks = 0;
        while self.done < count {
            let done = link.read_word(Address(self.mailbox.0 + DONE))?;
            if done != self.done {
                self.done = done;
                self.call.has_progressed();
                loader.caller.feed(link)?;
                continue;
            }
            looks += 1;
            if looks % LOOKS == 0 && loader.has_ended(link, &mut self.call)? {
                return Err(self.why(loader));
            }
            self.call.pass(link, PAUSE)?;
        }
        Ok(())
    }

    /// The entry that failed is the first that is not done.
    fn why(&mut self, loader: &Loader<'_>) -> LoaderError {
        let turn = (self.done % ENTRY_COUNT) as usize;
        let known = self.operations.get(turn).copied().flatten();
        LoaderError::Call {
            loader: loader.routine.name.clone(),
            operation: known.unwrap_or(Operation::Map),
            // It has returned as if all were done, and it is not.
            outcome: self.call.take_failure().unwrap_or(Outcome::Reported(1)),
        }
    }

    fn slot(&self, slot: u32) -> Address {
        Address(self.slots.0 + slot * self.slot_bytes)
    }
}
