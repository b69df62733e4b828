//! The server's side of OpenOCD's remote_bitbang protocol (its doc/manual/jtag/drivers/remote_bitbang.txt): one character moves the
//! JTAG pins or asks for TDO, so an unmodified OpenOCD with `adapter driver remote_bitbang` debugs the board.
//!
//! `0` to `7` set TCK (4), TMS (2) and TDI (1); `R` is answered by `0` or `1`; `r` to `u` set nTRST (2) and nRST (1), where a set bit
//! drives low; `B` and `b` switch a lamp; `Q` hangs up. Releases after 0.12 may also send `Z` (wait 1 ms) and `z` (wait 1 us). The
//! characters of the protocol's SWD half are refused: the cable has the JTAG pins.
//!
//! OpenOCD lights the lamp when it begins to execute its queue of JTAG commands and puts it out when it is through (bitbang.c,
//! `bitbang_execute_queue`): that is one exchange, what an adapter with a firmware of its own would be sent at once. How the
//! characters are cut into packets is the network's affair. What comes between two queues costs its cycles and no exchange.
//!
//! OpenOCD expects that the chip speaks JTAG already. A debugger that was here before may have left the port in SWD, so the cable
//! switches it back when a client comes, as adapters with a firmware of their own do. A dormant port stays dormant until power-off.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::{
    adapter::Adapter,
    debug_port::Pins,
    handle::VirtualBoard,
    serve::{Conversation, Protocol, check_plug},
};

/// How a listener speaks to such a client.
pub const PROTOCOL: Protocol = Protocol {
    name: "remote_bitbang",
    converse: converse as Conversation,
    refusal: |_| REFUSAL.to_vec(),
};

/// A TDO that is neither 0 nor 1. OpenOCD 0.12 gives up at it, and would fail an assertion at a connection that is merely closed.
const REFUSAL: &[u8] = b"busy";
/// Most characters that are handled in one go, while no other owner gets at the board.
const PACKET: usize = 4096;
/// A line reset of the serial wire side, then its switch code to JTAG (ADIv5.2 B5.2), lowest bit first.
const LINE_RESET: (u8, u64) = (51, (1 << 51) - 1);
const SWD_TO_JTAG: (u8, u64) = (16, 0xE73C);
/// Five clocks with TMS high reset the TAPs.
const TAP_RESET: (u8, u64) = (5, 0x1F);

/// A character that is none of the protocol's, or one of its SWD half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:#04x} is no JTAG command of remote_bitbang")]
struct UnknownCommand(u8);

/// One character of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Drive(Pins),
    Read,
    Reset { trst: bool, srst: bool },
    Wait(Duration),
    BeginQueue,
    EndQueue,
    Quit,
}

impl Command {
    fn parse(character: u8) -> Result<Self, UnknownCommand> {
        let bit = |base: u8, bit: u8| (character - base) & bit != 0;
        Ok(match character {
            b'0'..=b'7' => Self::Drive(Pins {
                clock: bit(b'0', 4),
                mode: bit(b'0', 2),
                data: bit(b'0', 1),
            }),
            b'R' => Self::Read,
            b'r'..=b'u' => Self::Reset {
                trst: bit(b'r', 2),
                srst: bit(b'r', 1),
            },
            b'Z' => Self::Wait(Duration::from_millis(1)),
            b'z' => Self::Wait(Duration::from_micros(1)),
            b'B' => Self::BeginQueue,
            b'b' => Self::EndQueue,
            b'Q' => Self::Quit,
            _ => return Err(UnknownCommand(character)),
        })
    }
}

