//! The probe as one client has it: what it was told, and what it does.
//!
//! As in Arm's reference firmware a probe that is not connected drives no pin: it makes no transfer and answers with no acknowledge.
//! Where that firmware goes on as if its pins did something, this one reports an error.

use std::collections::VecDeque;

use super::{
    INVALID,
    command::{Command, EXECUTE_COMMANDS, QUEUE_COMMANDS, Sequence, TRANSFER_ABORT},
};
use crate::{
    adapter::{Adapter, MAXIMUM_KHZ, PAYLOAD_BYTES, Request, Response, Terms},
    clock::Time,
    debug_port::Acknowledge,
    handle::VirtualBoard,
};

/// Packets that a client may send ahead, and that the probe keeps for DAP_QueueCommands.
const PACKET_COUNT: u8 = 8;
/// The version of the protocol.
const VERSION: &str = "2.1.0";
const VENDOR: &str = "xspi-gdb";
const PRODUCT: &str = "Virtual board CMSIS-DAP";
/// SWD and atomic commands; nothing in the second byte.
const CAPABILITIES: [u8; 2] = [1 << 0 | 1 << 4, 0];

const OK: u8 = 0x00;
const ERROR: u8 = 0xFF;
/// DAP_Connect.
const DEFAULT_PORT: u8 = 0;
const NO_PORT: u8 = 0;
const SWD_PORT: u8 = 1;
/// Turnaround of the chip's port, which cannot be changed (DLCR).
const PORT_TURNAROUND: u8 = 1;
/// DAP_HostStatus knows Connect and Running.
const LAST_STATUS: u8 = 1;
/// The transfer response: a value that never matched, a parity that is wrong.
const MISMATCH: u8 = 1 << 4;
const PROTOCOL_ERROR: u8 = 1 << 3;

/// The pins of DAP_SWJ_Pins.
mod pin {
    pub const CLOCK: u8 = 1 << 0;
    pub const DATA: u8 = 1 << 1;
    /// Not driven by anybody, pulled up.
    pub const TEST_RESET: u8 = 1 << 5;
    pub const RESET: u8 = 1 << 7;
    /// SWD without a transfer, and no reset.
    pub const IDLE: u8 = CLOCK | DATA | RESET;
}

/// A probe.
pub struct Probe {
    board: VirtualBoard,
    settings: Settings,
    queue: VecDeque<Vec<u8>>,
}

/// What its client has told it.
struct Settings {
    connected: bool,
    terms: Terms,
    /// SWCLK, SWDIO and nRESET as they are driven.
    pins: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connected: false,
            // What the reference firmware begins with.
            terms: Terms {
                attempts: 100 + 1,
                ..Terms::default()
            },
            pins: pin::IDLE,
        }
    }
}

/// A probe that nobody holds any more drives nothing.
impl Drop for Probe {
    fn drop(&mut self) {
        let settings = &mut self.settings;
        self.board.adapter(|adapter| settings.disconnect(adapter));
    }
}

impl Probe {
    pub fn new(board: VirtualBoard) -> Self {
        Self {
            board,
            settings: Settings::default(),
            queue: VecDeque::new(),
        }
    }

    /// Takes a packet. The responses to it, and to those that were waiting for it.
    pub fn answer(&mut self, packet: Vec<u8>) -> Vec<Vec<u8>> {
        match packet.first() {
            // Nothing is under way: there is no response of its own (DAP_TransferAbort).
            Some(&TRANSFER_ABORT) => {
                self.exchange(|_, _| ());
                Vec::new()
            }
            Some(&QUEUE_COMMANDS) if self.queue.len() < PACKET_COUNT.into() => {
                self.queue.push_back(packet);
                Vec::new()
            }
            Some(&QUEUE_COMMANDS) => vec![vec![INVALID]],
            _ => {
                self.queue.push_back(packet);
                let packets = std::mem::take(&mut self.queue);
                let answers = packets.iter().map(|packet| {
                    let response =
                        self.exchange(|settings, adapter| settings.answer(packet, adapter));
                    tracing::trace!("{packet:02x?}: {response:02x?}");
                    response
                });
                answers.collect()
            }
        }
    }

