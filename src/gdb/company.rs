//! The clients and what they say, as the owner of the session sees them.
//!
//! The first client controls; those that come while it is there only look. When it leaves, the next to come controls: a client
//! that came to look (a live watch) never finds itself in control, unless it asks for it when nobody else has it.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
};

use tokio::sync::mpsc;

use super::{
    answers,
    event_loop::{ClientId, Ending, Message, Outgoing},
    events::{Event, Events},
    program_console::ProgramConsole,
    refusal::Refusal,
    rtt::Ports,
    wire::{
        dispatch::Request,
        reply::{self, ErrorForm},
    },
};
use crate::{
    fault::{Fault, Journal},
    threads::ThreadId,
};

/// Clients at a time: an IDE with its auxiliary GDB and a live watch, a script, and as many again.
pub const MOST_CLIENTS: usize = 8;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Controls,
    /// Read memory and the registers of the last halt.
    Looks,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// What it may do.
    pub role: Role,
    /// How it takes errors.
    pub error_form: ErrorForm,
    /// It takes `hwbreak` in a stop reply.
    pub takes_hwbreak: bool,
    /// It has read the target description, and numbers registers as that does.
    pub is_described: bool,
    /// The thread whose registers it looks at, if not the one that runs.
    pub selected: Option<ThreadId>,
    /// It resumed the target and waits for a stop reply.
    pub awaits_stop: bool,
    /// What it was told of the last stop.
    pub last_stop: LastStop,
    /// What it was refused while it only looked; the session's journal is the controlling client's.
    pub refusals: Journal,
    replies: mpsc::UnboundedSender<Outgoing>,
}

/// A stop as Ctrl-C has to know it. GDB steps off a breakpoint by itself before it continues, and the user sees a program that runs: a Ctrl-C
/// that comes between the two is for what follows (GDB manual, "Interrupts": it is queued). Behind any other stop it has crossed that stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastStop {
    /// Of a step.
    StepDone,
    /// Of a step, and Ctrl-C has come since.
    StepInterrupted,
    /// Of anything else.
    #[default]
    Another,
}

impl Client {
    /// Sends `outgoing`; a client that is gone says so by itself.
    pub fn send(&self, outgoing: Outgoing) {
        let _ = self.replies.send(outgoing);
    }

    /// Sends console text. Only while GDB takes it: in a monitor command, or while it waits for a stop.
    pub fn console(&self, text: &str) {
        for packet in reply::console(text) {
            self.send(Outgoing::Aside(packet));
        }
    }
}

/// All clients, their messages, and where events go.
#[derive(Debug)]
pub struct Company {
    inbox: mpsc::Receiver<Message>,
    postponed: VecDeque<Message>,
    clients: BTreeMap<ClientId, Client>,
    /// The appli's file, which clients may read.
    pub appli: Option<PathBuf>,
    /// Tells the server to end.
    pub ending: Ending,
    /// Where events go.
    pub events: Events,
    /// RTT's ports, if they can be served.
    pub rtt: Option<Box<Ports>>,
    /// The port of the program's console, if there is one.
    pub console: Option<Box<ProgramConsole>>,
}

impl Company {
    /// Nobody yet.
    pub fn new(inbox: mpsc::Receiver<Message>, ending: Ending, events: Events) -> Self {
        Self {
            inbox,
            postponed: VecDeque::new(),
            clients: BTreeMap::new(),
            appli: None,
            ending,
            events,
            rtt: None,
            console: None,
        }
    }

    /// The next message, waiting for it; `None` if none can come any more.
    pub fn next(&mut self) -> Option<Message> {
        self.postponed
            .pop_front()
            .or_else(|| self.inbox.blocking_recv())
    }

    /// The next message if there is one.
    pub fn next_ready(&mut self) -> Option<Message> {
        self.postponed.pop_front().or_else(|| self.newly_arrived())
    }

    /// The next message that was not postponed, if there is one.
    pub fn newly_arrived(&mut self) -> Option<Message> {
        self.inbox.try_recv().ok()
    }

    /// True if something that `client` said waits: what it says next must not overtake it.
    pub fn has_postponed(&self, client: ClientId) -> bool {
        self.postponed.iter().any(|message| match message {
            Message::Said { client: who, .. } => *who == client,
            _ => false,
        })
    }

    /// Keeps `message` until long work is done.
    pub fn postpone(&mut self, message: Message) {
        self.postponed.push_back(message);
    }

    /// A client has come. `None` if there is no place for it: it is told why and sent away.
    pub fn join(
        &mut self,
        client: ClientId,
        replies: mpsc::UnboundedSender<Outgoing>,
    ) -> Option<Role> {
        let clients = self.clients.len();
        if clients >= MOST_CLIENTS {
            turn_away(&replies, &Refusal::TooMany { clients }.into());
            return None;
        }
        let role = if self.controller().is_some() {
            Role::Looks
        } else {
            Role::Controls
        };
        tracing::info!(?role, "client {} joined", client.0);
        self.clients.insert(
            client,
            Client {
                role,
                error_form: ErrorForm::default(),
                takes_hwbreak: false,
                is_described: false,
                selected: None,
                awaits_stop: false,
                last_stop: LastStop::Another,
                refusals: Journal::default(),
                replies,
            },
        );
        Some(role)
    }

    /// A client has gone; says what it was.
    pub fn leave(&mut self, client: ClientId) -> Option<Role> {
        let role = self.clients.remove(&client)?.role;
        self.events.tell(&Event::Closed {
            clients: self.clients.len(),
        });
        Some(role)
    }

