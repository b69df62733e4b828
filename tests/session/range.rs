//! Range steps: where they end, and what is known there.

use xspi_gdb::{
    breakpoints::{Kind, Request},
    layout::Address,
    session::{RangeStep, Stop, StopReason},
};

use crate::bench::{Bench, symbol};

#[test]
fn a_range_step_ends_outside_the_range() {
    let mut bench = Bench::with_running_appli();
    let work = symbol("work");
    bench.insert(Kind::Hardware, work);
    bench.run();
    bench.session.remove(Request {
        kind: Kind::Hardware,
        address: work,
        length: 2,
    });
    let end = Address(work.0 + 0x200);
    let stop = match bench.session.step_range(work, end).unwrap() {
        RangeStep::Stopped(stop) => stop,
        RangeStep::Running => bench.wait(),
    };
    assert_eq!(stop.reason, StopReason::Step);
    assert!(
        !(work..end).contains(&stop.pc),
        "{} is a call away",
        stop.pc
    );
}

fn step_range(bench: &mut Bench, start: Address, end: Address) -> Stop {
    match bench.session.step_range(start, end).expect("a range step") {
        RangeStep::Stopped(stop) => stop,
        RangeStep::Running => bench.wait(),
    }
}

/// Two boards go through the same function, loops and calls and all: one by range steps, the other instruction by instruction. Where a range
/// is cut makes no difference.
#[test]
fn a_range_step_ends_as_single_steps_do() {
    for bytes in [6, 0x12, 0x40, 0x200] {
        let at_work = || {
            let mut bench = Bench::with_running_appli();
            bench.insert(Kind::Hardware, symbol("work"));
            bench.run();
            bench.session.remove(Request {
                kind: Kind::Hardware,
                address: symbol("work"),
                length: 2,
            });
            bench
        };
        let (mut by_range, mut by_step) = (at_work(), at_work());
        let back = Address(by_range.session.read_register(14).expect("lr") as u32 & !1);
        let mut pc = by_range.session.last_stop().pc;
        for count in 0..2_000 {
            let range = Address(pc.0 & !1)..Address(pc.0 + bytes);
            let found = step_range(&mut by_range, range.start, range.end);
            let mut stepped = by_step.session.step().expect("a step");
            while range.contains(&stepped.pc) {
                stepped = by_step.session.step().expect("a step");
            }
            // What was kept over the run, against what the core has.
            let known = by_range
                .session
                .registers([])
                .expect("a halted core")
                .clone();
            for number in 0..=18 {
                let real = by_range
                    .board
                    .with(|board| board.core_register(number.into()));
                let kept = known.known(number).unwrap_or(real);
                assert_eq!(kept, real, "register {number} at {}", found.pc);
            }
            by_range.session.registers(0..=18).expect("a halted core");
            assert_eq!(found.reason, StopReason::Step);
            assert_eq!(
                found.pc, stepped.pc,
                "range step {count} of {bytes} bytes from {pc}"
            );
            let registers = |bench: &mut Bench| -> Vec<u64> {
                // The others may hold what interrupts have left on the stack.
                let one = |number| bench.session.read_register(number).expect("a register");
                [7, 13, 14, 15, 17, 18].map(one).to_vec()
            };
            assert_eq!(
                registers(&mut by_range),
                registers(&mut by_step),
                "at {}",
                found.pc
            );
            pc = found.pc;
            if pc == back {
                break;
            }
        }
        assert_eq!(pc, back, "the function returns");
    }
}

/// A breakpoint inside the range stops it.
#[test]
fn a_breakpoint_in_a_range_stops_the_range_step() {
    let mut bench = Bench::with_running_appli();
    let work = symbol("work");
    bench.insert(Kind::Hardware, work);
    bench.run();
    let inside = {
        let mut other = Bench::with_running_appli();
        other.insert(Kind::Hardware, work);
        other.run();
        for _ in 0..4 {
            other.session.step().expect("a step");
        }
        other.session.last_stop().pc
    };
    bench.insert(Kind::Hardware, inside);
    let stop = step_range(&mut bench, work, Address(work.0 + 0x100));
    assert_eq!((stop.reason, stop.pc), (StopReason::Breakpoint, inside));
}

/// SVC is taken even under a masked step: the range step runs to the instruction behind it, and the handler has run by then.
#[test]
fn a_range_step_runs_over_a_supervisor_call() {
    const SUPERVISOR_CALL: u32 = 23;
    let mut bench = Bench::with_running_appli();
    let call = symbol("supervisor_call");
    let found = bench.session.search(call, 32, &[0x00, 0xDF]);
    let svc = found.unwrap().expect("svc 0");
    bench.insert(Kind::Hardware, svc);
    bench.command(SUPERVISOR_CALL, 0);
    assert_eq!(bench.run().pc, svc);
    let before = bench.variable("SUPERVISOR_CALLS");
    let behind = Address(svc.0 + 2);
    let stop = match bench.session.step_range(svc, behind).unwrap() {
        RangeStep::Stopped(stop) => stop,
        RangeStep::Running => bench.wait(),
    };
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, behind));
    assert_eq!(bench.variable("SUPERVISOR_CALLS"), before + 1);
}
