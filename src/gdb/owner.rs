//! The thread that owns the session, with a gdbstub machine a client.
//!
//! It takes one message at a time, in the order in which they came. While the core runs it looks for a stop between messages, waiting
//! longer and longer, but never so long that a stop or an interrupt goes unnoticed for 25 ms; while the core is halted it sleeps.
//!
//! gdbstub consumes a machine that meets what it cannot serve. The dispatcher leaves it no occasion; if it finds one all the same,
//! the client gets an error and a new machine.

use std::{collections::BTreeMap, ops::ControlFlow};

use super::{
    arch::GENERAL_REGISTERS,
    company::{Company, LastStop, Role},
    event_loop::{ClientId, Message, Outgoing},
    events, monitor,
    refusal::{self, Refusal},
    report::InWords,
    target::Debuggee,
    text_port::Stream,
    wire::{
        dispatch::{self, Need, Request},
        framer::Incoming,
        reply::{self, ErrorForm},
    },
};
use crate::{
    fault::{Disposition, Fault},
    session::{Leave, Session, Stop, StopReason},
    verbs::Backoff,
};

mod file_io;
mod program;
mod registers;
mod requests;
mod rtt;
mod stub;
mod threads;

use stub::{EXPEDITED, Machine};

/// "The program is gone", when the link is lost while GDB waits for a stop.
const TARGET_GONE: &[u8] = b"X09";

/// Why the owner let go of the session.
pub enum End {
    /// The server was told to end.
    Told,
    /// The link is lost; the clients have been sent away. With the reason, which the next client is told.
    LinkLost(Company, Option<Fault>),
}

/// The session, the clients, and a machine for each.
pub struct Owner {
    debuggee: Debuggee,
    machines: BTreeMap<ClientId, Machine>,
    /// A call of the program that a client is to serve.
    asked: Option<file_io::Asked>,
    /// Lines of stops that nobody waited for.
    unsaid: Vec<String>,
    /// What the program said when nobody waited for it.
    unheard: String,
}

/// What a client must be allowed to do for `request`. A monitor command may change anything, but for a few.
fn need(request: &Request) -> Need {
    match request {
        Request::Monitor(command) if monitor::is_for_everybody(command) => Need::Look,
        request => request.need(),
    }
}

/// Whether GDB shows the text of an `E.text` reply to the request at hand (GDB 18: to `qRcmd`, breakpoints and single registers, not to
/// watchpoints, memory and flash).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Yes,
    No,
}

impl Owner {
    /// Takes over `session`.
    pub fn new(session: Session, mut company: Company) -> Self {
        company.appli.clone_from(&session.settings().appli);
        let mut owner = Self {
            debuggee: Debuggee::new(session, company),
            machines: BTreeMap::new(),
            asked: None,
            unsaid: Vec::new(),
            unheard: String::new(),
        };
        owner.start_rtt();
        owner.open_console();
        owner
    }

    /// Serves until the server is told to end or the link is lost.
    pub fn run(mut self) -> End {
        loop {
            if self.debuggee.company.ending.is_requested() {
                break;
            }
            let flow = match self.wait() {
                Ok(Some(message)) => self.handle(message),
                Ok(None) => break,
                Err(fault) => self.lost_while_running(&fault),
            };
            if flow.is_break() {
                self.remember_rtt();
                self.debuggee.company.dismiss();
                let why = self.debuggee.session.journal().last().cloned();
                return End::LinkLost(self.debuggee.company, why);
            }
        }
        self.end()
    }

    /// Leaves the target as it was told to be.
    fn end(self) -> End {
        let Debuggee {
            session,
            mut company,
            ..
        } = self.debuggee;
        let leave = if session.is_halted() {
            Leave::Halted
        } else {
            Leave::Running
        };
        if let Err(fault) = session.close(leave) {
            tracing::warn!("{fault}");
        }
        company.dismiss();
        End::Told
    }

    /// The next message; reports stops that come before it.
    fn wait(&mut self) -> Result<Option<Message>, Fault> {
        let mut backoff = Backoff::default();
        while !self.debuggee.session.is_halted() {
            if let Some(message) = self.debuggee.company.next_ready() {
                return Ok(Some(message));
            }
            self.debuggee.session.is_for(&"poll");
            match self.debuggee.session.poll()? {
                Some(stop) => self.stopped(&stop),
                None if self.show_program_output() => backoff = Backoff::default(),
                None if self.carry_console() => backoff = Backoff::default(),
                None if self.carry_rtt()? => backoff = Backoff::default(),
                None if self.debuggee.session.take_passed() => backoff = Backoff::default(),
                None => {
                    self.debuggee.session.idle(backoff.next_wait())?;
                }
            }
        }
        Ok(self.debuggee.company.next())
    }

