//! Where a monitor command writes, and where long work of one looks between two steps.

use std::fmt;

use crate::{
    gdb::{
        company::Company, event_loop::ClientId, events::Events, meanwhile::Meanwhile, rtt::Ports,
        snapshot::Snapshot,
    },
    link::Attendant,
};

/// Who gave a command: what it says is shown there, and long work looks there between two steps.
pub trait Listener {
    /// Shows a piece of text, mostly a line.
    fn show(&mut self, text: &str);

    /// Looked at during long work.
    fn attendant(&mut self) -> Box<dyn Attendant + '_>;

    /// Where events go.
    fn events(&self) -> Events;

    /// True once whoever listens was told to end.
    fn is_ending(&self) -> bool;

    /// RTT's ports, where there is a server for them.
    fn rtt_ports(&mut self) -> Option<&mut Ports> {
        None
    }
}

/// A client of the server; the others are served during long work.
#[derive(Debug)]
pub struct Asking<'a> {
    /// Who.
    pub client: ClientId,
    /// Everybody who is connected.
    pub company: &'a mut Company,
    /// The target as it was at the last halt.
    pub snapshot: &'a Snapshot,
}

impl Listener for Asking<'_> {
    fn show(&mut self, text: &str) {
        if let Some(client) = self.company.client(self.client) {
            client.console(text);
        }
    }

    fn attendant(&mut self) -> Box<dyn Attendant + '_> {
        Box::new(Meanwhile::new(self.company, self.snapshot))
    }

    fn events(&self) -> Events {
        self.company.events
    }

    fn is_ending(&self) -> bool {
        self.company.ending.is_requested()
    }

    fn rtt_ports(&mut self) -> Option<&mut Ports> {
        self.company.rtt.as_deref_mut()
    }
}

/// Somebody without a console, who wants to have what was said.
pub(super) struct Reader<'a> {
    pub said: String,
    pub attendant: &'a mut dyn Attendant,
}

impl Listener for Reader<'_> {
    fn show(&mut self, text: &str) {
        self.said.push_str(text);
    }

    fn attendant(&mut self) -> Box<dyn Attendant + '_> {
        Box::new(&mut *self.attendant)
    }

    fn events(&self) -> Events {
        Events::Silent
    }

    fn is_ending(&self) -> bool {
        false
    }
}

/// Where a command writes: whole lines are shown at once.
pub struct Console<'a> {
    listener: &'a mut dyn Listener,
    line: String,
}

impl<'a> Console<'a> {
    /// The console of whoever gave the command.
    pub fn new(listener: &'a mut dyn Listener) -> Self {
        Self {
            listener,
            line: String::new(),
        }
    }

    /// Looked at during long work.
    pub fn meanwhile(&mut self) -> Box<dyn Attendant + '_> {
        self.listener.attendant()
    }

    /// Where events go.
    pub fn events(&self) -> Events {
        self.listener.events()
    }

    /// True once whoever listens was told to end.
    pub fn is_ending(&self) -> bool {
        self.listener.is_ending()
    }

    /// RTT's ports, where there is a server for them.
    pub fn rtt_ports(&mut self) -> Option<&mut Ports> {
        self.listener.rtt_ports()
    }

    /// Shows what was begun.
    fn show(&mut self) {
        self.listener.show(&self.line);
        self.line.clear();
    }
}

impl fmt::Write for Console<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.line.push_str(text);
        if self.line.ends_with('\n') {
            self.show();
        }
        Ok(())
    }
}

impl Drop for Console<'_> {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.line.push('\n');
            self.show();
        }
    }
}
