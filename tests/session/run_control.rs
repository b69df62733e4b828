//! Attach, halt, step, breakpoints, watchpoints, memory.

use std::time::Duration;

use virtual_board::{board::CoreState, handle::VirtualBoard};
use xspi_gdb::{
    breakpoints::{Kind, Request},
    debug_info::End,
    fault::Code,
    layout::Address,
    link::Unattended,
    session::{Leave, ResetKind, Resumed, Session, StopReason},
};

use crate::bench::{Bench, board, board_with, link, settings, symbol};

/// The appli's milliseconds, looked up past the probe.
fn ticks(board: &VirtualBoard) -> u32 {
    let address = symbol("TICKS");
    board
        .with(|board| board.read_word(address.0))
        .expect("RAM answers")
}

#[test]
fn connecting_neither_halts_nor_resets_the_core() {
    let board = board();
    board.idle(Duration::from_millis(500));
    let before = ticks(&board);
    let link = link(&board, false);
    assert_ne!(board.with(|board| board.core_state()), CoreState::Halted);
    board.idle(Duration::from_millis(20));
    assert!(ticks(&board) >= before + 20, "the appli goes on");
    drop(link);
}

#[test]
fn attaching_halts_where_the_appli_is_and_leaving_lets_it_run() {
    let mut bench = Bench::with_running_appli();
    assert_eq!(bench.session.last_stop().reason, StopReason::Halt);
    assert!(bench.variable("TICKS") > 50, "it was not reset");
    let Bench { board, session, .. } = bench;
    session.close(Leave::Running).unwrap();
    let before = ticks(&board);
    board.idle(Duration::from_millis(20));
    assert!(ticks(&board) >= before + 20, "the appli goes on");
}

#[test]
fn a_breakpoint_in_the_window_stops_at_every_round() {
    let mut bench = Bench::with_running_appli();
    let work = symbol("work");
    bench.insert(Kind::Software, work);
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let stop = bench.run();
        assert_eq!((stop.reason, stop.pc), (StopReason::Breakpoint, work));
        rounds.push(bench.session.read_register(0).unwrap());
    }
    assert_eq!(rounds[1..], [rounds[0] + 1, rounds[0] + 2]);
}

#[test]
fn a_ninth_breakpoint_is_refused_with_the_eight_that_hold_the_units() {
    let mut bench = Bench::with_running_appli();
    let work = symbol("work");
    for index in 0..8 {
        bench.insert(Kind::Hardware, Address(work.0 + 2 * index));
    }
    let ninth = Request {
        kind: Kind::Hardware,
        address: Address(work.0 + 16),
        length: 2,
    };
    let fault = bench.session.insert(ninth).unwrap_err();
    assert_eq!(fault.code, Code::XG040);
    assert!(fault.headline.contains(&work.to_string()));
    assert_eq!(
        bench.run().pc,
        work,
        "the eight are armed and the session lives"
    );
}

#[test]
fn a_watchpoint_stops_behind_the_write_and_names_its_address() {
    let mut bench = Bench::with_running_appli();
    let counter = symbol("COUNTER");
    let before = bench.word(counter);
    bench.insert(Kind::Write, counter);
    let stop = bench.run();
    assert_eq!(
        stop.reason,
        StopReason::Watchpoint {
            kind: Kind::Write,
            address: counter
        }
    );
    assert_eq!(bench.word(counter), before + 1);
}

#[test]
fn an_instruction_step_goes_to_the_next_instruction_and_never_into_a_handler() {
    let mut bench = Bench::with_running_appli();
    let work = symbol("work");
    bench.insert(Kind::Hardware, work);
    bench.run();
    let mut pc = work;
    for _ in 0..40 {
        let stop = bench.session.step().unwrap();
        assert_eq!(stop.reason, StopReason::Step);
        assert_ne!(stop.pc, pc);
        pc = stop.pc;
        let xpsr = bench.session.read_register(16).unwrap();
        assert_eq!(xpsr & 0x1FF, 0, "Thread mode at {pc}");
    }
}

/// Removing and inserting the same breakpoints at every stop, as GDB does, costs no exchange.
#[test]
fn the_same_breakpoints_again_cost_no_exchange() {
    let mut bench = Bench::with_running_appli();
    let toggle = symbol("toggle");
    let request = Request {
        kind: Kind::Software,
        address: toggle,
        length: 2,
    };
    bench.session.insert(request).unwrap();
    bench.run();
    let plain = bench.exchanges(|session| drop(session.step().unwrap()));
    let again = bench.exchanges(|session| {
        session.remove(request);
        session.insert(request).unwrap();
        session.step().unwrap();
    });
    assert!(again <= plain, "{again} exchanges, {plain} before");
}

