//! The NOR's window opened over AP1, in pairs: whoever looks before the leap reads the array, whoever takes something for granted
//! fails as on the chip.
//!
//! Four things are taken for granted: that a selected clock runs, that the NOR speaks octal DTR, that it speaks SPI after a reset, and
//! that it wants the dummy cycles that it was delivered with.

mod common;
#[path = "common/interface.rs"]
mod interface;
#[path = "common/tiny.rs"]
mod tiny;

use std::time::Duration;

use interface::AHB;
use probe_rs::architecture::arm::{ArmDebugInterface, ArmError};
use tiny::{SPINS, boot_stage};
use virtual_board::{
    adapter::{Request, Response},
    board::Board,
    clock::Time,
    debug_port::{Acknowledge, Register},
    handle::VirtualBoard,
    nor::Mode,
};

const RAM: u64 = 0x2400_0000;
const WINDOW: u64 = 0x7000_0000;
const ARRAY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
const IN_ARRAY: u32 = u32::from_le_bytes(ARRAY);

const RCC_CR: u64 = 0x5802_4400;
const RCC_PLLCFGR: u64 = 0x5802_442C;
const RCC_CCIPR1: u64 = 0x5802_444C;
const RCC_AHB5ENR: u64 = 0x5802_4534;
const RCC_AHB4ENR: u64 = 0x5802_4540;
const HSION: u32 = 1 << 0;
const PLL2ON: u32 = 1 << 26;
const PLL2RDY: u32 = 1 << 27;
const PLL2SEN: u32 = 1 << 19;
/// XSPI2SEL: PLL2 S.
const XSPI2_FROM_PLL2: u32 = 1 << 6;

const CR: u64 = 0x5200_A000;
const DCR1: u64 = 0x5200_A008;
const SR: u64 = 0x5200_A020;
const FCR: u64 = 0x5200_A024;
const DLR: u64 = 0x5200_A040;
const AR: u64 = 0x5200_A048;
const DR: u64 = 0x5200_A050;
const CCR: u64 = 0x5200_A100;
const TCR: u64 = 0x5200_A108;
const IR: u64 = 0x5200_A110;
const ENABLED: u32 = 1 << 0;
const ABORT: u32 = 1 << 1;
const READ: u32 = 1 << 28 | ENABLED;
const MAPPED: u32 = 3 << 28 | ENABLED;
const TCF: u32 = 1 << 1;

/// CCR: an opcode alone on one line, on eight, on eight at double rate; one line with data, with address and data; all at double rate.
const SPI_ONLY: u32 = 0x0000_0001;
const SOPI_ONLY: u32 = 0x0000_0014;
const DOPI_ONLY: u32 = 0x0000_001C;
const SPI_DATA: u32 = 0x0100_0001;
const SPI_REGISTER: u32 = 0x0100_3101;
const DOPI: u32 = 0x2C00_3C1C;
/// RDID of the MX66UW1G45G, which begins anew after its three bytes.
const IDENTITY: u32 = 0xC23B_81C2;
/// Its configuration register 2: mode, and dummy cycles of an array read (20 as delivered, two less for each step).
const MODE: u32 = 0x0;
const OCTAL_DTR: u8 = 2;
const DUMMIES: u32 = 0x300;
const AS_DELIVERED: u32 = 20;

/// A debugger that has set up supply, pins and controller of the NOR, and nothing of the NOR itself.
struct Debugger {
    board: VirtualBoard,
    interface: Box<dyn ArmDebugInterface>,
}

impl Debugger {
    fn new() -> Self {
        let boot = boot_stage(&[], SPINS);
        let builder = common::builder().boot_image(boot).nor_image(ARRAY);
        Self::of(VirtualBoard::new(builder.build().unwrap()))
    }

    fn of(board: VirtualBoard) -> Self {
        let interface = interface::connect(&board);
        let mut debugger = Self { board, interface };
        debugger.connect_nor();
        debugger
    }

