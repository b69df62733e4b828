//! Range steps on a fake core: what is run and what is stepped.

use super::*;

#[test]
fn a_range_step_masks_plain_instructions() {
    let mut bench = Bench::in_ram(&[NOP, NOP].concat());
    let step = bench
        .session
        .step_range(Address(RAM), Address(RAM + 2))
        .unwrap();
    let RangeStep::Stopped(stop) = step else {
        panic!("one step is no long work")
    };
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, Address(RAM + 2)));
    assert_eq!(bench.runs_and_steps(), [Event::Step(Interrupts::Masked)]);
}

/// The core has come to `pc`, and a unit there.
fn hits_a_unit(bench: &mut Bench, pc: u32) {
    let mut link = bench.link.fake();
    link.registers.insert(15, pc);
    link.stop(HaltReason {
        breakpoint: true,
        ..HaltReason::default()
    });
}

#[test]
fn several_plain_instructions_are_run_masked_and_a_loop_unmasked() {
    // nop; nop; nop, and nop; nop; b back
    for (code, end, exits, interrupts) in [
        (NOP.repeat(3), 6, vec![RAM + 6], Interrupts::Masked),
        (
            [&NOP.repeat(2)[..], &[0xFC, 0xE7]].concat(),
            6,
            vec![],
            Interrupts::Enabled,
        ),
    ] {
        let mut bench = Bench::in_ram(&code);
        let step = bench
            .session
            .step_range(Address(RAM), Address(RAM + end))
            .unwrap();
        assert_eq!(step, RangeStep::Running);
        assert_eq!(bench.link.fake().armed(), exits);
        assert_eq!(bench.runs_and_steps(), [Event::Resume(interrupts)]);
    }
}

#[test]
fn a_handler_that_comes_to_the_exit_of_a_range_is_let_pass() {
    let mut bench = Bench::in_ram(&NOP.repeat(8));
    let end = Address(RAM + 6);
    let step = bench.session.step_range(Address(RAM), end).unwrap();
    assert_eq!(step, RangeStep::Running);
    bench.will_execute([RAM + 8]);
    bench.link.fake().registers.insert(16, 0x0100_000F);
    hits_a_unit(&mut bench, RAM + 6);
    assert_eq!(bench.session.poll().unwrap(), None);
    assert_eq!(bench.link.fake().armed(), [RAM + 6]);
    bench.link.fake().registers.insert(16, 0x0100_0000);
    hits_a_unit(&mut bench, RAM + 6);
    let stop = bench.stop();
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, end));
}

#[test]
fn a_range_step_runs_over_a_supervisor_call() {
    let mut bench = Bench::in_ram(&[NOP, SVC, NOP, NOP].concat());
    bench.will_execute([RAM + 2]);
    let end = Address(RAM + 6);
    let step = bench.session.step_range(Address(RAM), end).unwrap();
    assert_eq!(step, RangeStep::Running);
    assert_eq!(bench.link.fake().armed(), [RAM + 4]);
    assert_eq!(bench.session.poll().unwrap(), None, "the handler runs");
    hits_a_unit(&mut bench, RAM + 4);
    let stop = bench.stop();
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, end));
    assert!(
        bench.link.fake().armed().is_empty(),
        "the temporary unit is gone"
    );
    assert_eq!(
        bench.runs_and_steps(),
        [
            Event::Step(Interrupts::Masked),
            Event::Resume(Interrupts::Enabled),
            Event::Step(Interrupts::Masked)
        ]
    );
}

#[test]
fn a_long_range_step_without_a_free_unit_gives_the_clients_their_turn() {
    let mut bench = Bench::in_ram(&NOP.repeat(200));
    for unit in 0..8 {
        bench.insert(Kind::Hardware, 0x7000_0100 + 4 * unit);
    }
    let end = Address(RAM + 300);
    let step = bench.session.step_range(Address(RAM), end).unwrap();
    assert_eq!(step, RangeStep::Running);
    assert_eq!(bench.session.poll().unwrap(), None);
    let stop = bench.stop();
    assert_eq!((stop.reason, stop.pc), (StopReason::Step, end));
}