    /// What a packet asks for, as one exchange.
    fn exchange<T>(&mut self, act: impl FnOnce(&mut Settings, &mut Adapter) -> T) -> T {
        let settings = &mut self.settings;
        self.board.adapter(|adapter| {
            adapter.begin_exchange();
            act(settings, adapter)
        })
    }
}

impl Settings {
    fn answer(&mut self, mut packet: &[u8], adapter: &mut Adapter) -> Vec<u8> {
        match packet {
            [QUEUE_COMMANDS | EXECUTE_COMMANDS, count, commands @ ..] => {
                self.execute_all(*count, commands, adapter)
            }
            _ => self.answer_one(&mut packet, PAYLOAD_BYTES, adapter),
        }
    }

    /// Executes `count` commands, up to the first that is none or whose response has no room.
    fn execute_all(&mut self, count: u8, mut commands: &[u8], adapter: &mut Adapter) -> Vec<u8> {
        let mut response = vec![EXECUTE_COMMANDS, 0];
        for executed in 1..=count {
            let room = PAYLOAD_BYTES - response.len();
            let answer = self.answer_one(&mut commands, room, adapter);
            if answer.len() > room {
                break;
            }
            let end = answer == [INVALID];
            response.extend(answer);
            response[1] = executed;
            if end {
                break;
            }
        }
        response
    }

    /// Executes the command at the start of `bytes`. Its response, or 0xFF if there is no such thing to execute.
    fn answer_one(&mut self, bytes: &mut &[u8], room: usize, adapter: &mut Adapter) -> Vec<u8> {
        let identifier = bytes.first().copied().unwrap_or(INVALID);
        match Command::parse(bytes) {
            Some(command) if command.response_bytes() <= room => {
                let mut response = vec![identifier];
                response.extend(self.execute(command, adapter));
                response
            }
            _ => vec![INVALID],
        }
    }

    /// What follows the command's identifier in the response.
    fn execute(&mut self, command: Command, adapter: &mut Adapter) -> Vec<u8> {
        match command {
            Command::Info { identifier } => {
                let info = information(identifier);
                let mut response = vec![info.len() as u8];
                response.extend(info);
                response
            }
            Command::HostStatus { kind } => status(kind <= LAST_STATUS),
            Command::Connect { port } => {
                self.connected = matches!(port, DEFAULT_PORT | SWD_PORT);
                vec![if self.connected { SWD_PORT } else { NO_PORT }]
            }
            Command::Disconnect => {
                self.disconnect(adapter);
                status(true)
            }
            Command::TransferConfigure {
                idle_cycles,
                wait_retries,
                match_retries,
            } => {
                self.terms.idle_cycles = idle_cycles;
                self.terms.attempts = u32::from(wait_retries) + 1;
                self.terms.match_attempts = u32::from(match_retries) + 1;
                status(true)
            }
            Command::Transfer(requests) => {
                let outcome = self.transfer(&requests, adapter);
                let mut response = vec![outcome.executed as u8, outcome.response];
                response.extend(outcome.data);
                response
            }
            Command::TransferBlock(requests) => {
                let outcome = self.transfer(&requests, adapter);
                // A read that was accepted counts when its word is there.
                let done = match requests.first() {
                    Some(Request::Read(_)) => outcome.data.len() / 4,
                    _ => outcome.executed,
                };
                let [low, high] = (done as u16).to_le_bytes();
                let mut response = vec![low, high, outcome.response];
                response.extend(outcome.data);
                response
            }
            Command::WriteAbort { flags } => {
                status(self.connected && adapter.write_abort(flags) == Acknowledge::Ok)
            }
            Command::Delay { microseconds } => {
                adapter.board.run_for(Time::micros(microseconds.into()));
                status(true)
            }
            // There is no sequence that only this device has.
            Command::ResetTarget => vec![OK, 0],
            Command::Pins { output, select } => {
                if self.connected {
                    self.drive(output, select, adapter);
                }
                vec![self.pins | pin::TEST_RESET]
            }
            Command::Clock { hertz: 0 } => status(false),
            Command::Clock { hertz } => {
                status(adapter.set_speed((hertz / 1_000).clamp(1, MAXIMUM_KHZ)))
            }
            Command::Sequence(bits) if self.connected => {
                for part in bits.chunks(64) {
                    let packed = packed(part.iter().copied());
                    adapter.sequence(part.len() as u8, packed);
                }
                status(true)
            }
            Command::SwdSequence(sequences) if self.connected => {
                let mut response = status(true);
                for sequence in sequences {
                    response.extend(clock(&sequence, adapter));
                }
                response
            }
            Command::Sequence(_) | Command::SwdSequence(_) => status(false),
            Command::Configure {
                turnaround_cycles,
                data_phase,
            } => {
                self.terms.data_phase = data_phase;
                status(turnaround_cycles == PORT_TURNAROUND)
            }
        }
    }

