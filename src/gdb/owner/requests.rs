//! What the owner does for each request that needs the target.

use std::ops::ControlFlow;

use super::{Owner, Shown, registers::Numbered};
use crate::{
    fault::Fault,
    gdb::{
        company::LastStop,
        company::Role,
        event_loop::{ClientId, Outgoing},
        meanwhile::Meanwhile,
        memory_map,
        monitor::{self, Asking, Console},
        refusal::{self, Refusal},
        undescribed,
        wire::{
            dispatch::{Action, Document, Part, Request},
            encoding::append_escaped,
            reply::{self, ErrorForm, OK, UNSUPPORTED},
        },
    },
    layout::Address,
    session::{OnAttach, Resumed},
};

/// Packets to which a recent GDB shows the text of an `E.text` reply.
const SHOWN: [&[u8]; 4] = [b"Z0", b"Z1", b"P", b"p"];

impl Owner {
    /// Serves `request`, whose packet is `body`.
    pub(super) fn serve(
        &mut self,
        client: ClientId,
        request: Request,
        body: &[u8],
    ) -> ControlFlow<()> {
        let looks = self.debuggee.company.controller() != Some(client);
        match request {
            Request::Stub { packet, .. } => self.serve_by_stub(client, &packet),
            Request::Insert { request, terms } => {
                match self.debuggee.session.insert_on(request, terms) {
                    Ok(()) => self.reply(client, OK),
                    Err(fault) => self.refuse(client, &fault, Shown::Yes),
                }
            }
            Request::Resume {
                from,
                action,
                thread,
            } => match thread.and_then(|id| self.waiting_thread(id)) {
                Some(id) if action.is_step() => self.refuse_step(client, id),
                _ => self.resume(client, from, action),
            },
            Request::WhyStopped => {
                self.halt_for(client);
                self.reply_with_stop(client)
            }
            Request::Attach => self.attach(client),
            Request::Monitor(command) => self.monitor(client, &command),
            Request::Restart => self.restart_silently(client),
            Request::Run => match self.restart() {
                Ok(()) => self.reply_with_stop(client),
                Err(fault) => self.refuse(client, &fault, Shown::No),
            },
            Request::Kill => {
                self.debuggee.session.client_left();
                self.send(client, Outgoing::NoReply)
            }
            Request::KillProcess => {
                self.debuggee.session.client_left();
                self.reply(client, OK)
            }
            Request::Detach => self.detach(client),
            // They may take as long as they like while the controlling client waits: GDB reads with `m` instead.
            Request::Crc { .. } | Request::Search { .. } if looks => {
                self.reply(client, UNSUPPORTED)
            }
            Request::Crc { address, length } => {
                let crc = self.debuggee.session.crc(Address(address), length);
                self.answer(client, crc.map(|crc| format!("C{crc:x}").into_bytes()))
            }
            Request::Search {
                address,
                length,
                pattern,
            } => {
                let found = self
                    .debuggee
                    .session
                    .search(Address(address), length, &pattern);
                self.answer(
                    client,
                    found.map(|found| match found {
                        Some(address) => format!("1,{:x}", address.0).into_bytes(),
                        None => b"0".to_vec(),
                    }),
                )
            }
            Request::ReadBinary { address, length } => self.read_binary(client, address, length),
            Request::Read {
                document: Document::MemoryMap,
                part: Part { offset, length },
            } => {
                let map = memory_map::xml(&self.debuggee.session.memory_map());
                let part = reply::part(map.as_bytes(), offset, length);
                self.send(client, Outgoing::Reply(part))
            }
            Request::NonStop(true) => self.refuse(client, &Refusal::NonStop.into(), Shown::No),
            Request::Malformed { expected } => {
                let packet = refusal::Shown(body).to_string();
                let fault = Refusal::Malformed { packet, expected };
                self.refuse(client, &fault.into(), Shown::No)
            }
            // All others are answered by heart.
            other => self.about_threads(client, &other),
        }
    }

    pub(super) fn send(&self, client: ClientId, outgoing: Outgoing) -> ControlFlow<()> {
        self.debuggee.company.send(client, outgoing);
        ControlFlow::Continue(())
    }

    fn reply(&self, client: ClientId, reply: &[u8]) -> ControlFlow<()> {
        self.send(client, Outgoing::Reply(reply.to_vec()))
    }

    fn answer(&mut self, client: ClientId, answer: Result<Vec<u8>, Fault>) -> ControlFlow<()> {
        match answer {
            Ok(reply) => self.send(client, Outgoing::Reply(reply)),
            Err(fault) => self.refuse(client, &fault, Shown::No),
        }
    }

