//! What GDB's `load` comes down to: program what differs, verify, arm; and what it must not do.

use std::path::PathBuf;

use xspi_gdb::{
    breakpoints::Kind,
    fault::Code,
    image::Image,
    layout::Address,
    link::{Attendant, Link, Progress, Unattended, Verdict},
    session::{Resumed, StopReason},
};

use crate::bench::{Bench, board, board_with, firmware, settings, symbol};

const NOR: Address = Address(0x7000_0000);

#[test]
fn load_onto_a_blank_nor_programs_verifies_and_arms() {
    let mut bench = Bench::attach(board_with(Some("boot.elf"), None));
    bench.reset();
    let report = bench.load("appli.elf").unwrap();
    assert!(report.programmed_bytes() > 4096, "{report}");
    assert_eq!(bench.session.boot_fault(), None);
    bench.insert(Kind::Hardware, symbol("work"));
    assert_eq!(bench.run().pc, symbol("work"));
}

#[test]
fn the_same_load_again_programs_nothing() {
    let mut bench = Bench::attach(board());
    bench.reset();
    let before = bench.board.with(|board| board.nor_wear());
    for _ in 0..2 {
        let report = bench.load("appli.elf").unwrap();
        assert_eq!((report.programmed_bytes(), report.erased_bytes()), (0, 0));
    }
    assert_eq!(bench.board.with(|board| board.nor_wear()), before);
    bench.insert(Kind::Hardware, symbol("work"));
    assert_eq!(bench.run().pc, symbol("work"));
}

#[test]
fn load_over_an_older_build_programs_what_differs() {
    let mut bench = Bench::attach(board_with(Some("boot.elf"), Some("appli-older.elf")));
    bench.reset();
    let report = bench.load("appli.elf").unwrap();
    assert!(report.programmed_bytes() > 0);
    bench.insert(Kind::Hardware, symbol("work"));
    assert_eq!(bench.run().pc, symbol("work"));
}

/// The flash is right, so the reply is OK; that there is no boot stage is the stop of the next resume.
#[test]
fn load_without_a_boot_stage_says_so_at_the_resume() {
    let mut bench = Bench::attach(board_with(None, None));
    bench.load("appli.elf").unwrap();
    let Resumed::Refused(stop) = bench.session.resume().unwrap() else {
        panic!("there is no boot stage to run")
    };
    assert!(matches!(stop.reason, StopReason::Boot(fault) if fault.code == Code::XG020));
    let wear = bench.board.with(|board| board.internal_flash_wear());
    assert_eq!(wear, Default::default(), "internal flash is untouched");
}

#[test]
fn internal_flash_is_changed_only_by_permission() {
    let mut bench = Bench::attach(board_with(None, None));
    let fault = bench.load("boot.elf").unwrap_err();
    assert_eq!(fault.code, Code::XG035);
    let wear = bench.board.with(|board| board.internal_flash_wear());
    assert_eq!(wear, Default::default());
    let Bench { board, session, .. } = bench;
    drop(session);
    let mut allowed = settings();
    allowed.install_boot = true;
    let mut bench = Bench::attach_with(board, allowed);
    assert!(bench.load("boot.elf").unwrap().programmed_bytes() > 0);
}

#[test]
fn a_given_boot_stage_is_installed_once_and_then_left_alone() {
    let mut given = settings();
    given.boot = Some(firmware("boot.elf"));
    given.install_boot = true;
    let mut bench = Bench::attach_with(board_with(None, Some("appli.elf")), given.clone());
    bench.reset();
    assert!(bench.session.take_console()[0].starts_with("boot stage programmed: "));
    assert_eq!(bench.session.boot_fault(), None);
    let wear = bench.board.with(|board| board.internal_flash_wear());
    let Bench { board, session, .. } = bench;
    drop(session);
    let mut bench = Bench::attach_with(board, given);
    bench.reset();
    assert_eq!(bench.session.take_console(), Vec::<String>::new());
    assert_eq!(bench.board.with(|board| board.internal_flash_wear()), wear);
}

