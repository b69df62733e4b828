//! What the program says by semihosting, and what the client's breakpoints print, on its way to the client that waits for a stop.

use super::Owner;
use crate::{gdb::events::Event, semihosting::Stream};

/// What nobody waited for is kept up to this many characters, and shown with the next stop.
const MOST_UNSAID: usize = 16 * 1024;

impl Owner {
    /// Shows what the program has said; true if it has said something, and may go on to.
    pub(super) fn show_program_output(&mut self) -> bool {
        let said = self.debuggee.session.take_program_output();
        for output in &said {
            let text = String::from_utf8_lossy(&output.bytes);
            let stream = match output.stream {
                Stream::Out => "out",
                Stream::Error => "error",
                Stream::Notice => "notice",
            };
            self.show(stream, &text);
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
        let waiting = company.awaiting_stop();
        match waiting.and_then(|client| company.client(client)) {
            Some(client) => client.console(text),
            None if self.unheard.len() < MOST_UNSAID => self.unheard.push_str(text),
            None => {}
        }
    }
}
