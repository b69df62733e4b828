//! Compares random instructions of every encoding class with unicorn: registers, flags, FPSCR and memory.
//!
//! Unicorn is GPL and serves as an oracle only: it runs in a Python process of its own (`oracle.py`). The seed is fixed.
//! `ORACLE_PYTHON` names an interpreter that has the package, if it is not that of target/venv; `ORACLE_CASES` changes the number of cases.

mod cases;
mod classes;
mod deviations;
#[path = "../random/mod.rs"]
mod random;
mod subject;
mod wire;

use classes::Class;
use deviations::DEVIATIONS;
use random::Random;
use std::{
    fmt::Write as _,
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command},
};
use subject::Subject;
use wire::{CODE_BASE, Case, DATA_SIZE, Memories, PADDING, SLOT, State};

const NOP: u16 = 0xBF00;
const SEED: u64 = 0x0403_E0FE;
const CASES: u32 = 240_000;
/// Oracle processes that run side by side.
const ORACLES: usize = 2;
/// Differences shown in full.
const SHOWN: usize = 12;

/// Distributes `total` cases by weight.
fn generate(classes: &[Class], total: u32) -> (Vec<Case>, Memories) {
    let mut random = Random(SEED);
    let weights: u32 = classes.iter().map(|class| class.weight).sum();
    let unit = total.div_ceil(weights);
    let slots = unit * weights;
    let mut cases = Vec::new();
    for (index, class) in classes.iter().enumerate() {
        for _ in 0..unit * class.weight {
            let slot = cases.len() as u32;
            cases.push(cases::case(index, class, slot, slots, &mut random));
        }
    }
    let mut fill = |size: u32| {
        (0..size.div_ceil(8))
            .flat_map(|_| random.next().to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut memories = Memories {
        code: fill(2 * PADDING + slots * SLOT),
        data: fill(DATA_SIZE),
    };
    for case in &cases {
        let at = (case.state.r[15] - CODE_BASE) as usize;
        let slot = memories.code[at..at + SLOT as usize].chunks_exact_mut(2);
        let padded = case.code.iter().chain(std::iter::repeat(&NOP));
        for (place, halfword) in slot.zip(padded) {
            place.copy_from_slice(&halfword.to_le_bytes());
        }
    }
    (cases, memories)
}

/// An oracle process and the file that it answers into.
struct Running {
    process: Child,
    response: PathBuf,
}

fn start_oracle(cases: &[Case], memories: &Memories, number: usize) -> Running {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let request = folder.join(format!("unicorn-{number}.request"));
    let response = folder.join(format!("unicorn-{number}.response"));
    let mut file = BufWriter::new(File::create(&request).expect("the request can be created"));
    wire::write_request(&mut file, memories, cases.iter()).expect("the request can be written");
    file.flush().expect("the request can be written");
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The environment that scripts/setup.sh makes.
    let python = std::env::var_os("ORACLE_PYTHON")
        .map_or_else(|| package.join("../target/venv/bin/python"), PathBuf::from);
    let script = package.join("tests/unicorn/oracle.py");
    let process = Command::new(&python)
        .arg(script)
        .args([&request, &response])
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start ({error}): {INSTALL}", python.display()));
    Running { process, response }
}

const INSTALL: &str = "the oracle needs Python 3 with the package `unicorn`: scripts/setup.sh installs it into target/venv; \
    ORACLE_PYTHON names another interpreter that has it";

impl Running {
    fn states(mut self, count: usize) -> Vec<State> {
        let status = self.process.wait().expect("the oracle can be waited for");
        assert!(status.success(), "the oracle failed ({status}): {INSTALL}");
        let file = File::open(&self.response).expect("the oracle has answered");
        let mut input = BufReader::new(file);
        (0..count)
            .map(|_| wire::read_state(&mut input).expect("the oracle has answered every case"))
            .collect()
    }
}

/// Undoes what comes from the way the oracle is stopped. It reports an error too when a branch leaves its memory, though the
/// branch itself is complete. And it does not count skipped instructions, so that it may run on into the NOPs behind a case.
fn as_stopped(theirs: State, case: &Case, ours: &State, memories: &Memories) -> State {
    let inside = theirs.r[15].wrapping_sub(CODE_BASE) < memories.code.len() as u32;
    let mut state = theirs;
    state.trapped &= inside;
    let end = case.state.r[15] + 2 * case.code.len() as u32;
    let nops = end..case.state.r[15] + SLOT;
    if case.code[0] & 0xFF00 == 0xBF00 && ours.r[15] == end && nops.contains(&state.r[15]) {
        state.r[15] = end;
    }
    state
}

fn difference(case: &Case, class: &Class, ours: &State, theirs: &State) -> String {
    let mut text = format!("{}:", class.name);
    for halfword in &case.code {
        _ = write!(text, " {halfword:04x}");
    }
    _ = write!(
        text,
        " with apsr {:08x} fpscr {:08x}",
        case.state.apsr, case.state.fpscr
    );
    let mut row = |name: String, before: u32, ours: u32, theirs: u32| {
        if ours != theirs {
            _ = write!(
                text,
                "\n    {name}: was {before:08x}, ours {ours:08x}, oracle {theirs:08x}"
            );
        }
    };
    for number in 0..16 {
        row(
            format!("r{number}"),
            case.state.r[number],
            ours.r[number],
            theirs.r[number],
        );
    }
    row("apsr".into(), case.state.apsr, ours.apsr, theirs.apsr);
    row("fpscr".into(), case.state.fpscr, ours.fpscr, theirs.fpscr);
    for number in 0..32 {
        row(
            format!("s{number}"),
            case.state.s[number],
            ours.s[number],
            theirs.s[number],
        );
    }
    row(
        "trapped".into(),
        0,
        ours.trapped.into(),
        theirs.trapped.into(),
    );
    if ours.memory != theirs.memory {
        _ = write!(
            text,
            "\n    memory: ours {:x?}, oracle {:x?}",
            ours.memory, theirs.memory
        );
    }
    let registers: Vec<String> = case
        .state
        .r
        .iter()
        .map(|value| format!("{value:x}"))
        .collect();
    _ = write!(text, "\n    registers were {}", registers.join(" "));
    if class.name.starts_with('V') {
        let floats: Vec<String> = case
            .state
            .s
            .iter()
            .map(|value| format!("{value:x}"))
            .collect();
        _ = write!(text, "\n    s registers were {}", floats.join(" "));
    }
    text
}

#[test]
fn random_instructions_agree_with_the_oracle() {
    let classes = classes::classes();
    let total = std::env::var("ORACLE_CASES").map_or(CASES, |cases| {
        cases.parse().expect("ORACLE_CASES is a number")
    });
    let (cases, memories) = generate(&classes, total);
    let part = cases.len().div_ceil(ORACLES);
    let running: Vec<Running> = cases
        .chunks(part)
        .enumerate()
        .map(|(number, cases)| start_oracle(cases, &memories, number))
        .collect();

    let mut subject = Subject::new(&memories);
    let ours: Vec<State> = cases.iter().map(|case| subject.execute(case)).collect();
    let theirs = running
        .into_iter()
        .zip(cases.chunks(part))
        .flat_map(|(oracle, cases)| oracle.states(cases.len()));

    let mut counts = vec![[0usize; 4]; classes.len()];
    let mut deviating = vec![0usize; DEVIATIONS.len()];
    let mut shown = 0;
    for ((case, ours), theirs) in cases.iter().zip(&ours).zip(theirs) {
        let theirs = as_stopped(theirs, case, ours, &memories);
        let class = &classes[case.class];
        let [total, trapped, explained, wrong] = &mut counts[case.class];
        *total += 1;
        *trapped += usize::from(ours.trapped);
        if *ours == theirs {
            continue;
        }
        let known = DEVIATIONS.iter().position(|deviation| {
            deviation.class.is_none_or(|name| name == class.name)
                && (deviation.explains)(case, ours, &theirs)
        });
        if let Some(known) = known {
            *explained += 1;
            deviating[known] += 1;
            continue;
        }
        *wrong += 1;
        if *wrong <= 2 && shown < SHOWN {
            shown += 1;
            println!("{}", difference(case, class, ours, &theirs));
        }
    }

    println!(
        "{:>8} {:>8} {:>8} {:>8}  class",
        "cases", "trapped", "known", "wrong"
    );
    for (class, [total, trapped, explained, wrong]) in classes.iter().zip(&counts) {
        let precision = if class.double { " (double)" } else { "" };
        println!(
            "{total:>8} {trapped:>8} {explained:>8} {wrong:>8}  {}{precision}",
            class.name
        );
    }
    println!(
        "{} cases in {} classes, seed {SEED:#x}",
        cases.len(),
        classes.len()
    );
    for (deviation, count) in DEVIATIONS.iter().zip(&deviating) {
        println!(
            "{count:>8} times the oracle deviates: {}: {}",
            deviation.class.unwrap_or("any class"),
            deviation.reason
        );
    }
    let wrong: usize = counts.iter().map(|[.., wrong]| wrong).sum();
    assert_eq!(wrong, 0, "cases differ from the oracle");
}
