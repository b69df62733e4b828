//! Frames of the remote protocol: `$body#checksum`, acknowledgements, the interrupt byte.
//!
//! GDB manual, "Overview" and "Packet Acknowledgment". A TCP connection loses nothing, so damage here means a client that
//! counts wrongly, or somebody who is no GDB at all: whatever comes, the framer finds the next `$` and goes on. Where we deviate:
//! - GDB sends `-` after two seconds of silence even when acknowledgements are off. A frame is sent again only if it was not
//!   acknowledged and no packet has come since, else GDB would take an old reply for the answer to its new request.
//! - With acknowledgements off a damaged packet is answered by an error, for the client waits for something.
//! - A packet that is too long is acknowledged and then refused: a NAK would bring it again.

use std::{fmt, iter};

use super::encoding::digits;

/// Largest body we take and give; `PacketSize` of `qSupported`.
pub const PACKET_BYTES: usize = 0x4000;

/// What a frame has besides its body.
const FRAME_BYTES: usize = 4;

/// The byte that a client sends, outside of any packet, to stop the target.
const INTERRUPT: u8 = 0x03;

/// Why a packet could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The checksum says otherwise, or is not hexadecimal.
    Checksum,
    /// Longer than [`PACKET_BYTES`].
    Oversize {
        /// Bytes of the body.
        bytes: usize,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checksum => f.write_str("the checksum is wrong"),
            Self::Oversize { bytes } => {
                write!(
                    f,
                    "{bytes} bytes are more than the {PACKET_BYTES} of PacketSize"
                )
            }
        }
    }
}

/// What a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A packet with the right checksum; its body is still escaped.
    Packet(Vec<u8>),
    /// A packet that must be refused.
    Damaged(Damage),
    /// The interrupt byte.
    Interrupt,
}

/// Where in a frame the next byte falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Between frames.
    Outside,
    /// After `$`.
    Body,
    /// After `#`.
    FirstDigit,
    /// After the first digit of the checksum.
    SecondDigit { first: u8 },
}

/// One direction of each: frames from a client, frames to it.
#[derive(Debug)]
pub struct Framer {
    place: Place,
    body: Vec<u8>,
    body_bytes: usize,
    sum: u8,
    acknowledge: bool,
    unacknowledged: Option<Vec<u8>>,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            place: Place::Outside,
            body: Vec::new(),
            body_bytes: 0,
            sum: 0,
            acknowledge: true,
            unacknowledged: None,
        }
    }
}

