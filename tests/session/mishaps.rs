//! What a session makes of faults that the board was told to have: which one it tells, and that it goes on.

use std::time::Duration;

use virtual_board::{handle::VirtualBoard, mishap::Mishap};
use xspi_gdb::{
    breakpoints::Kind,
    fault::{Code, Disposition, Fault},
    flash::Report,
    layout::Address,
    link::{Link, Unattended},
    session::{PowerSwitch, Settings},
    verbs,
};

use crate::bench::{Bench, board, board_with, settings, symbol};

const RAM: Address = Address(0x2400_0000);

/// A session that is told of `words` when it is already there.
fn bench(words: &str) -> Bench {
    let bench = Bench::attach(board());
    inject(&bench, words);
    bench
}

fn inject(bench: &Bench, words: &str) {
    let mishap: Mishap = words.parse().expect("a mishap");
    bench.board.with(|board| board.inject(mishap));
}

/// Writes and reads what was not read before.
fn transfer(bench: &mut Bench, offset: u32) -> Result<[u8; 8], Fault> {
    let address = Address(RAM.0 + offset);
    let mut bytes = [0; 8];
    bench.session.write_memory(address, &[7; 8])?;
    // What was written is known; what lies above is not.
    bench
        .session
        .read_memory(Address(address.0 + 0x1000), &mut bytes)?;
    Ok(bytes)
}

/// Programs what was collected.
fn finish(bench: &mut Bench) -> Result<Report, Fault> {
    bench.session.flash_done(&mut Unattended)
}

#[track_caller]
fn goes_on(bench: &mut Bench) {
    transfer(bench, 0x100).expect("the link was recovered");
    bench.reset();
    bench.insert(Kind::Hardware, symbol("work"));
    assert_eq!(bench.run().pc, symbol("work"), "and the core obeys");
}

#[test]
fn a_short_wait_is_waited_for() {
    let mut bench = bench("wait ap next 20");
    transfer(&mut bench, 0).expect("the probe asks again");
    goes_on(&mut bench);
}

#[test]
fn an_endless_wait_is_aborted() {
    let mut bench = bench("wait ap next 1000000");
    let fault = transfer(&mut bench, 0).expect_err("a stalled bus");
    assert_eq!(fault.code, Code::XG006, "{fault}");
    assert!(fault.to_string().contains("0x24000000"), "{fault}");
    goes_on(&mut bench);
}

#[test]
fn a_fault_is_cleared() {
    let mut bench = bench("fault ap nth 2");
    let fault = transfer(&mut bench, 0).expect_err("refused");
    assert_eq!(fault.code, Code::XG002, "{fault}");
    assert_eq!(fault.disposition(), Disposition::Refuse);
    goes_on(&mut bench);
}

/// A bad cable: what is read ahead is given up quietly, what was asked for is refused, and nothing ends the session.
#[test]
fn faults_again_and_again_never_lose_the_link() {
    for period in [2, 3, 5, 7, 11, 101] {
        let mut bench = bench(&format!("fault ap every {period}"));
        let faults: Vec<Fault> = (0..100)
            .filter_map(|round| transfer(&mut bench, round * 8).err())
            .collect();
        for fault in &faults {
            assert_eq!(fault.code, Code::XG002, "{fault}");
        }
        assert!(
            period > 5 || faults.len() > 20,
            "{period}: {}",
            faults.len()
        );
        bench.board.with(|board| board.clear_mishaps());
        goes_on(&mut bench);
    }
}

#[test]
fn garbled_answers_are_told_and_the_link_is_recovered() {
    for words in [
        "parity ap nth 1",
        "parity ap nth 2",
        "silence ap nth 1",
        "silence nth 2",
    ] {
        let mut bench = bench(words);
        let fault = transfer(&mut bench, 0).expect_err(words);
        assert!(
            [Code::XG007, Code::XG002].contains(&fault.code),
            "{words}: {fault}"
        );
        goes_on(&mut bench);
    }
}

#[test]
fn a_bit_that_flips_is_named_with_its_address_and_both_values() {
    let mut bench = Bench::attach(board_with(Some("boot.elf"), None));
    bench
        .session
        .flash_write(Address(0x7000_0000), &[0x40; 0x300]);
    inject(&bench, "flip 0x70000123.5 nor program 3");
    let fault = finish(&mut bench).expect_err("the flash holds something else");
    assert_eq!(fault.code, Code::XG032, "{fault}");
    assert!(
        fault
            .headline
            .contains("0x70000123 holds 0x60 instead of 0x40"),
        "{fault}"
    );
    bench
        .session
        .flash_write(Address(0x7000_0000), &[0x40; 0x300]);
    finish(&mut bench).expect("the next load corrects it");
}

