//! The appli's mailbox: every fault on demand, seen in the core's fault registers.

use std::time::Duration;

use probe_rs::{CoreStatus, MemoryInterface, Permissions, Session};
use virtual_board::{board::XspiPort, handle::VirtualBoard};

use crate::{image::Image, started};

const CFSR: u64 = 0xe000_ed28;
const HFSR: u64 = 0xe000_ed2c;
const BFAR: u64 = 0xe000_ed38;
const MMFAR: u64 = 0xe000_ed34;

/// Boots in the retained status.
const BOOTS: u64 = 0x2000_ffd8;

const HFSR_FORCED: u32 = 1 << 30;
const IACCVIOL: u32 = 1 << 0;
const DACCVIOL: u32 = 1 << 1;
const MMARVALID: u32 = 1 << 7;
const IBUSERR: u32 = 1 << 8;
const PRECISERR: u32 = 1 << 9;
const BFARVALID: u32 = 1 << 15;
const UNDEFINSTR: u32 = 1 << 16;
const INVSTATE: u32 = 1 << 17;
const NOCP: u32 = 1 << 19;
const UNALIGNED: u32 = 1 << 24;
const DIVBYZERO: u32 = 1 << 25;

/// Values of the appli's TROUBLE.
mod trouble {
    pub const NONE: u32 = 0;
    pub const HARD_FAULT: u32 = 1;
    pub const MEMORY_MANAGEMENT: u32 = 2;
    pub const BUS_FAULT: u32 = 3;
    pub const USAGE_FAULT: u32 = 4;
    pub const PANIC: u32 = 5;
}

/// A running appli, and a debugger that writes its mailbox.
struct Bench {
    board: VirtualBoard,
    session: Session,
    appli: Image,
}

impl Bench {
    fn running() -> Self {
        let appli = Image::load("appli.elf");
        let board = VirtualBoard::new(started(&Image::load("boot.elf"), Some(&appli)));
        let session = board
            .open()
            .attach("STM32H7S7L8", Permissions::default())
            .unwrap();
        Self {
            board,
            session,
            appli,
        }
    }

    fn address(&self, symbol: &str) -> u64 {
        self.appli.symbol(symbol).into()
    }

    fn read(&mut self, address: u64) -> u32 {
        self.session.core(0).unwrap().read_word_32(address).unwrap()
    }

    fn variable(&mut self, symbol: &str) -> u32 {
        let address = self.address(symbol);
        self.read(address)
    }

    /// Sends a command and gives the appli a few milliseconds.
    fn send(&mut self, command: u32, argument: u32) {
        let mailbox = self.address("MAILBOX");
        let mut core = self.session.core(0).unwrap();
        core.write_word_32(mailbox + 8, argument).unwrap();
        core.write_word_32(mailbox + 4, command).unwrap();
        core.flush().unwrap();
        drop(core);
        self.board.idle(Duration::from_millis(5));
    }

    /// Result of a command that came back.
    fn ask(&mut self, command: u32, argument: u32) -> u32 {
        let mailbox = self.address("MAILBOX");
        let served = self.read(mailbox + 16);
        self.send(command, argument);
        assert_eq!(
            self.read(mailbox + 4),
            0,
            "command {command} was not served"
        );
        assert_eq!(self.read(mailbox + 16), served + 1);
        self.read(mailbox + 12)
    }

    fn is_halted(&mut self) -> bool {
        matches!(
            self.session.core(0).unwrap().status().unwrap(),
            CoreStatus::Halted(_)
        )
    }
}

/// Sends `command` to a fresh appli and expects this trouble with these bits of CFSR.
#[track_caller]
fn faults(command: u32, argument: u32, kind: u32, configurable_fault_status: u32) -> Bench {
    let mut bench = Bench::running();
    bench.send(command, argument);
    let seen = (bench.variable("TROUBLE"), bench.read(CFSR));
    assert_eq!(seen, (kind, configurable_fault_status), "{seen:#x?}");
    bench
}

#[test]
fn commands_that_come_back_answer() {
    let mut bench = Bench::running();
    assert_eq!(bench.ask(1, 0x1234_5678), !0x1234_5678);
    assert_eq!(bench.ask(13, 77), 0);
    assert_eq!(bench.variable("WATCH_TARGET"), 77);
    let before = bench.variable("TICKS");
    assert!(bench.ask(14, 2) >= before + 2);
    assert_eq!(bench.ask(21, 20), 10);
    let calls = bench.variable("SUPERVISOR_CALLS");
    bench.ask(23, 0);
    assert_eq!(bench.variable("SUPERVISOR_CALLS"), calls + 1);
    assert_eq!(bench.ask(999, 0), u32::MAX);
    assert_eq!(bench.variable("TROUBLE"), trouble::NONE);
}

#[test]
fn hard_fault() {
    let mut bench = faults(2, 0, trouble::HARD_FAULT, 0);
    assert_eq!(bench.read(HFSR), HFSR_FORCED);
}

#[test]
fn bus_fault_of_a_read() {
    let mut bench = faults(3, 0, trouble::BUS_FAULT, PRECISERR | BFARVALID);
    assert_eq!(bench.read(BFAR), 0x2408_0000);
}

#[test]
fn usage_faults() {
    faults(5, 0, trouble::USAGE_FAULT, UNDEFINSTR);
    faults(6, 0, trouble::USAGE_FAULT, DIVBYZERO);
    faults(7, 0, trouble::USAGE_FAULT, UNALIGNED);
    faults(8, 0, trouble::USAGE_FAULT, INVSTATE);
    faults(9, 0, trouble::USAGE_FAULT, NOCP);
}

#[test]
fn a_write_into_the_window_violates_the_mpu() {
    let mut bench = faults(10, 0, trouble::MEMORY_MANAGEMENT, DACCVIOL | MMARVALID);
    assert_eq!(bench.read(MMFAR), 0x7000_0000);
}

#[test]
fn peripherals_are_not_executable() {
    faults(11, 0, trouble::MEMORY_MANAGEMENT, IACCVIOL);
}

/// The guard stops the recursion; the handler has no stack either, so the core ends in HardFault, where the MPU is off.
#[test]
fn stack_overflow_meets_the_guard() {
    let mut bench = Bench::running();
    bench.send(12, 0);
    assert_ne!(bench.read(CFSR) & DACCVIOL, 0);
    assert_eq!(bench.variable("TROUBLE"), trouble::HARD_FAULT);
}

#[test]
fn the_window_closes_and_opens_again() {
    let mut bench = Bench::running();
    bench.ask(15, 1_000);
    assert!(bench.board.with(|board| board.is_mapped(XspiPort::Xspi2)));
    bench.send(15, 0);
    assert!(!bench.board.with(|board| board.is_mapped(XspiPort::Xspi2)));
    assert_ne!(bench.read(CFSR) & IBUSERR, 0);
}

#[test]
fn panic_stays_where_it_is() {
    faults(19, 0, trouble::PANIC, 0);
}

#[test]
fn reset_boots_again() {
    let mut bench = Bench::running();
    bench.send(18, 0);
    bench.board.idle(Duration::from_millis(300));
    assert_eq!(bench.read(BOOTS), 2);
    assert!(bench.variable("TICKS") < 400);
}

#[test]
fn breakpoint_and_semihosting_halt_under_a_debugger() {
    for command in [16, 17, 22] {
        let mut bench = Bench::running();
        bench.send(command, 0);
        assert!(bench.is_halted(), "command {command}");
    }
}
