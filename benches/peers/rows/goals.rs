//! Whether a goal is met, by which figure, and why not.

use std::collections::BTreeMap;

use super::{LONGEST_GAP, Verdict, limits};
use crate::{
    firmware::LARGE_BYTES,
    log::Exchange,
    results::{Measured, Outcomes, Time},
    servers::{EXCHANGE_US, Server},
};

const KILOBYTE: u64 = 1024;
/// Exchanges that only wait for the core.
const WAITING: &str = "waiting";
/// Exchanges behind the reset's reply: GDB reads the registers.
const BEHIND: &str = "behind the reset";
/// Exchanges that set breakpoint units and do nothing else.
const UNITS_ALONE: &str = "for units alone";

pub fn no_facts(_: &[Exchange]) -> BTreeMap<String, u64> {
    BTreeMap::new()
}

fn fact(
    name: &str,
    log: &[Exchange],
    counts: impl Fn(&&Exchange) -> bool,
) -> BTreeMap<String, u64> {
    let number = log.iter().filter(counts).count() as u64;
    BTreeMap::from([(name.to_owned(), number)])
}

/// What waits: from the resume behind the reset, up to the look at why the core halted. And what follows the reset.
pub fn arming(log: &[Exchange]) -> BTreeMap<String, u64> {
    const RESUME: &str = "W BD0=0xa05f0001, R BD0";
    const WHY_IT_HALTED: &str = "TAR=0xe000ed30, R DRW";
    let is_reset = |exchange: &Exchange| exchange.operation == "reset";
    let behind_reset = log.iter().rposition(is_reset).unwrap_or(log.len());
    let waits = log[behind_reset..]
        .iter()
        .skip_while(|exchange| !exchange.transfers.contains(RESUME))
        .take_while(|exchange| !exchange.transfers.contains(WHY_IT_HALTED));
    let is_reset = |exchange: &Exchange| exchange.caller.starts_with("qRcmd");
    let armed = log.iter().rposition(is_reset).map_or(0, |last| last + 1);
    BTreeMap::from([
        (WAITING.to_owned(), waits.count() as u64),
        (BEHIND.to_owned(), (log.len() - armed) as u64),
    ])
}

/// As tests/exchange_counts.rs has it: the unit under the pc travels with the step off it, and is not alone.
pub fn for_units_alone(log: &[Exchange]) -> BTreeMap<String, u64> {
    fact(UNITS_ALONE, log, |exchange| {
        let transfers = &exchange.transfers;
        transfers.starts_with("W TAR=0xe00020")
            && !transfers.contains(" BD0=")
            && !transfers.contains("R ")
    })
}

fn verdict(met: bool, figure: String) -> Verdict {
    Verdict {
        met,
        figure,
        why: None,
    }
}

fn because(mut verdict: Verdict, why: impl FnOnce() -> String) -> Verdict {
    if !verdict.met {
        verdict.why = Some(why());
    }
    verdict
}

/// A goal for our own link alone.
fn own(outcomes: &Outcomes, judge: impl FnOnce(&Measured) -> Verdict) -> Verdict {
    match outcomes.of(Server::Own) {
        Some(measured) => judge(measured),
        None => verdict(false, "not done".to_owned()),
    }
}

/// Our exchanges on the Black Magic port, as a part of probe-rs gdb's.
fn part_of_probe_rs(outcomes: &Outcomes, at_most: f64) -> Verdict {
    let (Some(own), Some(theirs)) = (outcomes.of(Server::OwnBmp), outcomes.of(Server::ProbeRs))
    else {
        return verdict(false, "not to be compared".to_owned());
    };
    let part = own.exchanges() / theirs.exchanges();
    verdict(part <= at_most, format!("1/{:.1}", 1.0 / part))
}

pub fn arm(outcomes: &Outcomes) -> Verdict {
    own(outcomes, |measured| {
        let counts = &measured.counts;
        let programmed = counts.nor.programmed_bytes + counts.internal_flash.programmed_bytes;
        let (waiting, behind) = (measured.fact(WAITING), measured.fact(BEHIND));
        let besides = counts.exchanges - waiting - behind;
        verdict(
            programmed == 0 && besides <= 120,
            format!(
                "{programmed} bytes; {besides} exchanges, {waiting} that wait, {behind} for registers that GDB then reads"
            ),
        )
    })
}

pub fn changed_function(outcomes: &Outcomes) -> Verdict {
    own(outcomes, |measured| {
        let nor = measured.counts.nor;
        verdict(
            (nor.erased_bytes, nor.programmed_bytes) == (4 * KILOBYTE, 4 * KILOBYTE),
            format!(
                "{} bytes erased, {} programmed",
                nor.erased_bytes, nor.programmed_bytes
            ),
        )
    })
}

pub fn look(outcomes: &Outcomes) -> Verdict {
    part_of_probe_rs(outcomes, 1.0 / 5.0)
}

pub fn step(outcomes: &Outcomes) -> Verdict {
    own(outcomes, |measured| {
        let each = measured.exchanges();
        verdict(each <= 6.0, format!("{each:.2} a step"))
    })
}

pub fn next(outcomes: &Outcomes) -> Verdict {
    part_of_probe_rs(outcomes, 1.0 / 5.0)
}

pub fn breakpoints(outcomes: &Outcomes) -> Verdict {
    own(outcomes, |measured| {
        let alone = measured.fact(UNITS_ALONE);
        verdict(alone == 0, format!("{alone} exchanges for units alone"))
    })
}

