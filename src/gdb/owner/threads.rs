//! Threads as clients ask for them: the list, and registers of those that do not run.
//!
//! gdbstub knows one thread: it serves the one that runs. What a client asks of another, by `Hg` and `g`, `p`, `G` or `P`, is served here.
//! The core is one, so a resume resumes it whatever thread it names; a step of a thread that does not run is no step at all, and refused.

use std::ops::ControlFlow;

use super::Owner;
use crate::{
    fault::Fault,
    gdb::{
        arch::{GENERAL_REGISTERS, Number},
        event_loop::{ClientId, Outgoing},
        threads,
        wire::{
            dispatch::{Purpose, Request},
            encoding::{from_hex, number, split, to_hex},
            reply::{OK, UNSUPPORTED},
        },
    },
    threads::{ThreadError, ThreadId},
};

/// What is asked of the registers of a thread that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// `g`.
    ReadAll,
    /// `p`.
    Read(u16),
    /// `P`.
    Write(u16, Vec<u8>),
    /// `G`.
    WriteAll(Vec<u8>),
}

impl Access {
    /// Of a packet that the dispatcher has validated.
    fn of(packet: &[u8]) -> Option<Self> {
        let (letter, rest) = packet.split_first()?;
        match letter {
            b'g' => Some(Self::ReadAll),
            b'p' => Some(Self::Read(register(rest)?)),
            b'P' => {
                let (register_number, value) = split(rest, b'=')?;
                Some(Self::Write(register(register_number)?, from_hex(value)?))
            }
            b'G' => Some(Self::WriteAll(from_hex(rest)?)),
            _ => None,
        }
    }
}

fn register(digits: &[u8]) -> Option<u16> {
    u16::try_from(number(digits)?).ok()
}

impl Owner {
    /// A request about threads; anything else is unknown.
    pub(super) fn about_threads(&mut self, client: ClientId, request: &Request) -> ControlFlow<()> {
        if !threads::is_known(request, &self.debuggee.snapshot)
            && let Err(fault) = self.look_at_threads()
        {
            return self.refuse(client, &fault, super::Shown::No);
        }
        let reply = threads::answer(request, &self.debuggee.snapshot);
        let reply = reply.unwrap_or_else(|| UNSUPPORTED.to_vec());
        if let Request::SelectThread {
            purpose: Purpose::Look,
            thread,
        } = request
            && reply == OK
            && let Some(client) = self.debuggee.company.client(client)
        {
            client.selected = *thread;
        }
        self.send(client, Outgoing::Reply(reply))
    }

    /// The list, as it is now if the core is halted, or else as it was when it was.
    fn look_at_threads(&mut self) -> Result<(), Fault> {
        let debuggee = &mut self.debuggee;
        if debuggee.session.is_halted() {
            debuggee.snapshot.threads = debuggee.session.threads()?.clone();
            debuggee.snapshot.running = debuggee.snapshot.threads.running;
        }
        Ok(())
    }

    /// After a stop a client looks at the thread that has stopped.
    pub(super) fn select_running(&mut self, client: ClientId) {
        if let Some(client) = self.debuggee.company.client(client) {
            client.selected = None;
        }
    }

    /// `id` if it is a thread that does not run. One that is gone counts as the core.
    pub(super) fn waiting_thread(&mut self, id: ThreadId) -> Option<ThreadId> {
        if id == self.debuggee.snapshot.running || !self.debuggee.session.is_halted() {
            return None;
        }
        let thread = self.debuggee.session.thread(id).ok()?;
        (!thread.context.is_live()).then_some(id)
    }

    /// What `packet` asks of the registers of a thread that does not run, and of which.
    pub(super) fn of_waiting_thread(
        &mut self,
        client: ClientId,
        packet: &[u8],
    ) -> Option<(ThreadId, Access)> {
        let selected = self.debuggee.company.client(client)?.selected?;
        let access = Access::of(packet)?;
        Some((self.waiting_thread(selected)?, access))
    }

    /// Reads or writes registers of a thread that does not run.
    pub(super) fn thread_registers(
        &mut self,
        id: ThreadId,
        access: &Access,
    ) -> Result<Vec<u8>, Fault> {
        match access {
            Access::Read(number) => self.thread_register(id, Number(*number)),
            Access::ReadAll => (0..GENERAL_REGISTERS as u16)
                .map(|number| self.thread_register(id, Number(number)))
                .collect::<Result<Vec<_>, _>>()
                .map(|registers| registers.concat()),
            Access::Write(number, bytes) => {
                self.write_thread_register(id, *number, bytes)?;
                Ok(OK.to_vec())
            }
            Access::WriteAll(bytes) => {
                for (number, word) in (0..).zip(bytes.chunks(4)) {
                    if self.thread_register(id, Number(number))? != to_hex(word) {
                        self.write_thread_register(id, number, word)?;
                    }
                }
                Ok(OK.to_vec())
            }
        }
    }

    /// A register in hex; `x` for each digit of one that the kernel has not saved.
    fn thread_register(&mut self, id: ThreadId, number: Number) -> Result<Vec<u8>, Fault> {
        let bytes = number.bytes();
        let value = self.debuggee.session.read_thread_register(id, number.0)?;
        Ok(match value {
            Some(value) => {
                let value = value.to_le_bytes();
                to_hex(value.get(..bytes).unwrap_or(&value))
            }
            None => vec![b'x'; 2 * bytes],
        })
    }

    fn write_thread_register(
        &mut self,
        id: ThreadId,
        number: u16,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let mut value = [0; 8];
        for (to, from) in value.iter_mut().zip(bytes) {
            *to = *from;
        }
        let value = u64::from_le_bytes(value);
        self.debuggee
            .session
            .write_thread_register(id, number, value)
    }

    /// A step of a thread that does not run: the client is told why, and that nothing has moved. As an interrupt: GDB would repeat
    /// the step after any other stop inside its range.
    pub(super) fn refuse_step(&mut self, client: ClientId, id: ThreadId) -> ControlFlow<()> {
        let name = match self.debuggee.session.thread(id) {
            Ok(thread) => thread.name.clone(),
            Err(fault) => return self.refuse(client, &fault, super::Shown::No),
        };
        self.tell(&ThreadError::DoesNotRun { name }.into());
        self.say_what_was_unsaid(client);
        if let Some(client) = self.debuggee.company.client(client) {
            client.selected = Some(id);
        }
        let stop = format!("T02thread:{:x};", id.0);
        self.send(client, Outgoing::Reply(stop.into_bytes()))
    }
}
