//! Commands of CMSIS-DAP as their bytes say them: parsed as a whole before anything is done.

use crate::{
    adapter::{PAYLOAD_BYTES, Request},
    debug_port::Register,
};

/// Commands that are about packets and other commands.
pub const TRANSFER_ABORT: u8 = 0x07;
pub const QUEUE_COMMANDS: u8 = 0x7E;
pub const EXECUTE_COMMANDS: u8 = 0x7F;

/// Bits of a transfer request.
mod request {
    pub const ACCESS: u8 = 1 << 0;
    pub const READ: u8 = 1 << 1;
    pub const ADDRESS: u8 = 3 << 2;
    /// Of a read.
    pub const MATCH_VALUE: u8 = 1 << 4;
    /// Of a write.
    pub const MATCH_MASK: u8 = 1 << 5;
}

/// The longest text of DAP_Info, with its zero.
const LONGEST_INFORMATION: usize = 32;

/// DAP_SWD_Configure.
const TURNAROUND: u8 = 3;
const DATA_PHASE: u8 = 1 << 2;
/// Sequence info of DAP_SWD_Sequence.
const SEQUENCE_CYCLES: u8 = 0x3F;
const SEQUENCE_INPUT: u8 = 1 << 7;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Info {
        identifier: u8,
    },
    HostStatus {
        kind: u8,
    },
    Connect {
        port: u8,
    },
    Disconnect,
    TransferConfigure {
        idle_cycles: u8,
        wait_retries: u16,
        match_retries: u16,
    },
    Transfer(Vec<Request>),
    /// Transfers of one register.
    TransferBlock(Vec<Request>),
    WriteAbort {
        flags: u32,
    },
    Delay {
        microseconds: u16,
    },
    ResetTarget,
    Pins {
        output: u8,
        select: u8,
    },
    Clock {
        hertz: u32,
    },
    /// Bits on SWDIO.
    Sequence(Vec<bool>),
    Configure {
        turnaround_cycles: u8,
        data_phase: bool,
    },
    /// Bits on SWDIO, or cycles in which it is looked at.
    SwdSequence(Vec<Sequence>),
}

/// A part of DAP_SWD_Sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sequence {
    Output(Vec<bool>),
    Input { cycles: usize },
}

impl Command {
    /// The command at the start of `bytes`, which then begin behind it. Nothing if there is none, or if it is cut short.
    pub fn parse(bytes: &mut &[u8]) -> Option<Self> {
        Some(match byte(bytes)? {
            0x00 => Self::Info {
                identifier: byte(bytes)?,
            },
            0x01 => {
                let [kind, _status] = array(bytes)?;
                Self::HostStatus { kind }
            }
            0x02 => Self::Connect { port: byte(bytes)? },
            0x03 => Self::Disconnect,
            0x04 => Self::TransferConfigure {
                idle_cycles: byte(bytes)?,
                wait_retries: short(bytes)?,
                match_retries: short(bytes)?,
            },
            0x05 => {
                let [_index, count] = array(bytes)?;
                let requests = (0..count).map(|_| transfer(bytes));
                Self::Transfer(requests.collect::<Option<_>>()?)
            }
            0x06 => Self::TransferBlock(block(bytes)?),
            0x08 => {
                byte(bytes)?;
                Self::WriteAbort {
                    flags: word(bytes)?,
                }
            }
            0x09 => Self::Delay {
                microseconds: short(bytes)?,
            },
            0x0A => Self::ResetTarget,
            0x10 => {
                let [output, select] = array(bytes)?;
                word(bytes)?;
                Self::Pins { output, select }
            }
            0x11 => Self::Clock {
                hertz: word(bytes)?,
            },
            0x12 => {
                let count = match byte(bytes)? {
                    0 => 256,
                    count => count.into(),
                };
                Self::Sequence(bits(bytes, count)?)
            }
            0x13 => {
                let configuration = byte(bytes)?;
                Self::Configure {
                    turnaround_cycles: (configuration & TURNAROUND) + 1,
                    data_phase: configuration & DATA_PHASE != 0,
                }
            }
            0x1D => {
                let sequences = (0..byte(bytes)?).map(|_| sequence(bytes));
                Self::SwdSequence(sequences.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// The most bytes that its response has.
    pub fn response_bytes(&self) -> usize {
        let words = |requests: &[Request]| {
            let read = |request: &&Request| matches!(request, Request::Read(_));
            requests.iter().filter(read).count() * 4
        };
        match self {
            Self::Info { .. } => 2 + LONGEST_INFORMATION,
            Self::Transfer(requests) => 3 + words(requests),
            Self::TransferBlock(requests) => 4 + words(requests),
            Self::SwdSequence(sequences) => {
                let captured = sequences.iter().map(|sequence| match sequence {
                    Sequence::Input { cycles } => cycles.div_ceil(8),
                    Sequence::Output(_) => 0,
                });
                2 + captured.sum::<usize>()
            }
            _ => 3,
        }
    }
}

fn transfer(bytes: &mut &[u8]) -> Option<Request> {
    let flags = byte(bytes)?;
    let register = register(flags);
    Some(match flags & request::READ != 0 {
        true if flags & request::MATCH_VALUE != 0 => Request::Match(register, word(bytes)?),
        true => Request::Read(register),
        false if flags & request::MATCH_MASK != 0 => Request::Mask(word(bytes)?),
        false => Request::Write(register, word(bytes)?),
    })
}

fn block(bytes: &mut &[u8]) -> Option<Vec<Request>> {
    byte(bytes)?;
    let (count, flags) = (short(bytes)?, byte(bytes)?);
    let register = register(flags);
    match flags & request::READ != 0 {
        // More than a packet has room for is refused as a whole: no need to keep all of it.
        true => Some(vec![
            Request::Read(register);
            usize::from(count).min(PAYLOAD_BYTES)
        ]),
        false => (0..count)
            .map(|_| Some(Request::Write(register, word(bytes)?)))
            .collect(),
    }
}

fn register(flags: u8) -> Register {
    let address = flags & request::ADDRESS;
    match flags & request::ACCESS != 0 {
        true => Register::Access(address),
        false => Register::Debug(address),
    }
}

fn sequence(bytes: &mut &[u8]) -> Option<Sequence> {
    let info = byte(bytes)?;
    let cycles = match info & SEQUENCE_CYCLES {
        0 => 64,
        cycles => cycles.into(),
    };
    Some(match info & SEQUENCE_INPUT != 0 {
        true => Sequence::Input { cycles },
        false => Sequence::Output(bits(bytes, cycles)?),
    })
}

/// So many bits, the lowest of each byte first.
fn bits(bytes: &mut &[u8], count: usize) -> Option<Vec<bool>> {
    let data = bytes.split_off(..count.div_ceil(8))?;
    let bits = data
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    Some(bits.take(count).collect())
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    bytes.split_off(..N)?.try_into().ok()
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    bytes.split_off_first().copied()
}

fn short(bytes: &mut &[u8]) -> Option<u16> {
    array(bytes).map(u16::from_le_bytes)
}

fn word(bytes: &mut &[u8]) -> Option<u32> {
    array(bytes).map(u32::from_le_bytes)
}