#[test]
fn what_is_known_of_a_halt_is_fetched_once() {
    let mut bench = Bench::with_running_appli();
    let counter = symbol("COUNTER");
    let fetch = |session: &mut Session| {
        session.read_memory(counter, &mut [0; 4]).unwrap();
        session
            .read_memory(Address(0x7000_0000), &mut [0; 64])
            .unwrap();
        for number in 0..40 {
            session.read_register(number).unwrap();
        }
    };
    assert!(bench.exchanges(fetch) > 0);
    assert_eq!(bench.exchanges(fetch), 0);
}

#[test]
fn the_window_reads_what_the_nor_holds() {
    let mut bench = Bench::with_running_appli();
    let mut shown = [0; 512];
    let length = bench
        .session
        .read_memory(Address(0x7000_0000), &mut shown)
        .unwrap();
    assert_eq!(length, 512);
    let mut nor = [0; 512];
    bench.board.with(|board| board.nor_contents(0, &mut nor));
    assert_eq!(shown, nor);
    let pattern = &nor[100..116];
    let first = nor.windows(16).position(|bytes| bytes == pattern).unwrap();
    let found = bench.session.search(Address(0x7000_0000), 512, pattern);
    assert_eq!(found.unwrap(), Some(Address(0x7000_0000 + first as u32)));
    assert_eq!(bench.session.take_console(), Vec::<String>::new());
}

/// A board held under reset has no open window: memory there comes from the appli's file, and that is said.
#[test]
fn a_closed_window_is_answered_from_the_file_and_said_so() {
    let board = board();
    board.idle(Duration::from_millis(500));
    let mut settings = settings();
    settings.under_reset = true;
    let mut session = Session::open(Box::new(link(&board, true)), settings).unwrap();
    assert_eq!(
        session.last_stop().pc.0 >> 24,
        0x08,
        "caught in internal flash"
    );
    let mut shown = [0; 64];
    session
        .read_memory(Address(0x7000_0000), &mut shown)
        .unwrap();
    let mut nor = [0; 64];
    board.with(|board| board.nor_contents(0, &mut nor));
    assert_eq!(shown, nor);
    let console = session.take_console();
    assert!(console[0].contains("appli.elf"), "{console:?}");
    let refused = session.crc(Address(0x7000_0000), 64).unwrap_err();
    assert_eq!(
        refused.code,
        Code::XG012,
        "a file is never compared with itself"
    );
}

#[test]
fn written_registers_and_memory_are_there() {
    let mut bench = Bench::with_running_appli();
    let target = symbol("WATCH_TARGET");
    bench.session.write_memory(target, &[1, 2, 3, 4]).unwrap();
    assert_eq!(bench.word(target), 0x0403_0201);
    for (number, value) in [
        (0, 0x1234_5678),
        (12, 0xCAFE_F00D),
        (23, 0x4010_0000_0000_0001),
    ] {
        bench.session.write_register(number, value).unwrap();
        assert_eq!(bench.session.read_register(number).unwrap(), value);
    }
}

#[test]
fn a_nor_is_not_written_like_memory() {
    let mut bench = Bench::with_running_appli();
    let fault = bench
        .session
        .write_memory(Address(0x7000_0000), &[0; 4])
        .unwrap_err();
    assert_eq!(fault.code, Code::XG014);
    assert!(fault.remedy.contains("load"));
}

/// RAM breakpoints beyond the units are patched, stop, and are hidden from memory reads.
#[test]
fn code_in_ram_is_patched_when_the_units_are_out() {
    let mut bench = Bench::with_running_appli();
    let code = symbol("sum_in_itcm");
    let mut original = [0; 2];
    bench.session.read_memory(code, &mut original).unwrap();
    for index in 0..8 {
        bench.insert(Kind::Hardware, Address(0x7000_F000 + 2 * index));
    }
    bench.insert(Kind::Software, code);
    let stop = bench.run();
    assert_eq!((stop.reason, stop.pc), (StopReason::Breakpoint, code));
    let mut shown = [0; 2];
    bench.session.read_memory(code, &mut shown).unwrap();
    assert_eq!(shown, original);
    let stop = bench.run();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Breakpoint, code),
        "stepped off and hit again"
    );
}

