//! Semihosting calls on a link that keeps to the physics.

use super::*;
use crate::{
    link::ResetMode,
    semihosting::{Answer, CALL, Errand, Host},
};

/// SYS_WRITEC of the byte at [`TEXT`].
const WRITE_CHARACTER: u32 = 3;
const TEXT: u32 = RAM + 0x40;
/// SYS_READC.
const READ_CHARACTER: u32 = 7;
/// SYS_CLOCK.
const CLOCK: u32 = 0x10;

/// A program at a call, which a client is asked to serve.
fn at_a_call() -> Bench {
    let mut bench = Bench::in_ram(&CALL);
    bench.session.serve_semihosting_by(Host::Clients).unwrap();
    bench.session.write_memory(Address(TEXT), b"x").unwrap();
    bench
        .session
        .write_register(0, u64::from(WRITE_CHARACTER))
        .unwrap();
    bench.session.write_register(1, u64::from(TEXT)).unwrap();
    bench.session.resume().unwrap();
    bench.link.fake().stop(HaltReason {
        breakpoint: true,
        ..HaltReason::default()
    });
    let stop = bench.stop();
    let text = Errand::Write {
        file: 1,
        bytes: b"x".to_vec(),
    };
    assert_eq!(stop.reason, StopReason::ClientCall(Box::new(text)));
    bench.link.fake().take_events();
    bench
}

fn done() -> Answer {
    Answer {
        value: Ok(1),
        bytes: Vec::new(),
    }
}

#[test]
fn behind_an_answer_the_program_goes_on_or_stops() {
    let mut bench = at_a_call();
    let answered = bench.session.client_answered(done(), Behind::GoesOn);
    assert_eq!(answered.unwrap(), None);
    assert!(!bench.session.is_halted());
    assert!(matches!(
        bench.runs_and_steps().as_slice(),
        [Event::Resume(_)]
    ));

    let mut bench = at_a_call();
    let stop = bench
        .session
        .client_answered(done(), Behind::Stops)
        .unwrap();
    let stop = stop.expect("a stop");
    assert_eq!((stop.reason, stop.pc), (StopReason::Halt, Address(RAM + 2)));
    assert!(bench.runs_and_steps().is_empty());
}

/// A reset (a watchdog, the button) while the client is at it: its answer goes nowhere.
#[test]
fn an_answer_behind_a_reset_changes_nothing() {
    let mut bench = at_a_call();
    bench.link.fake().reset(ResetMode::Run).unwrap();
    bench.link.fake().registers.insert(0, 77);
    bench
        .session
        .client_answered(done(), Behind::GoesOn)
        .unwrap();
    assert_eq!(bench.link.fake().registers.get(&0), Some(&77));
    let told = bench.session.take_console().concat();
    assert!(
        told.contains("the core was reset while the program ran"),
        "{told}"
    );
}

/// A client that leaves in the middle: the call is the server's.
#[test]
fn a_call_comes_back_from_a_client_that_leaves() {
    let mut bench = at_a_call();
    bench.session.client_left();
    assert!(!bench.session.is_halted());
    let said = bench.session.take_program_output();
    assert_eq!(said[0].bytes, b"x");
    let late = bench.session.client_answered(done(), Behind::GoesOn);
    assert_eq!(late.unwrap(), None, "nobody waits for it");
}

/// Where somebody may type, a program that reads its console waits, and goes on when something was typed.
#[test]
fn a_call_that_waits_goes_on_with_what_is_typed() {
    let mut bench = Bench::in_ram(&CALL);
    bench.session.serve_semihosting_by(Host::Ours).unwrap();
    bench.session.open_semihosting_input();
    bench
        .session
        .write_register(0, u64::from(READ_CHARACTER))
        .unwrap();
    bench.session.resume().unwrap();
    bench.link.fake().stop(HaltReason {
        breakpoint: true,
        ..HaltReason::default()
    });
    assert_eq!(bench.session.poll().unwrap(), None);
    assert!(bench.session.waits_for_input());
    bench.link.fake().take_events();
    assert_eq!(bench.session.poll().unwrap(), None);
    assert!(
        bench.link.fake().take_events().is_empty(),
        "the core is left alone"
    );
    bench.session.semihosting().unwrap().feed(b"y");
    assert_eq!(bench.session.poll().unwrap(), None);
    assert!(!bench.session.waits_for_input());
    assert_eq!(bench.link.fake().registers.get(&0), Some(&u32::from(b'y')));
    assert_eq!(bench.link.fake().registers.get(&15), Some(&(RAM + 2)));
}

/// SYS_CLOCK counts by the link's clock, from the last reset on.
#[test]
fn the_programs_time_is_the_targets() {
    let mut bench = Bench::in_ram(&[CALL, CALL].concat());
    bench.session.idle(Duration::from_secs(5)).unwrap();
    bench.session.serve_semihosting_by(Host::Ours).unwrap();
    for (waited, ticks) in [
        (Duration::from_millis(2570), 257),
        (Duration::from_millis(30), 260),
    ] {
        bench.session.write_register(0, u64::from(CLOCK)).unwrap();
        bench.session.idle(waited).unwrap();
        bench.session.step().unwrap();
        assert_eq!(bench.session.read_register(0).unwrap(), ticks);
    }
}

/// A BKPT that the program has run into is passed over; another one, to which the user moved the pc, is not.
#[test]
fn a_call_that_the_pc_was_moved_to_is_made() {
    let mut bench = Bench::in_ram(&[CALL, [0x00, 0xBE]].concat());
    bench.session.serve_semihosting_by(Host::Ours).unwrap();
    for _ in 0..2 {
        bench.session.write_register(0, u64::from(CLOCK)).unwrap();
        bench.session.write_register(15, u64::from(RAM)).unwrap();
        bench.session.step().unwrap();
        assert_eq!(bench.session.read_register(0).unwrap(), 0, "it was served");
        assert_eq!(
            bench.session.step().unwrap().reason,
            StopReason::Unrequested
        );
    }
}