    fn handle(&mut self, message: Message) -> ControlFlow<()> {
        match message {
            Message::Joined { client, replies } => {
                self.debuggee.company.join(client, replies);
                ControlFlow::Continue(())
            }
            Message::Left { client } => {
                self.left(client);
                ControlFlow::Continue(())
            }
            Message::Port {
                stream: Stream::Console,
                said,
            } => {
                self.console_said(said);
                ControlFlow::Continue(())
            }
            Message::Port {
                stream: Stream::Rtt(channel),
                said,
            } => match self.rtt_said(channel, said) {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => self.lost_while_running(&fault),
            },
            Message::End => ControlFlow::Continue(()),
            Message::Said { client, what } => match what {
                Incoming::Packet(body) => self.packet(client, &body),
                Incoming::Damaged(damage) => {
                    self.refuse(client, &Refusal::Damaged { damage }.into(), Shown::No)
                }
                Incoming::Interrupt => self.interrupt(client),
            },
        }
    }

    /// A client has gone. The target stays as it was told to be; nobody is there to be stopped for.
    fn left(&mut self, client: ClientId) {
        self.machines.remove(&client);
        self.stop_asking(client);
        self.debuggee.forget(client);
        if self.debuggee.company.leave(client) == Some(Role::Controls) {
            self.debuggee.session.client_left();
        }
    }

    /// Ctrl-C: halts the core for the client that waits for a stop. A stop may have crossed it on the wire: then nothing is to do, or not yet.
    fn interrupt(&mut self, client: ClientId) -> ControlFlow<()> {
        let Some(interrupting) = self.debuggee.company.client(client) else {
            return ControlFlow::Continue(());
        };
        if !interrupting.awaits_stop {
            if interrupting.last_stop == LastStop::StepDone {
                interrupting.last_stop = LastStop::StepInterrupted;
            }
            return ControlFlow::Continue(());
        }
        if self.interrupts_call(client) {
            return ControlFlow::Continue(());
        }
        match self.debuggee.session.halt() {
            Ok(stop) => {
                self.stopped(&stop);
                ControlFlow::Continue(())
            }
            Err(fault) => self.lost_while_running(&fault),
        }
    }

    /// One packet of a client.
    fn packet(&mut self, client: ClientId, body: &[u8]) -> ControlFlow<()> {
        let request = dispatch::parse(body);
        if let Some(reply) = self.debuggee.company.answer_by_heart(client, &request) {
            self.debuggee.company.send(client, Outgoing::Reply(reply));
            return ControlFlow::Continue(());
        }
        let Some(asking) = self.debuggee.company.client(client) else {
            return ControlFlow::Continue(());
        };
        let changes = need(&request) == Need::Change;
        let asks_for_control = changes || request == Request::WhyStopped;
        if asking.role == Role::Looks
            && asks_for_control
            && !self.debuggee.company.takes_over(client)
            && changes
        {
            let packet = match &request {
                Request::Monitor(command) => format!("monitor {command}"),
                _ => refusal::Shown(body).to_string(),
            };
            return self.keep_from_changing(
                client,
                &request,
                &Refusal::OnlyLooks { packet }.into(),
            );
        }
        self.debuggee.session.is_for(&refusal::Shown(body));
        if let Some(flow) = self.while_asked(client, &request, body) {
            return flow;
        }
        self.serve(client, request, body)
    }

    /// A client that only looks asked for more. It is told why on its console where its GDB takes text now.
    fn keep_from_changing(
        &mut self,
        client: ClientId,
        request: &Request,
        fault: &Fault,
    ) -> ControlFlow<()> {
        let Some(asking) = self.debuggee.company.client(client) else {
            return ControlFlow::Continue(());
        };
        let shown = match request {
            Request::Resume { .. } => true,
            Request::Monitor(_) => asking.error_form == ErrorForm::Number,
            _ => false,
        };
        if shown {
            asking.console(&format!("{fault}\n"));
        }
        if matches!(request, Request::Restart | Request::Kill) {
            // These have no reply.
            asking.refusals.record(fault.clone());
            asking.send(Outgoing::NoReply);
            return ControlFlow::Continue(());
        }
        self.refuse(client, fault, Shown::No)
    }