/// Our own loader looks at P_FAIL and E_FAIL.
#[test]
fn an_operation_that_fails_is_told_and_the_next_load_completes_it() {
    const START: Address = Address(0x7000_0000);
    for (words, code) in [
        ("fail nor erase 1", Code::XG030),
        ("fail nor program 2", Code::XG031),
    ] {
        let board = board_with(Some("boot.elf"), None);
        board.with(|board| board.program_nor(0, &[0x11; 0x300]).expect("a NOR"));
        let mut bench = Bench::attach(board);
        bench.session.flash_write(START, &[0x40; 0x300]);
        inject(&bench, words);
        let fault = finish(&mut bench).expect_err(words);
        assert_eq!(fault.code, code, "{words}: {fault}");
        assert!(fault.headline.contains("0x70000000"), "{words}: {fault}");
        bench.session.flash_write(START, &[0x40; 0x300]);
        finish(&mut bench).expect("completed");
    }
}

#[test]
fn a_nor_that_never_gets_ready_is_given_up_in_time() {
    let mut bench = Bench::attach(board_with(Some("boot.elf"), None));
    bench
        .session
        .flash_write(Address(0x7000_0000), &[0x40; 0x300]);
    inject(&bench, "busy nor 1");
    let fault = finish(&mut bench).expect_err("busy");
    println!("{fault}");
    assert!([Code::XG030, Code::XG031].contains(&fault.code), "{fault}");
    assert!(
        fault.remedy.contains("power-cycle the board"),
        "{}",
        fault.remedy
    );
}

/// Whoever switches the boards of a test.
struct Socket(VirtualBoard);

impl PowerSwitch for Socket {
    fn cycle(&mut self, link: Box<dyn Link>) -> Result<(Box<dyn Link>, Vec<String>), Fault> {
        drop(link);
        self.0.with(virtual_board::board::Board::power_cycle);
        Ok((Box::new(crate::bench::link(&self.0, false)), Vec::new()))
    }
}

/// A NOR that is busy keeps the boot stage from the appli over every reset. A session that may switch the board does.
#[test]
fn an_arm_behind_a_nor_that_stays_busy_needs_power_off_and_on() {
    let quick = Settings {
        // Longer than the boot stage itself waits for its NOR.
        boot_timeout: Duration::from_secs(2),
        ..settings()
    };
    let mut bench = Bench::attach_with(board(), quick);
    let session = &mut bench.session;
    session.set_power_switch(Box::new(Socket(bench.board.clone())));
    session.set_catch_faults(false).expect("a register");
    // Behind the appli.
    session.flash_write(Address(0x7010_0000), &[0x40; 0x300]);
    bench
        .board
        .with(|board| board.inject("busy nor 1".parse().expect("a mishap")));
    session.flash_done(&mut Unattended).expect_err("busy");
    let armed = verbs::arm(session, &mut Unattended);
    let fault = armed.expect_err("nobody may switch the board");
    assert_eq!(fault.code, Code::XG027, "{fault}");
    session.take_console();

    session.may_switch_power();
    let armed = verbs::arm(session, &mut Unattended).expect("power off and on");
    assert_eq!(session.last_stop().pc, armed.entry);
    let told = session.take_console().concat();
    assert!(
        told.contains("is switched off and on") && told.contains("XG027"),
        "{told}"
    );
    assert!(!session.catches_faults(), "what was switched off stays so");
}

/// The boot stage starts the appli again, as after any reset; the next stop says why.
#[test]
fn a_brown_out_is_an_unexpected_reset_and_says_so() {
    /// RCC_RSR and its RMVF, which applis write that look at the flags.
    const FLAGS: Address = Address(0x5802_4530);
    const REMOVE: u32 = 1 << 16;
    let Bench { board, mut session } = Bench::with_running_appli();
    session
        .write_memory(FLAGS, &REMOVE.to_le_bytes())
        .expect("a register");
    drop(session);
    let mut bench = Bench::attach(board);
    bench.session.resume().expect("a resume");
    bench.board.idle(Duration::from_millis(20));
    inject(&bench, "brown-out now");
    bench.board.idle(Duration::from_millis(500));
    assert_eq!(bench.session.poll(), Ok(None), "it runs on");
    let told = bench.session.take_console().join("\n");
    assert!(
        told.contains("XG085") && told.contains("a supply dip"),
        "{told}"
    );
}
