//! Sockets, signals and timers: the tokio side of the server.
//!
//! Everything here runs in one thread and never touches the target. A task a client frames what comes in, hands it to the thread
//! that owns the session (`owner.rs`) and frames what comes back. While a request is under way the client hears a `+` every
//! second: GDB gives up after three silences of two seconds, skips acknowledgements that it does not expect, and takes each byte
//! as a sign of life.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::{JoinSet, yield_now},
    time::{Instant, sleep_until, timeout},
};

use super::{
    server::Interrupt,
    text_port,
    wire::framer::{Framer, Incoming, PACKET_BYTES},
};
use crate::platform::{self, Hangup, Terminate};

/// A sign of life goes out this often while a client waits.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// At the end of the server clients may take so long to take their last replies.
const FAREWELL: Duration = Duration::from_secs(1);

/// Messages that wait for the owner of the session before sockets are no longer read.
pub const INBOX_MESSAGES: usize = 64;

/// A client, numbered in the order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// From the sockets to the owner of the session.
#[derive(Debug)]
pub enum Message {
    /// A client has connected.
    Joined {
        /// Who.
        client: ClientId,
        /// Where its replies go.
        replies: mpsc::UnboundedSender<Outgoing>,
    },
    /// A client said something.
    Said {
        /// Who.
        client: ClientId,
        /// What.
        what: Incoming,
    },
    /// A client's connection is closed.
    Left {
        /// Who.
        client: ClientId,
    },
    /// A reader of a port connected, or sent something.
    Port {
        /// What goes through it.
        stream: text_port::Stream,
        /// What.
        said: text_port::Said,
    },
    /// The server was told to end; see [`Ending`].
    End,
}

/// From the owner of the session to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// The answer to the oldest request under way.
    Reply(Vec<u8>),
    /// The oldest request under way has no answer, or its answer comes later as an [`Outgoing::Aside`].
    NoReply,
    /// Console text or a stop reply.
    Aside(Vec<u8>),
    /// There is no place for the client: the answer to its first request, which is its last.
    TurnAway(Vec<u8>),
    /// Close the connection when all of this is sent.
    Close,
}

/// Says that the server shall end; long work looks at it between two steps.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    requested: Arc<watch::Sender<bool>>,
}

impl Ending {
    /// Tells the server to end.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// True once it was told to.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until it is told to.
    pub async fn requested(&self) {
        // The sender lives as long as this: the wait ends for no other reason.
        let _ = self
            .requested
            .subscribe()
            .wait_for(|requested| *requested)
            .await;
    }
}

/// The signals that end the server. They are caught from the moment this is made, and none is lost.
#[derive(Debug)]
pub struct Signals {
    terminate: Terminate,
    interrupt: platform::Interrupt,
    hangup: Hangup,
    whose: Interrupt,
}

impl Signals {
    /// Catches them. To be called in the context of the runtime.
    pub fn catch(whose: Interrupt) -> io::Result<Self> {
        Ok(Self {
            terminate: platform::terminate()?,
            interrupt: platform::interrupt()?,
            hangup: platform::hangup()?,
            whose,
        })
    }
}

/// Accepts clients until the server is told to end, by `ending` or by a signal; then until the owner has let go of its clients.
pub async fn accept(
    listener: TcpListener,
    inbox: mpsc::Sender<Message>,
    ending: Ending,
    signals: Signals,
) -> io::Result<()> {
    let Signals {
        mut terminate,
        mut interrupt,
        mut hangup,
        whose,
    } = signals;
    let mut clients = 0;
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    clients += 1;
                    conversations.spawn(attend(stream, address, ClientId(clients), inbox.clone()));
                }
                // Out of descriptors, or the client was gone before we took it: others may still come.
                Err(error) => {
                    tracing::warn!(%error, "a client could not be accepted");
                    tokio::time::sleep(SIGN_OF_LIFE).await;
                }
            },
            Some(_) = conversations.join_next() => {}
            _ = terminate.recv() => break,
            _ = interrupt.recv(), if whose == Interrupt::Ends => break,
            _ = hangup.recv() => break,
            () = ending.requested() => break,
            // The owner has ended by itself.
            () = inbox.closed() => break,
        }
    }
    ending.request();
    // The owner may be in the middle of something and see the flag first: that is as good.
    if inbox.send(Message::End).await.is_err() {
        tracing::debug!("the owner of the session has ended already");
    }
    inbox.closed().await;
    // Each client is told how its last request ended, unless it does not listen.
    let told = async { while conversations.join_next().await.is_some() {} };
    if timeout(FAREWELL, told).await.is_err() {
        tracing::info!("a client did not take its last reply");
    }
    Ok(())
}

