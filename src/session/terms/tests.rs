//! Breakpoints with terms, on a core whose path is known.

use super::*;
use crate::{
    breakpoints::{Kind, agent::Expression},
    link::{Interrupts, fake::Event},
    session::{
        RangeStep, Resumed,
        tests::{Bench, NOP, RAM},
    },
};

const HERE: u32 = RAM + 4;

/// `r0 == VALUE`.
fn r0_is(value: u8) -> Expression {
    Expression::new(vec![0x26, 0, 0, 0x22, value, 0x13, 0x27])
}

/// The word at 0x40000000, where nothing is.
fn unreadable() -> Expression {
    Expression::new(vec![0x24, 0x40, 0, 0, 0, 0x19, 0x27])
}

/// Prints `hit` and the end of a line.
fn prints() -> Expression {
    let mut code = vec![0x22, 0, 0x22, 0, 0x34, 0, 0, 6];
    code.extend(b"hit\\n\0\x27");
    Expression::new(code)
}

fn when(condition: Expression) -> Terms {
    Terms {
        conditions: vec![condition],
        commands: Vec::new(),
    }
}

fn request(kind: Kind) -> Request {
    Request {
        kind,
        address: Address(HERE),
        length: 2,
    }
}

/// Halted at RAM, with a breakpoint on `terms` two instructions on.
fn bench(terms: Terms) -> Bench {
    let mut bench = Bench::in_ram(&NOP.repeat(16));
    bench
        .session
        .insert_on(request(Kind::Hardware), terms)
        .unwrap();
    bench
}

impl Bench {
    fn set_r0(&self, value: u32) {
        self.link.fake().registers.insert(0, value);
    }

    /// One look, which finds no stop.
    fn passes(&mut self) {
        assert_eq!(self.session.poll().unwrap(), None);
        assert!(self.session.take_passed());
    }
}

#[test]
fn the_program_goes_on_until_the_condition_is_true() {
    let mut bench = bench(when(r0_is(5)));
    bench.will_execute([RAM + 2, HERE, HERE + 2, HERE, HERE + 2, HERE]);
    bench.session.resume().unwrap();
    bench.link.fake().take_events();
    bench.passes();
    assert_eq!(
        bench.runs_and_steps(),
        [
            Event::Step(Interrupts::Masked),
            Event::Resume(Interrupts::Enabled)
        ]
    );
    bench.passes();
    bench.set_r0(5);
    let stop = bench.stop();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Breakpoint, Address(HERE))
    );
    assert!(!bench.session.take_passed());
    // Behind a stop the breakpoint is passed as every other.
    bench.will_execute([HERE + 2, HERE]);
    bench.session.resume().unwrap();
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
}

#[test]
fn one_of_several_conditions_is_enough() {
    let mut bench = bench(Terms {
        conditions: vec![r0_is(1), r0_is(2)],
        commands: Vec::new(),
    });
    bench.will_execute([HERE, HERE + 2, HERE]);
    bench.session.resume().unwrap();
    bench.passes();
    bench.set_r0(2);
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
}

#[test]
fn a_request_without_terms_at_the_same_place_stops() {
    let mut bench = bench(when(r0_is(5)));
    bench.session.insert(request(Kind::Software)).unwrap();
    bench.will_execute([HERE, HERE + 2, HERE, HERE + 2, HERE]);
    bench.session.resume().unwrap();
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
    bench.session.remove(request(Kind::Software));
    bench.session.resume().unwrap();
    bench.passes();
    // The last insertion is what counts.
    bench.session.insert(request(Kind::Hardware)).unwrap();
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
}

#[test]
fn a_client_that_leaves_takes_its_terms_along() {
    let mut bench = bench(when(r0_is(5)));
    bench.session.client_left();
    bench.session.insert(request(Kind::Hardware)).unwrap();
    bench.will_execute([HERE]);
    bench.session.resume().unwrap();
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
}

