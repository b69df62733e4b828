//! Faults of the core: caught, decoded, explained in one line.

use std::time::Duration;

use xspi_gdb::{
    breakpoints::Kind,
    fault::Code,
    layout::Address,
    session::{Leave, Signal, Stop, StopReason},
};

use crate::bench::{Bench, symbol};

/// Commands of the appli's mailbox.
const HARD_FAULT: u32 = 2;
const BUS_FAULT: u32 = 3;
const UNDEFINED: u32 = 5;
const DIVIDE_BY_ZERO: u32 = 6;

fn provoke(bench: &mut Bench, command: u32, argument: u32) -> Stop {
    bench.command(command, argument);
    bench.run()
}

fn assert_explained(stop: &Stop, signal: Signal, words: &[&str]) {
    assert_eq!(stop.reason.signal(), signal, "{stop:?}");
    let [line] = stop.console.as_slice() else {
        panic!("one line explains a fault: {:?}", stop.console)
    };
    for word in words {
        assert!(line.contains(word), "`{word}` in `{line}`");
    }
}

#[test]
fn a_bus_fault_names_the_address_and_the_instruction() {
    let mut bench = Bench::with_running_appli();
    let stop = provoke(&mut bench, BUS_FAULT, 0);
    assert_explained(
        &stop,
        Signal::Bus,
        &[
            "BusFault at pc 0x7",
            "data access refused",
            "bus address 0x24080000",
        ],
    );
    let last = bench.session.journal().last().map(|fault| fault.code);
    assert_eq!(last, Some(Code::XG082));
}

#[test]
fn usage_faults_are_illegal_instructions() {
    for (command, words) in [
        (UNDEFINED, "undefined instruction"),
        (DIVIDE_BY_ZERO, "division by zero"),
    ] {
        let mut bench = Bench::with_running_appli();
        let stop = provoke(&mut bench, command, 0);
        assert_explained(&stop, Signal::Illegal, &["UsageFault at pc 0x7", words]);
    }
}

#[test]
fn a_hard_fault_is_a_segment_violation() {
    let mut bench = Bench::with_running_appli();
    let stop = provoke(&mut bench, HARD_FAULT, 0);
    assert_explained(&stop, Signal::Segment, &["HardFault at pc 0x7"]);
}

/// `monitor catch off`: the program's own handler gets the fault.
#[test]
fn faults_can_be_left_to_the_program() {
    let mut bench = Bench::with_running_appli();
    bench.session.set_catch_faults(false).unwrap();
    let handler = symbol("UsageFault");
    bench.insert(Kind::Hardware, handler);
    let stop = provoke(&mut bench, DIVIDE_BY_ZERO, 0);
    assert_eq!((stop.reason, stop.pc), (StopReason::Breakpoint, handler));
}

/// A fault inside HardFault: the vectors lead nowhere.
#[test]
fn a_lockup_is_told_as_such() {
    const VTOR: Address = Address(0xE000_ED08);
    const ZEROS: u32 = 0x3000_0000;
    let mut bench = Bench::with_running_appli();
    bench.session.set_catch_faults(false).unwrap();
    bench
        .session
        .write_memory(Address(ZEROS), &[0; 1024])
        .unwrap();
    bench
        .session
        .write_memory(VTOR, &ZEROS.to_le_bytes())
        .unwrap();
    let stop = provoke(&mut bench, UNDEFINED, 0);
    assert_explained(&stop, Signal::Segment, &["lockup"]);
    let last = bench.session.journal().last().map(|fault| fault.code);
    assert_eq!(last, Some(Code::XG084));
}

/// Without a debugger the appli's handler has run on; who comes later finds out all the same.
#[test]
fn a_fault_that_nobody_watched_is_explained_to_who_comes_later() {
    let mut bench = Bench::with_running_appli();
    bench.command(BUS_FAULT, 0);
    let Bench { board, session, .. } = bench;
    session.close(Leave::Running).unwrap();
    board.idle(Duration::from_millis(100));
    let mut bench = Bench::attach(board);
    let report = bench.session.explain_fault().unwrap();
    let told = report
        .expect("the core is in its fault handler")
        .to_string();
    for words in [
        "XG082: BusFault at pc 0x70",
        "the bus refused the access to 0x24080000: nothing is there",
        "was the base of the address",
        "appli::faults::bus_fault at firmware/appli/src/faults.rs:",
    ] {
        assert!(told.contains(words), "`{words}` is not in {told}");
    }
}
