//! Debian's OpenOCD, unmodified and with a stock Cortex-M configuration, on a board that runs our boot stage and appli.
//!
//! What OpenOCD says is compared with the board's own state, which a test sees behind the debugger's back.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/image.rs"]
mod image;
mod sessions;
mod tool;

use tool::{Bench, hex_after};
use virtual_board::board::CoreState;

const INTERNAL_FLASH: u32 = 0x0800_0000;
const NOR: u32 = 0x7000_0000;
/// Room in AXISRAM that the appli does not use.
const SCRATCH: u32 = 0x2404_0000;
/// Nothing answers there.
const HOLE: u32 = 0x1000_0000;

/// What a configuration for this family does (DBGMCU_CR): the appli sleeps, and its memory would be out of reach meanwhile.
const KEEP_CLOCKS: &str = "halt; mww 0x5c001004 7; resume";

#[test]
fn attaches_and_finds_the_chip() {
    let bench = Bench::running();
    let log = bench.openocd(&["chip.dap info 0", "chip.dap info 1"]);
    for fact in [
        "chip.cpu tap/device found: 0x6ba00477",
        "tap/device found: 0x06485041",
        "Cortex-M7 r1p2 processor detected",
        "target has 8 breakpoints, 4 watchpoints",
        "AP ID register 0x54770002",
        "AP ID register 0x84770001",
        "Part is 0x485",
        "Cortex-M7 FPB",
    ] {
        assert!(log.contains(fact), "no {fact:?} in\n{log}");
    }
    assert!(!log.contains("Error"), "{log}");
    bench.assert_alive();
}

#[test]
fn halts_steps_and_moves_registers() {
    let bench = Bench::running();
    // OpenOCD keeps what it is told until the core moves.
    let log = bench.openocd(&[
        "halt",
        "reg pc",
        "reg r11 0x12345678",
        "reg d15 0x3ff8000000000000",
        "step",
        "step",
        "reg pc",
        "reg sp",
    ]);
    assert!(log.contains("halted due to debug-request"), "{log}");
    assert!(log.contains("halted due to single-step"), "{log}");
    assert_eq!(bench.core_state(), CoreState::Halted);
    let said = hex_after(&log, "\npc (/32): ");
    assert_eq!(said.len(), 2, "{log}");
    assert_ne!(said[0], said[1]);
    assert_eq!(said[1], bench.board.with(|board| board.pc()));

    let again = bench.openocd(&["reg r11", "reg d15", "reg sp", "resume"]);
    assert!(again.contains("\nr11 (/32): 0x12345678"), "{again}");
    assert!(again.contains("\nd15 (/64): 0x3ff8000000000000"), "{again}");
    assert_eq!(
        hex_after(&again, "\nsp (/32): "),
        hex_after(&log, "\nsp (/32): ")
    );
    assert_ne!(bench.core_state(), CoreState::Halted);
}

#[test]
fn reads_and_writes_memory_while_the_core_runs() {
    let bench = Bench::running();
    let counter = bench.appli.symbol("COUNTER");
    let before = bench.word(counter);
    let log = bench.openocd(&[
        KEEP_CLOCKS,
        &format!("mdw {counter:#x}"),
        &format!("mww {SCRATCH:#x} 0xcafef00d"),
        &format!("mwb {:#x} 0x5a", SCRATCH + 5),
        &format!("mwh {:#x} 0x1234", SCRATCH + 6),
        &format!("mdh {SCRATCH:#x} 4"),
    ]);
    let counted = hex_after(&log, &format!("{counter:#010x}: "));
    assert!(
        (before..=bench.word(counter)).contains(&counted[0]),
        "{log}"
    );
    assert_eq!(bench.word(SCRATCH), 0xcafe_f00d);
    assert_eq!(bench.word(SCRATCH + 4) & 0xffff_ff00, 0x1234_5a00);
    assert!(log.contains("0x24040000: f00d cafe"), "{log}");
    bench.assert_alive();
}

