//! What a user's session costs in exchanges with the probe, with a real GDB, by the log of the link: no clock is involved, so a
//! regression fails here on every machine.

mod support;

use std::fs;

use support::{
    board::{Board, boot_image, nor_image},
    firmware,
    gdb::Gdb,
};
use xspi_gdb::image::Image;

const APPLI: &str = "appli.elf";

/// DHCSR with the key and debug on: the core runs, and is looked at.
const RESUME: &str = "W BD0=0xa05f0001, R BD0";

/// A read of DFSR.
const WHY_IT_HALTED: &str = "TAR=0xe000ed30, R DRW";

/// A line of the log: for whom, and what it carried.
struct Exchange {
    caller: String,
    operation: String,
    transfers: String,
}

/// The exchanges of one session, on a board that has boot stage and appli.
fn exchanges(session: impl FnOnce(&mut Gdb)) -> Vec<Exchange> {
    exchanges_on(&Board::with_appli(APPLI), session)
}

fn exchanges_on(board: &Board, session: impl FnOnce(&mut Gdb)) -> Vec<Exchange> {
    let log = board.file("link.tsv");
    let server = board.serve(&[
        "--appli",
        &firmware(APPLI).to_string_lossy(),
        "--virtual-time",
        "lockstep",
        "--trace-link",
        &log.to_string_lossy(),
    ]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
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
        .position(|exchange| of_reset(exchange) && exchange.transfers.contains(RESUME))
        .expect("the boot stage runs");
    let is_over = |exchange: &Exchange| exchange.transfers.contains(WHY_IT_HALTED);
    let waiting = log[boot_begins + 1..].iter().position(is_over);
    let spent = last + 1 - waiting.expect("the end of the boot stage");
    assert!(spent <= 90, "{spent} exchanges");
}

/// The NOR holds the appli as it was before one of its functions was changed: one sector of 4 KB is erased and programmed, from the server's
/// start to the appli's first instruction.
#[test]
fn a_load_after_one_changed_function() {
    const NOR: u32 = 0x7000_0000;
    const RETURNS: [u8; 2] = [0x70, 0x47]; // BX LR
    let appli = Image::open(firmware(APPLI)).expect("the appli");
    let function = appli.symbols().address_of("toggle").expect("a function");
    let mut before = nor_image(APPLI);
    before[(function.0 & !1) as usize - NOR as usize..][..2].copy_from_slice(&RETURNS);
    let board = Board::made(|builder| builder.boot_image(boot_image("boot.elf")).nor_image(before));
    let log = exchanges_on(&board, |gdb| {
        gdb.ok("-target-download");
        let said = gdb.monitor("reset halt");
        assert!(
            said.contains("1 sector changed, 4096 bytes erased, 4096 programmed"),
            "{said}"
        );
    });
    assert!(log.len() <= 450, "{} exchanges", log.len());
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

/// A stop, and what an IDE then asks: all registers with those of the FPU, ten frames, the variables of the innermost, eight memory views.
#[test]
fn a_stop_in_an_ide() {
    const RECURSE: u32 = 21;
    let log = exchanges(|gdb| {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.run_to("work");
        let mailbox = gdb.number("&MAILBOX");
        gdb.set_word(mailbox + 8, 12);
        gdb.set_word(mailbox + 4, RECURSE);
        gdb.ok("-break-insert -i 10 appli::faults::recurse");
        gdb.stopped("-exec-continue");
        let (sp, pc) = (gdb.number("$sp") & !3, gdb.pc() & !3);
        gdb.cli("echo the IDE asks");
        gdb.ok("-stack-list-frames 0 9");
        gdb.ok("-data-list-register-values x");
        gdb.ok("-stack-list-variables --all-values");
        for (address, length) in [
            (sp, 256),
            (sp + 256, 64),
            (mailbox & !3, 64),
            (0x2400_0000, 128),
            (0x0800_0000, 256),
            (0x7000_0000, 256),
            (pc, 64),
            (pc + 64, 128),
        ] {
            gdb.ok(&format!("-data-read-memory-bytes {address} {length}"));
        }
    });
    let continued = |exchange: &Exchange| exchange.caller.starts_with("vCont;c");
    let stopped = |exchange: &Exchange| exchange.transfers.contains(WHY_IT_HALTED);
    let last_run = log.iter().rposition(stopped).expect("a stop");
    assert!(!log[last_run..].iter().any(continued));
    let leaves = log
        .iter()
        .rposition(|exchange| exchange.caller.starts_with('D'));
    let end = leaves.map_or(log.len(), |last| {
        let detach = log[..=last]
            .iter()
            .rposition(|exchange| !exchange.caller.starts_with('D'));
        detach.map_or(last, |before| before + 1)
    });
    let spent = end - last_run;
    assert!(spent <= 80, "{spent} exchanges");
}

/// `next` over a loop with calls in it.
#[test]
fn two_hundred_nexts() {
    const LINES: usize = 200;
    let log = exchanges(|gdb| {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.run_to("main");
        for _ in 0..LINES {
            gdb.stopped("-exec-next");
        }
    });
    let ranged = |exchange: &Exchange| exchange.caller.starts_with("vCont;r");
    let asked = |exchange: &Exchange| exchange.caller.starts_with('m');
    let runs = |exchange: &Exchange| {
        exchange.operation == "state" && !exchange.transfers.contains(WHY_IT_HALTED)
    };
    let first = log.iter().position(ranged).expect("a next");
    let last = log.iter().rposition(asked).expect("what GDB reads");
    let spent = log[first..=last]
        .iter()
        .filter(|exchange| !runs(exchange))
        .count();
    assert!(spent <= 32 * LINES, "{spent} exchanges for {LINES} lines");
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
