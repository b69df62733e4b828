//! gdbstub's machines: packets in, captured replies out.

use gdbstub::stub::{GdbStubBuilder, SingleThreadStopReason, state_machine::GdbStubStateMachine};

use super::Owner;
use crate::{
    gdb::{
        arch::Number,
        event_loop::ClientId,
        refusal::{self, Refusal},
        report,
        snapshot::Snapshot,
        target::{Debuggee, Exchange},
        threads, undescribed,
        wire::{
            encoding::digits,
            framer::{PACKET_BYTES, framed},
            reply::Capture,
        },
    },
    session::Stop,
};

/// gdbstub's machine of one client.
pub type Machine = GdbStubStateMachine<'static, Debuggee, Capture>;

/// A packet with its frame, and room that gdbstub uses to read registers into.
const BUFFER_BYTES: usize = PACKET_BYTES + 0x100;

/// Registers that every stop reply carries, so that a step needs no `g`.
pub(super) const EXPEDITED: [Number; 7] = [
    Number::R7,
    Number::SP,
    Number::LR,
    Number::PC,
    Number::XPSR,
    Number::MSP,
    Number::PSP,
];

/// Why a machine could go no further.
type Broken = String;

fn broken(error: impl std::fmt::Display) -> Broken {
    error.to_string()
}

fn new_machine(debuggee: &mut Debuggee) -> Result<Machine, Broken> {
    GdbStubBuilder::new(Capture::default())
        .packet_buffer_size(BUFFER_BYTES)
        .build()
        .map_err(broken)?
        .run_state_machine(debuggee)
        .map_err(broken)
}

/// Gives `packet` to the machine. [`super::Owner`] keeps interrupts, `D` and `k` to itself, so two states do not occur.
fn give(mut machine: Machine, debuggee: &mut Debuggee, packet: &[u8]) -> Result<Machine, Broken> {
    for byte in framed(packet) {
        machine = match machine {
            Machine::Idle(machine) => machine.incoming_data(debuggee, byte),
            Machine::Running(machine) => machine.incoming_data(debuggee, byte),
            Machine::CtrlCInterrupt(machine) => {
                machine.interrupt_handled(debuggee, None::<SingleThreadStopReason<u32>>)
            }
            Machine::Disconnected(machine) => Ok(machine.return_to_idle()),
        }
        .map_err(broken)?;
    }
    Ok(machine)
}

/// What the machine has written.
fn captured(machine: &mut Machine) -> Option<Vec<u8>> {
    match machine {
        Machine::Idle(machine) => machine.borrow_conn(),
        Machine::Running(machine) => machine.borrow_conn(),
        Machine::CtrlCInterrupt(machine) => machine.borrow_conn(),
        Machine::Disconnected(machine) => machine.borrow_conn(),
    }
    .take()
}

impl Owner {
    /// Lets gdbstub serve `packet`. Its reply, if it has one yet; what it could not say is in the exchange.
    pub(super) fn stub(&mut self, client: ClientId, packet: &[u8]) -> Option<Vec<u8>> {
        self.debuggee.exchange = Exchange {
            client,
            ..Exchange::default()
        };
        let machine = match self.machines.remove(&client) {
            Some(machine) => Ok(machine),
            None => new_machine(&mut self.debuggee),
        };
        match machine.and_then(|machine| give(machine, &mut self.debuggee, packet)) {
            Ok(mut machine) => {
                let reply = captured(&mut machine);
                self.machines.insert(client, machine);
                reply
            }
            Err(reason) => {
                let packet = refusal::Shown(packet).to_string();
                self.debuggee.exchange.fault = Some(Refusal::NotServed { packet, reason }.into());
                None
            }
        }
    }

