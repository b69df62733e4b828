//! A CMSIS-DAP v2 probe on a TCP port: the protocol of Arm's document of that name, version 2.1, with SWD alone. JTAG, SWO, UART and the
//! test domain timer are reported as absent.
//!
//! TCP has no packets, so each command and each response has a header of eight bytes, little-endian: the signature "DAP" and a zero,
//! the length behind the header, 1 for a request and 2 for a response, a zero. That is the framing of OpenOCD's backend for such
//! probes (src/jtag/drivers/cmsis_dap_tcp.c of its repository, newer than 0.12). A client whose header is none is hung up on: where
//! its next packet begins nobody knows.
//!
//! A packet is one exchange, also one that was sent ahead of the last response. What is no command, or is cut short, is answered by
//! 0xFF and not carried out; neither is one whose response would not fit into a packet.

mod command;
mod probe;

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use crate::{
    adapter::PAYLOAD_BYTES,
    handle::VirtualBoard,
    serve::{Conversation, Protocol, check_plug},
};
use probe::Probe;

/// How a listener speaks to such a client.
pub const PROTOCOL: Protocol = Protocol {
    name: "CMSIS-DAP",
    converse: converse as Conversation,
    refusal: |_| framed(&[INVALID]),
};

/// The answer to what is no command.
const INVALID: u8 = 0xFF;

const SIGNATURE: [u8; 4] = *b"DAP\0";
const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;

/// Serves one client until it goes.
fn converse(mut stream: &TcpStream, board: &VirtualBoard) -> io::Result<()> {
    let mut probe = Probe::new(board.clone());
    let mut reader = io::BufReader::new(stream);
    while let Some(packet) = next_packet(&mut reader)? {
        let responses = match packet {
            Some(packet) => probe.answer(packet),
            None => vec![vec![INVALID]],
        };
        check_plug(board)?;
        let bytes: Vec<u8> = responses.iter().flat_map(|one| framed(one)).collect();
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// What stands behind the next header; an inner nothing if that is too long for the probe. None at the end.
fn next_packet(reader: &mut impl Read) -> io::Result<Option<Option<Vec<u8>>>> {
    let mut header = [0; 8];
    match reader.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let [s0, s1, s2, s3, low, high, kind, _] = header;
    if [s0, s1, s2, s3] != SIGNATURE || kind != REQUEST {
        let message = format!("{header:02x?} is no header of a request");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut packet = vec![0; u16::from_le_bytes([low, high]).into()];
    reader.read_exact(&mut packet)?;
    Ok(Some(
        Some(packet).filter(|packet| packet.len() <= PAYLOAD_BYTES),
    ))
}

/// A response behind its header. None is longer than a packet.
fn framed(response: &[u8]) -> Vec<u8> {
    let [low, high] = (response.len() as u16).to_le_bytes();
    let [s0, s1, s2, s3] = SIGNATURE;
    let header = [s0, s1, s2, s3, low, high, RESPONSE, 0];
    [&header, response].concat()
}

#[cfg(test)]
mod tests;