    fn transfer(&mut self, requests: &[Request], adapter: &mut Adapter) -> Outcome {
        if !self.connected || requests.is_empty() {
            return Outcome::default();
        }
        let Response {
            acknowledge,
            executed,
            mismatched,
            data,
        } = adapter.transfer(requests, &mut self.terms);
        let acknowledge = match acknowledge {
            Acknowledge::Ok => 1,
            Acknowledge::Wait => 2,
            Acknowledge::Fault => 4,
            Acknowledge::Silent => 7,
            Acknowledge::Corrupt => PROTOCOL_ERROR,
        };
        Outcome {
            executed,
            response: acknowledge | if mismatched { MISMATCH } else { 0 },
            data: data.into_iter().flat_map(u32::to_le_bytes).collect(),
        }
    }

    /// Moves those pins that are selected.
    fn drive(&mut self, output: u8, select: u8, adapter: &mut Adapter) {
        let before = self.pins;
        self.pins = before & !select | output & select & pin::IDLE;
        if self.pins & !before & pin::CLOCK != 0 {
            adapter.cycles([Some(self.pins & pin::DATA != 0)].into_iter());
        }
        if (self.pins ^ before) & pin::RESET != 0 {
            adapter.board.drive_reset_pin(self.pins & pin::RESET != 0);
        }
    }

    fn disconnect(&mut self, adapter: &mut Adapter) {
        self.drive(pin::RESET, pin::RESET, adapter);
        self.pins = pin::IDLE;
        self.connected = false;
    }
}

/// What came of transfers, in the bytes of a response.
#[derive(Default)]
struct Outcome {
    executed: usize,
    response: u8,
    data: Vec<u8>,
}

fn status(done: bool) -> Vec<u8> {
    vec![if done { OK } else { ERROR }]
}

/// Cycles of SWCLK. What SWDIO showed, if it was to be looked at.
fn clock(sequence: &Sequence, adapter: &mut Adapter) -> Vec<u8> {
    match sequence {
        Sequence::Output(bits) => {
            adapter.cycles(bits.iter().copied().map(Some));
            Vec::new()
        }
        Sequence::Input { cycles } => {
            let shown = adapter.cycles((0..*cycles).map(|_| None));
            let bytes = shown.chunks(8).map(|bits| packed(bits.iter().copied()));
            bytes.map(|byte| byte as u8).collect()
        }
    }
}

/// Up to 64 bits, the first at the bottom.
fn packed(bits: impl Iterator<Item = bool>) -> u64 {
    let places = bits.enumerate();
    places.fold(0, |word, (place, bit)| word | u64::from(bit) << place)
}

/// DAP_Info: texts end in a zero, what is not there is empty.
fn information(identifier: u8) -> Vec<u8> {
    let text = |text: &str| [text.as_bytes(), &[0]].concat();
    match identifier {
        0x01 => text(VENDOR),
        0x02 => text(PRODUCT),
        0x04 => text(VERSION),
        0x09 => text(env!("CARGO_PKG_VERSION")),
        0xF0 => CAPABILITIES.to_vec(),
        0xFE => vec![PACKET_COUNT],
        0xFF => (PAYLOAD_BYTES as u16).to_le_bytes().to_vec(),
        _ => Vec::new(),
    }
}
