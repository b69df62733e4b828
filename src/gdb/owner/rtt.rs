//! RTT between two looks at the core: what the program said goes to its readers, what they sent goes to the program.

use super::Owner;
use crate::{
    fault::{Disposition, Fault},
    gdb::text_port::Said,
};

impl Owner {
    /// Starts RTT in a session that is new, if it was started in the one before.
    pub(super) fn start_rtt(&mut self) {
        let ports = self.debuggee.company.rtt.as_ref();
        if let Some(place) = ports.and_then(|ports| ports.place.clone()) {
            // Setting up a place that nobody has looked at takes no transfer.
            if self.debuggee.session.rtt_setup(place).is_ok() {
                self.debuggee.session.rtt_start();
            }
        }
    }

    /// For the session after this one.
    pub(super) fn remember_rtt(&mut self) {
        if let Some(ports) = &mut self.debuggee.company.rtt {
            ports.place = self.debuggee.session.rtt_place().cloned();
        }
    }

    /// Somebody connected to a channel, or sent something.
    pub(super) fn rtt_said(&mut self, channel: u32, said: Said) -> Result<(), Fault> {
        if let Some(ports) = &mut self.debuggee.company.rtt {
            ports.take(channel, said);
        }
        self.carry_rtt().map(drop)
    }

    /// Carries text both ways; true if there was any. Costs nothing as long as nobody is connected. Only a lost link is an error.
    pub(super) fn carry_rtt(&mut self) -> Result<bool, Fault> {
        let debuggee = &mut self.debuggee;
        let (session, Some(ports)) = (&mut debuggee.session, &mut debuggee.company.rtt) else {
            return Ok(false);
        };
        if !session.rtt_is_started() {
            return Ok(false);
        }
        let mut faults = Vec::new();
        let mut any = false;
        if !ports.nothing_waits() {
            any |= ports.write(|channel, data| match session.rtt_write(channel, data) {
                Err(fault) if fault.disposition() == Disposition::Refuse => {
                    faults.push(fault);
                    // There is nobody to take it.
                    Ok(data.len())
                }
                written => written,
            })?;
        }
        let channels = ports.read_channels();
        if !channels.is_empty() {
            match session.rtt_read(&channels) {
                Ok(chunks) => {
                    any |= !chunks.is_empty();
                    chunks.iter().for_each(|chunk| ports.say(chunk));
                }
                Err(fault) if fault.disposition() == Disposition::Refuse => faults.push(fault),
                Err(fault) => return Err(fault),
            }
        }
        for fault in faults {
            self.tell(&fault);
        }
        Ok(any)
    }
}