    /// The stop reply to a client whose machine is waiting for a stop.
    pub(super) fn stop_reply(&mut self, client: ClientId, stop: &Stop) -> Vec<u8> {
        self.select_running(client);
        let reported = match self.machines.remove(&client) {
            Some(Machine::Running(machine)) => machine
                .report_stop(&mut self.debuggee, report::stop_reason(stop))
                .map_err(broken),
            _ => Err("the machine was not waiting for a stop".to_owned()),
        };
        let reply = match reported {
            Ok(mut machine) => {
                let reply = captured(&mut machine);
                self.machines.insert(client, machine);
                reply
            }
            Err(reason) => {
                tracing::error!(reason, "a stop was reported plainly");
                None
            }
        };
        let mut reply = reply.unwrap_or_default();
        if !self.takes_hwbreak(client) {
            reply = without_hwbreak(&reply);
        }
        self.expedited(client, reply)
    }

    fn takes_hwbreak(&mut self, client: ClientId) -> bool {
        let asking = self.debuggee.company.client(client);
        asking.is_some_and(|client| client.takes_hwbreak)
    }

    /// The stop reply to a client that asks why the target is stopped.
    pub(super) fn present_stop_reply(&mut self, client: ClientId) -> Vec<u8> {
        self.select_running(client);
        let reply = self.stub(client, b"?").unwrap_or_default();
        self.expedited(client, reply)
    }

    fn expedited(&mut self, client: ClientId, reply: Vec<u8>) -> Vec<u8> {
        let number = match self.is_described(client) {
            true => |number: Number| Some(number.0),
            false => undescribed::number,
        };
        expedited(reply, &self.debuggee.snapshot, number)
    }
}

/// A stop reply for a client that did not offer `hwbreak`.
fn without_hwbreak(reply: &[u8]) -> Vec<u8> {
    let fields = reply.split_inclusive(|byte| *byte == b';');
    fields
        .map(|field| match field.strip_suffix(b"hwbreak:;") {
            // `T05` stands before the first field without a separator.
            Some(before) => before,
            None => field,
        })
        .collect::<Vec<_>>()
        .concat()
}

/// A `T` reply with registers, as far as they have a number. One that is none is replaced: GDB must never be left without a stop.
fn expedited(
    mut reply: Vec<u8>,
    snapshot: &Snapshot,
    numbered: fn(Number) -> Option<u16>,
) -> Vec<u8> {
    if !reply.starts_with(b"T") {
        reply = threads::stopped(snapshot.running);
    }
    reply = threads::with_thread(&reply, snapshot.running);
    for register in EXPEDITED {
        if let (Some(number), Some(value)) = (numbered(register), snapshot.value(register)) {
            reply.extend(digits(number as u8));
            reply.push(b':');
            reply.extend(value.to_le_bytes().into_iter().flat_map(digits));
            reply.push(b';');
        }
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{link::fake::FakeLink, session::registers::RegisterFile};

    #[test]
    fn hwbreak_is_for_those_who_take_it() {
        assert_eq!(
            without_hwbreak(b"T05thread:01;hwbreak:;core:0;"),
            b"T05thread:01;core:0;"
        );
        assert_eq!(without_hwbreak(b"T05hwbreak:;"), b"T05");
        assert_eq!(without_hwbreak(b"S05"), b"S05");
    }

    #[test]
    fn a_stop_carries_the_registers_of_a_step() {
        let mut link = FakeLink::new();
        let mut file = RegisterFile::default();
        file.fetch(&mut link, [7, 15]).expect("registers");
        let mut snapshot = Snapshot::default();
        snapshot.remember(&file);
        let described = |number: Number| Some(number.0);
        let stop = b"T05thread:01;hwbreak:;".to_vec();
        let reply = expedited(stop.clone(), &snapshot, described);
        assert_eq!(
            String::from_utf8_lossy(&reply),
            "T05thread:01;hwbreak:;07:00000000;0f:00000170;"
        );
        file.fetch(&mut link, [7, 15, 16, 17]).expect("registers");
        snapshot.remember(&file);
        let reply = expedited(stop, &snapshot, undescribed::number);
        let reply = String::from_utf8_lossy(&reply);
        assert!(
            reply.contains(";19:") && !reply.contains(";10:") && !reply.contains(";11:"),
            "{reply}"
        );
        assert!(
            expedited(b"E01".to_vec(), &Snapshot::default(), described)
                .starts_with(b"T05thread:1;")
        );
    }
}