/// One client, from its arrival until it is gone.
async fn attend(
    stream: TcpStream,
    address: SocketAddr,
    client: ClientId,
    inbox: mpsc::Sender<Message>,
) {
    tracing::info!(%address, "client {} connected", client.0);
    let (replies, outgoing) = mpsc::unbounded_channel();
    // Whoever closed its connection before this one came is heard first, so that a launch that is restarted controls: both events lie
    // in the same poll of the sockets, and the second turn comes after everybody has had the first.
    yield_now().await;
    yield_now().await;
    if inbox
        .send(Message::Joined { client, replies })
        .await
        .is_err()
    {
        return;
    }
    if let Err(error) = converse(stream, client, &inbox, outgoing).await {
        tracing::info!(%error, "client {} lost", client.0);
    } else {
        tracing::info!("client {} left", client.0);
    }
    // If nobody takes this message the owner has ended, and with it all clients.
    let _ = inbox.send(Message::Left { client }).await;
}

/// Carries packets both ways until one side closes.
async fn converse(
    stream: TcpStream,
    client: ClientId,
    inbox: &mpsc::Sender<Message>,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let mut framer = Framer::default();
    let mut bytes = vec![0; PACKET_BYTES];
    let mut under_way = 0_usize;
    let mut farewell = None;
    let mut silent_until = Instant::now() + SIGN_OF_LIFE;
    // Both keep their room from packet to packet.
    let (mut incoming, mut to_client) = (Vec::new(), Vec::new());
    loop {
        to_client.clear();
        tokio::select! {
            read = reader.read(&mut bytes) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                framer.receive(&bytes[..read], &mut incoming, &mut to_client);
                // The acknowledgement goes out before the request can take its time.
                writer.write_all(&to_client).await?;
                to_client.clear();
                for what in incoming.drain(..) {
                    under_way += usize::from(what != Incoming::Interrupt);
                    if inbox.send(Message::Said { client, what }).await.is_err() {
                        return Ok(());
                    }
                }
            }
            // Who is turned away hears nothing more: nobody holds the other end of the channel.
            reply = outgoing.recv(), if farewell.is_none() => match reply {
                Some(Outgoing::Reply(body)) => {
                    under_way = under_way.saturating_sub(1);
                    framer.send(&body, &mut to_client);
                }
                Some(Outgoing::NoReply) => under_way = under_way.saturating_sub(1),
                Some(Outgoing::Aside(body)) => framer.send(&body, &mut to_client),
                Some(Outgoing::TurnAway(body)) => farewell = Some(body),
                Some(Outgoing::Close) | None => return writer.shutdown().await,
            },
            () = sleep_until(silent_until), if under_way > 0 => to_client.push(b'+'),
        }
        let leaves = under_way > 0 && farewell.is_some();
        if let Some(body) = farewell.take_if(|_| leaves) {
            framer.send(&body, &mut to_client);
        }
        if !to_client.is_empty() {
            writer.write_all(&to_client).await?;
        }
        if leaves {
            return part(reader, writer).await;
        }
        silent_until = Instant::now() + SIGN_OF_LIFE;
    }
}

/// Closes our side and waits until the client has read what was said and closed its own, unless it takes too long.
async fn part(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf) -> io::Result<()> {
    writer.shutdown().await?;
    let mut rest = [0; 64];
    let read_on = async { while matches!(reader.read(&mut rest).await, Ok(1..)) {} };
    if timeout(FAREWELL, read_on).await.is_err() {
        tracing::debug!("a client that was turned away does not leave");
    }
    Ok(())
}
