//! From reset through the boot stage to the appli's first instruction, and each way in which that can end.

use std::time::Duration;

use xspi_gdb::{
    breakpoints::Kind,
    fault::Code,
    image::Image,
    layout::Address,
    link::Unattended,
    session::{OnAttach, ResetKind, Resumed, Stop, StopReason},
    verbs,
};

use crate::bench::{Bench, board, board_with, firmware, settings, symbol};

/// The appli's first instruction.
fn entry() -> Address {
    let image = Image::open(firmware("appli.elf")).unwrap();
    image.vectors().expect("vectors").handler()
}

#[test]
fn a_reset_lands_on_the_first_instruction_with_the_window_open() {
    let mut bench = Bench::attach(board());
    let console = bench.reset();
    assert_eq!(
        console,
        [format!(
            "halted at the appli's first instruction, {}",
            entry()
        )]
    );
    assert_eq!(bench.session.last_stop().pc, entry());
    assert_eq!(bench.session.last_stop().reason, StopReason::Reset);
    assert_eq!(bench.word(Address(0x7000_0004)), entry().0 | 1);
    assert_eq!(bench.session.take_console(), Vec::<String>::new());
}

#[test]
fn breakpoints_and_watchpoints_survive_a_reset() {
    let mut bench = Bench::with_running_appli();
    let (work, counter) = (symbol("work"), symbol("COUNTER"));
    bench.insert(Kind::Hardware, work);
    bench.insert(Kind::Write, counter);
    for _ in 0..2 {
        bench.reset();
        assert_watched(&bench.run(), counter, "zeroed by the start-up code");
        assert_eq!(bench.run().pc, work);
        let round = bench.session.read_register(0).unwrap();
        assert_eq!(round, 0, "the first round");
        assert_watched(&bench.run(), counter, "counted by the first round");
    }
}

fn assert_watched(stop: &Stop, wanted: Address, why: &str) {
    assert!(
        matches!(stop.reason, StopReason::Watchpoint { address, .. } if address == wanted),
        "{why}: {stop:?}"
    );
}

#[test]
fn on_attach_arm_lands_there_too() {
    let mut settings = settings();
    settings.on_attach = OnAttach::Arm;
    let bench = Bench::attach_with(board(), settings);
    assert_eq!(bench.session.last_stop().pc, entry());
}

#[test]
fn on_attach_run_leaves_the_appli_alone() {
    let board = board();
    board.idle(Duration::from_millis(500));
    let mut settings = settings();
    settings.on_attach = OnAttach::Run;
    let mut bench = Bench::attach_with(board, settings);
    assert!(!bench.session.is_halted());
    assert_eq!(bench.session.poll().unwrap(), None);
}

#[test]
fn reset_boot_halts_in_the_boot_stage() {
    let mut bench = Bench::with_running_appli();
    let outcome = bench
        .session
        .reset(ResetKind::Boot, &mut Unattended)
        .unwrap();
    let pc = bench.session.last_stop().pc;
    assert_eq!(
        outcome.console,
        [format!(
            "halted at the boot stage's first instruction, {pc}"
        )]
    );
    assert_eq!(pc.0 >> 24, 0x08);
    bench.insert(Kind::Hardware, entry());
    assert_eq!(
        bench.run().pc,
        entry(),
        "the boot stage opens the window and jumps"
    );
}

#[test]
fn reset_run_runs_and_keeps_the_breakpoints() {
    let mut bench = Bench::with_running_appli();
    bench.insert(Kind::Hardware, symbol("work"));
    bench
        .session
        .reset(ResetKind::Run, &mut Unattended)
        .unwrap();
    assert_eq!(bench.wait().pc, symbol("work"));
}

/// A reset of a board that cannot start is no failure: it is told, kept, and becomes the stop of the next resume, once.
fn tells_and_keeps(bench: &mut Bench, code: Code) {
    let console = bench.reset();
    assert!(console[0].starts_with(code.name()), "{console:?}");
    assert_eq!(
        bench.session.boot_fault().map(|fault| fault.code),
        Some(code)
    );
    let Resumed::Refused(stop) = bench.session.resume().unwrap() else {
        panic!("resumed into a fault that is known")
    };
    assert_eq!(stop.console, console);
    assert!(matches!(stop.reason, StopReason::Boot(fault) if fault.code == code));
    assert_eq!(
        bench.session.journal().last().map(|fault| fault.code),
        Some(code)
    );
    assert_eq!(bench.session.resume().unwrap(), Resumed::Running);
}

#[test]
fn a_blank_board_says_that_the_boot_stage_is_missing() {
    let mut bench = Bench::attach(board_with(None, None));
    tells_and_keeps(&mut bench, Code::XG020);
}

#[test]
fn a_blank_nor_halts_at_the_reset_vector() {
    let mut bench = Bench::attach(board_with(Some("boot.elf"), None));
    let reset_vector = bench.word(Address(0x0800_0004)) & !1;
    bench.reset();
    assert_eq!(bench.session.last_stop().pc, Address(reset_vector));
    tells_and_keeps(&mut bench, Code::XG024);
}

#[test]
fn a_boot_stage_that_hangs_or_faults_is_left_where_it_is() {
    for (boot, code) in [
        ("boot-hang.elf", Code::XG023),
        ("boot-fault.elf", Code::XG022),
    ] {
        let mut bench = Bench::attach(board_with(Some(boot), Some("appli.elf")));
        let reset_vector = bench.word(Address(0x0800_0004)) & !1;
        tells_and_keeps(&mut bench, code);
        assert_ne!(
            bench.session.last_stop().pc,
            Address(reset_vector),
            "{boot}"
        );
    }
}

#[test]
fn verbs_say_what_the_board_is_at() {
    let mut bench = Bench::attach(board());
    bench
        .session
        .reset(ResetKind::Boot, &mut Unattended)
        .unwrap();
    let states = verbs::windows(&mut bench.session).unwrap();
    let lines: Vec<String> = states.iter().map(ToString::to_string).collect();
    assert!(
        lines[0].starts_with("nor at 0x70000000: closed: "),
        "{lines:?}"
    );
    let armed = verbs::arm(&mut bench.session, &mut Unattended).unwrap();
    assert_eq!(armed.entry, entry());
    let states = verbs::windows(&mut bench.session).unwrap();
    assert_eq!(states[0].to_string(), "nor at 0x70000000: open");
    let report = verbs::boot_status(&mut bench.session).unwrap().to_string();
    assert!(report.ends_with("finding: nothing is wrong"), "{report}");
    assert_eq!(verbs::why(&mut bench.session), None);
}

#[test]
fn an_arm_that_failed_is_what_why_and_status_tell() {
    let mut bench = Bench::attach(board_with(None, None));
    let fault = verbs::arm(&mut bench.session, &mut Unattended).unwrap_err();
    assert_eq!(fault.code, Code::XG020);
    assert_eq!(verbs::why(&mut bench.session), Some(fault.clone()));
    let report = verbs::boot_status(&mut bench.session).unwrap();
    assert_eq!(report.kept, Some(fault));
    let outcome = verbs::boot_install(&mut bench.session, &firmware("boot.elf"), &mut Unattended);
    assert!(outcome.unwrap().programmed_bytes() > 0);
    let outcome = verbs::flash(
        &mut bench.session,
        &[firmware("appli.elf")],
        &mut Unattended,
    );
    assert!(outcome.unwrap().programmed_bytes() > 0);
    assert_eq!(bench.session.last_stop().pc, entry());
}
