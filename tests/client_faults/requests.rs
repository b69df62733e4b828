//! Requests that are refused: out of units, not understood, not this client's, not now.

use crate::{
    scene::{Served, armed, at_work, fails, monitor_fails, nothing, scene},
    support::gdb::Gdb,
};

/// A packet that no command of GDB makes. GDB prints the reply, and takes nothing from it.
fn packet(gdb: &mut Gdb, body: &str) {
    gdb.cli(&format!("maintenance packet {body}"));
    gdb.monitor("why");
}

#[test]
fn no_breakpoint_unit_is_free() {
    scene(
        "XG040",
        |_| Served::appli(),
        |gdb, served| {
            armed(gdb, served);
            for offset in 0..8 {
                gdb.ok(&format!(
                    "-break-insert -h *{:#x}",
                    0x7000_1000 + 4 * offset
                ));
            }
        },
        |gdb, _| {
            gdb.ok("-break-insert -h *0x70001020");
            gdb.refused("-exec-continue");
            gdb.monitor("why");
        },
    );
}

#[test]
fn no_watchpoint_unit_is_free() {
    scene(
        "XG041",
        |_| Served::appli(),
        |gdb, served| {
            armed(gdb, served);
            gdb.ok("-gdb-set language c");
            for offset in 0..4 {
                gdb.ok(&format!(
                    "-break-watch *(int*){:#x}",
                    0x2400_1000 + 4 * offset
                ));
            }
        },
        |gdb, _| {
            gdb.ok("-break-watch *(int*)0x24001010");
            gdb.refused("-exec-continue");
            gdb.monitor("why");
        },
    );
}

#[test]
fn what_is_too_odd_to_be_watched() {
    scene(
        "XG042",
        |_| Served::appli(),
        armed,
        |gdb, _| {
            gdb.ok("-gdb-set language c");
            gdb.ok("-break-watch *(char(*)[62])0x20000001");
            gdb.refused("-exec-continue");
            gdb.monitor("why");
        },
    );
}

/// `monitor reset run`, of which GDB knows nothing: it writes a register as if the core were halted.
#[test]
fn a_register_is_not_written_while_the_core_runs() {
    scene(
        "XG060",
        |_| Served::appli(),
        |gdb, _| drop(gdb.monitor("reset run")),
        |gdb, _| {
            fails(gdb, "-gdb-set var $r0 = 1");
        },
    );
}

#[test]
fn a_packet_that_is_not_understood() {
    scene(
        "XG062",
        |_| Served::appli(),
        armed,
        |gdb, _| packet(gdb, "mzz"),
    );
}

/// A second GDB, which only looks, wants to change something.
#[test]
fn another_client_controls() {
    scene(
        "XG063",
        |_| Served::appli_run_by_another(),
        nothing,
        |gdb, _| {
            monitor_fails(gdb, "reset halt");
            gdb.fails("-data-write-memory-bytes 0x24000000 00");
            gdb.fails("-gdb-set var $r0 = 1");
            gdb.stopped("-exec-continue");
        },
    );
}

/// A second GDB asks for a register that is only known while the core is halted.
#[test]
fn a_special_register_while_the_core_runs() {
    scene(
        "XG067",
        |_| Served::appli_run_by_another(),
        nothing,
        |gdb, _| {
            gdb.fails("-data-evaluate-expression $primask");
            gdb.monitor("why");
        },
    );
}

#[test]
fn an_unknown_monitor_command() {
    scene(
        "XG064",
        |_| Served::appli(),
        armed,
        |gdb, _| {
            monitor_fails(gdb, "nonsense");
        },
    );
}

#[test]
fn arguments_that_are_not_understood() {
    scene(
        "XG065",
        |_| Served::appli(),
        armed,
        |gdb, _| {
            monitor_fails(gdb, "reset nonsense");
        },
    );
}

/// GDB does not ask for what is not offered; see `non_stop_is_refused_clearly` in tests/commands.
#[test]
fn non_stop() {
    scene(
        "XG066",
        |_| Served::appli(),
        armed,
        |gdb, _| packet(gdb, "QNonStop:1"),
    );
}

/// GDB, which is told of the stop, asks the condition once more and says in its own words what it thinks of it.
#[test]
fn a_condition_that_reads_where_nothing_is() {
    scene(
        "XG048",
        |_| Served::appli(),
        |gdb, served| {
            at_work(gdb, served);
            gdb.ok("-gdb-set language c");
        },
        |gdb, _| {
            gdb.cli("break *(unsigned)&toggle if *(unsigned *)0x60000000 == 1");
            gdb.stopped("-exec-continue");
            gdb.monitor("why");
            gdb.remark("it is told once");
            gdb.stopped("-exec-continue");
        },
    );
}
