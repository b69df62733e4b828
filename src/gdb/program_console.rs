//! The program's console by semihosting, on a TCP port: what pyOCD and OpenOCD serve to telnet, `nc` and IDEs.
//!
//! While somebody is connected, what the program writes goes there and not to GDB. A program that reads its console waits until
//! somebody has typed, as on a terminal.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use tokio::sync::OwnedSemaphorePermit;

use super::text_port::{Port, Said};

/// The port, and what was typed there.
#[derive(Debug)]
pub struct ProgramConsole {
    port: Port,
    typed: VecDeque<(Vec<u8>, OwnedSemaphorePermit)>,
    /// The user knows that the program waits.
    told: bool,
}

impl ProgramConsole {
    /// On `port`.
    pub fn new(port: Port) -> Self {
        Self {
            port,
            typed: VecDeque::new(),
            told: false,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Shows what the program has written; false if nobody is there to see it.
    pub fn show(&self, bytes: &[u8]) -> bool {
        if self.port.is_read() {
            self.port.say(&Arc::from(bytes));
        }
        self.port.is_read()
    }

    /// Somebody has typed, or has come to.
    pub fn take(&mut self, said: Said) {
        if let Said::Bytes(bytes, room) = said {
            self.typed.push_back((bytes, room));
        }
    }

    /// What was typed, a piece at a time: there is room for another once this is dropped.
    pub fn take_typed(&mut self) -> Option<(Vec<u8>, OwnedSemaphorePermit)> {
        self.typed.pop_front().inspect(|_| self.told = false)
    }

    /// True if the program waits and the user cannot know: once each time.
    pub fn is_to_be_told(&mut self) -> bool {
        !self.port.is_read() && !std::mem::replace(&mut self.told, true)
    }
}
