//! A Black Magic Probe on a TCP port: its remote protocol, version 4, with SWD by hand and no ADIv5 acceleration.
//!
//! A request is `!`, a group, a command, hexadecimal parameters, `#`; what lies between requests is noise. An answer is `&`, then K
//! (done), P (a parity is wrong), E (failed, with a code) or N (not supported), a number in hexadecimal, `#`. The pin SWDIO turns
//! round, over one cycle of SWCLK, whenever bits in follow bits out or the other way.
//! Source: the behaviour of the probe's firmware (src/remote.c of the Black Magic Debug project) and of its clients.
//!
//! Acceleration is not offered because the one stock client that speaks this over TCP, probe-rs 0.32, asks an accelerated probe
//! for the memory of AP0 whatever access port it means, and this chip's core is behind AP1. JTAG, target power and SPI are refused
//! as by a probe that has none.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::TcpStream,
};

use crate::{
    clock::Time,
    handle::VirtualBoard,
    serve::{Conversation, Protocol, check_plug},
};

/// How a listener speaks to such a client.
pub const PROTOCOL: Protocol = Protocol {
    name: "Black Magic",
    converse: converse as Conversation,
    refusal: refuse,
};

/// The reason, as noise that clients pass over and whoever reads along sees, then an error in answer to the handshake.
fn refuse(because: &str) -> Vec<u8> {
    let answer = Answer::Error(ErrorCode::Busy).encoded();
    format!("{because}\n{answer}").into_bytes()
}

/// Version of the remote protocol.
const VERSION: u64 = 4;
/// No accelerators: bit 0 would be ADIv5.
const ACCELERATORS: u64 = 0;
/// Answer to the handshake.
const IDENTITY: &str = concat!("Virtual STM32H7S78-DK v", env!("CARGO_PKG_VERSION"));
/// VTref.
const VOLTAGE: &str = "3.3V";
/// The probe's packet buffer.
const LONGEST_REQUEST: usize = 1024;
/// Bits of one sequence.
const LONGEST_SEQUENCE: u64 = 32;

/// What the probe says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// Done, with a number.
    Number(u64),
    /// Done, with a text.
    Text(&'static str),
    /// Done, with the bytes of a word, lowest first.
    Word(u32),
    /// What came in has a wrong parity.
    Parity(u64),
    /// Refused.
    Error(ErrorCode),
    /// The probe cannot do this.
    Unsupported,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ErrorCode {
    Unrecognised = 1,
    WrongLength = 2,
    /// EBUSY, beyond the probe's own codes: the probe has another client, or no cable.
    Busy = 16,
}

const DONE: Answer = Answer::Number(0);

impl Answer {
    fn encoded(&self) -> String {
        match self {
            Self::Number(value) => format!("&K{value:x}#"),
            Self::Text(text) => format!("&K{text}#"),
            Self::Word(value) => format!("&K{:08x}#", value.swap_bytes()),
            Self::Parity(value) => format!("&P{value:x}#"),
            Self::Error(code) => format!("&E{:x}#", *code as u8),
            Self::Unsupported => "&N0#".to_owned(),
        }
    }
}

/// Serves one client until it goes.
fn converse(stream: &TcpStream, board: &VirtualBoard) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut remote = Remote::new(board.clone());
    let mut writer = stream;
    while let Some(request) = next_request(&mut reader)? {
        let answer = match &request {
            Some(request) => remote.answer(request),
            None => Answer::Error(ErrorCode::WrongLength),
        };
        tracing::trace!("{request:?}: {answer:?}");
        check_plug(board)?;
        writer.write_all(answer.encoded().as_bytes())?;
    }
    Ok(())
}

/// What stands between the next `!` and its `#`; an inner nothing if that is too long for any probe. None at the end.
fn next_request(reader: &mut impl BufRead) -> io::Result<Option<Option<Vec<u8>>>> {
    let mut request: Option<Vec<u8>> = None;
    loop {
        let Some(byte) = reader.fill_buf()?.first().copied() else {
            return Ok(None);
        };
        reader.consume(1);
        match (byte, &mut request) {
            (b'!', _) => request = Some(Vec::new()),
            (_, None) => {}
            (b'#', _) => break,
            (byte, Some(request)) if request.len() <= LONGEST_REQUEST => request.push(byte),
            _ => {}
        }
    }
    Ok(Some(
        request.filter(|request| request.len() <= LONGEST_REQUEST),
    ))
}

/// The probe as one client has it.
struct Remote {
    board: VirtualBoard,
    /// The probe drives SWDIO.
    drives: bool,
    /// nRST as the probe drives it.
    reset_released: bool,
}

/// A probe that nobody holds any more drives nothing.
impl Drop for Remote {
    fn drop(&mut self) {
        if !self.reset_released {
            self.drive_reset(true);
        }
    }
}