impl Framer {
    /// Takes bytes from the client. What they say goes to `incoming`; what must be sent at once (acknowledgements, a frame
    /// asked for again) goes to `outgoing`.
    pub fn receive(&mut self, bytes: &[u8], incoming: &mut Vec<Incoming>, outgoing: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.place == Place::Body {
                rest = self.in_body(rest);
                continue;
            }
            rest = behind;
            match self.place {
                Place::SecondDigit { first } => {
                    self.place = Place::Outside;
                    self.packet_ends([first, byte], incoming, outgoing);
                }
                Place::FirstDigit => self.place = Place::SecondDigit { first: byte },
                Place::Outside | Place::Body => self.outside(byte, incoming, outgoing),
            }
        }
    }

    /// Frames `body`, which is already escaped, and remembers it until the client has acknowledged it.
    pub fn send(&mut self, body: &[u8], outgoing: &mut Vec<u8>) {
        let start = outgoing.len();
        outgoing.reserve(body.len() + FRAME_BYTES);
        outgoing.extend(framed(body));
        let frame = &outgoing[start..];
        self.unacknowledged = self.acknowledge.then(|| frame.to_vec());
    }

    fn outside(&mut self, byte: u8, incoming: &mut Vec<Incoming>, outgoing: &mut Vec<u8>) {
        match byte {
            b'$' => self.begin(),
            b'+' => self.unacknowledged = None,
            b'-' => {
                if let Some(frame) = &self.unacknowledged {
                    outgoing.extend_from_slice(frame);
                }
            }
            INTERRUPT => incoming.push(Incoming::Interrupt),
            _ => tracing::trace!(byte, "stray byte between packets"),
        }
    }

    fn begin(&mut self) {
        self.place = Place::Body;
        self.body.clear();
        self.body_bytes = 0;
        self.sum = 0;
    }

    /// Takes what is there of the body, and what ends it. What is left of `bytes`.
    fn in_body<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let ends = |byte: &u8| matches!(byte, b'#' | b'$');
        let end = bytes.iter().position(ends).unwrap_or(bytes.len());
        let (body, rest) = bytes.split_at(end);
        self.sum = self.sum.wrapping_add(checksum(body));
        self.body_bytes += body.len();
        let room = PACKET_BYTES - self.body.len();
        self.body.extend_from_slice(&body[..room.min(body.len())]);
        match rest.split_first() {
            Some((b'#', rest)) => {
                self.place = Place::FirstDigit;
                rest
            }
            // A `$` is always escaped inside a body: the client gave up the packet before and begins anew.
            Some((_, rest)) => {
                self.begin();
                rest
            }
            None => rest,
        }
    }

    fn packet_ends(
        &mut self,
        digits: [u8; 2],
        incoming: &mut Vec<Incoming>,
        outgoing: &mut Vec<u8>,
    ) {
        self.unacknowledged = None;
        let checksum = std::str::from_utf8(&digits)
            .ok()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let damage = if checksum != Some(self.sum) {
            Some(Damage::Checksum)
        } else if self.body_bytes > PACKET_BYTES {
            Some(Damage::Oversize {
                bytes: self.body_bytes,
            })
        } else {
            None
        };
        match damage {
            Some(Damage::Checksum) if self.acknowledge => outgoing.push(b'-'),
            Some(damage) => {
                self.acknowledge_packet(outgoing);
                incoming.push(Incoming::Damaged(damage));
            }
            None => {
                self.acknowledge_packet(outgoing);
                // This packet is the last that is acknowledged, and its reply the last that the client acknowledges.
                if self.body == b"QStartNoAckMode" {
                    self.acknowledge = false;
                }
                incoming.push(Incoming::Packet(std::mem::take(&mut self.body)));
            }
        }
    }

    fn acknowledge_packet(&self, outgoing: &mut Vec<u8>) {
        if self.acknowledge {
            outgoing.push(b'+');
        }
    }
}

/// `$body#checksum`.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(body.len() + FRAME_BYTES);
    frame.extend(framed(body));
    frame
}

