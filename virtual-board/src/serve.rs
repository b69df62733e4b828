//! A powered board for debuggers that come and go: TCP listeners, a place for one debugger, and the commands of whoever stands
//! beside the board.
//!
//! Every listener speaks one [`Protocol`]. The board runs on while nobody is connected. A probe has one cable: while a debugger is
//! connected, on whichever listener, another is turned away.

pub mod console;

use std::{
    io::{self, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::handle::VirtualBoard;

/// How long the next debugger is kept waiting for one that is about to go.
const PATIENCE: Duration = Duration::from_millis(500);

/// Serves one client until it goes.
pub type Conversation = fn(&TcpStream, &VirtualBoard) -> io::Result<()>;

/// What a listener speaks.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Its name, as in "Listening for ... clients".
    pub name: &'static str,
    /// How a client is served.
    pub converse: Conversation,
    /// What a client is sent that is turned away, in whatever way the protocol can say no.
    pub refusal: &'static [u8],
}

/// The place for one debugger.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    occupied: Arc<(Mutex<bool>, Condvar)>,
}

/// A debugger in its place.
#[derive(Debug)]
struct Occupant {
    seat: Seat,
}

impl Seat {
    fn lock(&self) -> MutexGuard<'_, bool> {
        let (occupied, _) = &*self.occupied;
        occupied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True while a debugger is connected.
    pub fn is_occupied(&self) -> bool {
        *self.lock()
    }

    /// Takes the place, if it is free within `patience`.
    fn take(&self, patience: Duration) -> Option<Occupant> {
        let (_, freed) = &*self.occupied;
        let (mut occupied, _) = freed
            .wait_timeout_while(self.lock(), patience, |occupied| *occupied)
            .unwrap_or_else(PoisonError::into_inner);
        if *occupied {
            return None;
        }
        *occupied = true;
        Some(Occupant { seat: self.clone() })
    }
}

impl Drop for Occupant {
    fn drop(&mut self) {
        *self.seat.lock() = false;
        self.seat.occupied.1.notify_one();
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
fn admit(protocol: Protocol, mut stream: &TcpStream, board: &VirtualBoard, seat: &Seat) {
    let client = stream.peer_addr().map_or_else(
        |_| "a client that is gone".to_owned(),
        |address| address.to_string(),
    );
    let plugged = board.with(|board| board.is_plugged());
    let occupant = plugged.then(|| seat.take(PATIENCE)).flatten();
    let Some(_occupant) = occupant else {
        let because = match plugged {
            true => "another debugger is connected",
            false => "the probe is unplugged",
        };
        tracing::warn!("{} client {client} refused: {because}", protocol.name);
        // Nobody is left to be told of a failure.
        let _ = stream
            .write_all(protocol.refusal)
            .and_then(|()| stream.shutdown(Shutdown::Both));
        return;
    };
    tracing::info!("{} client {client} connected", protocol.name);
    let outcome = stream
        .set_nodelay(true)
        .and_then(|()| (protocol.converse)(stream, board));
    match outcome {
        Ok(()) => tracing::info!("{} client {client} left", protocol.name),
        Err(error) => tracing::info!("{} client {client} lost: {error}", protocol.name),
    }
}
