//! The probe's firmware: an adapter in the manner of CMSIS-DAP v2 between a host and the SWD pins, or a plain cable for JTAG.
//!
//! A command of the host is one exchange: it costs a fixed time on its way (USB and firmware), then every SWD transfer takes its
//! bits at the set speed. A packet carries [`PAYLOAD_BYTES`] at most, so a longer block needs several exchanges. AP reads are
//! pipelined: each transfer fetches the result of the one before, RDBUFF the last. A port that says WAIT is asked again
//! [`WAIT_RETRIES`] times. While the board runs freely, the wall clock alone says what the way costs. A host that moves the JTAG pins
//! itself pays for every cycle of TCK at the set speed; an access of the debug port is what it counts as a transfer.
//!
//! What the link would have cost is counted whichever [`Clock`] the board has, so that hosts can be compared on any of them.

use crate::{
    board::Board,
    clock::Time,
    debug_port::{Acknowledge, Pins, Register},
};

/// Largest packet of a CMSIS-DAP v2 probe on high-speed USB.
pub const PAYLOAD_BYTES: usize = 512;
/// Register writes that fit into one packet: three bytes of header, then a request byte and a word each.
pub const BATCH_WRITES: usize = (PAYLOAD_BYTES - 3) / 5;
/// Words of a block that fit into one packet with its header.
pub const BLOCK_WORDS: usize = (PAYLOAD_BYTES - 6) / 4;
/// Fastest SWD clock in kHz, that of an STLINK-V3.
pub const MAXIMUM_KHZ: u32 = 24_000;
/// How often a WAIT is answered by trying again.
pub const WAIT_RETRIES: u32 = 1_000;
/// What an exchange costs unless the adapter is told otherwise.
pub const EXCHANGE_COST: Time = Time::micros(250);

/// Clock cycles of a transfer with data: request, turnaround, acknowledge, data with parity, turnaround.
const TRANSFER_BITS: u64 = 8 + 1 + 3 + 33 + 1;
/// Clock cycles of a transfer that is refused: no data phase.
const REFUSED_BITS: u64 = 8 + 1 + 3 + 1;

/// How a board's time passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Clock {
    /// By the wall clock; the way to the probe costs what it really takes.
    Free,
    /// By exchanges, at their modelled cost, and by nothing else: what the host does or sleeps between them is free.
    #[default]
    Lockstep,
    /// By the wall clock, and by the modelled cost of an exchange where that is longer: neither exchanges nor sleeps of the host are free.
    Paced,
}

/// What the probe has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Commands of the host.
    pub exchanges: u64,
    /// SWD transfers, with the retries and the RDBUFF reads that fetch a posted result; JTAG scans that reached the debug port.
    pub transfers: u64,
    /// Register data that the host's requests or scans carried, four bytes each.
    pub bytes: u64,
    /// What the link takes for it in the model: the exchanges at their cost, and the bits on the wire at the speed that was set.
    pub link: Time,
}

/// One register access of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read a register.
    Read(Register),
    /// Write a register.
    Write(Register, u32),
    /// Read a register until those of its bits that the mask keeps are this value.
    Match(Register, u32),
    /// Say which bits that are: nothing crosses the wire.
    Mask(u32),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Answer to the last transfer.
    pub acknowledge: Acknowledge,
    /// How many of the requests were carried out. A read is when the port has accepted it.
    pub executed: usize,
    /// A register never had the value that was waited for.
    pub mismatched: bool,
    /// What the reads gave, up to the first failure.
    pub data: Vec<u32>,
}

/// How the firmware makes transfers: what its host can configure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Cycles of SWCLK after each transfer.
    pub idle_cycles: u8,
    /// How often a transfer is tried until it is not answered by WAIT.
    pub attempts: u32,
    /// A refused transfer has its data phase all the same.
    pub data_phase: bool,
    /// How often a register is read until it has the value that is waited for.
    pub match_attempts: u32,
    /// Which of its bits are looked at.
    pub match_mask: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            idle_cycles: 0,
            attempts: WAIT_RETRIES,
            data_phase: false,
            match_attempts: 1,
            match_mask: 0,
        }
    }
}

/// Why a command ends before its end.
enum Failure {
    Refused(Acknowledge),
    Mismatch,
}