#[test]
fn commands_are_carried_out_instead_of_a_stop() {
    let mut bench = bench(Terms {
        conditions: vec![r0_is(0)],
        commands: vec![prints()],
    });
    bench.will_execute([HERE, HERE + 2, HERE, HERE + 2, HERE, HERE + 2]);
    bench.session.resume().unwrap();
    bench.passes();
    bench.passes();
    assert_eq!(bench.session.take_printed(), b"hit\nhit\n");
    bench.set_r0(1);
    bench.passes();
    assert_eq!(bench.session.take_printed(), b"");
    assert_eq!(bench.session.poll().unwrap(), None, "it runs");
    assert!(!bench.session.take_passed());
}

#[test]
fn what_cannot_be_evaluated_stops_and_is_told_once() {
    let mut bench = bench(when(unreadable()));
    bench.will_execute([HERE, HERE + 2, HERE]);
    bench.session.resume().unwrap();
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
    let told = bench.session.take_console();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(
            "XG048: the condition or command of the breakpoint at 0x24000104 fails\n  because: it reads what \
             cannot be read: the target refused a transfer of 4 bytes at 0x40000000\n"
        ),
        "{told:?}"
    );
    assert_eq!(bench.session.journal().last().unwrap().code, Code::XG048);
    bench.session.resume().unwrap();
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
    assert!(bench.session.take_console().is_empty());
}

/// GDB would ask the condition by itself, find it false and go on: the user's Ctrl-C would be lost.
#[test]
fn an_interrupt_at_a_false_hit_is_an_interrupt() {
    let mut bench = bench(when(r0_is(5)));
    bench.will_execute([HERE, HERE + 2]);
    bench.session.resume().unwrap();
    let stop = bench.session.halt().unwrap();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Halt, Address(HERE + 2))
    );
}

#[test]
fn an_interrupt_at_a_true_hit_is_a_breakpoint() {
    let mut bench = bench(when(r0_is(0)));
    bench.will_execute([HERE]);
    bench.session.resume().unwrap();
    assert_eq!(bench.session.halt().unwrap().reason, StopReason::Breakpoint);
}

/// The instruction under the breakpoint is a BKPT of the program itself.
#[test]
fn what_the_step_behind_a_false_hit_runs_into_is_a_stop() {
    let mut bench = bench(when(r0_is(5)));
    bench
        .session
        .write_memory(Address(HERE), &[0, 0xBE])
        .unwrap();
    bench.will_execute([HERE]);
    bench.session.resume().unwrap();
    let stop = bench.stop();
    assert_eq!(
        (stop.reason, stop.pc),
        (StopReason::Unrequested, Address(HERE))
    );
}

#[test]
fn a_range_step_runs_over_false_hits_and_stops_at_true_ones() {
    for (r0, reason, end) in [
        (0, StopReason::Step, RAM + 8),
        (5, StopReason::Breakpoint, HERE),
    ] {
        let mut bench = bench(when(r0_is(5)));
        bench.set_r0(r0);
        bench.will_execute([RAM + 2, HERE, HERE + 2, RAM + 8]);
        let stop = bench.step_range(RAM, RAM + 8);
        assert_eq!((stop.reason, stop.pc), (reason, Address(end)));
    }
}

/// A supervisor call is run to the instruction behind it, where the breakpoint is, and its handler comes by there first.
#[test]
fn a_false_hit_at_the_temporary_unit_of_a_range_step_ends_its_detour() {
    let mut bench = bench(when(r0_is(5)));
    let supervisor_call = [0x00, 0xDF];
    bench
        .session
        .write_memory(Address(RAM + 2), &supervisor_call)
        .unwrap();
    bench.will_execute([RAM + 2, RAM + 0x80, HERE, HERE + 2, RAM + 8]);
    let step = bench.session.step_range(Address(RAM), Address(RAM + 8));
    assert_eq!(step.unwrap(), RangeStep::Running);
    let stop = bench.stop();
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, Address(RAM + 8)));
}