impl Remote {
    fn new(board: VirtualBoard) -> Self {
        Self {
            board,
            drives: true,
            reset_released: true,
        }
    }

    fn answer(&mut self, request: &[u8]) -> Answer {
        let Ok(request) = std::str::from_utf8(request) else {
            return Answer::Error(ErrorCode::Unrecognised);
        };
        let (Some(command), Some(parameters)) = (request.get(..2), request.get(2..)) else {
            return Answer::Error(ErrorCode::Unrecognised);
        };
        match command {
            "GA" => Answer::Text(IDENTITY),
            "GV" => Answer::Text(VOLTAGE),
            "GE" => DONE,
            "GF" => self.set_frequency(parameters),
            "Gf" => Answer::Word(self.board.adapter(|adapter| adapter.speed_khz()) * 1_000),
            "GZ" => self.set_reset(parameters),
            "Gz" => Answer::Number((!self.reset_released).into()),
            "HC" => Answer::Number(VERSION),
            "HA" => Answer::Number(ACCELERATORS),
            "SS" => {
                self.drives = true;
                DONE
            }
            "So" | "SO" => self.bits_out(parameters, command == "SO"),
            "Si" | "SI" => self.bits_in(parameters, command == "SI"),
            _ => match command.as_bytes().first() {
                Some(b'G' | b'H' | b'S') if !matches!(command, "GP" | "Gp" | "HJ") => {
                    Answer::Error(ErrorCode::Unrecognised)
                }
                _ => Answer::Unsupported,
            },
        }
    }

    /// The nearest speed that the probe has.
    fn set_frequency(&mut self, parameters: &str) -> Answer {
        let Some(hertz) = number(parameters) else {
            return Answer::Error(ErrorCode::WrongLength);
        };
        let khz = (hertz / 1_000).clamp(1, crate::adapter::MAXIMUM_KHZ.into()) as u32;
        self.board.adapter(|adapter| adapter.set_speed(khz));
        DONE
    }

    /// One asserts nRST.
    fn set_reset(&mut self, parameters: &str) -> Answer {
        match parameters {
            "0" | "1" => {
                self.drive_reset(parameters == "0");
                DONE
            }
            _ => Answer::Error(ErrorCode::WrongLength),
        }
    }

    fn drive_reset(&mut self, released: bool) {
        // Pulled up: a release by a probe that did not assert it is no edge.
        if self.reset_released != released {
            self.reset_released = released;
            self.board
                .adapter(|adapter| adapter.exchange_reset_pin(Some(released), Time::default()));
        }
    }

    fn bits_out(&mut self, parameters: &str, with_parity: bool) -> Answer {
        let (Some(count), Some(bits)) = (sequence_length(parameters), parameters.get(2..)) else {
            return Answer::Error(ErrorCode::WrongLength);
        };
        let Some(bits) = number(bits) else {
            return Answer::Error(ErrorCode::WrongLength);
        };
        let bits = bits & ((1 << count) - 1);
        let parity = with_parity.then_some(Some(bits.count_ones() & 1 == 1));
        let word = (0..count).map(|index| Some(bits >> index & 1 == 1));
        self.clock(true, word.chain(parity));
        DONE
    }

    fn bits_in(&mut self, parameters: &str, with_parity: bool) -> Answer {
        let (Some(count), Some("")) = (sequence_length(parameters), parameters.get(2..)) else {
            return Answer::Error(ErrorCode::WrongLength);
        };
        let cycles = count + u64::from(with_parity);
        let shown = self.clock(false, (0..cycles).map(|_| None));
        let (word, parity) = (shown & ((1 << count) - 1), shown >> count);
        if with_parity && u64::from(word.count_ones() & 1) != parity {
            return Answer::Parity(word);
        }
        Answer::Number(word)
    }

    /// Clock cycles, after the pin has turned round. What SWDIO showed in them, lowest bit first.
    fn clock(&mut self, drives: bool, cycles: impl Iterator<Item = Option<bool>>) -> u64 {
        let turnaround = usize::from(self.drives != drives);
        self.drives = drives;
        let cycles = std::iter::repeat_n(None, turnaround).chain(cycles);
        let shown = self
            .board
            .adapter(|adapter| adapter.exchange_cycles(cycles));
        let word = shown.iter().skip(turnaround).enumerate();
        word.fold(0, |word, (index, bit)| word | u64::from(*bit) << index)
    }
}

fn number(digits: &str) -> Option<u64> {
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if hexadecimal {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// The two digits that say how many bits follow or are wanted.
fn sequence_length(parameters: &str) -> Option<u64> {
    let count = number(parameters.get(..2)?)?;
    (1..=LONGEST_SEQUENCE).contains(&count).then_some(count)
}

#[cfg(test)]
mod tests;
