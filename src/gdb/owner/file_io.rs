//! Calls of the program that the controlling client serves (GDB manual, "File-I/O Remote Protocol Extension").
//!
//! The core is halted at the call; for the client, which has resumed it, it runs. It takes a request as it takes console text, where it
//! waits for a stop, reads and writes what it is lent, and answers. Until then it may look at the target and leave, but change nothing.
//! A Ctrl-C crosses a request on the wire: the stop comes behind the answer, which says whether the call has been served.

use std::ops::ControlFlow;

use super::{Owner, Shown};
use crate::{
    gdb::{
        event_loop::{ClientId, Outgoing},
        refusal::{self, Refusal},
        wire::{
            dispatch::{Need, Request},
            encoding::{escape, from_hex, to_hex, unescape},
            file_io::{self, LENT_BYTES, Lent, Reply, Touch},
            reply::OK,
        },
    },
    semihosting::Errand,
    session::{Behind, RegionKind},
};

/// A request that a client has not answered.
pub(super) struct Asked {
    client: ClientId,
    errand: Errand,
    lent: Lent,
    /// The user has pressed Ctrl-C.
    interrupted: bool,
}

impl Owner {
    /// Asks the client that waits for a stop. If nobody does, the call waits until somebody resumes the program.
    pub(super) fn ask(&mut self, errand: &Errand) {
        let (Some(client), Some(address)) = (
            self.debuggee.company.awaiting_stop(),
            self.address_to_lend(),
        ) else {
            tracing::info!("a call of the program waits for a client that resumes it");
            return;
        };
        let (packet, lent) = file_io::request(errand, address);
        self.asked = Some(Asked {
            client,
            errand: errand.clone(),
            lent,
            interrupted: false,
        });
        let request = Outgoing::Aside(packet.into_bytes());
        self.debuggee.company.send(client, request);
    }

    /// Where the memory map has RAM enough; not at 0, which GDB takes for no pointer at all.
    fn address_to_lend(&self) -> Option<u32> {
        let map = self.debuggee.session.memory_map();
        map.iter()
            .filter(|region| region.kind == RegionKind::Ram && region.start.0 > 0)
            .find(|region| region.length as usize >= LENT_BYTES)
            .map(|region| region.start.0)
    }

    /// Ctrl-C of a client that has a request to answer; false if it has none.
    pub(super) fn interrupts_call(&mut self, client: ClientId) -> bool {
        match &mut self.asked {
            Some(asked) if asked.client == client => {
                asked.interrupted = true;
                true
            }
            _ => false,
        }
    }

    /// The client has gone, or says goodbye.
    pub(super) fn stop_asking(&mut self, client: ClientId) {
        if self.asked.take_if(|asked| asked.client == client).is_some()
            && let Some(client) = self.debuggee.company.client(client)
        {
            client.awaits_stop = false;
        }
    }

    /// A request of a client that is asked; `None` if it is served as any other.
    pub(super) fn while_asked(
        &mut self,
        client: ClientId,
        request: &Request,
        body: &[u8],
    ) -> Option<ControlFlow<()>> {
        let asked = self.asked.as_mut().filter(|asked| asked.client == client);
        let refusal = match (asked, request) {
            (Some(asked), Request::Stub { packet, .. }) => {
                if let Some(reply) = touched(&mut asked.lent, packet) {
                    return Some(self.send(client, Outgoing::Reply(reply)));
                }
                None
            }
            (Some(asked), Request::ReadBinary { address, length }) => {
                let read = asked.lent.read(*address, *length)?;
                let mut reply = vec![b'b'];
                reply.extend(escape(read));
                return Some(self.send(client, Outgoing::Reply(reply)));
            }
            (Some(_), Request::Answered(reply)) => return Some(self.answered(*reply)),
            (Some(_), Request::Detach | Request::Kill | Request::KillProcess) => {
                self.stop_asking(client);
                return None;
            }
            (Some(_), _) => None,
            (None, Request::Answered(_)) => Some(Refusal::NotAsked),
            (None, _) => return None,
        };
        let refusal = match refusal {
            Some(refusal) => refusal,
            None if request.need() == Need::Look => return None,
            None => Refusal::AnswerFirst {
                packet: refusal::Shown(body).to_string(),
            },
        };
        Some(self.refuse(client, &refusal.into(), Shown::No))
    }

    fn answered(&mut self, reply: Reply) -> ControlFlow<()> {
        let Some(asked) = self.asked.take() else {
            return ControlFlow::Continue(());
        };
        // What comes next is a stop, or the next request.
        self.debuggee.company.send(asked.client, Outgoing::NoReply);
        let answer = reply.answer(&asked.errand, &asked.lent);
        let behind = match asked.interrupted || reply.interrupts {
            true => Behind::Stops,
            false => Behind::GoesOn,
        };
        match self.debuggee.session.client_answered(answer, behind) {
            Ok(Some(stop)) => self.stopped(&stop),
            Ok(None) => {}
            Err(fault) => return self.lost_while_running(&fault),
        }
        if behind == Behind::Stops
            && let Some(asked) = &mut self.asked
        {
            asked.interrupted = true;
        }
        ControlFlow::Continue(())
    }
}

/// The reply to `m`, `M` or `X` within what is lent.
fn touched(lent: &mut Lent, packet: &[u8]) -> Option<Vec<u8>> {
    match file_io::touch(packet)? {
        Touch::Read(address, length) => lent.read(address, length).map(to_hex),
        Touch::Write(address, data) => {
            let data = match packet.first() {
                Some(b'M') => from_hex(data)?,
                _ => unescape(data)?,
            };
            lent.write(address, &data).map(|()| OK.to_vec())
        }
    }
}
