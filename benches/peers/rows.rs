//! The rows: what is done, on which board, and the goal.

use std::collections::BTreeMap;

use crate::{
    firmware::Memories,
    log::Exchange,
    results::{Outcomes, Time},
    servers::{Clock, Server},
};

mod goals;
mod limits;

/// The fact of a row with a [`crate::client::Mark::Idle`]: microseconds.
pub const LONGEST_GAP: &str = "longest gap us";

/// From where a row counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// From the server's start.
    Server,
    /// From the script's mark.
    Mark,
}

/// How often the work is done: on our own link, and on the other ports, where it may take minutes.
pub struct Units {
    pub own: u32,
    pub others: u32,
}

impl Units {
    const fn same(units: u32) -> Self {
        Self {
            own: units,
            others: units,
        }
    }
}

/// What became of a goal.
pub struct Verdict {
    pub met: bool,
    /// The figure that decides.
    pub figure: String,
    /// Why the goal is not met, and what the limit is.
    pub why: Option<String>,
}

/// A row of the table.
pub struct Row {
    pub name: &'static str,
    pub work: &'static str,
    pub goal: &'static str,
    /// What the figures are for one of; nothing if the work is done once.
    pub unit: Option<&'static str>,
    pub script: &'static str,
    pub memories: Memories,
    pub clock: Clock,
    pub begin: Begin,
    pub time: Time,
    pub units: Units,
    pub facts: fn(&[Exchange]) -> BTreeMap<String, u64>,
    pub judge: fn(&Outcomes) -> Verdict,
    /// A server that cannot do that row cannot do this one, whatever it says.
    pub requires: Option<&'static str>,
}

impl Row {
    /// How often `server` does the work.
    pub fn units_of(&self, server: Server) -> u32 {
        match server {
            Server::Own => self.units.own,
            _ => self.units.others,
        }
    }
}

const fn row(name: &'static str, script: &'static str) -> Row {
    Row {
        name,
        work: "",
        goal: "",
        unit: None,
        script,
        memories: Memories::Appli,
        clock: Clock::Lockstep,
        begin: Begin::Mark,
        time: Time::Link,
        units: Units::same(1),
        facts: goals::no_facts,
        judge: goals::arm,
        requires: None,
    }
}

pub const ROWS: &[Row] = &[
    Row {
        work: "attach, arm, halted on the appli's first instruction, nothing changed",
        goal: "0 bytes programmed; at most 120 exchanges besides waiting for the boot stage (own link)",
        begin: Begin::Server,
        facts: goals::arming,
        judge: goals::arm,
        ..row("arm", include_str!("scripts/arm.gdb"))
    },
    Row {
        work: "the same after one changed function, with `load`",
        goal: "one sector (4 KB) erased and programmed",
        begin: Begin::Server,
        clock: Clock::Paced,
        time: Time::Board,
        memories: Memories::AppliBefore,
        judge: goals::changed_function,
        ..row(
            "changed-function",
            include_str!("scripts/changed-function.gdb"),
        )
    },
    Row {
        work: "stop at a breakpoint, all registers, 10 frames, locals of three, 8 memory windows of 256 bytes",
        goal: "at most 1/5 of probe-rs gdb's exchanges (same port)",
        judge: goals::look,
        ..row("look", include_str!("scripts/look.gdb"))
    },
    Row {
        work: "`stepi` x 1,000",
        goal: "at most 6 exchanges a step (own link)",
        unit: Some("step"),
        units: Units {
            own: 1_000,
            others: 100,
        },
        judge: goals::step,
        ..row("step", include_str!("scripts/step.gdb"))
    },
    Row {
        work: "`next` x 200, over loops and calls",
        goal: "at most 1/5 of probe-rs gdb's exchanges (same port)",
        unit: Some("`next`"),
        units: Units {
            own: 200,
            others: 20,
        },
        judge: goals::next,
        ..row("next", include_str!("scripts/next.gdb"))
    },
    Row {
        work: "6 breakpoints taken out and put in again at each of 500 stops",
        goal: "0 exchanges for those that did not change (own link, by its log)",
        unit: Some("stop"),
        units: Units {
            own: 500,
            others: 50,
        },
        facts: goals::for_units_alone,
        judge: goals::breakpoints,
        ..row("breakpoints", include_str!("scripts/breakpoints.gdb"))
    },
    Row {
        work: "`dump memory`, 1 MB of the window",
        goal: "at least 90 % of the limit of wire and largest payload (own link)",
        judge: goals::dump_window,
        ..row("dump-window", include_str!("scripts/dump-window.gdb"))
    },
    Row {
        work: "`dump memory`, 456 KB of AXI SRAM",
        goal: "at least 90 % of the limit of wire and largest payload (own link)",
        judge: goals::dump_ram,
        ..row("dump-ram", include_str!("scripts/dump-ram.gdb"))
    },
    Row {
        work: "`restore`, 256 KB into AXI SRAM",
        goal: "at least 90 % of the limit of wire and largest payload (own link)",
        judge: goals::restore,
        ..row("restore", include_str!("scripts/restore.gdb"))
    },
    Row {
        work: "`load`, 512 KB over another program",
        goal: "ahead of every peer by at least 2x, exchanges and time",
        clock: Clock::Paced,
        time: Time::Board,
        memories: Memories::LargeOther,
        judge: goals::load_first,
        ..row("load-first", include_str!("scripts/load.gdb"))
    },
    Row {
        work: "`load`, 512 KB, unchanged",
        goal: "ahead of every peer by at least 20x, exchanges and time",
        clock: Clock::Paced,
        time: Time::Board,
        memories: Memories::Large,
        judge: goals::load_unchanged,
        requires: Some("load-first"),
        ..row("load-unchanged", include_str!("scripts/load.gdb"))
    },
    Row {
        work: "`load`, 512 KB, one byte changed",
        goal: "ahead of every peer by at least 10x, exchanges and time",
        clock: Clock::Paced,
        time: Time::Board,
        memories: Memories::LargeBefore,
        judge: goals::load_changed,
        requires: Some("load-first"),
        ..row("load-changed", include_str!("scripts/load.gdb"))
    },
    Row {
        work: "a conditional breakpoint hit 1,000 times, false each time but the last",
        goal: "at most 1/10 of probe-rs gdb's exchanges (same port)",
        unit: Some("hit"),
        clock: Clock::Paced,
        time: Time::Board,
        units: Units {
            own: 1_000,
            others: 50,
        },
        judge: goals::condition,
        ..row("condition", include_str!("scripts/condition.gdb"))
    },
    Row {
        work: "target running, GDB idle, 10 s",
        goal: "at most 50 polls a second; a stop noticed within 25 ms",
        clock: Clock::Paced,
        time: Time::Board,
        judge: goals::idle,
        ..row("idle", include_str!("scripts/idle.gdb"))
    },
];
