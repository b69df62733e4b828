//! What the program says by semihosting, on its way to whoever sits at its port, or else to the client that waits for a stop; what is typed at
//! that port, on its way to the program; and what the client's breakpoints print.

use super::Owner;
use crate::{
    gdb::{events::Event, text_port::Said},
    semihosting::{Output, Stream},
};

/// What nobody waited for is kept up to this many characters, and shown with the next stop.
const MOST_UNSAID: usize = 16 * 1024;

impl Owner {
    /// Shows what the program has said; true if it has said something, and may go on to.
    pub(super) fn show_program_output(&mut self) -> bool {
        let said = self.debuggee.session.take_program_output();
        for output in &said {
            self.show_output(output);
        }
        let printed = self.debuggee.session.take_printed();
        if !printed.is_empty() {
            self.show("dprintf", &String::from_utf8_lossy(&printed));
        }
        !said.is_empty() || !printed.is_empty()
    }

    fn show(&mut self, stream: &'static str, text: &str) {
        let company = &mut self.debuggee.company;
        company.events.tell(&Event::Program { stream, text });
        self.show_to_client(text);
    }

    /// Who waits for no stop hears it with the next one.
    fn show_to_client(&mut self, text: &str) {
        let company = &mut self.debuggee.company;
        let waiting = company.awaiting_stop();
        match waiting.and_then(|client| company.client(client)) {
            Some(client) => client.console(text),
            None if self.unheard.len() < MOST_UNSAID => self.unheard.push_str(text),
            None => {}
        }
    }

    fn show_output(&mut self, output: &Output) {
        let company = &mut self.debuggee.company;
        let text = String::from_utf8_lossy(&output.bytes);
        let stream = match output.stream {
            Stream::Out => "out",
            Stream::Error => "error",
            Stream::Notice => "notice",
        };
        company.events.tell(&Event::Program {
            stream,
            text: &text,
        });
        if output.stream != Stream::Notice
            && let Some(console) = &company.console
            && console.show(&output.bytes)
        {
            return;
        }
        self.show_to_client(&text);
    }

    /// In a session that is new: where there is a port, the program waits for what is typed there.
    pub(super) fn open_console(&mut self) {
        if self.debuggee.company.console.is_some() {
            self.debuggee.session.open_semihosting_input();
        }
    }

    /// Somebody at the port has typed, or has come to.
    pub(super) fn console_said(&mut self, said: Said) {
        if let Some(console) = &mut self.debuggee.company.console {
            console.take(said);
        }
        self.carry_console();
    }

    /// Gives the program what was typed, once it has read what it was given before; true if there was any. Where it waits and nobody is
    /// there to type, the user is told.
    pub(super) fn carry_console(&mut self) -> bool {
        let session = &mut self.debuggee.session;
        let Some(console) = &mut self.debuggee.company.console else {
            return false;
        };
        let waits = session.waits_for_input();
        let Some(host) = session.semihosting().filter(|host| !host.has_input()) else {
            return false;
        };
        if let Some((bytes, _room)) = console.take_typed() {
            host.feed(&bytes);
            return true;
        }
        if waits && console.is_to_be_told() {
            let address = console.address();
            let line = format!("the program waits for input: connect to {address} and type\n");
            self.show_output(&Output {
                stream: Stream::Notice,
                bytes: line.into_bytes(),
            });
        }
        false
    }
}