    /// The target has stopped, or could not start: tells everybody who wants to know.
    fn stopped(&mut self, stop: &Stop) {
        // What the program said before it stopped comes before the stop.
        self.show_program_output();
        if let StopReason::ClientCall(errand) = &stop.reason {
            return self.ask(errand);
        }
        if let Err(fault) = self.carry_rtt() {
            self.tell(&fault);
        }
        let company = &mut self.debuggee.company;
        company
            .events
            .tell(&events::stop(InWords(&stop.reason), stop.pc));
        tracing::info!(pc = %stop.pc, "stopped: {}", InWords(&stop.reason));
        self.unsaid.extend(stop.console.iter().cloned());
        if let Err(fault) = self.remember_registers() {
            self.tell(&fault);
        }
        let Some(client) = self.debuggee.company.awaiting_stop() else {
            return;
        };
        self.say_what_was_unsaid(client);
        let reply = self.stop_reply(client, stop);
        if let Some(client) = self.debuggee.company.client(client) {
            client.awaits_stop = false;
            client.last_stop = match stop.reason {
                StopReason::Step => LastStop::StepDone,
                _ => LastStop::Another,
            };
            client.send(Outgoing::Aside(reply));
        }
    }

    /// The link failed while the core ran. If it still answers, the client gets its stop; if not, the session is over.
    fn lost_while_running(&mut self, fault: &Fault) -> ControlFlow<()> {
        self.tell(fault);
        if fault.disposition() == Disposition::Refuse {
            match self.debuggee.session.halt() {
                Ok(stop) => {
                    self.stopped(&stop);
                    return ControlFlow::Continue(());
                }
                Err(fault) => self.tell(&fault),
            }
        }
        if let Some(client) = self.debuggee.company.awaiting_stop() {
            self.say_what_was_unsaid(client);
            self.debuggee
                .company
                .send(client, Outgoing::Aside(TARGET_GONE.to_vec()));
        }
        ControlFlow::Break(())
    }

    /// Keeps the registers that every stop reply carries; all that `g` carries when somebody is here who may ask while the core runs.
    fn remember_registers(&mut self) -> Result<(), Fault> {
        let wanted = EXPEDITED.map(|number| number.0);
        let wanted = if self.debuggee.company.has_onlookers() {
            Vec::from_iter(0..GENERAL_REGISTERS as u16)
        } else {
            Vec::from(wanted)
        };
        let registers = self.debuggee.session.registers(wanted)?;
        self.debuggee.snapshot.remember(registers);
        self.debuggee.snapshot.running = self.debuggee.session.running_thread()?;
        Ok(())
    }

    /// Tells a fault to everybody but the clients; they read it at the next moment at which GDB takes console text.
    fn tell(&mut self, fault: &Fault) {
        self.debuggee
            .company
            .tell(fault, self.debuggee.session.journal());
    }

    /// Shows what there was no moment to show before.
    fn say_what_was_unsaid(&mut self, client: ClientId) {
        let faults = self.debuggee.session.journal().take_unshown();
        let lines = faults.iter().map(ToString::to_string);
        let lines: Vec<String> = lines
            .chain(self.debuggee.session.take_console())
            .chain(std::mem::take(&mut self.unsaid))
            .collect();
        let unheard = std::mem::take(&mut self.unheard);
        if let Some(client) = self.debuggee.company.client(client) {
            if !unheard.is_empty() {
                client.console(&unheard);
            }
            for line in lines {
                client.console(&format!("{line}\n"));
            }
        }
    }

    /// Refuses a request; ends the session if the link is lost.
    fn refuse(&mut self, client: ClientId, fault: &Fault, shown: Shown) -> ControlFlow<()> {
        let Some((form, role)) = self
            .debuggee
            .company
            .client(client)
            .map(|client| (client.error_form, client.role))
        else {
            return ControlFlow::Continue(());
        };
        if role == Role::Looks {
            // Not what the controlling client asks `monitor why` about.
            tracing::info!("a looking client was refused: {}", fault.one_line());
            if let Some(asking) = self.debuggee.company.client(client) {
                asking.refusals.record(fault.clone());
            }
        } else {
            self.tell(fault);
        }
        if shown == Shown::Yes && form == ErrorForm::Text {
            self.debuggee.session.journal().take_unshown();
        }
        self.debuggee
            .company
            .send(client, Outgoing::Reply(reply::error(fault, form)));
        match fault.disposition() {
            Disposition::Refuse => ControlFlow::Continue(()),
            Disposition::EndSession => ControlFlow::Break(()),
        }
    }
}
