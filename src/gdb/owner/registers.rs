//! Packets about registers of a client that has read no target description: in its numbers, and back.

use super::Owner;
use crate::{
    fault::Fault,
    gdb::{
        arch::GENERAL_REGISTERS,
        event_loop::ClientId,
        refusal::{self, Refusal},
        undescribed::{self, Meaning},
        wire::encoding::{from_hex, number, split, to_hex},
    },
};

/// A number that no register has.
const NONE: u16 = u16::MAX;

/// A packet in the numbers of the target description.
pub(super) enum Numbered {
    /// To be served.
    Packet(Vec<u8>),
    /// It is answered already.
    Reply(Vec<u8>),
}

impl Owner {
    /// True if `client` numbers registers as the target description does.
    pub(super) fn is_described(&mut self, client: ClientId) -> bool {
        let asking = self.debuggee.company.client(client);
        asking.is_none_or(|client| client.is_described)
    }

    /// `packet` of `client` in our numbers, if it is about registers.
    pub(super) fn numbered(&mut self, client: ClientId, packet: &[u8]) -> Result<Numbered, Fault> {
        let described = self.is_described(client);
        let numbered = match (packet.split_first(), described) {
            (Some((b'G', digits)), false) => self.all_values(digits),
            (Some((b'G', digits)), true) => {
                (digits.len() == GENERAL_REGISTERS * 8).then(|| packet.to_vec())
            }
            (Some((b'p', digits)), false) => match number(digits).map(undescribed::meaning) {
                Some(Meaning::Ours(number)) => Some(format!("p{:x}", number.0).into_bytes()),
                Some(Meaning::Absent(bytes)) => {
                    return Ok(Numbered::Reply(vec![b'x'; 2 * bytes]));
                }
                _ => Some(format!("p{NONE:x}").into_bytes()),
            },
            (Some((b'P', rest)), false) => split(rest, b'=').map(|(register, value)| {
                let number = match number(register).map(undescribed::meaning) {
                    Some(Meaning::Ours(number)) => number.0,
                    _ => NONE,
                };
                [format!("P{number:x}=").as_bytes(), value].concat()
            }),
            _ => Some(packet.to_vec()),
        };
        numbered.map(Numbered::Packet).ok_or_else(|| {
            Refusal::Malformed {
                packet: refusal::Shown(packet).to_string(),
                expected: "G and the registers of g",
            }
            .into()
        })
    }

    /// `G` with what it does not carry as it is.
    fn all_values(&mut self, digits: &[u8]) -> Option<Vec<u8>> {
        let mut now = [0; GENERAL_REGISTERS];
        // Of a running core nothing is written anyway.
        if let Ok(registers) = self.debuggee.session.registers(0..GENERAL_REGISTERS as u16) {
            for (number, value) in (0..).zip(&mut now) {
                *value = registers.known(number).unwrap_or_default();
            }
        }
        let values = undescribed::values(&from_hex(digits)?, now)?;
        Some([b"G".as_slice(), &to_hex(&values)].concat())
    }
}