    /// As above, with the NOR in octal DTR.
    fn in_octal_dtr() -> Self {
        let mut debugger = Self::new();
        debugger.configure(MODE, OCTAL_DTR);
        assert_eq!(debugger.mode(), Mode::Dopi);
        debugger
    }

    fn connect_nor(&mut self) {
        self.write(&[
            // Supply, GPION, XSPI2 and XSPIM, PN0-6 and PN8-11 at AF9; 128 MB of Macronix.
            (0x5802_480C, 0x0001_C004),
            (RCC_AHB4ENR, 1 << 13),
            (RCC_AHB5ENR, 1 << 12 | 1 << 14),
            (0x5802_3420, 0x0999_9999),
            (0x5802_3424, 0x0000_9999),
            (0x5802_3400, 0x00AA_2AAA),
            (CR, ENABLED),
            (DCR1, 0x011A_0100),
        ]);
    }

    fn mode(&self) -> Mode {
        self.board.with(|board| board.nor().mode())
    }

    fn read(&mut self, address: u64) -> Result<u32, ArmError> {
        interface::read(&mut *self.interface, &AHB, address)
    }

    fn write(&mut self, writes: &[(u64, u32)]) {
        interface::write(&mut *self.interface, &AHB, writes);
    }

    /// Looks whether the command under way is through; one that waits for DQS for ever is aborted.
    fn completes(&mut self) -> bool {
        let complete = (0..10).any(|_| self.read(SR).unwrap() & TCF != 0);
        if !complete {
            let control = self.read(CR).unwrap();
            self.write(&[(CR, control | ABORT)]);
        }
        complete
    }

    fn command(&mut self, lines: u32, opcode: u32) {
        self.write(&[(CR, ENABLED), (CCR, lines), (IR, opcode)]);
        assert!(self.completes(), "nothing is waited for");
        self.write(&[(FCR, TCF)]);
    }

    /// WRCR2 in SPI mode.
    fn configure(&mut self, register: u32, value: u8) {
        self.command(SPI_ONLY, 0x06);
        self.write(&[(CCR, SPI_REGISTER), (DLR, 0), (IR, 0x72), (AR, register)]);
        let mut memory = self.interface.memory_interface(&AHB).unwrap();
        memory.write_word_8(DR, value).unwrap();
        memory.flush().unwrap();
        drop(memory);
        assert!(self.completes());
        self.write(&[(FCR, TCF)]);
    }

    /// RDID on one line: four bytes, whoever drives them.
    fn identity(&mut self) -> u32 {
        self.write(&[(CR, READ), (CCR, SPI_DATA), (TCR, 0), (DLR, 3), (IR, 0x9F)]);
        assert!(self.completes(), "no strobe is waited for");
        let identity = self.read(DR).unwrap();
        self.write(&[(FCR, TCF)]);
        identity
    }

    /// A register in octal DTR: two bytes, or nothing if the NOR does not answer.
    fn octal_register(&mut self, opcode: u32, address: u32) -> Option<u32> {
        self.write(&[
            (CR, READ),
            (CCR, DOPI),
            (TCR, AS_DELIVERED),
            (DLR, 1),
            (IR, opcode),
            (AR, address),
        ]);
        let value = self.completes().then(|| self.read(DR).unwrap());
        self.write(&[(FCR, TCF)]);
        value
    }

    /// RDID in octal DTR.
    fn speaks_octal_dtr(&mut self) -> bool {
        self.octal_register(0x9F60, 0).is_some()
    }

    /// 66h and 99h in each of the modes that the NOR may be in.
    fn reset_nor_in_every_mode(&mut self) {
        for (lines, enable, reset) in [
            (SPI_ONLY, 0x66, 0x99),
            (SOPI_ONLY, 0x6699, 0x9966),
            (DOPI_ONLY, 0x6699, 0x9966),
        ] {
            self.command(lines, enable);
            self.command(lines, reset);
        }
        self.board.idle(Duration::from_millis(1));
    }

