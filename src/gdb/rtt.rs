//! RTT channels as TCP ports: what the program says goes to everybody who is connected, what they send goes to the program.
//!
//! Bytes go through as they are: defmt frames are decoded by whoever reads them. Sockets belong to tokio, RAM to the owner of the
//! session. A reader that does not keep up loses the oldest text and is told on the log; one that sends more than the program takes is
//! not read until there is room. A channel that nobody reads is left alone: its text waits in the program's buffer.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr, TcpListener as StdListener},
    sync::Arc,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc},
    task::{AbortHandle, JoinSet},
};

use super::{
    event_loop::Message,
    events::{Event, Events},
    server::ListenError,
};
use crate::{
    fault::Fault,
    rtt::{Chunk, Place},
};

/// Pieces of text that wait for a reader.
const WAITING_PIECES: usize = 1024;

/// Bytes on their way to the program.
const WAITING_BYTES: usize = 4096;

/// Bytes that are taken from a socket at a time.
const PIECE_BYTES: usize = 1024;

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

/// What comes from the readers of a port.
#[derive(Debug)]
pub enum Said {
    /// Somebody connected, and may find text that waits.
    Joined,
    /// Bytes for the program; there is room for others when these are dropped.
    Bytes(Vec<u8>, OwnedSemaphorePermit),
}

/// A channel's port.
#[derive(Debug)]
struct Port {
    channel: u32,
    address: SocketAddr,
    readers: broadcast::Sender<Arc<[u8]>>,
    accepts: AbortHandle,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.accepts.abort();
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
    ports: Vec<Port>,
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
        let address = listener.local_addr().map_err(failed)?;
        let (readers, _) = broadcast::channel(WAITING_PIECES);
        let serving = accept(listener, channel, readers.clone(), self.inbox.clone());
        let accepts = self.runtime.spawn(serving).abort_handle();
        self.ports.push(Port {
            channel,
            address,
            readers,
            accepts,
        });
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
        self.ports.retain(|open| open.address.port() != port);
        self.ports.len() < before
    }

    /// The channels that somebody reads.
    pub fn read_channels(&self) -> Vec<u32> {
        let read = self
            .ports
            .iter()
            .filter(|port| port.readers.receiver_count() > 0);
        let mut channels: Vec<u32> = read.map(|port| port.channel).collect();
        channels.sort_unstable();
        channels.dedup();
        channels
    }

    /// Hands on what the program said.
    pub fn say(&self, chunk: &Chunk) {
        let data: Arc<[u8]> = chunk.data.as_slice().into();
        for port in self
            .ports
            .iter()
            .filter(|port| port.channel == chunk.channel)
        {
            // Readers that have left meanwhile miss nothing.
            let _ = port.readers.send(Arc::clone(&data));
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

fn listen(address: SocketAddr) -> Result<StdListener, ListenError> {
    let failed = |source| ListenError::new(address, source);
    let listener = StdListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Accepts readers until this is aborted; their connections go with it.
async fn accept(
    listener: StdListener,
    channel: u32,
    readers: broadcast::Sender<Arc<[u8]>>,
    inbox: mpsc::WeakSender<Message>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(WAITING_BYTES));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, address) = accepted?;
                tracing::info!(%address, "RTT channel {channel} has a reader");
                let Some(inbox) = inbox.upgrade() else {
                    return Ok(());
                };
                let connection = Connection { channel, inbox, room: Arc::clone(&room) };
                connections.spawn(connection.carry(stream, readers.subscribe()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One reader.
struct Connection {
    channel: u32,
    inbox: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
}

impl Connection {
    async fn carry(self, stream: TcpStream, text: broadcast::Receiver<Arc<[u8]>>) {
        let (reader, writer) = stream.into_split();
        let ended = tokio::select! {
            ended = self.up(writer, text) => ended,
            ended = self.down(reader) => ended,
        };
        if let Err(error) = ended {
            tracing::info!(%error, "RTT channel {} lost a reader", self.channel);
        }
    }

    /// What the program says.
    async fn up(
        &self,
        mut writer: OwnedWriteHalf,
        mut text: broadcast::Receiver<Arc<[u8]>>,
    ) -> io::Result<()> {
        loop {
            match text.recv().await {
                Ok(data) => writer.write_all(&data).await?,
                Err(broadcast::error::RecvError::Lagged(pieces)) => tracing::warn!(
                    "a reader of RTT channel {} is too slow: it lost {pieces} pieces of text",
                    self.channel
                ),
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            }
        }
    }

    /// What the program is told.
    async fn down(&self, mut reader: OwnedReadHalf) -> io::Result<()> {
        let mut said = Said::Joined;
        let mut bytes = [0; PIECE_BYTES];
        loop {
            let channel = self.channel;
            if self
                .inbox
                .send(Message::Rtt { channel, said })
                .await
                .is_err()
            {
                return Ok(());
            }
            let length = reader.read(&mut bytes).await?;
            if length == 0 {
                return Ok(());
            }
            let room = Arc::clone(&self.room);
            let Ok(permit) = room.acquire_many_owned(length as u32).await else {
                return Ok(());
            };
            said = Said::Bytes(bytes[..length].to_vec(), permit);
        }
    }
}
