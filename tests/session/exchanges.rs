//! What a session costs in exchanges with the probe. The log of the link and the virtual adapter count them independently.

use tempfile::tempdir;
use virtual_board::handle::VirtualBoard;
use xspi_gdb::{
    layout::Address,
    link::{Unattended, trace::Trace},
    session::{ResetKind, Session},
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