    fn map(&mut self, dummies: u32) {
        self.write(&[
            (CR, ENABLED),
            (CCR, DOPI),
            (TCR, dummies),
            (IR, 0xEE11),
            (CR, MAPPED),
        ]);
    }

    /// nRST, held for a moment.
    fn reset_chip(&mut self) {
        self.interface.swj_pins(0, 1 << 7, 0).unwrap();
        self.interface.swj_pins(1 << 7, 1 << 7, 0).unwrap();
    }

    /// Transfers as they are on the wire, with none of the help that a probe's driver gives.
    fn raw(&mut self, requests: &[Request]) -> Response {
        self.board.adapter(|adapter| adapter.exchange(requests))
    }

    /// A word through AP1: TAR and DRW.
    fn raw_read(&mut self, address: u64) -> Response {
        let address = u32::try_from(address).unwrap();
        self.raw(&[
            Request::Write(Register::Access(0x4), address),
            Request::Read(Register::Access(0xC)),
        ])
    }
}

#[track_caller]
fn assert_refused(access: Result<u32, ArmError>) {
    let error = access.unwrap_err();
    assert!(format!("{error:?}").contains("FaultResponse"), "{error:?}");
}

/// A probe without latency, so that a PLL takes longer to start than a few transfers.
fn quick() -> Debugger {
    let mut debugger = Debugger::in_octal_dtr();
    debugger.board.adapter(|adapter| {
        assert!(adapter.set_speed(24_000));
        adapter.set_exchange_cost(Time(0));
    });
    debugger.write(&[(RCC_PLLCFGR, PLL2SEN)]);
    debugger
}

#[test]
fn kernel_clock_careful_waits_for_the_pll_and_reads() {
    let mut debugger = quick();
    debugger.write(&[(RCC_CR, HSION | PLL2ON)]);
    let ready = (0..1_000).any(|_| debugger.read(RCC_CR).unwrap() & PLL2RDY != 0);
    assert!(ready);
    debugger.write(&[(RCC_CCIPR1, XSPI2_FROM_PLL2)]);
    debugger.map(AS_DELIVERED);
    assert_eq!(debugger.read(WINDOW).unwrap(), IN_ARRAY);
}

#[test]
fn kernel_clock_careless_only_selects_and_is_refused() {
    let mut debugger = quick();
    debugger.write(&[(RCC_CCIPR1, XSPI2_FROM_PLL2)]);
    debugger.map(AS_DELIVERED);
    assert_refused(debugger.read(WINDOW));
    // Nor is a PLL that has just been switched on a clock yet.
    debugger.write(&[(RCC_CR, HSION | PLL2ON)]);
    assert_refused(debugger.read(WINDOW));
    debugger.board.idle(Duration::from_millis(1));
    assert_eq!(debugger.read(WINDOW).unwrap(), IN_ARRAY);
}

#[test]
fn nor_mode_careful_asks_the_nor_first_and_keeps_the_bus() {
    let mut debugger = Debugger::new();
    assert!(!debugger.speaks_octal_dtr());
    assert_eq!(debugger.identity(), IDENTITY, "it is there, in SPI");
    assert!(debugger.read(RAM).is_ok());
    debugger.configure(MODE, OCTAL_DTR);
    assert!(debugger.speaks_octal_dtr());
    debugger.map(AS_DELIVERED);
    assert_eq!(debugger.read(WINDOW).unwrap(), IN_ARRAY);
}