/// The bytes of the same, one by one.
pub fn framed(body: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let [high, low] = digits(checksum(body));
    let body = body.iter().copied();
    iter::once(b'$').chain(body).chain([b'#', high, low])
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn feed(framer: &mut Framer, bytes: &[u8]) -> (Vec<Incoming>, String) {
        let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
        framer.receive(bytes, &mut incoming, &mut outgoing);
        (incoming, String::from_utf8_lossy(&outgoing).into_owned())
    }

    fn packet(body: &[u8]) -> Incoming {
        Incoming::Packet(body.to_vec())
    }

    fn without_acknowledgements() -> Framer {
        let mut framer = Framer::default();
        assert_eq!(feed(&mut framer, &frame(b"QStartNoAckMode")).1, "+");
        framer
    }

    #[test]
    fn a_packet_is_acknowledged_even_byte_by_byte() {
        let mut framer = Framer::default();
        let mut seen = Vec::new();
        for byte in b"+$g#67" {
            seen.push(feed(&mut framer, &[*byte]));
        }
        assert_eq!(seen.last(), Some(&(vec![packet(b"g")], "+".to_owned())));
        assert!(
            seen[..5]
                .iter()
                .all(|(incoming, out)| incoming.is_empty() && out.is_empty())
        );
    }

    #[test]
    fn a_wrong_checksum_is_nacked_while_acknowledgements_are_on() {
        let mut framer = Framer::default();
        assert_eq!(feed(&mut framer, b"$g#68"), (vec![], "-".to_owned()));
        assert_eq!(feed(&mut framer, b"$g#zz"), (vec![], "-".to_owned()));
        assert_eq!(
            feed(&mut framer, b"$g#67"),
            (vec![packet(b"g")], "+".to_owned())
        );
    }

    #[test]
    fn a_wrong_checksum_is_refused_once_acknowledgements_are_off() {
        let mut framer = without_acknowledgements();
        assert_eq!(
            feed(&mut framer, b"$g#00$g#67"),
            (
                vec![Incoming::Damaged(Damage::Checksum), packet(b"g")],
                String::new()
            )
        );
    }

    #[test]
    fn a_nak_brings_an_unacknowledged_reply_again_and_no_other() {
        let mut framer = Framer::default();
        feed(&mut framer, b"$?#3f");
        let mut sent = Vec::new();
        framer.send(b"T05", &mut sent);
        assert_eq!(feed(&mut framer, b"-").1.as_bytes(), sent);
        assert_eq!(feed(&mut framer, b"+-").1, "");
        framer.send(b"T05", &mut sent);
        // The next request is under way: its reply is what the client waits for.
        assert_eq!(feed(&mut framer, b"$g#67").1, "+");
        assert_eq!(feed(&mut framer, b"-").1, "");
    }

    #[test]
    fn a_nak_without_acknowledgements_changes_nothing() {
        let mut framer = without_acknowledgements();
        framer.send(b"OK", &mut Vec::new());
        assert_eq!(feed(&mut framer, b"---"), (vec![], String::new()));
    }

    #[test]
    fn an_oversize_packet_is_refused_and_the_next_one_taken() {
        let mut framer = Framer::default();
        let bytes = PACKET_BYTES + 1;
        assert_eq!(
            feed(&mut framer, &frame(&vec![b'a'; bytes])),
            (
                vec![Incoming::Damaged(Damage::Oversize { bytes })],
                "+".to_owned()
            )
        );
        assert_eq!(
            feed(&mut framer, &frame(&vec![b'a'; PACKET_BYTES])).0.len(),
            1
        );
        assert_eq!(feed(&mut framer, b"$g#67").0, vec![packet(b"g")]);
    }

    #[test]
    fn an_abandoned_packet_gives_way_to_the_next() {
        let mut framer = Framer::default();
        assert_eq!(feed(&mut framer, b"$m70000$g#67").0, vec![packet(b"g")]);
    }

    #[test]
    fn the_interrupt_byte_counts_between_packets_only() {
        let mut framer = Framer::default();
        let inside = frame(b"X0,1:\x03");
        assert_eq!(feed(&mut framer, &inside).0, vec![packet(b"X0,1:\x03")]);
        assert_eq!(feed(&mut framer, b"\x03").0, vec![Incoming::Interrupt]);
    }

    proptest! {
        #[test]
        fn whatever_came_before_a_packet_is_understood(garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framer = Framer::default();
            feed(&mut framer, &garbage);
            // At worst the garbage had opened a packet and this `$` falls on its checksum.
            feed(&mut framer, b"$g#67");
            let (incoming, _) = feed(&mut framer, b"$g#67");
            prop_assert_eq!(incoming.last(), Some(&packet(b"g")));
        }

        #[test]
        fn what_is_framed_is_understood_however_it_is_cut(
            body in proptest::collection::vec(any::<u8>().prop_filter("escaped on the wire", |b| !matches!(b, b'#' | b'$')), 0..300),
            cut in 0_usize..300,
        ) {
            let mut framer = Framer::default();
            let bytes = frame(&body);
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut incoming = feed(&mut framer, head).0;
            incoming.extend(feed(&mut framer, tail).0);
            prop_assert_eq!(incoming, vec![Incoming::Packet(body)]);
        }
    }
}