impl From<Acknowledge> for Failure {
    fn from(refusal: Acknowledge) -> Self {
        Self::Refused(refusal)
    }
}

/// The adapter, on the pins of its board.
pub struct Adapter {
    /// The board.
    pub board: Board,
    speed_khz: u32,
    exchange_cost: Time,
    clock: Clock,
    statistics: Statistics,
    pins: Pins,
    /// Cycles of TCK whose time has not passed yet.
    unspent_cycles: u64,
}

impl Adapter {
    /// An adapter at 4 MHz on `board`, in lockstep.
    pub fn new(board: Board) -> Self {
        Self {
            board,
            speed_khz: 4_000,
            exchange_cost: EXCHANGE_COST,
            clock: Clock::default(),
            statistics: Statistics::default(),
            pins: Pins::default(),
            unspent_cycles: 0,
        }
    }

    /// SWD clock in kHz.
    pub fn speed_khz(&self) -> u32 {
        self.speed_khz
    }

    /// Sets the SWD clock; false if the adapter cannot.
    pub fn set_speed(&mut self, khz: u32) -> bool {
        let possible = (1..=MAXIMUM_KHZ).contains(&khz);
        if possible {
            self.speed_khz = khz;
        }
        possible
    }

    /// What it has done so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Sets what an exchange costs in the model, before the bits on the wire.
    pub fn set_exchange_cost(&mut self, cost: Time) {
        self.exchange_cost = cost;
    }

    /// How time passes.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Says how time passes, which decides what an exchange costs here. The wall clock is the owner's business.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Bits cross the wire.
    fn spend_bits(&mut self, bits: u64) {
        let wire_time = Time::of_cycles(bits, u64::from(self.speed_khz) * 1_000);
        self.statistics.link += wire_time;
        self.board.run_for(wire_time);
    }

    /// A command arrives.
    pub fn begin_exchange(&mut self) {
        self.statistics.exchanges += 1;
        self.statistics.link += self.exchange_cost;
        if self.clock != Clock::Free {
            self.board.run_for(self.exchange_cost);
        }
    }

    /// A command that moves registers (DAP_Transfer, DAP_TransferBlock).
    pub fn exchange(&mut self, requests: &[Request]) -> Response {
        self.begin_exchange();
        self.transfer(requests, &mut Terms::default())
    }

