//! Semihosting calls of the appli: served without a stop, or a stop that says so.

use xspi_gdb::{
    breakpoints::Kind,
    image::Image,
    layout::Address,
    semihosting::{CALL, Options, Stream},
    session::{RangeStep, Resumed, StopReason},
};

use crate::bench::{Bench, firmware, symbol};

/// Commands of the appli's mailbox.
const EXIT: u32 = 17;
const WRITE: u32 = 22;

const HELLO: &str = "hello from the window\n";

fn appli() -> Image {
    Image::open(firmware("appli.elf")).expect("firmware")
}

/// The first BKPT 0xAB in the function that makes calls.
fn call() -> Address {
    let image = appli();
    let start = image
        .symbols()
        .address_of("appli::semihosting::call")
        .expect("the function");
    let mut code = [0; 64];
    image.read(start, &mut code);
    let at = code.chunks(2).position(|code| code == CALL);
    Address(start.0 + 2 * at.expect("a call") as u32)
}

fn served() -> Bench {
    let mut bench = Bench::with_running_appli();
    bench.session.serve_semihosting(Options::default()).unwrap();
    bench
}

/// Runs until the appli has served its mailbox.
fn run_until_served(bench: &mut Bench) {
    assert_eq!(bench.session.resume().unwrap(), Resumed::Running);
    wait_until_served(bench);
}

fn wait_until_served(bench: &mut Bench) {
    let command = Address(symbol("MAILBOX").0 + 4);
    for _ in 0..1000 {
        assert_eq!(bench.session.poll().unwrap(), None);
        bench
            .session
            .idle(std::time::Duration::from_millis(1))
            .unwrap();
        if bench.word(command) == 0 {
            return;
        }
    }
    panic!("the mailbox is not served");
}

fn said(bench: &mut Bench) -> String {
    let output = bench.session.take_program_output();
    assert!(output.iter().all(|output| output.stream == Stream::Out));
    let bytes: Vec<u8> = output.into_iter().flat_map(|output| output.bytes).collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_call_is_served_and_no_stop() {
    let mut bench = served();
    for _ in 0..3 {
        bench.command(WRITE, 0);
        run_until_served(&mut bench);
        assert_eq!(said(&mut bench), HELLO);
        bench.session.halt().unwrap();
    }
}

#[test]
fn the_end_of_the_program_is_a_stop_with_its_code() {
    let mut bench = served();
    bench.command(EXIT, 42);
    let stop = bench.run();
    let StopReason::Exited(exit) = stop.reason else {
        panic!("{stop:?}")
    };
    assert_eq!((exit.code, exit.status()), (42, 42));
    assert_eq!(
        stop.console,
        ["the program ended with code 42 (semihosting exit)"]
    );
    assert_eq!(stop.pc, call());
    run_until_served(&mut bench);
}

#[test]
fn a_users_breakpoint_on_a_call_stops_first_and_the_call_is_served_behind_it() {
    let mut bench = served();
    bench.insert(Kind::Hardware, call());
    bench.command(WRITE, 0);
    let stop = bench.run();
    assert_eq!((stop.reason, stop.pc), (StopReason::Breakpoint, call()));
    assert_eq!(said(&mut bench), "");
    run_until_served(&mut bench);
    assert_eq!(said(&mut bench), HELLO);
}

#[test]
fn a_step_executes_the_call() {
    let mut bench = served();
    bench.insert(Kind::Hardware, call());
    bench.command(WRITE, 0);
    bench.run();
    let stop = bench.session.step().unwrap();
    let behind = Address(call().0 + 2);
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, behind));
    assert_eq!(said(&mut bench), HELLO);
    assert_eq!(bench.session.read_register(0).unwrap(), 0, "the result");
    assert_eq!(
        bench.session.read_register(15).unwrap(),
        u64::from(behind.0)
    );
}

#[test]
fn a_range_step_executes_the_call_too() {
    let mut bench = served();
    bench.insert(Kind::Hardware, call());
    bench.command(WRITE, 0);
    bench.run();
    let behind = Address(call().0 + 2);
    let RangeStep::Stopped(stop) = bench.session.step_range(call(), behind).unwrap() else {
        panic!("one instruction is no long way")
    };
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, behind));
    assert_eq!(said(&mut bench), HELLO);
}

#[test]
fn a_call_that_nobody_serves_is_a_stop_that_says_so_and_is_passed() {
    let mut bench = Bench::with_running_appli();
    bench.command(WRITE, 0);
    let stop = bench.run();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::SemihostingCall, call())
    );
    assert_eq!(
        stop.console,
        [
            "semihosting call SYS_WRITE0, which nobody serves: `monitor semihosting on` does; going on passes it over"
        ]
    );
    run_until_served(&mut bench);
    assert_eq!(bench.session.take_program_output(), []);
}

#[test]
fn a_call_is_served_by_who_comes_while_it_stops() {
    let mut bench = Bench::with_running_appli();
    bench.command(WRITE, 0);
    assert_eq!(bench.run().reason, StopReason::SemihostingCall);
    bench.session.serve_semihosting(Options::default()).unwrap();
    run_until_served(&mut bench);
    assert_eq!(said(&mut bench), HELLO);
}

#[test]
fn a_call_costs_few_exchanges() {
    let mut bench = served();
    bench.insert(Kind::Hardware, call());
    bench.command(WRITE, 0);
    bench.run();
    let first = bench.exchanges(|session| drop(session.step().unwrap()));
    assert!(first <= 19, "{first} exchanges");
}
