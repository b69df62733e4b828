//! What a user's session costs in exchanges with the probe, with a real GDB, by the log of the link: no clock is involved, so a
//! regression fails here on every machine.

mod support;

use std::fs;

use support::{board::Board, firmware, gdb::Gdb};

/// A line of the log: for whom, and what it carried.
struct Exchange {
    caller: String,
    transfers: String,
}

/// The exchanges of one session, on a board that has boot stage and appli.
fn exchanges(session: impl FnOnce(&mut Gdb)) -> Vec<Exchange> {
    let board = Board::with_appli("appli.elf");
    let log = board.file("link.tsv");
    let server = board.serve(&[
        "--appli",
        &firmware("appli.elf").to_string_lossy(),
        "--virtual-time",
        "lockstep",
        "--trace-link",
        &log.to_string_lossy(),
    ]);
    let mut gdb = Gdb::connect(Some(&firmware("appli.elf")), server.port);
    session(&mut gdb);
    drop(gdb);
    drop(server);
    let text = fs::read_to_string(&log).expect("the log");
    let lines = text.lines().skip(1);
    lines
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [_, caller, _, transfers] = columns[..] else {
                panic!("{line}");
            };
            Exchange {
                caller: caller.to_owned(),
                transfers: transfers.to_owned(),
            }
        })
        .collect()
}

fn is_step(exchange: &Exchange) -> bool {
    exchange.caller.starts_with("vCont;s")
}

/// Six exchanges a step, with everything that GDB reads at each.
#[test]
fn a_thousand_steps() {
    const STEPS: usize = 1_000;
    let log = exchanges(|gdb| {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.run_to("main");
        for _ in 0..STEPS {
            gdb.stopped("-exec-step-instruction");
        }
    });
    let first = log.iter().position(is_step).expect("a step");
    let last = log.iter().rposition(is_step).expect("a step");
    let spent = last - first;
    assert!(spent <= 6 * STEPS, "{spent} exchanges for {STEPS} steps");
}

/// GDB removes and inserts its breakpoints at every stop: what does not change is not written.
#[test]
fn six_breakpoints_at_every_stop() {
    const STOPS: usize = 40;
    const COMPARATORS: &str = "W TAR=0xe00020";
    let log = exchanges(|gdb| {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.run_to("work");
        for function in ["divide_by_zero", "unaligned", "recurse", "stack_overflow"] {
            gdb.cli(&format!("break {function}"));
        }
        gdb.cli("break work");
        gdb.cli("break sum_in_itcm");
        gdb.stopped("-exec-continue");
        for _ in 0..STOPS {
            gdb.stopped("-exec-continue");
        }
    });
    // The unit under the pc is spared while it is stepped off, and set again: that is one of six, and travels with the step.
    let alone = log.iter().filter(|exchange| {
        let transfers = &exchange.transfers;
        transfers.starts_with(COMPARATORS)
            && !transfers.contains(" BD0=")
            && !transfers.contains("R ")
    });
    let alone = alone.count();
    // All six are freed when the client leaves.
    assert!(alone <= 1, "{alone} exchanges for units alone");
}

/// Hits that are no stop, and what is found at them: the halt, why, the pc (looked at twice), what the condition reads, a step with its unit
/// spared and what it was. The resume travels with the next look.
fn a_thousand_false_hits(breakpoint: &str, most_a_hit: usize) {
    const HITS: usize = 1_000;
    let log = exchanges(|gdb| {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.run_to("work");
        let ticks = gdb.number("&TICKS");
        let first = gdb.word(ticks);
        gdb.cli(&breakpoint.replace("TICKS_THEN", &(first as usize + HITS).to_string()));
        let stop = gdb.stopped("-exec-continue");
        assert_eq!(stop.reason(), "breakpoint-hit", "{}", stop.record);
        assert_eq!(gdb.word(ticks) as usize, first as usize + HITS);
        assert!(gdb.cli("info breakpoints").contains("(target evals)"));
    });
    let polls: Vec<&Exchange> = log
        .iter()
        .filter(|exchange| exchange.caller == "poll")
        .collect();
    let runs = |exchange: &&&Exchange| {
        // S_HALT is clear.
        let state = exchange
            .transfers
            .rsplit_once("R BD0=0x")
            .map(|(_, value)| value);
        let state = state.and_then(|value| u32::from_str_radix(value, 16).ok());
        state.is_some_and(|state| state & 1 << 17 == 0)
    };
    // A look at a running core that carries nothing to it is the time that the program takes.
    let waits = polls
        .iter()
        .filter(runs)
        .filter(|exchange| exchange.transfers.starts_with("R BD0="));
    let spent = polls.len() - waits.count();
    // The stop at the end has exchanges of its own.
    assert!(
        spent <= most_a_hit * HITS + 50,
        "{spent} exchanges for {HITS} hits"
    );
}

#[test]
fn a_condition_of_a_variable_that_is_false_a_thousand_times() {
    a_thousand_false_hits("break SysTick if appli::TICKS == TICKS_THEN", 7);
}
