//! Programming the board by difference, with ST's own routines: what changes, what stays, what is refused, and what it costs.

mod bench;

use bench::{Bench, contents, firmware};
use virtual_board::nor::Mode;
use xspi_gdb::{
    fault::{Code, Explain},
    flash::{FlashError, InternalFlash, Transaction, unfinished},
    layout::Address,
    link::Link as _,
};

const NOR: u32 = 0x7000_0000;

#[test]
fn the_appli_is_programmed_once_and_a_relaunch_programs_nothing() {
    let appli = firmware("appli.elf");
    let expected = contents(&appli, NOR);
    let mut bench = Bench::with_boot("boot.elf");
    let (first, cost) = bench.cost(|bench| bench.flash(&appli).expect("programmed"));
    println!("first: {first}\n{cost:?}");
    assert!(first.programmed_bytes() >= expected.len() as u64);
    assert_eq!(bench.nor(0, expected.len()), expected);

    let wear = bench.board.with(|board| board.nor_wear());
    bench.arm(Some(&appli)).expect("armed");
    let (second, cost) = bench.cost(|bench| bench.flash(&appli).expect("compared"));
    println!("second: {second}\n{cost:?}");
    assert_eq!(second.programmed_bytes(), 0);
    assert_eq!(second.unchanged_bytes(), appli.length());
    assert_eq!(bench.board.with(|board| board.nor_wear()), wear);
}

#[test]
fn a_changed_byte_costs_one_sector_and_what_nobody_wrote_stays() {
    let mut bench = Bench::blank();
    let before: Vec<u8> = (0..0x2_0000u32).map(|index| (index * 7) as u8).collect();
    bench
        .board
        .with(|board| board.program_nor(0, &before))
        .expect("a NOR");
    let mut change = Transaction::new();
    change.write(Address(NOR + 0x1_0123), &[0x5A]);
    let (report, cost) = bench.cost(|bench| {
        bench
            .commit(&change, InternalFlash::Keep)
            .expect("programmed")
    });
    println!("one byte: {report}\n{cost:?}");
    assert_eq!(
        (report.erased_bytes(), report.programmed_bytes()),
        (0x1000, 0x1000)
    );
    let mut expected = before;
    expected[0x1_0123] = 0x5A;
    assert_eq!(bench.nor(0, expected.len()), expected);
}

#[test]
fn erases_alone_erase_and_only_what_is_not_blank() {
    let mut bench = Bench::blank();
    bench
        .board
        .with(|board| board.program_nor(0, &[0; 16]))
        .expect("a NOR");
    let mut erase = Transaction::new();
    erase.erase(Address(NOR), 0x3_0000);
    let report = bench.commit(&erase, InternalFlash::Keep).expect("erased");
    assert_eq!(
        (report.erased_bytes(), report.programmed_bytes()),
        (0x1000, 0)
    );
    assert_eq!(bench.nor(0, 16), [0xFF; 16]);
}

#[test]
fn internal_flash_is_left_alone_unless_it_was_allowed() {
    let mut bench = Bench::with_boot("boot.elf");
    let boot = firmware("boot-hang.elf");
    let kept = bench.internal_flash();
    let mut both = Transaction::from_image(&boot, &bench.profile);
    both.write(Address(NOR), &[1, 2, 3, 4]);
    let refused = bench
        .commit(&both, InternalFlash::Keep)
        .expect_err("refused");
    assert_eq!(refused.code(), Code::XG035);
    assert_eq!(bench.internal_flash(), kept);
    assert_eq!(bench.nor(0, 4), [0xFF; 4], "nothing at all was changed");
}

#[test]
fn a_boot_stage_is_installed_and_never_rewritten() {
    let boot = firmware("boot.elf");
    let expected = contents(&boot, 0x0800_0000);
    let mut bench = Bench::blank();
    let (report, cost) = bench.cost(|bench| bench.install(&boot).expect("installed"));
    println!("install: {report}\n{cost:?}");
    assert_eq!(bench.internal_flash()[..expected.len()], expected);
    let wear = bench.board.with(|board| board.internal_flash_wear());
    let again = bench.install(&boot).expect("compared");
    assert_eq!(again.programmed_bytes(), 0);
    assert_eq!(bench.board.with(|board| board.internal_flash_wear()), wear);
}

#[test]
fn an_appli_is_no_boot_stage() {
    let mut bench = Bench::blank();
    let refused = bench.install(&firmware("appli.elf")).expect_err("refused");
    assert!(matches!(refused, FlashError::NoBootImage { .. }));
}

#[test]
fn write_protection_is_respected_and_named() {
    let builder = virtual_board::board::Board::builder().option_word(0x218, 0xFE);
    let mut bench = Bench::new("protected", builder);
    let refused = bench.install(&firmware("boot.elf")).expect_err("refused");
    assert_eq!(refused.code(), Code::XG029);
    assert!(
        refused
            .to_string()
            .contains("0x08000000 is write-protected"),
        "{refused}"
    );
}