    /// The same as a part of something else, on the terms of its host.
    pub fn transfer(&mut self, requests: &[Request], terms: &mut Terms) -> Response {
        let mut response = Response {
            acknowledge: Acknowledge::Ok,
            executed: 0,
            mismatched: false,
            data: Vec::new(),
        };
        match self.transfer_all(requests, terms, &mut response) {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) => response.acknowledge = refusal,
            Err(Failure::Mismatch) => response.mismatched = true,
        }
        response
    }

    /// Writes ABORT, once, as a part of something else (DAP_WriteABORT).
    pub fn write_abort(&mut self, flags: u32) -> Acknowledge {
        let once = Terms {
            attempts: 1,
            ..Terms::default()
        };
        self.statistics.bytes += 4;
        match self.transfer_write(Register::Debug(0), flags, &once) {
            Ok(()) => Acknowledge::Ok,
            Err(refusal) => refusal,
        }
    }

    /// A bare sequence on SWDIO (DAP_SWJ_Sequence).
    pub fn exchange_sequence(&mut self, count: u8, bits: u64) {
        self.begin_exchange();
        self.sequence(count, bits);
    }

    /// The same as a part of something else.
    pub fn sequence(&mut self, count: u8, bits: u64) {
        self.spend_bits(count.into());
        self.board.sequence(count, bits);
    }

    /// Cycles of SWCLK by hand, in each of which SWDIO is driven or not. What SWDIO showed.
    pub fn exchange_cycles(&mut self, cycles: impl Iterator<Item = Option<bool>>) -> Vec<bool> {
        self.begin_exchange();
        self.cycles(cycles)
    }

    /// The same as a part of something else.
    pub fn cycles(&mut self, cycles: impl Iterator<Item = Option<bool>>) -> Vec<bool> {
        let shown: Vec<bool> = cycles.map(|bit| self.board.clock_swd(bit)).collect();
        self.spend_bits(shown.len() as u64);
        shown
    }

    /// Drives nRST (DAP_SWJ_Pins) and waits.
    pub fn exchange_reset_pin(&mut self, level: Option<bool>, wait: Time) {
        self.begin_exchange();
        if let Some(level) = level {
            self.board.drive_reset_pin(level);
        }
        self.board.run_for(wait);
    }

    /// Moves the JTAG pins. What TDO shows then.
    ///
    /// The time of TCK passes in pieces, at whose ends the chip may have something to say: where a scan reached the debug port, and
    /// by [`Self::spend_cycles`].
    pub fn drive_pins(&mut self, pins: Pins) -> bool {
        let before = std::mem::replace(&mut self.pins, pins);
        self.unspent_cycles += u64::from(pins.clock && !before.clock);
        if self.board.drive_jtag(pins) {
            self.statistics.transfers += 1;
            self.statistics.bytes += 4;
            self.spend_cycles();
        }
        self.board.jtag_data_out()
    }

    /// The time of TCK up to now has passed.
    pub fn spend_cycles(&mut self) {
        let cycles = std::mem::take(&mut self.unspent_cycles);
        self.spend_bits(cycles);
    }

    fn transfer_all(
        &mut self,
        requests: &[Request],
        terms: &mut Terms,
        response: &mut Response,
    ) -> Result<(), Failure> {
        const RDBUFF: Register = Register::Debug(0xC);
        let mut posted = false;
        let mut unchecked = false;
        for request in requests {
            // An AP read behind an AP read brings the result of the one before; anything else leaves it to RDBUFF.
            let continues = matches!(request, Request::Read(Register::Access(_)));
            if posted && !continues {
                posted = false;
                response.data.push(self.transfer_read(RDBUFF, terms)?);
            }
            match *request {
                Request::Read(register) => {
                    let value = self.transfer_read(register, terms)?;
                    if posted || !continues {
                        response.data.push(value);
                    }
                    posted = continues;
                    unchecked = false;
                }
                Request::Match(register, value) => {
                    self.transfer_match(register, value, terms)?;
                    unchecked = false;
                }
                Request::Write(register, value) => {
                    self.transfer_write(register, value, terms)?;
                    unchecked = true;
                }
                Request::Mask(mask) => terms.match_mask = mask,
            }
            response.executed += 1;
            if !matches!(request, Request::Mask(_)) {
                self.statistics.bytes += 4;
            }
        }
        if posted {
            response.data.push(self.transfer_read(RDBUFF, terms)?);
        } else if unchecked {
            self.transfer_read(RDBUFF, terms)?;
        }
        Ok(())
    }

    fn transfer_match(
        &mut self,
        register: Register,
        value: u32,
        terms: &Terms,
    ) -> Result<(), Failure> {
        if matches!(register, Register::Access(_)) {
            // The first read of an access port brings what was read before it.
            self.transfer_read(register, terms)?;
        }
        for _ in 0..terms.match_attempts {
            if self.transfer_read(register, terms)? & terms.match_mask == value {
                return Ok(());
            }
        }
        Err(Failure::Mismatch)
    }

    fn transfer_read(&mut self, register: Register, terms: &Terms) -> Result<u32, Acknowledge> {
        self.retried(terms, |board| board.transfer_read(register))
    }

    fn transfer_write(
        &mut self,
        register: Register,
        value: u32,
        terms: &Terms,
    ) -> Result<(), Acknowledge> {
        self.retried(terms, |board| board.transfer_write(register, value))
    }

    fn retried<T>(
        &mut self,
        terms: &Terms,
        mut transfer: impl FnMut(&mut Board) -> Result<T, Acknowledge>,
    ) -> Result<T, Acknowledge> {
        for _ in 0..terms.attempts {
            self.statistics.transfers += 1;
            let result = transfer(&mut self.board);
            let bits = if result.is_ok() || terms.data_phase {
                TRANSFER_BITS
            } else {
                REFUSED_BITS
            };
            self.spend_bits(bits + u64::from(terms.idle_cycles));
            if !matches!(result, Err(Acknowledge::Wait)) {
                return result;
            }
        }
        Err(Acknowledge::Wait)
    }
}
