//! What a session costs in exchanges with the probe. The log of the link and the virtual adapter count them independently.

use std::time::Duration;

use tempfile::tempdir;
use virtual_board::handle::VirtualBoard;
use xspi_gdb::{
    layout::Address,
    link::{Unattended, trace::Trace},
    session::{ResetKind, Session},
    verbs::Backoff,
};

use crate::bench::{Bench, board, settings, symbol, traced_link};

/// The log's columns: for whom, by what operation, what it carried.
fn lines(text: &str) -> Vec<(&str, &str, &str)> {
    let exchanges = text.lines().filter(|line| !line.starts_with('#'));
    exchanges
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            match columns[..] {
                [_, caller, operation, transfers] => (caller, operation, transfers),
                _ => panic!("{line}"),
            }
        })
        .collect()
}

fn exchanges(board: &VirtualBoard) -> usize {
    usize::try_from(board.statistics().exchanges).expect("a count")
}

#[test]
fn the_log_has_every_exchange_with_its_caller() {
    let board = board();
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("link.tsv");
    let trace = Trace::create(&path).expect("a log");
    let before_connecting = exchanges(&board);
    let link = traced_link(&board, false, Some(trace));
    let log = || std::fs::read_to_string(&path).expect("the log");
    // probe-rs brings the debug port up by itself, before there is a log.
    let unlogged = exchanges(&board) - before_connecting - lines(&log()).len();
    let mut session = Session::open(Box::new(link), settings()).expect("a session");
    session.is_for(&"arm");
    session
        .reset(ResetKind::Arm, &mut Unattended)
        .expect("an armed board");
    session.is_for(&"bulk");
    let mut data = vec![0; 5000];
    session
        .read_memory(Address(symbol("main").0 & !0x3FF), &mut data)
        .expect("the window");
    session
        .write_memory(Address(0x2400_0101), &data)
        .expect("AXI SRAM");
    session.step().expect("a step");
    let text = log();
    let lines = lines(&text);
    assert_eq!(
        lines.len() + unlogged,
        exchanges(&board) - before_connecting
    );
    let of = |caller: &str, operation: &str| {
        let same = |line: &&(&str, &str, &str)| line.0 == caller && line.1 == operation;
        lines.iter().filter(same).count()
    };
    assert!(of("attach", "connect") > 0 && of("arm", "reset") > 0 && of("bulk", "step") == 1);
    assert!(lines.contains(&("bulk", "read memory", "R DRW x 126")));
}

/// What a step keeps of the halt before it, against what the core really has: through the boot stage and into the appli, instruction by
/// instruction.
#[test]
fn a_step_keeps_only_what_has_not_changed() {
    const STEPS: usize = 4_000;
    let mut bench = Bench::attach(board());
    bench
        .session
        .reset(ResetKind::Boot, &mut Unattended)
        .expect("a reset");
    for step in 0..STEPS {
        let mut code = [0; 64];
        let pc = bench.session.last_stop().pc;
        bench
            .session
            .read_memory(Address(pc.0 & !3), &mut code)
            .expect("the code");
        let stop = bench.session.step().expect("a step");
        let known = bench.session.registers([]).expect("a halted core").clone();
        for number in 0..=18 {
            let real = bench
                .board
                .with(|board| board.core_register(u32::from(number)));
            if let Some(known) = known.known(number) {
                assert_eq!(known, real, "register {number} behind {pc}, step {step}");
            }
        }
        assert_eq!(bench.board.with(|board| board.pc()), stop.pc.0);
        // The next step finds them known.
        bench
            .session
            .registers(0..=18)
            .expect("the registers of a halted core");
    }
}

/// The figure for a step in an IDE: stop, stack, code.
#[test]
fn a_thousand_steps_cost_few_exchanges_each() {
    const STEPS: usize = 1_000;
    let mut bench = Bench::with_running_appli();
    let before = exchanges(&bench.board);
    for _ in 0..STEPS {
        let stop = bench.session.step().expect("a step");
        let registers = [7, 13, 14, 15, 16, 17, 18];
        let sp = bench.session.registers(registers).expect("registers");
        let sp = sp.known(13).expect("a stack");
        let mut stack = [0; 64];
        let mut code = [0; 4];
        let at = |address| Address(address & !3);
        bench
            .session
            .read_memory(at(sp), &mut stack)
            .expect("the stack");
        bench
            .session
            .read_memory(at(stop.pc.0), &mut code)
            .expect("the code");
    }
    let spent = exchanges(&bench.board) - before;
    assert!(spent <= 6 * STEPS, "{spent} exchanges for {STEPS} steps");
}

/// The server's loop over a program that nobody asks for: each look is one exchange, and a stop is seen within 25 ms.
#[test]
fn a_program_that_runs_costs_fifty_exchanges_a_second() {
    const SECONDS: u64 = 10;
    let mut bench = Bench::with_running_appli();
    bench.session.resume().expect("a resume");
    let now = |bench: &Bench| Duration::from_nanos(bench.board.with(|board| board.now()).0 / 1_000);
    let (begin, before) = (now(&bench), exchanges(&bench.board));
    let mut backoff = Backoff::default();
    while now(&bench) - begin < Duration::from_secs(SECONDS) {
        let looked = now(&bench);
        assert_eq!(bench.session.poll().expect("a look"), None);
        bench.session.idle(backoff.next_wait()).expect("a wait");
        let unseen = now(&bench) - looked;
        assert!(unseen <= Duration::from_millis(25), "{unseen:?}");
    }
    let spent = exchanges(&bench.board) - before;
    assert!(spent <= 50 * SECONDS as usize, "{spent} exchanges");
}

/// Memory in bulk, in pieces of GDB's packets: 2.3 exchanges a kilobyte written, four read (TAR, two full packets, the rest), and nothing between
/// two pieces.
#[test]
fn memory_in_bulk_costs_what_packets_and_tar_ask_for() {
    const KILOBYTE: usize = 1024;
    const PIECE: usize = 0x3F00;
    let mut bench = Bench::with_running_appli();
    let data: Vec<u8> = (0..256 * KILOBYTE).map(|index| (index * 7) as u8).collect();
    let at = |offset: usize| Address(0x2400_0000 + offset as u32);
    let written = bench.exchanges(|session| {
        for (index, piece) in data.chunks(PIECE).enumerate() {
            session.write_memory(at(index * PIECE), piece).expect("RAM");
        }
    });
    assert!(written <= 256 * 24 / 10, "{written}");
    let mut found = vec![0; data.len()];
    let read = bench.exchanges(|session| {
        for (index, piece) in found.chunks_mut(8 * KILOBYTE).enumerate() {
            let address = at(index * 8 * KILOBYTE);
            session.read_memory(address, piece).expect("RAM");
        }
    });
    assert_eq!(found, data);
    assert!(read <= 256 * 4, "{read}");
    let mut window = vec![0; 1024 * KILOBYTE];
    let look = 8;
    let read = bench.exchanges(|session| {
        for (index, piece) in window.chunks_mut(8 * KILOBYTE).enumerate() {
            let address = Address(0x7000_0000 + (index * 8 * KILOBYTE) as u32);
            session.read_memory(address, piece).expect("the window");
        }
    });
    assert!(read <= 1024 * 4 + look, "{read}");
}
