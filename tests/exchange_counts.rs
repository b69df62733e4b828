//! What a user's session costs in exchanges with the probe, with a real GDB, by the log of the link: no clock is involved, so a
//! regression fails here on every machine.

mod support;

use std::fs;

use support::{board::Board, firmware, gdb::Gdb};

/// A line of the log: for whom, and what it carried.
struct Exchange {
    caller: String,
    operation: String,
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
            let [_, caller, operation, transfers] = columns[..] else {
                panic!("{line}");
            };
            Exchange {
                caller: caller.to_owned(),
                operation: operation.to_owned(),
                transfers: transfers.to_owned(),
            }
        })
        .collect()
}

fn is_step(exchange: &Exchange) -> bool {
    exchange.caller.starts_with("vCont;s")
}

/// Attached, armed and halted on the appli's first instruction, nothing changed, an appli that is compared: how many exchanges there are besides
/// those that wait for the boot stage.
#[test]
fn attach_and_arm() {
    const WHY_IT_HALTED: &str = "TAR=0xe000ed30, R DRW";
    let log = exchanges(|gdb| {
        let said = gdb.monitor("reset halt");
        assert!(
            said.contains("halted at the appli's first instruction"),
            "{said}"
        );
    });
    let of_reset = |exchange: &Exchange| exchange.caller.starts_with("qRcmd");
    let last = log.iter().rposition(of_reset).expect("a reset");
    let boot_begins = log
        .iter()
        .position(|exchange| of_reset(exchange) && exchange.operation == "resume")
        .expect("the boot stage runs");
    let is_over = |exchange: &Exchange| exchange.transfers.contains(WHY_IT_HALTED);
    let waiting = log[boot_begins + 1..].iter().position(is_over);
    let spent = last + 1 - waiting.expect("the end of the boot stage");
    assert!(spent <= 90, "{spent} exchanges");
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
