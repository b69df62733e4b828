//! What the core itself runs into: stops with a signal and a line that decodes them.

use crate::{
    scene::{Served, at_work, scene},
    support::gdb::Gdb,
};

/// Commands of the appli's mailbox (firmware/README.md).
const HARD_FAULT: u32 = 2;
const BUS_FAULT: u32 = 3;
const UNDEFINED_INSTRUCTION: u32 = 5;
const WRITE_INTO_WINDOW: u32 = 10;
const RESET: u32 = 18;

/// Puts a command into the mailbox.
fn order(gdb: &mut Gdb, command: u32) {
    let mailbox = gdb.number("&MAILBOX");
    gdb.set_word(mailbox + 4, command);
}

/// Runs into what `command` provokes.
fn runs_into(code: &str, command: u32) {
    scene(
        code,
        |_| Served::appli(),
        |gdb, served| {
            at_work(gdb, served);
            order(gdb, command);
        },
        |gdb, _| {
            gdb.stopped("-exec-continue");
            gdb.monitor("why");
        },
    );
}

#[test]
fn a_hard_fault() {
    runs_into("XG080", HARD_FAULT);
}

#[test]
fn a_mem_manage_fault() {
    runs_into("XG081", WRITE_INTO_WINDOW);
}

#[test]
fn a_bus_fault() {
    runs_into("XG082", BUS_FAULT);
}

#[test]
fn a_usage_fault() {
    runs_into("XG083", UNDEFINED_INSTRUCTION);
}

/// A fault inside HardFault: the vectors lead nowhere.
#[test]
fn a_lockup() {
    const VTOR: u32 = 0xE000_ED08;
    const ZEROS: u32 = 0x3000_0000;
    scene(
        "XG084",
        |_| Served::appli(),
        |gdb, served| {
            at_work(gdb, served);
            gdb.monitor("catch off");
            gdb.ok(&format!("-data-write-memory-bytes {ZEROS:#x} 00 1024"));
            gdb.set_word(VTOR, ZEROS);
            order(gdb, UNDEFINED_INSTRUCTION);
        },
        |gdb, _| {
            gdb.stopped("-exec-continue");
            gdb.monitor("why");
        },
    );
}

#[test]
fn an_unexpected_reset() {
    scene(
        "XG085",
        |_| Served::appli(),
        |gdb, served| {
            at_work(gdb, served);
            order(gdb, RESET);
            gdb.ok("-break-insert -t main");
        },
        |gdb, _| {
            gdb.stopped("-exec-continue");
        },
    );
}