    fn serve_by_stub(&mut self, client: ClientId, packet: &[u8]) -> ControlFlow<()> {
        let packet = match self.numbered(client, packet) {
            Ok(Numbered::Packet(packet)) => packet,
            Ok(Numbered::Reply(reply)) => return self.reply(client, &reply),
            Err(fault) => return self.refuse(client, &fault, Shown::No),
        };
        let reads_all_undescribed = packet == b"g" && !self.is_described(client);
        let in_its_order = |reply: Vec<u8>| match reads_all_undescribed {
            true => undescribed::general(&reply),
            false => reply,
        };
        if let Some((id, access)) = self.of_waiting_thread(client, &packet) {
            let answer = self.thread_registers(id, &access).map(in_its_order);
            return self.answer(client, answer);
        }
        let reply = self.stub(client, &packet).map(in_its_order);
        self.unsaid.append(&mut self.debuggee.exchange.said);
        match (self.debuggee.exchange.fault.take(), reply) {
            (Some(fault), _) => {
                let shown = if SHOWN.iter().any(|begin| packet.starts_with(begin)) {
                    Shown::Yes
                } else {
                    Shown::No
                };
                self.refuse(client, &fault, shown)
            }
            (None, reply) => self.send(client, Outgoing::Reply(reply.unwrap_or_default())),
        }
    }

    fn read_binary(&mut self, client: ClientId, address: u32, length: u32) -> ControlFlow<()> {
        let mut data = vec![0; length as usize];
        let read = self
            .debuggee
            .session
            .read_memory(Address(address), &mut data);
        self.answer(
            client,
            read.map(|length| {
                let mut reply = Vec::with_capacity(1 + length + length / 16);
                reply.push(b'b');
                append_escaped(&mut reply, data.get(..length).unwrap_or(&data));
                reply
            }),
        )
    }

    /// Resumes for `client`. The stop reply comes when the core stops; here if it does so at once, or cannot start.
    fn resume(&mut self, client: ClientId, from: Option<u32>, action: Action) -> ControlFlow<()> {
        if action == Action::Stop {
            return self.stop_on_request(client);
        }
        if let Some(address) = from {
            let pc = crate::gdb::arch::Number::PC;
            let written = self
                .debuggee
                .session
                .write_register(pc.0, u64::from(address));
            if let Err(fault) = written {
                return self.refuse(client, &fault, Shown::No);
            }
        }
        if self.debuggee.session.is_halted()
            && let Err(fault) = self.remember_registers()
        {
            return self.refuse(client, &fault, Shown::No);
        }
        self.say_what_was_unsaid(client);
        let refused = self.stub(client, &action.packet());
        if let (Some(reply), None) = (refused, &self.debuggee.exchange.stop) {
            return self.send(client, Outgoing::Reply(reply));
        }
        let mut last_stop = LastStop::Another;
        if let Some(waiting) = self.debuggee.company.client(client) {
            waiting.awaits_stop = true;
            last_stop = std::mem::take(&mut waiting.last_stop);
            waiting.send(Outgoing::NoReply);
        }
        if let Some(fault) = self.debuggee.exchange.fault.take() {
            return self.lost_while_running(&fault);
        }
        if let Some(stop) = self.debuggee.exchange.stop.take() {
            self.stopped(&stop);
        } else if action == Action::Continue && last_stop == LastStop::StepInterrupted {
            return self.interrupt(client);
        }
        ControlFlow::Continue(())
    }

    /// `vCont;t`: like Ctrl-C if the client waits for a stop, else the present stop.
    fn stop_on_request(&mut self, client: ClientId) -> ControlFlow<()> {
        if self.debuggee.company.awaiting_stop() == Some(client) {
            self.debuggee.company.send(client, Outgoing::NoReply);
            return self.interrupt(client);
        }
        self.attach(client)
    }

    /// The controlling client believes the target stopped when it connects, so it is: unless the server was told to let it run.
    fn halt_for(&mut self, client: ClientId) {
        let controls = self
            .debuggee
            .company
            .client(client)
            .is_some_and(|client| client.role == Role::Controls);
        let session = &mut self.debuggee.session;
        let lets_run = session.settings().on_attach == OnAttach::Run;
        let result = if session.is_halted() {
            self.remember_registers()
        } else if controls && !lets_run {
            session.halt().and_then(|_| self.remember_registers())
        } else {
            Ok(())
        };
        if let Err(fault) = result {
            self.tell(&fault);
        }
    }