/// WFI under a masked step: the core would sleep on; the step ends behind it all the same.
#[test]
fn a_step_over_wfi_ends_behind_it() {
    let mut bench = Bench::with_running_appli();
    let found = bench.session.search(symbol("wfi"), 16, &[0x30, 0xBF]);
    let wfi = found.unwrap().expect("the appli sleeps by WFI");
    bench.insert(Kind::Hardware, wfi);
    assert_eq!(bench.run().pc, wfi);
    let stop = bench.session.step().unwrap();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Step, Address(wfi.0 + 2))
    );
    assert_eq!(bench.run().pc, wfi, "and the program goes on");
}

/// A window in octal DTR whose NOR still speaks SPI: nothing drives DQS, and a read never ends. It is given up, the bus is recovered by
/// nRST, and the session goes on.
#[test]
fn a_window_that_stalls_the_bus_is_a_fault_and_the_session_goes_on() {
    let mut bench = Bench::attach(board_with(None, None));
    bench
        .session
        .reset(ResetKind::Boot, &mut Unattended)
        .unwrap();
    // Supply, clocks, pins PN0-6 and PN8-11 at AF9, then the controller as ST's boot stage leaves it.
    for (register, value) in [
        (0x5802_480C, 0x0001_C004u32),
        (0x5802_4540, 1 << 13),
        (0x5802_4534, 1 << 12 | 1 << 14),
        (0x5802_3420, 0x0999_9999),
        (0x5802_3424, 0x0000_9999),
        (0x5802_3400, 0x00AA_2AAA),
        (0x5200_A000, 0x0000_0301),
        (0x5200_A008, 0x011A_0100),
        (0x5200_A100, 0x2C00_3C1C),
        (0x5200_A108, 0x0000_0014),
        (0x5200_A110, 0x0000_EE11),
        (0x5200_A000, 0x3040_0301),
    ] {
        let value = value.to_le_bytes();
        bench
            .session
            .write_memory(Address(register), &value)
            .unwrap();
    }
    let window = Address(0x7000_0000);
    let fault = bench.session.crc(window, 16).unwrap_err();
    assert_eq!(fault.code, Code::XG013);
    assert_eq!(bench.session.last_stop().reason, StopReason::Reset);
    bench.word(Address(0x2400_0000));
    let closed = bench.session.crc(window, 16).unwrap_err();
    assert_eq!(
        closed.code,
        Code::XG013,
        "the reset has closed the window, and the stall is why"
    );
}

/// What a step with all that GDB asks for costs at the probe.
#[test]
fn a_step_costs_few_exchanges() {
    let mut bench = Bench::with_running_appli();
    bench.insert(Kind::Hardware, symbol("work"));
    bench.run();
    let cost = bench.exchanges(|session| {
        session.step().unwrap();
        session.registers([7, 13, 14, 15, 16]).unwrap();
    });
    assert!(cost <= 8, "{cost} exchanges");
}

#[test]
fn a_running_core_shows_ram_from_the_chip_and_the_window_from_the_file() {
    let mut bench = Bench::with_running_appli();
    assert_eq!(bench.session.resume().unwrap(), Resumed::Running);
    let before = bench.variable("TICKS");
    bench.session.idle(Duration::from_millis(20)).unwrap();
    assert!(bench.variable("TICKS") >= before + 20);
    let mut shown = [0; 64];
    bench
        .session
        .read_memory(Address(0x7000_0000), &mut shown)
        .unwrap();
    let mut nor = [0; 64];
    bench.board.with(|board| board.nor_contents(0, &mut nor));
    assert_eq!(shown, nor);
    let unknown = bench
        .session
        .read_memory(Address(0x7400_0000), &mut shown)
        .unwrap_err();
    assert_eq!(unknown.code, Code::XG011);
}

#[test]
fn a_backtrace_names_functions_and_lines_up_to_the_reset_handler() {
    let mut bench = Bench::with_running_appli();
    bench.insert(Kind::Software, symbol("toggle"));
    bench.run();
    let backtrace = bench.session.backtrace().unwrap();
    assert_eq!(backtrace.end, End::Outermost);
    let told = backtrace.to_string();
    let functions: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2)?.split('+').next())
        .collect();
    assert_eq!(
        functions,
        ["toggle", "blink", "work", "main", "Reset"],
        "{told}"
    );
    assert!(
        told.contains("toggle at firmware/appli/src/work.rs:"),
        "{told}"
    );
}