/// Which part of the limit our own link reaches, where each kilobyte takes so many exchanges.
fn part_of_limit(outcomes: &Outcomes, bytes: u64, exchanges: f64, why: &str) -> Verdict {
    own(outcomes, |measured| {
        let limit = limits::seconds(bytes);
        let part = 100.0 * limit / measured.seconds(Time::Link, EXCHANGE_US, EXCHANGE_US);
        let judged = verdict(part >= 90.0, format!("{part:.0} % of the limit"));
        because(judged, || {
            let kilobytes = bytes / KILOBYTE;
            let reach = 100.0 * limits::part_by_kilobyte(exchanges);
            format!(
                "the limit for {kilobytes} KB is {limit:.3} s, {:.0} blocks of 126 words, 2.03 a KB. The log has {:.2} exchanges a KB: \
                 {why} That way allows {reach:.0} % of the limit at most; {part:.1} % is reached.",
                bytes as f64 / 4.0 / limits::BLOCK_WORDS,
                measured.counts.exchanges as f64 / kilobytes as f64,
            )
        })
    })
}

/// What the log shows of a block read.
const READS: &str = "the core's AHB-AP counts TAR up within 1 KB only, and probe-rs's `RawDapAccess` ends an exchange at each block, so each \
                     KB is `W TAR`, then blocks of 126, 126 and 4 words.";
/// And of a block write.
const WRITES: &str = "the core's AHB-AP counts TAR up within 1 KB only, and `W TAR` between two blocks ends the block before it.";

pub fn dump_window(outcomes: &Outcomes) -> Verdict {
    part_of_limit(outcomes, 1024 * KILOBYTE, 4.0, READS)
}

pub fn dump_ram(outcomes: &Outcomes) -> Verdict {
    part_of_limit(outcomes, 456 * KILOBYTE, 4.0, READS)
}

pub fn restore(outcomes: &Outcomes) -> Verdict {
    part_of_limit(outcomes, 256 * KILOBYTE, 3.0, WRITES)
}

/// Ahead of every peer that can do it, on the port that is most alike.
fn ahead(outcomes: &Outcomes, factor: f64) -> Verdict {
    let mut worst: Option<(f64, Server)> = None;
    for (server, theirs) in outcomes.peers() {
        let ours = match server {
            Server::ProbeRs => Server::OwnBmp,
            _ => Server::Own,
        };
        let Some(ours) = outcomes.of(ours) else {
            return verdict(false, "not done".to_owned());
        };
        let seconds = |measured: &Measured| measured.seconds(Time::Board, EXCHANGE_US, EXCHANGE_US);
        let exchanges = theirs.exchanges() / ours.exchanges();
        let ahead = exchanges.min(seconds(theirs) / seconds(ours));
        if worst.is_none_or(|(least, _)| ahead < least) {
            worst = Some((ahead, server));
        }
    }
    match worst {
        Some((ahead, server)) => verdict(
            ahead >= factor,
            format!("{ahead:.1}x ahead of {}", server.title()),
        ),
        None => verdict(false, "no peer did it".to_owned()),
    }
}

pub fn load_first(outcomes: &Outcomes) -> Verdict {
    because(ahead(outcomes, 2.0), || {
        let words = LARGE_BYTES as u64 / 4;
        let least = 3 * words;
        let peers: Vec<String> = [Server::OwnBmp, Server::ProbeRs]
            .iter()
            .filter_map(|server| {
                let exchanges = outcomes.of(*server)?.counts.exchanges;
                Some(format!("{} takes {exchanges}", server.title()))
            })
            .collect();
        let own = outcomes.of(Server::Own).map_or(String::new(), |own| {
            format!(
                " On our own link it is {} exchanges and {:.2} s, of which the NOR itself is busy for {:.2} s.",
                own.counts.exchanges,
                own.counts.time_ns as f64 / 1e9,
                limits::nor_busy_seconds(LARGE_BYTES as u64)
            )
        });
        format!(
            "every byte differs, so every server has to send {words} words, and a word is three requests of the Black Magic protocol at \
             least (bits out, acknowledge, bits out): {least} exchanges, of which nobody can be ahead. {}.{own}",
            peers.join(", ")
        )
    })
}

pub fn load_unchanged(outcomes: &Outcomes) -> Verdict {
    ahead(outcomes, 20.0)
}

pub fn load_changed(outcomes: &Outcomes) -> Verdict {
    ahead(outcomes, 10.0)
}

pub fn condition(outcomes: &Outcomes) -> Verdict {
    let judged = part_of_probe_rs(outcomes, 1.0 / 10.0);
    because(judged, || {
        "Each hit is a stop that GDB looks at.".to_owned()
    })
}

/// A stop is seen at the next look: the longest time between two is the longest that it waits.
pub fn idle(outcomes: &Outcomes) -> Verdict {
    own(outcomes, |measured| {
        let seconds = measured.counts.time_ns as f64 / 1e9;
        let polls = measured.counts.exchanges as f64 / seconds;
        let gap = measured.fact(LONGEST_GAP) as f64 / 1e3;
        verdict(
            polls <= 50.0 && gap > 0.0 && gap <= 25.0,
            format!("{polls:.0} polls a second, {gap:.1} ms between two at most"),
        )
    })
}