    fn reply_with_stop(&mut self, client: ClientId) -> ControlFlow<()> {
        let reply = self.present_stop_reply(client);
        self.send(client, Outgoing::Reply(reply))
    }

    /// `vAttach`: halted, whatever the server was told before.
    fn attach(&mut self, client: ClientId) -> ControlFlow<()> {
        if let Err(fault) = self.debuggee.session.halt() {
            return self.refuse(client, &fault, Shown::No);
        }
        match self.remember_registers() {
            Ok(()) => self.reply_with_stop(client),
            Err(fault) => self.refuse(client, &fault, Shown::No),
        }
    }

    /// The program runs on without breakpoints. GDB waits 100 ms for the OK and detaches whatever comes.
    fn detach(&mut self, client: ClientId) -> ControlFlow<()> {
        let controls = self.debuggee.company.controller() == Some(client);
        if controls {
            self.store_what_was_loaded();
            self.debuggee.session.client_left();
            if self.debuggee.session.is_halted() {
                match self.debuggee.session.resume() {
                    Ok(Resumed::Running) => {}
                    Ok(Resumed::Stopped(stop) | Resumed::Refused(stop)) => self.stopped(&stop),
                    Err(fault) => self.tell(&fault),
                }
            }
        }
        self.reply(client, OK)
    }

    /// `load` and `detach`, which is all that a script may do: an appli in RAM is stored where the boot stage takes it from.
    fn store_what_was_loaded(&mut self) {
        let debuggee = &mut self.debuggee;
        let mut meanwhile = Meanwhile::last_wish(&mut debuggee.company, &debuggee.snapshot);
        match debuggee.session.settle_load(&mut meanwhile) {
            Ok(Some(report)) => self.debuggee.loaded(&report),
            Ok(None) => {}
            Err(fault) => self.tell(&fault),
        }
    }

    /// Back to the appli's first instruction.
    fn restart(&mut self) -> Result<(), Fault> {
        let mut meanwhile = Meanwhile::new(&mut self.debuggee.company, &self.debuggee.snapshot);
        let restarted = self.debuggee.session.restart(&mut meanwhile)?;
        self.unsaid.extend(restarted.console);
        self.remember_registers()
    }

    /// `R` has no reply.
    fn restart_silently(&mut self, client: ClientId) -> ControlFlow<()> {
        if let Err(fault) = self.restart() {
            self.tell(&fault);
        }
        self.send(client, Outgoing::NoReply)
    }

    fn monitor(&mut self, client: ClientId, command: &str) -> ControlFlow<()> {
        if self.debuggee.company.controller() != Some(client) {
            return self.monitor_of_a_looking_client(client, command);
        }
        // All but `why` show first what there was no moment to show.
        if !monitor::asks_why(command) {
            self.say_what_was_unsaid(client);
        }
        let debuggee = &mut self.debuggee;
        let mut asking = Asking {
            client,
            company: &mut debuggee.company,
            snapshot: &debuggee.snapshot,
        };
        let mut console = Console::new(&mut asking);
        let result = monitor::run(command, &mut debuggee.session, &mut console);
        drop(console);
        let Err(fault) = result else {
            self.say_what_was_unsaid(client);
            return self.reply(client, OK);
        };
        self.tell(&fault);
        // GDB 13 shows the number only, but console text before it.
        if let Some(asking) = self.debuggee.company.client(client)
            && asking.error_form == ErrorForm::Number
        {
            asking.console(&format!("{fault}\n"));
        }
        self.debuggee.session.journal().take_unshown();
        self.refuse(client, &fault, Shown::Yes)
    }

    /// What there was no moment to show is the controlling client's, and so are the session's faults.
    fn monitor_of_a_looking_client(&mut self, client: ClientId, command: &str) -> ControlFlow<()> {
        let debuggee = &mut self.debuggee;
        if monitor::asks_why(command) {
            if let Some(asking) = debuggee.company.client(client) {
                let why = asking.refusals.last().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "this client was refused nothing".to_owned());
                asking.console(&format!("{why}\n"));
            }
            return self.reply(client, OK);
        }
        let mut asking = Asking {
            client,
            company: &mut debuggee.company,
            snapshot: &debuggee.snapshot,
        };
        let result = monitor::run(
            command,
            &mut debuggee.session,
            &mut Console::new(&mut asking),
        );
        self.answer(client, result.map(|()| OK.to_vec()))
    }
}
