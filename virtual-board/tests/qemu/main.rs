//! Exceptions, priorities, tail-chaining, faults, lazy FP stacking, MPU and SysTick: one program, firmware/oracle, runs on our core and
//! in QEMU's `mps2-an500`, a Cortex-M7, and must see the same words.
//!
//! QEMU is GPL and serves as an oracle only: a process of its own. `ORACLE_VERBOSE` prints every word that differs, known or not.

mod deviations;
#[path = "../common/image.rs"]
mod image;
mod log;
mod map;
mod qemu;

use deviations::DEVIATIONS;
use image::Image;
use log::Scenario;
use map::Map;
use std::fmt::Write as _;
use virtual_board::{
    bus::Width,
    cpu::{Core, Outcome},
};

const CODE: u32 = 0;
const DATA: u32 = 0x2000_0000;
const DHCSR: u32 = 0xE000_EDF0;
/// DBGKEY, C_DEBUGEN: semihosting's BKPT halts.
const HALTING_DEBUG: u32 = 0xA05F_0001;
const BKPT_SEMIHOSTING: u16 = 0xBEAB;
const SYS_WRITE: u32 = 0x05;
const PROGRAM: &str = "oracle.elf";
/// The last scenario, which is none.
const END: &str = "end";
/// Cycles; the program needs a tenth.
const BUDGET: u64 = 100_000_000;
/// Differences shown in full.
const SHOWN: usize = 40;

/// The log that the program writes on our core.
fn our_log(image: &Image) -> Vec<u8> {
    let mut map = Map::new(&image.contents(CODE), &image.contents(DATA));
    let mut core = Core::new();
    core.reset(&mut map, CODE);
    core.debug_write(&mut map, DHCSR, Width::Word, HALTING_DEBUG)
        .expect("DHCSR is there");
    loop {
        run_to_halt(&mut core, &mut map);
        let pc = core.pc();
        let instruction = map.bytes(pc, 2).map(|bytes| [bytes[0], bytes[1]]);
        assert_eq!(
            instruction.map(u16::from_le_bytes),
            Some(BKPT_SEMIHOSTING),
            "halted at {pc:#010x}"
        );
        let [operation, argument, ..] = core.registers.r;
        if operation == SYS_WRITE {
            let word = |map: &mut Map, place: u32| {
                let bytes = map.bytes(argument + 4 * place, 4).expect("an argument");
                u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
            };
            let (start, length) = (word(&mut map, 1), word(&mut map, 2));
            let bytes = map.bytes(start, length as usize).expect("the log");
            return bytes.to_vec();
        }
        core.registers.r[15] = pc + 2;
        core.debug_write(&mut map, DHCSR, Width::Word, HALTING_DEBUG)
            .expect("DHCSR is there");
    }
}

fn run_to_halt(core: &mut Core, map: &mut Map) {
    while core.cycles < BUDGET {
        match core.run(map, BUDGET - core.cycles) {
            Outcome::Halted => return,
            Outcome::Idle | Outcome::Sleeping => {
                let event = core.cycles_to_event();
                core.skip(event.unwrap_or_else(|| panic!("waits for ever at {:#010x}", core.pc())));
            }
            Outcome::Budget | Outcome::Attention => {}
            outcome => panic!(
                "{outcome:?}; the stack is at {:#010x}",
                core.registers.r[13]
            ),
        }
    }
    panic!("still at {:#010x} after {BUDGET} cycles", core.pc());
}

/// The comparison, and what it says.
#[derive(Default)]
struct Verdict {
    words: usize,
    known: Vec<usize>,
    wrong: usize,
    text: String,
}

impl Verdict {
    fn compare(&mut self, ours: &Scenario, theirs: &Scenario) {
        let mut within = String::new();
        let (mut exception, mut at) = (None, 0);
        for (ours_seen, theirs_seen) in ours.notes.iter().zip(&theirs.notes) {
            at += 1;
            self.words += 1;
            if ours_seen.name != theirs_seen.name {
                _ = writeln!(
                    within,
                    "  word {at}: ours sees {} {:#x}, QEMU {} {:#x}; no comparison from here on",
                    ours_seen.name, ours_seen.value, theirs_seen.name, theirs_seen.value
                );
                self.wrong += 1;
                break;
            }
            if ours_seen.name == "exception" {
                exception = Some(ours_seen.value);
            }
            if ours_seen.value == theirs_seen.value {
                continue;
            }
            let known = DEVIATIONS.iter().position(|deviation| {
                deviation.scenario.is_none_or(|name| name == ours.name)
                    && deviation.note == ours_seen.name
                    && (deviation.explains)(ours_seen.value, theirs_seen.value)
            });
            match known {
                Some(known) => self.known[known] += 1,
                None => self.wrong += 1,
            }
            if known.is_none() || std::env::var_os("ORACLE_VERBOSE").is_some() {
                _ = writeln!(
                    within,
                    "  word {at}, in exception {exception:?}: {}: ours {:#010x}, QEMU {:#010x}",
                    ours_seen.name, ours_seen.value, theirs_seen.value
                );
            }
        }
        if ours.notes.len() != theirs.notes.len() {
            self.wrong += 1;
            let (ours, theirs) = (ours.notes.len(), theirs.notes.len());
            _ = writeln!(within, "  ours has {ours} words, QEMU {theirs}");
        }
        if !within.is_empty() {
            _ = write!(self.text, "{}:\n{within}", ours.name);
        }
    }
}

#[test]
fn exceptions_agree_with_qemu() {
    let image = Image::load(PROGRAM);
    let code = image.contents(CODE);
    let ours = log::parse(&our_log(&image), &code);
    let theirs = log::parse(&qemu::log_of(&Image::path(PROGRAM)), &code);

    let mut verdict = Verdict {
        known: vec![0; DEVIATIONS.len()],
        ..Verdict::default()
    };
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours.name, theirs.name);
        verdict.compare(ours, theirs);
    }
    for line in verdict.text.lines().take(SHOWN) {
        println!("{line}");
    }
    println!(
        "{} scenarios, {} words compared",
        ours.len() - 1,
        verdict.words
    );
    for (deviation, count) in DEVIATIONS.iter().zip(&verdict.known) {
        println!(
            "{count:>6} times QEMU deviates: {}, {}: {}",
            deviation.scenario.unwrap_or("any scenario"),
            deviation.note,
            deviation.reason
        );
    }
    assert_eq!(ours.len(), theirs.len(), "scenarios");
    let last = ours.last().map(|scenario| scenario.name.as_str());
    assert_eq!(last, Some(END), "the log is too small");
    assert_eq!(verdict.wrong, 0, "words differ from QEMU's");
}