#[test]
fn nor_mode_careless_retries_or_only_aborts_and_the_bus_stays_dead() {
    let mut debugger = Debugger::new();
    debugger.map(AS_DELIVERED);
    assert_eq!(debugger.raw_read(WINDOW).acknowledge, Acknowledge::Wait);
    for _ in 0..3 {
        let retried = debugger.raw(&[Request::Read(Register::Debug(0xC))]);
        assert_eq!(retried.acknowledge, Acknowledge::Wait);
    }
    let aborted = debugger.raw(&[Request::Write(Register::Debug(0), 1)]);
    assert_eq!(aborted.acknowledge, Acknowledge::Ok);
    let status = debugger.raw(&[Request::Read(Register::Debug(4))]);
    assert_eq!(status.acknowledge, Acknowledge::Ok, "the port is back");
    let dead = debugger.raw_read(RAM);
    assert_eq!(dead.acknowledge, Acknowledge::Wait, "its bus is not");
}

#[test]
fn nor_mode_careful_aborts_and_resets_after_a_stall_and_gets_on() {
    let mut debugger = Debugger::new();
    debugger.map(AS_DELIVERED);
    assert_eq!(debugger.raw_read(WINDOW).acknowledge, Acknowledge::Wait);
    let aborted = debugger.raw(&[Request::Write(Register::Debug(0), 1)]);
    assert_eq!(aborted.acknowledge, Acknowledge::Ok);
    debugger.reset_chip();
    assert!(debugger.read(RAM).is_ok());
    assert_refused(debugger.read(WINDOW));
}

/// A NOR in use, and a chip that nRST has started anew with everything set up again but the NOR.
fn warm() -> Debugger {
    let mut debugger = Debugger::in_octal_dtr();
    debugger.map(AS_DELIVERED);
    assert_eq!(debugger.read(WINDOW).unwrap(), IN_ARRAY);
    debugger.reset_chip();
    debugger.connect_nor();
    debugger
}

#[test]
fn warm_reset_careful_resets_the_nor_in_every_mode_and_finds_it() {
    let mut debugger = warm();
    debugger.reset_nor_in_every_mode();
    assert_eq!(debugger.identity(), IDENTITY);
    debugger.configure(MODE, OCTAL_DTR);
    debugger.map(AS_DELIVERED);
    assert_eq!(debugger.read(WINDOW).unwrap(), IN_ARRAY);
}

#[test]
fn warm_reset_careless_speaks_only_spi_and_does_not_find_the_nor() {
    let mut debugger = warm();
    debugger.command(SPI_ONLY, 0x66);
    debugger.command(SPI_ONLY, 0x99);
    assert_ne!(debugger.identity(), IDENTITY);
    assert_eq!(debugger.mode(), Mode::Dopi);
    // After power-on the same is enough.
    debugger.board.with(Board::power_cycle);
    let mut debugger = Debugger::of(debugger.board.clone());
    debugger.command(SPI_ONLY, 0x66);
    debugger.command(SPI_ONLY, 0x99);
    assert_eq!(debugger.identity(), IDENTITY);
}

/// A NOR whose dummy cycles firmware has set to ten.
fn hurried() -> Debugger {
    let mut debugger = Debugger::new();
    debugger.configure(DUMMIES, 5);
    debugger.configure(MODE, OCTAL_DTR);
    debugger
}

#[test]
fn dummy_cycles_careful_asks_the_nor_for_them_and_reads() {
    for mut debugger in [Debugger::in_octal_dtr(), hurried()] {
        let code = debugger.octal_register(0x718E, DUMMIES).unwrap() & 7;
        debugger.map(AS_DELIVERED - 2 * code);
        assert_eq!(debugger.read(WINDOW).unwrap(), IN_ARRAY);
    }
}

#[test]
fn dummy_cycles_careless_takes_them_for_granted_and_reads_shifted_data() {
    let mut debugger = hurried();
    debugger.map(AS_DELIVERED);
    // Twenty bytes further on.
    assert_eq!(debugger.read(WINDOW).unwrap(), u32::MAX);
    for (dummies, shifted) in [(19, 0x2211_FFFF), (21, 0xFFFF_4433)] {
        let mut debugger = Debugger::in_octal_dtr();
        debugger.map(dummies);
        assert_eq!(debugger.read(WINDOW).unwrap(), shifted, "{dummies} cycles");
    }
}
