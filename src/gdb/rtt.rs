//! RTT channels as TCP ports, see `text_port.rs`: defmt frames are decoded by whoever reads them. A channel that nobody reads is left
//! alone: its text waits in the program's buffer.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr, TcpListener as StdListener},
    sync::Arc,
};

use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, mpsc},
};

use super::{
    event_loop::Message,
    events::{Event, Events},
    server::ListenError,
    text_port::{Port, Said, Stream, listen},
};
use crate::{
    fault::Fault,
    rtt::{Chunk, Place},
};

/// The ports that a server opens when it starts: one a channel, in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstPorts {
    /// Channel 0's; 0 is any free one for each.
    pub port: u16,
    /// How many channels.
    pub channels: u16,
}

impl FirstPorts {
    /// Takes the ports.
    pub fn listen(self, bind: IpAddr) -> Result<Vec<StdListener>, ListenError> {
        let port = |channel| match self.port {
            0 => 0,
            first => first.saturating_add(channel),
        };
        (0..self.channels)
            .map(|channel| listen(SocketAddr::new(bind, port(channel))))
            .collect()
    }
}

/// All ports, and what waits to be written to the program.
#[derive(Debug)]
pub struct Ports {
    runtime: Handle,
    inbox: mpsc::WeakSender<Message>,
    bind: IpAddr,
    events: Events,
    /// Where the control block is looked for when the next session begins, if it is.
    pub place: Option<Place>,
    ports: Vec<(u32, Port)>,
    waiting: VecDeque<(u32, Vec<u8>, OwnedSemaphorePermit)>,
}

impl Ports {
    /// None yet. Ports are opened at `bind`, and served by `runtime`.
    pub fn new(
        runtime: Handle,
        inbox: mpsc::WeakSender<Message>,
        bind: IpAddr,
        events: Events,
    ) -> Self {
        Self {
            runtime,
            inbox,
            bind,
            events,
            place: None,
            ports: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Opens a port for `channel`; 0 is any free one.
    pub fn open(&mut self, channel: u32, port: u16) -> Result<SocketAddr, ListenError> {
        let listener = listen(SocketAddr::new(self.bind, port))?;
        self.adopt(channel, listener)
    }

    /// Serves `channel` on a port that was taken before.
    pub fn adopt(
        &mut self,
        channel: u32,
        listener: StdListener,
    ) -> Result<SocketAddr, ListenError> {
        let failed = |source| ListenError::new(SocketAddr::new(self.bind, 0), source);
        let stream = Stream::Rtt(channel);
        let port = Port::serve(listener, stream, &self.runtime, self.inbox.clone());
        let port = port.map_err(failed)?;
        let address = port.address();
        self.ports.push((channel, port));
        self.events.tell(&Event::Rtt {
            channel,
            address,
            port: address.port(),
        });
        Ok(address)
    }

    /// Closes a port and its connections; `false` if it is none of these.
    pub fn close(&mut self, port: u16) -> bool {
        let before = self.ports.len();
        self.ports.retain(|(_, open)| open.address().port() != port);
        self.ports.len() < before
    }

    /// The channels that somebody reads.
    pub fn read_channels(&self) -> Vec<u32> {
        let read = self.ports.iter().filter(|(_, port)| port.is_read());
        let mut channels: Vec<u32> = read.map(|(channel, _)| *channel).collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// Hands on what the program said.
    pub fn say(&self, chunk: &Chunk) {
        let data: Arc<[u8]> = chunk.data.as_slice().into();
        for (channel, port) in &self.ports {
            if *channel == chunk.channel {
                port.say(&data);
            }
        }
    }

    /// Takes bytes for the program.
    pub fn take(&mut self, channel: u32, said: Said) {
        if let Said::Bytes(data, room) = said {
            self.waiting.push_back((channel, data, room));
        }
    }

    /// True if nothing waits for the program.
    pub fn nothing_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives what waits to `write`, which takes some of it, in the order in which it came; what it refuses is dropped. Returns true if
    /// anything was taken.
    pub fn write(
        &mut self,
        mut write: impl FnMut(u32, &[u8]) -> Result<usize, Fault>,
    ) -> Result<bool, Fault> {
        let mut any = false;
        let mut full: Vec<u32> = Vec::new();
        let mut left = VecDeque::new();
        while let Some((channel, mut data, room)) = self.waiting.pop_front() {
            if !full.contains(&channel) {
                let taken = write(channel, &data)?;
                any |= taken > 0;
                data.drain(..taken.min(data.len()));
                full.push(channel);
            }
            if !data.is_empty() {
                left.push_back((channel, data, room));
            }
        }
        self.waiting = left;
        Ok(any)
    }
}