    /// Sends everybody away.
    pub fn dismiss(&mut self) {
        for client in std::mem::take(&mut self.clients).into_values() {
            client.send(Outgoing::Close);
        }
        self.postponed.clear();
    }

    /// A client that is here.
    pub fn client(&mut self, client: ClientId) -> Option<&mut Client> {
        self.clients.get_mut(&client)
    }

    /// The reply to a request that needs nothing from the target.
    pub fn answer_by_heart(&mut self, client: ClientId, request: &Request) -> Option<Vec<u8>> {
        let client = self.clients.get_mut(&client)?;
        answers::by_heart(request, client, self.appli.as_deref())
    }

    /// The client that controls.
    pub fn controller(&self) -> Option<ClientId> {
        self.clients
            .iter()
            .find(|(_, client)| client.role == Role::Controls)
            .map(|(id, _)| *id)
    }

    /// Nobody controls any more, so `client`, which asks for what only a controlling client may do, does from now on. It may have come
    /// while the end of the one before it had not been noticed yet: in the middle of a load, say.
    pub fn takes_over(&mut self, client: ClientId) -> bool {
        if self.controller().is_some() {
            return false;
        }
        let Some(client) = self.clients.get_mut(&client) else {
            return false;
        };
        client.role = Role::Controls;
        true
    }

    /// Somebody is here who does not control, and may ask for registers while the core runs.
    pub fn has_onlookers(&self) -> bool {
        let mut roles = self.clients.values().map(|client| client.role);
        roles.any(|role| role == Role::Looks)
    }

    /// The client that waits for a stop reply.
    pub fn awaiting_stop(&self) -> Option<ClientId> {
        self.clients
            .iter()
            .find(|(_, client)| client.awaits_stop)
            .map(|(id, _)| *id)
    }

    /// Sends `outgoing` to `client` if it is still here.
    pub fn send(&self, client: ClientId, outgoing: Outgoing) {
        if let Some(client) = self.clients.get(&client) {
            client.send(outgoing);
        }
    }

    /// Tells a fault to the log and to the reader of the events, and keeps it for `monitor why`. The same fault again is not told
    /// again: GDB repeats reads.
    pub fn tell(&self, fault: &Fault, journal: &mut Journal) {
        if journal.last() == Some(fault) {
            return;
        }
        tracing::warn!("{fault}");
        self.events.tell(&Event::from(fault));
        journal.record(fault.clone());
    }
}

/// Sends a client away with `fault` as the answer to whatever it asks first. That is `qSupported`, to which every GDB shows an error
/// as it came, text and all; an error to `?` later would leave it hanging.
pub fn turn_away(replies: &mpsc::UnboundedSender<Outgoing>, fault: &Fault) {
    tracing::warn!("a client was sent away: {}", fault.one_line());
    // It may be gone already, which is as good.
    let _ = replies.send(Outgoing::TurnAway(reply::error(fault, ErrorForm::Text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company() -> (Company, mpsc::Sender<Message>) {
        let (sender, inbox) = mpsc::channel(8);
        (
            Company::new(inbox, Ending::default(), Events::Silent),
            sender,
        )
    }

    fn join(company: &mut Company, client: u64) -> Role {
        company
            .join(ClientId(client), mpsc::unbounded_channel().0)
            .expect("a place")
    }

    #[test]
    fn a_client_too_many_is_told_so_and_sent_away() {
        let (mut company, _inbox) = company();
        for client in 0..MOST_CLIENTS as u64 {
            join(&mut company, client);
        }
        let (replies, mut told) = mpsc::unbounded_channel();
        assert_eq!(company.join(ClientId(99), replies), None);
        let Ok(Outgoing::TurnAway(reply)) = told.try_recv() else {
            panic!("it is told nothing");
        };
        assert!(reply.starts_with(b"E.XG063 8 clients are connected"));
        company.leave(ClientId(3));
        assert_eq!(join(&mut company, 100), Role::Looks, "its place is free");
    }

    #[test]
    fn nothing_that_a_client_says_overtakes_what_waits() {
        let (mut company, _inbox) = company();
        company.postpone(Message::Said {
            client: ClientId(1),
            what: super::super::wire::framer::Incoming::Packet(b"g".to_vec()),
        });
        assert!(company.has_postponed(ClientId(1)));
        assert!(!company.has_postponed(ClientId(2)));
    }

    #[test]
    fn the_first_controls_and_the_others_look() {
        let (mut company, _inbox) = company();
        assert_eq!(join(&mut company, 1), Role::Controls);
        assert_eq!(join(&mut company, 2), Role::Looks);
        assert_eq!(company.leave(ClientId(1)), Some(Role::Controls));
        assert_eq!(company.controller(), None, "a looker does not inherit");
        assert_eq!(join(&mut company, 3), Role::Controls);
        assert!(!company.takes_over(ClientId(2)), "3 controls");
        assert_eq!(company.leave(ClientId(3)), Some(Role::Controls));
        assert!(company.takes_over(ClientId(2)), "nobody else does");
        assert_eq!(join(&mut company, 4), Role::Looks);
    }

    #[test]
    fn postponed_messages_keep_their_order() {
        let (mut company, inbox) = company();
        let left = |id| Message::Left {
            client: ClientId(id),
        };
        company.postpone(left(1));
        company.postpone(left(2));
        assert!(inbox.try_send(left(3)).is_ok());
        let order: Vec<_> = std::iter::from_fn(|| company.next_ready())
            .map(|message| match message {
                Message::Left { client } => client.0,
                _ => 0,
            })
            .collect();
        assert_eq!(order, [1, 2, 3]);
    }
}
