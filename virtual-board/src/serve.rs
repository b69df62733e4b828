//! A powered board for debuggers that come and go: TCP listeners, a place for one debugger, and the commands of whoever stands
//! beside the board.
//!
//! Every listener speaks one [`Protocol`]. The board runs on while nobody is connected. A probe has one cable: while a debugger is
//! connected, on whichever listener, another is turned away.

pub mod console;
pub mod status_page;

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::handle::VirtualBoard;

/// How long the next debugger is kept waiting for one that is about to go.
const PATIENCE: Duration = Duration::from_millis(500);

/// Most that is read of a client that was turned away.
const FAREWELL: u64 = 1 << 16;

/// Serves one client until it goes.
pub type Conversation = fn(&TcpStream, &VirtualBoard) -> io::Result<()>;

/// What a listener speaks.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Its name, as in "Listening for ... clients".
    pub name: &'static str,
    /// How a client is served.
    pub converse: Conversation,
    /// What a client is sent that is turned away for this reason, in whatever way the protocol can say no.
    pub refusal: fn(&str) -> Vec<u8>,
}

/// The place for one debugger.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    occupant: Arc<(Mutex<Option<String>>, Condvar)>,
}

/// A debugger in its place.
#[derive(Debug)]
struct Occupant {
    seat: Seat,
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        let (occupant, _) = &*self.occupant;
        occupant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The debugger that is connected: its protocol and address.
    pub fn occupant(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Takes the place for `client`, if it is free within `patience`.
    fn take(&self, client: &str, patience: Duration) -> Option<Occupant> {
        let (_, freed) = &*self.occupant;
        let (mut occupant, _) = freed
            .wait_timeout_while(self.lock(), patience, |occupant| occupant.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        if occupant.is_some() {
            return None;
        }
        *occupant = Some(client.to_owned());
        Some(Occupant { seat: self.clone() })
    }
}

impl Drop for Occupant {
    fn drop(&mut self) {
        *self.seat.lock() = None;
        self.seat.occupant.1.notify_one();
    }
}

/// Listens on a port of the loopback interface, 0 for any that is free, as long as the process lives. Where it listens.
pub fn listen(
    protocol: Protocol,
    port: u16,
    board: &VirtualBoard,
    seat: &Seat,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let address = listener.local_addr()?;
    let (board, seat) = (board.clone(), seat.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => {
                    let (board, seat) = (board.clone(), seat.clone());
                    thread::spawn(move || admit(protocol, &stream, &board, &seat));
                }
                Err(error) => tracing::warn!("{}: no connection: {error}", protocol.name),
            }
        }
    });
    Ok(address)
}

/// A client's cable ends at a probe that is not there any more.
pub(crate) fn check_plug(board: &VirtualBoard) -> io::Result<()> {
    match board.with(|board| board.is_plugged()) {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::NotConnected,
            "the probe was unplugged",
        )),
    }
}

/// Serves a client that has the place to itself, and turns any other away.
fn admit(protocol: Protocol, stream: &TcpStream, board: &VirtualBoard, seat: &Seat) {
    let client = match stream.peer_addr() {
        Ok(address) => format!("{} client {address}", protocol.name),
        Err(_) => format!("{} client that is gone", protocol.name),
    };
    let plugged = board.with(|board| board.is_plugged());
    let occupant = plugged.then(|| seat.take(&client, PATIENCE)).flatten();
    let Some(_occupant) = occupant else {
        let because = match plugged {
            true => "another debugger is connected",
            false => "the probe is unplugged",
        };
        tracing::warn!("{client} refused: {because}");
        // Nobody is left to be told of a failure.
        let _ = turn_away(stream, &(protocol.refusal)(because));
        return;
    };
    tracing::info!("{client} connected");
    let outcome = stream
        .set_nodelay(true)
        .and_then(|()| (protocol.converse)(stream, board));
    match outcome {
        Ok(()) => tracing::info!("{client} left"),
        Err(error) => tracing::info!("{client} lost: {error}"),
    }
}

/// Says no and hangs up. What the client sends meanwhile is read: a socket that is closed over unread bytes resets the connection, and
/// the client's system may throw the refusal away.
fn turn_away(mut stream: &TcpStream, refusal: &[u8]) -> io::Result<()> {
    stream.write_all(refusal)?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    io::copy(&mut stream.take(FAREWELL), &mut io::sink())?;
    Ok(())
}
