//! What goes on while the session is busy with long work: programming, or running the boot stage.
//!
//! The other clients' reads are served between two steps of it, so that a live watch stays alive: memory inside the chip through
//! the link, registers as they were at the last halt. External memory is being changed, and its controller belongs to the
//! loader: reads of it are refused as busy. Everything else waits its turn. An interrupt of the controlling client, its
//! going away or the end of the server cancel the work where cancelling is safe.

use super::{
    company::{Company, Role},
    event_loop::{ClientId, Message, Outgoing},
    events::Pace,
    refusal::Refusal,
    snapshot::Snapshot,
    threads, undescribed,
    wire::{
        dispatch::{Request, parse},
        encoding::{escape, range, to_hex},
        framer::Incoming,
        reply,
    },
};
use crate::{
    fault::Fault,
    layout::Address,
    link::{Attendant, Link, Progress, Verdict},
};

/// First address outside of the chip (ARM ARM B3.1: external RAM begins at 0x6000_0000).
const EXTERNAL: u32 = 0x6000_0000;

/// First address above external RAM and external devices.
const ABOVE_EXTERNAL: u32 = 0xE000_0000;

/// Serves the company between two steps of long work.
#[derive(Debug)]
pub struct Meanwhile<'a> {
    /// Everybody who is connected.
    pub company: &'a mut Company,
    /// The target as it was at the last halt.
    pub snapshot: &'a Snapshot,
    /// The controlling client has said goodbye: its going away cancels nothing.
    is_last_wish: bool,
    /// The work was cancelled.
    cancelled: bool,
    /// When progress is told.
    pace: Pace,
}

impl<'a> Meanwhile<'a> {
    /// Ready to serve.
    pub fn new(company: &'a mut Company, snapshot: &'a Snapshot) -> Self {
        Self {
            company,
            snapshot,
            is_last_wish: false,
            cancelled: false,
            pace: Pace::default(),
        }
    }

    /// For work that the controlling client leaves behind.
    pub fn last_wish(company: &'a mut Company, snapshot: &'a Snapshot) -> Self {
        Self {
            is_last_wish: true,
            ..Self::new(company, snapshot)
        }
    }

    fn serve(&mut self, message: Message, link: &mut dyn Link) {
        match message {
            Message::Said {
                client,
                what: Incoming::Packet(body),
            } => match self.answer(client, &body, link) {
                Some(reply) => self.company.send(client, Outgoing::Reply(reply)),
                None => self.company.postpone(Message::Said {
                    client,
                    what: Incoming::Packet(body),
                }),
            },
            Message::Said {
                client,
                what: Incoming::Interrupt,
            } => self.cancelled |= self.company.controller() == Some(client),
            Message::End => self.cancelled = true,
            Message::Left { client } => {
                let controls = self.company.controller() == Some(client);
                self.cancelled |= controls && !self.is_last_wish;
                if !controls {
                    // Its place is free at once: others may come and go while the work lasts.
                    self.company.leave(client);
                }
                self.company.postpone(message);
            }
            Message::Joined { client, replies } => {
                self.company.join(client, replies);
            }
            Message::Said { .. } | Message::Port { .. } => self.company.postpone(message),
        }
    }

    /// The reply to a looking client's request, if it can be given now.
    fn answer(&mut self, client: ClientId, body: &[u8], link: &mut dyn Link) -> Option<Vec<u8>> {
        if self.company.has_postponed(client) {
            return None;
        }
        let asking = self.company.client(client)?;
        if asking.role == Role::Controls {
            return None;
        }
        let (form, is_described) = (asking.error_form, asking.is_described);
        let request = parse(body);
        if let Some(reply) = self.company.answer_by_heart(client, &request) {
            return Some(reply);
        }
        if let Some(reply) = threads::answer(&request, self.snapshot) {
            return Some(reply);
        }
        match request {
            Request::WhyStopped => Some(threads::stopped(self.snapshot.running)),
            Request::Stub { packet, .. } => match packet.split_first()? {
                (b'g', []) if is_described => Some(self.snapshot.reply()),
                (b'g', []) => Some(undescribed::general(&self.snapshot.reply())),
                (b'm', place) => {
                    let (address, length) = range(place)?;
                    Some(match read(link, address, length) {
                        Ok(data) => to_hex(&data),
                        Err(fault) => reply::error(&fault, form),
                    })
                }
                _ => None,
            },
            Request::ReadBinary { address, length } => Some(match read(link, address, length) {
                Ok(data) => {
                    let mut reply = vec![b'b'];
                    reply.extend(escape(&data));
                    reply
                }
                Err(fault) => reply::error(&fault, form),
            }),
            _ => None,
        }
    }
}

impl Attendant for Meanwhile<'_> {
    fn attend(&mut self, progress: &Progress, link: &mut dyn Link) -> Verdict {
        if let Some(event) = self.pace.event(progress) {
            self.company.events.tell(&event);
        }
        while let Some(message) = self.company.newly_arrived() {
            self.serve(message, link);
        }
        if self.cancelled || self.company.ending.is_requested() {
            Verdict::Cancel
        } else {
            Verdict::Continue
        }
    }
}

/// Reads memory inside the chip.
fn read(link: &mut dyn Link, address: u32, length: u32) -> Result<Vec<u8>, Fault> {
    let end = u64::from(address) + u64::from(length);
    if address < ABOVE_EXTERNAL && end > u64::from(EXTERNAL) {
        return Err(Refusal::Busy {
            address: Address(address),
        }
        .into());
    }
    let mut data = vec![0; length as usize];
    link.read(Address(address), &mut data)
        .map_err(Fault::from)?;
    Ok(data)
}
