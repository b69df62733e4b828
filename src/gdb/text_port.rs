//! TCP ports for what a program says and is told: everybody who is connected reads the same, and what they send goes to the program.
//!
//! Bytes go through as they are. Sockets belong to tokio, the program to the owner of the session. A reader that does not keep up loses
//! the oldest text and is told on the log; one that sends more than the program takes is not read until there is room.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener as StdListener},
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

use super::{event_loop::Message, server::ListenError};

/// Pieces of text that wait for a reader.
const WAITING_PIECES: usize = 1024;

/// Bytes on their way to the program.
const WAITING_BYTES: usize = 4096;

/// Bytes that are taken from a socket at a time.
const PIECE_BYTES: usize = 1024;

/// What goes through a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// A channel of RTT.
    Rtt(u32),
    /// Semihosting's console.
    Console,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtt(channel) => write!(f, "RTT channel {channel}"),
            Self::Console => f.write_str("the program's console"),
        }
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

/// A port.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    readers: broadcast::Sender<Arc<[u8]>>,
    accepts: AbortHandle,
}

impl Port {
    /// Serves `stream` on a port that was taken before, by `runtime`.
    pub fn serve(
        listener: StdListener,
        stream: Stream,
        runtime: &Handle,
        inbox: mpsc::WeakSender<Message>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (readers, _) = broadcast::channel(WAITING_PIECES);
        let serving = accept(listener, stream, readers.clone(), inbox);
        Ok(Self {
            address,
            readers,
            accepts: runtime.spawn(serving).abort_handle(),
        })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// True if somebody is connected.
    pub fn is_read(&self) -> bool {
        self.readers.receiver_count() > 0
    }

    /// Sends `text` to everybody who is.
    pub fn say(&self, text: &Arc<[u8]>) {
        // Readers that have left meanwhile miss nothing.
        let _ = self.readers.send(Arc::clone(text));
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// Takes a port.
pub fn listen(address: SocketAddr) -> Result<StdListener, ListenError> {
    let failed = |source| ListenError::new(address, source);
    let listener = StdListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Accepts readers until this is aborted; their connections go with it.
async fn accept(
    listener: StdListener,
    stream: Stream,
    readers: broadcast::Sender<Arc<[u8]>>,
    inbox: mpsc::WeakSender<Message>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(WAITING_BYTES));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (socket, address) = accepted?;
                let Some(inbox) = inbox.upgrade() else {
                    return Ok(());
                };
                let connection = Connection { stream, inbox, room: Arc::clone(&room) };
                connections.spawn(connection.carry(socket, readers.subscribe()));
                tracing::info!(%address, "{stream} has a reader");
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One reader.
struct Connection {
    stream: Stream,
    inbox: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
}

impl Connection {
    async fn carry(self, socket: TcpStream, text: broadcast::Receiver<Arc<[u8]>>) {
        let (reader, writer) = socket.into_split();
        let ended = tokio::select! {
            ended = self.up(writer, text) => ended,
            ended = self.down(reader) => ended,
        };
        if let Err(error) = ended {
            tracing::info!(%error, "{} lost a reader", self.stream);
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
                    "a reader of {} is too slow: it lost {pieces} pieces of text",
                    self.stream
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
            let stream = self.stream;
            if self
                .inbox
                .send(Message::Port { stream, said })
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