/// On its way to the temporary unit a range step meets a breakpoint, and goes on to where it was going.
#[test]
fn a_false_hit_on_the_way_of_a_range_step_is_passed() {
    let mut bench = bench(when(r0_is(5)));
    let supervisor_call = [0x00, 0xDF];
    bench
        .session
        .write_memory(Address(RAM), &supervisor_call)
        .unwrap();
    bench.will_execute([HERE, HERE + 2, RAM + 2, RAM + 8]);
    let step = bench.session.step_range(Address(RAM), Address(RAM + 4));
    assert_eq!(step.unwrap(), RangeStep::Running);
    bench.passes();
    let stop = bench.stop();
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, Address(RAM + 8)));
}

/// All units are taken: the breakpoint is a BKPT in RAM, which is taken away for the step and put back.
#[test]
fn a_patch_has_terms_too() {
    let mut bench = Bench::in_ram(&NOP.repeat(16));
    for index in 0..8 {
        bench.insert(Kind::Hardware, RAM + 0x40 + 2 * index);
    }
    let software = request(Kind::Software);
    bench.session.insert_on(software, when(r0_is(5))).unwrap();
    bench.will_execute([HERE, HERE + 2, HERE, HERE + 2]);
    assert_eq!(bench.session.resume().unwrap(), Resumed::Running);
    bench.passes();
    bench.set_r0(5);
    assert_eq!(bench.stop().reason, StopReason::Breakpoint);
    assert_eq!(bench.link.fake().bytes(HERE, 2), [0x00, 0xBE]);
}

/// Stepping line by line, a client never runs into what it steps onto.
#[test]
fn a_step_onto_a_breakpoint_with_commands_carries_them_out_once() {
    let commands = || Terms {
        conditions: Vec::new(),
        commands: vec![prints()],
    };
    let mut stepped = bench(commands());
    stepped.will_execute([RAM + 2, HERE, HERE + 2]);
    for _ in 0..3 {
        stepped.session.step().unwrap();
    }
    assert_eq!(stepped.session.take_printed(), b"hit\n");
    for end in [HERE, HERE + 2] {
        let mut ranging = bench(commands());
        ranging.will_execute([RAM + 2, HERE, HERE + 2, HERE + 4]);
        assert_eq!(ranging.step_range(RAM, end).pc, Address(end));
        assert_eq!(ranging.session.take_printed(), b"hit\n");
        ranging.session.resume().unwrap();
        assert_eq!(ranging.session.poll().unwrap(), None);
        assert_eq!(ranging.session.take_printed(), b"");
    }
}

impl Bench {
    fn set(&self, register: u8, value: u32) {
        self.link.fake().registers.insert(register, value);
    }

    /// The end of a range step, whether it was stepped or run.
    fn step_range(&mut self, start: u32, end: u32) -> Stop {
        let step = self.session.step_range(Address(start), Address(end));
        match step.expect("a range step") {
            RangeStep::Stopped(stop) => stop,
            RangeStep::Running => loop {
                if let Some(stop) = self.session.poll().expect("a look") {
                    break stop;
                }
            },
        }
    }
}

/// GDB has a breakpoint of its own there, and sends none.
#[test]
fn where_a_function_returns_to_is_told() {
    let mut by_link = bench(when(r0_is(5)));
    by_link.set(14, HERE | 1);
    by_link.will_execute([HERE, HERE + 2, HERE, HERE + 2]);
    by_link.session.resume().unwrap();
    assert_eq!(by_link.stop().reason, StopReason::Breakpoint);
    // From here on LR has nothing to say, also if the client takes the step off it by itself.
    by_link.session.step().unwrap();
    by_link.session.resume().unwrap();
    by_link.passes();

    let mut by_stack = bench(when(r0_is(5)));
    by_stack.set(13, 0x2000_0800);
    let saved = (HERE | 1).to_le_bytes();
    by_stack
        .session
        .write_memory(Address(0x2000_0840), &saved)
        .unwrap();
    by_stack.will_execute([HERE, HERE + 2]);
    by_stack.session.resume().unwrap();
    assert_eq!(by_stack.session.halt().unwrap().reason, StopReason::Halt);
    by_stack.will_execute([HERE]);
    by_stack.session.resume().unwrap();
    assert_eq!(by_stack.stop().reason, StopReason::Breakpoint);
}
