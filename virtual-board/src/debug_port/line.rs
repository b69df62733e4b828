//! The serial wire itself, one clock cycle at a time (ADIv5.2 chapters B4.1 and B4.2): request, turnaround, acknowledge, data.
//!
//! A request is eight bits: start, APnDP, RnW, A2, A3, even parity, stop, park. The target then owns the line for its acknowledge
//! and for what is read, and gives it back over one turnaround cycle each way (DLCR.TURNROUND keeps its reset value). After WAIT
//! and FAULT there is a data phase only with overrun detection. What is no request goes to the selection sequences in `wire`.
//!
//! Nobody drives the line while it turns round, and while nobody answers: the pull-up makes it read as one.

use super::{Acknowledge, DebugPort, Register, System, dp::TARGETSEL};

/// A data word and its parity.
const DATA_BITS: u32 = 33;
/// Turnaround, acknowledge, turnaround.
const REFUSAL_BITS: u32 = 5;
/// Turnaround, acknowledge, data with parity, turnaround.
const READ_BITS: u32 = REFUSAL_BITS + DATA_BITS;

/// Bits of a request, in the order of transmission from bit 0 up.
mod request {
    pub const START: u8 = 1 << 0;
    pub const ACCESS: u8 = 1 << 1;
    pub const READ: u8 = 1 << 2;
    pub const ADDRESS: u8 = 3 << 3;
    pub const PARITY: u8 = 1 << 5;
    pub const STOP: u8 = 1 << 6;
    pub const PARK: u8 = 1 << 7;
}

/// What the next clock cycle belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing yet: a one starts a request.
    #[default]
    Idle,
    /// The host sends a request; these bits are there.
    Request { bits: u8, count: u32 },
    /// The target has the line, and `left` of its bits to send.
    Answer { bits: u64, left: u32, then: Data },
    /// The host sends a word to write.
    Data {
        register: Option<Register>,
        bits: u64,
        count: u32,
    },
}

/// What follows the acknowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// Nothing, or the answer brought it.
    None,
    /// A word for a register, or one that nobody takes.
    Host(Option<Register>),
}

/// Where the wire is between two clock cycles.
#[derive(Clone, Debug, Default)]
pub struct Line {
    phase: Phase,
}

impl Line {
    /// One clock cycle in which the host drives the line, or does not. What the line shows.
    pub fn clock(
        &mut self,
        driven: Option<bool>,
        port: &mut DebugPort,
        system: &mut dyn System,
    ) -> bool {
        let line = driven.unwrap_or(true);
        match self.phase {
            Phase::Idle if line && port.awaits_request() => {
                self.phase = Phase::Request { bits: 1, count: 1 };
            }
            Phase::Idle => port.sequence(1, line.into(), system),
            Phase::Request { bits, count } => {
                let bits = bits | u8::from(line) << count;
                self.phase = match count + 1 {
                    8 => decide(bits, port, system),
                    count => Phase::Request { bits, count },
                };
            }
            Phase::Answer { bits, left, then } => {
                self.phase = match (left - 1, then) {
                    (0, Data::None) => Phase::Idle,
                    (0, Data::Host(register)) => Phase::Data {
                        register,
                        bits: 0,
                        count: 0,
                    },
                    (left, _) => Phase::Answer {
                        bits: bits >> 1,
                        left,
                        then,
                    },
                };
                return bits & 1 == 1;
            }
            Phase::Data {
                register,
                bits,
                count,
            } => {
                let bits = bits | u64::from(line) << count;
                self.phase = if count + 1 == DATA_BITS {
                    if let Some(register) = register {
                        store(register, bits, port, system);
                    }
                    Phase::Idle
                } else {
                    Phase::Data {
                        register,
                        bits,
                        count: count + 1,
                    }
                };
            }
        }
        line
    }
}

/// The target's answer to a complete request.
fn decide(bits: u8, port: &mut DebugPort, system: &mut dyn System) -> Phase {
    let parity = (bits & (request::ACCESS | request::READ | request::ADDRESS)).count_ones() & 1;
    let framed =
        bits & (request::START | request::STOP | request::PARK) == request::START | request::PARK;
    if !framed || (parity == 1) != (bits & request::PARITY != 0) {
        return protocol_error(bits, port, system);
    }
    let address = (bits & request::ADDRESS) >> 1;
    let register = if bits & request::ACCESS == 0 {
        Register::Debug(address)
    } else {
        Register::Access(address)
    };
    if bits & request::READ != 0 {
        match port.read(register, system) {
            Ok(value) => {
                let parity = u64::from(value.count_ones() & 1) << 32;
                answer(
                    Acknowledge::Ok,
                    u64::from(value) | parity,
                    READ_BITS,
                    Data::None,
                )
            }
            Err(Acknowledge::Silent) => protocol_error(bits, port, system),
            Err(Acknowledge::Corrupt) => {
                let odd = 1 << 32;
                answer(Acknowledge::Ok, odd, READ_BITS, Data::None)
            }
            Err(refusal) if port.detects_overrun() => {
                answer(refusal, u64::MAX, READ_BITS, Data::None)
            }
            Err(refusal) => answer(refusal, u64::MAX, REFUSAL_BITS, Data::None),
        }
    } else {
        match port.accepts_write(register) {
            Ok(()) => {
                let then = Data::Host(Some(register));
                answer(Acknowledge::Ok, u64::MAX, REFUSAL_BITS, then)
            }
            Err(Acknowledge::Silent) if register == TARGETSEL => answer(
                Acknowledge::Silent,
                u64::MAX,
                REFUSAL_BITS,
                Data::Host(Some(register)),
            ),
            Err(Acknowledge::Silent) => protocol_error(bits, port, system),
            Err(refusal) if port.detects_overrun() => {
                answer(refusal, u64::MAX, REFUSAL_BITS, Data::Host(None))
            }
            Err(refusal) => answer(refusal, u64::MAX, REFUSAL_BITS, Data::None),
        }
    }
}

/// Turnaround, acknowledge and then `data`, of all that `length` bits.
fn answer(acknowledge: Acknowledge, data: u64, length: u32, then: Data) -> Phase {
    let acknowledge = match acknowledge {
        Acknowledge::Ok | Acknowledge::Corrupt => 0b001,
        Acknowledge::Wait => 0b010,
        Acknowledge::Fault => 0b100,
        Acknowledge::Silent => 0b111,
    };
    // All that nobody drives, the last turnaround too, reads as one.
    let data = if length == READ_BITS {
        data | u64::MAX << DATA_BITS
    } else {
        u64::MAX
    };
    Phase::Answer {
        bits: 1 | acknowledge << 1 | data << 4,
        left: length,
        then,
    }
}

/// The target leaves the line alone, and listens for a line reset from the first bit of what it could not make out.
fn protocol_error(bits: u8, port: &mut DebugPort, system: &mut dyn System) -> Phase {
    port.lose_synchronisation();
    port.sequence(8, bits.into(), system);
    Phase::Idle
}

/// A word has arrived.
fn store(register: Register, bits: u64, port: &mut DebugPort, system: &mut dyn System) {
    if bits.count_ones() & 1 == 1 {
        port.refuse_data();
        return;
    }
    port.store(register, bits as u32, system);
}

#[cfg(test)]
mod tests;