#[test]
fn dumps_the_window_and_copies_it_to_ram() {
    let bench = Bench::running();
    let appli = bench.appli.contents(NOR);
    let length = appli.len();
    let (window, copy) = (bench.file("window.bin"), bench.file("copy.bin"));
    bench.openocd(&[
        "halt",
        &format!("dump_image {{{window}}} {NOR:#x} {length}"),
        &format!("load_image {{{window}}} {SCRATCH:#x} bin"),
        &format!("dump_image {{{copy}}} {SCRATCH:#x} {length}"),
    ]);
    assert!(std::fs::read(&window).unwrap() == appli, "{window}");
    assert!(std::fs::read(&copy).unwrap() == appli, "{copy}");
}

/// OpenOCD loads a checksum routine of its own into RAM, runs it on the core, and expects its BKPT.
#[test]
fn runs_its_own_code_on_the_core() {
    let bench = Bench::running();
    let image = bench.file("appli.bin");
    std::fs::write(&image, bench.appli.contents(NOR)).unwrap();
    let log = bench.openocd(&[
        &format!(
            "chip.cpu configure -work-area-phys {SCRATCH:#x} -work-area-size 0x1000 -work-area-backup 1"
        ),
        "halt",
        &format!("verify_image_checksum {{{image}}} {NOR:#x} bin"),
        &format!("verify_image {{{image}}} {NOR:#x} bin"),
        "resume",
    ]);
    assert_eq!(log.matches("verified ").count(), 2, "{log}");
    assert!(!log.contains("Error"), "{log}");
    bench.assert_alive();
}

#[test]
fn a_breakpoint_in_the_window_stops_before_its_instruction() {
    let bench = Bench::running();
    let work = bench.appli.function("work").start;
    let log = bench.openocd(&[
        "halt",
        &format!("bp {work:#x} 2 hw"),
        "resume",
        "wait_halt 5000",
        "reg pc",
        "resume",
        "wait_halt 5000",
        &format!("rbp {work:#x}"),
    ]);
    assert_eq!(log.matches("halted due to breakpoint").count(), 2, "{log}");
    assert_eq!(hex_after(&log, "pc (/32): "), [work], "{log}");
    assert_eq!(bench.board.with(|board| board.pc()), work);
    bench.openocd(&["resume"]);
    bench.assert_alive();
}

#[test]
fn a_watchpoint_stops_behind_the_write() {
    let bench = Bench::running();
    let counter = bench.appli.symbol("COUNTER");
    let log = bench.openocd(&[
        "halt",
        &format!("mww {counter:#x} 1000"),
        &format!("wp {counter:#x} 4 w"),
        "resume",
        "wait_halt 5000",
        &format!("rwp {counter:#x}"),
        &format!("mdw {counter:#x}"),
    ]);
    assert!(log.contains("halted due to watchpoint"), "{log}");
    assert_eq!(
        hex_after(&log, &format!("{counter:#010x}: ")),
        [1001],
        "{log}"
    );
    assert_eq!(bench.core_state(), CoreState::Halted);
    assert_eq!(bench.word(counter), 1001);
}

#[test]
fn a_refused_access_is_an_error_and_nothing_more() {
    let bench = Bench::running();
    let log = bench.openocd(&[
        KEEP_CLOCKS,
        &format!("catch {{mdw {HOLE:#x}}} message; echo \"said: $message\""),
        &format!("catch {{mww {HOLE:#x} 1}} message; echo \"said: $message\""),
        &format!("mdw {NOR:#x}"),
    ]);
    assert!(log.contains("Failed to read memory at 0x10000000"), "{log}");
    assert!(
        log.contains("Failed to write memory at 0x10000000"),
        "{log}"
    );
    assert_eq!(hex_after(&log, "0x70000000: "), [bench.word(NOR)], "{log}");
    bench.assert_alive();
}

/// An exchange is a flush of OpenOCD's queue, not a packet of the network: however this host was scheduled, the counts are the same.
#[test]
fn equal_runs_in_lockstep_cost_the_same() {
    let account = || {
        let bench = Bench::in_lockstep();
        let before = bench.board.statistics();
        bench.openocd(&[
            "halt",
            "step",
            "mdw 0x24040000 16",
            "bp 0x70000400 2 hw",
            "reset halt",
        ]);
        let statistics = bench.board.statistics();
        assert!(statistics.exchanges > before.exchanges);
        (statistics, bench.board.with(|board| board.now()))
    };
    assert_eq!(account(), account());
}
