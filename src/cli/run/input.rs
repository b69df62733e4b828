//! What is typed, on its way to the program: RTT's down channel 0 if it has one, semihosting otherwise.

use std::{
    io::Read as _,
    sync::mpsc::{self, Receiver, TryRecvError},
    thread,
};

use crate::{fault::Fault, rtt::Direction, session::Session};

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 256;

/// Pieces that wait for the program; beyond them stdin is not read.
const WAITING_PIECES: usize = 16;

/// Who takes what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taker {
    /// The program has not come so far.
    Unknown,
    Rtt,
    Semihosting,
}

/// Stdin.
pub struct Input {
    pieces: Option<Receiver<Vec<u8>>>,
    waiting: Vec<u8>,
    taker: Taker,
}

impl Input {
    /// Nothing is read.
    pub fn none() -> Self {
        Self {
            pieces: None,
            waiting: Vec::new(),
            taker: Taker::Unknown,
        }
    }

    /// Reads stdin from now on, in a thread that ends with it or with us.
    pub fn stdin() -> Self {
        let (sender, pieces) = mpsc::sync_channel(WAITING_PIECES);
        thread::spawn(move || {
            let mut bytes = [0; PIECE_BYTES];
            let mut stdin = std::io::stdin().lock();
            while let Ok(length @ 1..) = stdin.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            pieces: Some(pieces),
            ..Self::none()
        }
    }

    /// Gives the program what has been typed; true if it took any.
    pub fn give(&mut self, session: &mut Session) -> Result<bool, Fault> {
        let Some(pieces) = &self.pieces else {
            return Ok(false);
        };
        if self.waiting.is_empty() {
            match pieces.try_recv() {
                Ok(piece) => self.waiting = piece,
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => {
                    self.pieces = None;
                    if let Some(host) = session.semihosting() {
                        host.close_input();
                    }
                    return Ok(false);
                }
            }
        }
        if self.taker == Taker::Unknown {
            self.taker = taker(session);
        }
        let taken = match self.taker {
            Taker::Unknown => 0,
            Taker::Rtt => session.rtt_write(0, &self.waiting)?,
            Taker::Semihosting => {
                if let Some(host) = session.semihosting() {
                    host.feed(&self.waiting);
                }
                self.waiting.len()
            }
        };
        self.waiting.drain(..taken);
        Ok(taken > 0)
    }
}

fn taker(session: &mut Session) -> Taker {
    if !session.rtt_is_started() {
        return Taker::Semihosting;
    }
    match session.rtt_channels() {
        Ok(channels) => {
            let down = channels
                .iter()
                .find(|channel| channel.direction == Direction::Down && channel.number == 0);
            match down.is_some_and(|channel| channel.size > 0) {
                true => Taker::Rtt,
                false => Taker::Semihosting,
            }
        }
        Err(_) => Taker::Unknown,
    }
}