/// What is equal is left as it is; what differs would be programmed past the engine.
#[test]
fn a_window_behind_a_cipher_engine_is_not_programmed() {
    /// MCE2_REGCR2 (RM0477): BREN, and a value of ENC.
    const REGION_OF_MCE2: Address = Address(0x5200_BC50);
    const ENCRYPTED: u32 = 1 << 15 | 1;
    let mut bench = Bench::with_boot("boot.elf");
    bench.flash(&firmware("appli.elf")).expect("programmed");
    bench.arm(None).expect("armed");
    bench
        .link
        .write_word(REGION_OF_MCE2, ENCRYPTED)
        .expect("a register");
    bench.flash(&firmware("appli.elf")).expect("unchanged");
    let refused = bench
        .flash(&firmware("appli-older.elf"))
        .expect_err("refused");
    assert_eq!(refused.code(), Code::XG039);
    println!("{refused}");
}

#[test]
fn cancelled_work_is_remembered_until_it_is_done() {
    use xspi_gdb::{
        flash::{self, FlashContext, Standing},
        link::{Attendant, Link, Phase, Progress, Verdict},
    };

    /// Cancels at the first page.
    struct Impatient;
    impl Attendant for Impatient {
        fn attend(&mut self, progress: &Progress, _link: &mut dyn Link) -> Verdict {
            match progress.phase {
                Phase::Program => Verdict::Cancel,
                _ => Verdict::Continue,
            }
        }
    }

    let appli = firmware("appli.elf");
    let mut bench = Bench::blank();
    let path = std::env::temp_dir().join(format!("xspi-gdb-journals-{}", std::process::id()));
    bench.journal = Some(path.clone());
    let transaction = Transaction::from_image(&appli, &bench.profile);
    let context = FlashContext {
        profile: &bench.profile,
        internal: InternalFlash::Keep,
        standing: Standing::Anywhere,
        journal: Some(path.clone()),
    };
    let cancelled = flash::commit(
        &mut bench.link,
        &mut bench.windows,
        &context,
        &transaction,
        &mut Impatient,
    )
    .expect_err("cancelled");
    assert_eq!(cancelled.code(), Code::XG036);
    let left = unfinished(&mut bench.link, "stm32h7s78-dk", &path).expect("a link");
    let [left] = left.as_slice() else {
        panic!("{left:?}");
    };
    assert!(left.to_string().contains("0x70000000"), "{left}");
    assert!(left.to_string().contains("was cancelled"), "{left}");

    let report = bench.flash(&appli).expect("programmed");
    assert!(report.to_string().contains("is complete"), "{report}");
    let left = unfinished(&mut bench.link, "stm32h7s78-dk", &path).expect("a link");
    assert_eq!(left, []);
    assert!(!path.exists(), "the folder went with its last file");
}

#[test]
fn a_nor_that_stays_busy_ends_in_time_and_leaves_the_core_at_its_reset_vector() {
    use xspi_gdb::link::{CoreState, Link};

    let mut bench = Bench::with_boot("boot.elf");
    bench.board.with(|board| {
        let until = board.now() + virtual_board::clock::Time::millis(600_000);
        board.nor_mut().keep_busy(until);
    });
    match bench.flash(&firmware("appli.elf")) {
        // The routine resets the NOR, which ends whatever it was doing.
        Ok(report) => assert!(report.programmed_bytes() > 0),
        Err(error) => assert!(error.to_string().contains("busy"), "{error}"),
    }
    assert!(matches!(bench.link.state(), Ok(CoreState::Halted(_))));
    let reset_vector = bench
        .board
        .with(|board| board.read_word(0x0800_0004))
        .expect("flash");
    assert_eq!(bench.board.with(|board| board.pc()), reset_vector & !1);
}

fn protocol(bench: &Bench) -> Mode {
    bench.board.with(|board| board.nor_mut().mode())
}

#[test]
fn the_nor_is_left_in_the_protocol_that_every_boot_stage_looks_for() {
    let mut bench = Bench::with_boot("boot.elf");
    bench.flash(&firmware("appli.elf")).expect("programmed");
    assert_eq!(protocol(&bench), Mode::Spi, "ST's routine works in octal");
}

#[test]
fn a_nor_in_any_protocol_is_found_and_reset() {
    for left_in in [Mode::Spi, Mode::Sopi, Mode::Dopi] {
        let mut bench = Bench::with_boot("boot.elf");
        bench.board.with(|board| board.nor_mut().set_mode(left_in));
        bench.reset_nor().expect("reset");
        assert_eq!(protocol(&bench), Mode::Spi, "from {left_in:?}");
    }
}