/// Serves `client` until it quits or hangs up. nRST is released then.
fn converse(mut client: &TcpStream, board: &VirtualBoard) -> io::Result<()> {
    let mut cable = Cable::new(board);
    let mut packet = [0; PACKET];
    loop {
        let length = client.read(&mut packet)?;
        let (answers, end) = cable.act(packet.get(..length).unwrap_or_default());
        check_plug(board)?;
        client.write_all(&answers)?;
        match end {
            End::Packet if length > 0 => {}
            End::Packet | End::Quit => return Ok(()),
            End::Failed(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
}

/// Why no more of a packet was looked at.
enum End {
    Packet,
    Quit,
    Failed(UnknownCommand),
}

/// What stops the moving of pins: a command that is none, or the packet's end.
type Stop = Option<Result<Command, UnknownCommand>>;

/// The cable between a client and the pins.
struct Cable<'board> {
    board: &'board VirtualBoard,
    data_out: bool,
    reset_driven: bool,
}

impl<'board> Cable<'board> {
    /// Plugs the cable in and sees to it that the chip speaks JTAG.
    fn new(board: &'board VirtualBoard) -> Self {
        for (count, bits) in [LINE_RESET, SWD_TO_JTAG, TAP_RESET] {
            board.adapter(|adapter| adapter.sequence(count, bits));
        }
        Self {
            board,
            data_out: true,
            reset_driven: false,
        }
    }

    /// Does what `packet` asks for. The answers, and why it ended.
    fn act(&mut self, packet: &[u8]) -> (Vec<u8>, End) {
        let mut answers = Vec::new();
        let mut characters = packet.iter().copied();
        loop {
            match self.move_pins(&mut characters, &mut answers) {
                None => return (answers, End::Packet),
                Some(Err(error)) => return (answers, End::Failed(error)),
                Some(Ok(Command::Quit)) => return (answers, End::Quit),
                Some(Ok(Command::Wait(duration))) => {
                    self.board.adapter(Adapter::spend_cycles);
                    self.board.idle(duration);
                }
                Some(Ok(Command::Reset { trst, srst })) => self.drive_resets(trst, srst),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Moves the pins up to the first command that does something else.
    fn move_pins(
        &mut self,
        characters: &mut impl Iterator<Item = u8>,
        answers: &mut Vec<u8>,
    ) -> Stop {
        let data_out = &mut self.data_out;
        self.board.adapter(|adapter| {
            for character in characters {
                match Command::parse(character) {
                    Ok(Command::Drive(pins)) => *data_out = adapter.drive_pins(pins),
                    Ok(Command::Read) => answers.push(b'0' + u8::from(*data_out)),
                    Ok(Command::BeginQueue) => adapter.begin_exchange(),
                    Ok(Command::EndQueue) => adapter.spend_cycles(),
                    other => return Some(other),
                }
            }
            None
        })
    }

    fn drive_resets(&mut self, trst: bool, srst: bool) {
        self.reset_driven = srst;
        self.board.adapter(|adapter| {
            adapter.spend_cycles();
            adapter.board.drive_reset_pin(!srst);
            if trst {
                adapter.board.reset_jtag();
            }
        });
    }
}

/// An unplugged cable drives nothing.
impl Drop for Cable<'_> {
    fn drop(&mut self) {
        self.board.adapter(Adapter::spend_cycles);
        if self.reset_driven {
            self.drive_resets(false, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{adapter::Statistics, board::Board, clock::Time};

    #[test]
    fn characters_are_pins() {
        let pins = |clock, mode, data| Command::Drive(Pins { clock, mode, data });
        assert_eq!(Command::parse(b'0').unwrap(), pins(false, false, false));
        assert_eq!(Command::parse(b'3').unwrap(), pins(false, true, true));
        assert_eq!(Command::parse(b'4').unwrap(), pins(true, false, false));
        assert_eq!(
            Command::parse(b't').unwrap(),
            Command::Reset {
                trst: true,
                srst: false
            }
        );
        for character in [b'8', b'd', b'O', b'\n', 0xFF] {
            assert_eq!(Command::parse(character), Err(UnknownCommand(character)));
        }
    }

    fn spent(packets: &[&[u8]]) -> (Statistics, Time) {
        let board = Board::builder()
            .build()
            .expect("a blank board needs no file");
        let board = VirtualBoard::new(board);
        let mut cable = Cable::new(&board);
        let connected = board.statistics();
        assert_eq!(connected.exchanges, 0);
        for packet in packets {
            cable.act(packet);
        }
        drop(cable);
        (board.statistics(), board.with(|board| board.now()))
    }

    #[test]
    fn a_queue_is_one_exchange_however_it_is_cut_into_packets() {
        let (whole, time) = spent(&[b"ts0404rB2626040R4bB0R4R0b04"]);
        assert_eq!(whole.exchanges, 2);
        let cycles = 51 + 16 + 5 + 8;
        let wire = Time::of_cycles(cycles, 4_000_000);
        assert_eq!(whole.link, Time::micros(2 * 250) + wire);
        assert_eq!(time, whole.link);
        let cut = spent(&[b"ts04", b"04rB26", b"26040R4bB0", b"R4R", b"0b0", b"4"]);
        assert_eq!(cut, (whole, time));
    }
}