/// GDB writes RAM sections before it erases flash; they are there when the appli starts.
#[test]
fn ram_sections_survive_loader_reset_and_boot_stage() {
    let mut given = settings();
    given.appli = Some(firmware("appli-ram-section.elf"));
    let mut bench = Bench::attach_with(board_with(Some("boot.elf"), None), given);
    bench.load("appli-ram-section.elf").unwrap();
    let image = Image::open(firmware("appli-ram-section.elf")).unwrap();
    let mut sections = 0;
    for segment in image.segments() {
        if segment.address.is_external() {
            continue;
        }
        let mut there = vec![0; segment.data.len()];
        bench
            .session
            .read_memory(segment.address, &mut there)
            .unwrap();
        assert_eq!(there, segment.data, "at {}", segment.address);
        sections += 1;
    }
    assert!(sections > 0, "the appli has RAM sections");
}

#[test]
fn erasing_alone_erases() {
    let mut bench = Bench::attach(board());
    bench.session.flash_erase(NOR, 0x1_0000);
    let report = bench.session.flash_done(&mut Unattended).unwrap();
    assert_eq!(report.programmed_bytes(), 0);
    let mut there = [0; 256];
    bench.board.with(|board| board.nor_contents(0, &mut there));
    assert_eq!(there, [0xFF; 256]);
    bench.session.flash_erase(Address(0x0800_0000), 0x2000);
    let fault = bench.session.flash_done(&mut Unattended).unwrap_err();
    assert_eq!(fault.code, Code::XG035, "not the boot stage");
}

/// The board is rebuilt by a server that was left running: the appli's file is read again.
#[test]
fn the_appli_is_read_again_when_its_file_changes() {
    let folder = tempfile("rebuilt");
    let file = folder.join("appli.elf");
    std::fs::copy(firmware("appli-older.elf"), &file).unwrap();
    let mut given = settings();
    given.appli = Some(file.clone());
    let mut bench = Bench::attach_with(board_with(Some("boot.elf"), None), given);
    bench.load("appli-older.elf").unwrap();
    std::fs::copy(firmware("appli.elf"), &file).unwrap();
    bench.load("appli.elf").unwrap();
    assert_eq!(bench.session.boot_fault(), None);
    assert_eq!(
        bench.session.take_console(),
        Vec::<String>::new(),
        "no notice of another image"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

fn tempfile(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("xspi-gdb-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// SIGTERM in the middle: the operation under way ends, nothing is claimed, the next load finishes the work.
#[test]
fn a_cancelled_load_is_a_fault_and_the_next_one_finishes() {
    struct AtOnce;
    impl Attendant for AtOnce {
        fn attend(&mut self, _: &Progress, _: &mut dyn Link) -> Verdict {
            Verdict::Cancel
        }
    }
    let folder = tempfile("cancelled");
    let mut remembering = settings();
    let journals = folder.join("journals");
    remembering.flash_journal = Some(journals.clone());
    let board = board_with(Some("boot.elf"), None);
    let mut bench = Bench::attach_with(board, remembering.clone());
    bench.session.flash_write(NOR, &[0x55; 300]);
    let fault = bench.session.flash_done(&mut AtOnce).unwrap_err();
    assert_eq!(fault.code, Code::XG036);
    let Bench { board, session, .. } = bench;
    drop(session);
    let mut bench = Bench::attach_with(board, remembering.clone());
    let told = bench.session.take_console();
    assert!(
        told[0].starts_with("XG037 an earlier programming"),
        "{told:?}"
    );
    bench.load("appli.elf").unwrap();
    assert!(!journals.exists());
    std::fs::remove_dir_all(folder).unwrap();
    bench.insert(Kind::Hardware, symbol("work"));
    assert_eq!(bench.run().pc, symbol("work"));
}

/// A breakpoint in the way of loader and boot stage is parked, and armed again behind them.
#[test]
fn requests_are_parked_while_loader_and_boot_stage_run() {
    let mut bench = Bench::attach(board_with(Some("boot.elf"), None));
    let reset_vector = bench.word(Address(0x0800_0004)) & !1;
    bench.insert(Kind::Hardware, Address(reset_vector));
    bench.insert(Kind::Hardware, symbol("work"));
    bench.load("appli.elf").unwrap();
    assert_eq!(bench.session.boot_fault(), None);
    assert_eq!(bench.run().pc, symbol("work"));
}
