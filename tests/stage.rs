//! The boot stage on the virtual board: armed, and every way in which it does not get there, each with its own cause and remedy.

mod bench;

use bench::{Bench, contents, firmware};
use virtual_board::{board::Board, nor::chip::Mode};
use xspi_gdb::{
    fault::{Code, Explain, Fault},
    image::Image,
    layout::Address,
    link::{Attendant, CoreState, Link, Progress, Verdict},
    window::{Core, Source, State},
};

const NOR: u32 = 0x7000_0000;

/// A board with this boot stage and this appli.
fn bench(boot: &str, appli: &str) -> Bench {
    let builder = Board::builder()
        .boot_image(contents(&firmware(boot), 0x0800_0000))
        .nor_image(contents(&firmware(appli), NOR));
    Bench::new(&format!("{boot}-{appli}"), builder)
}

/// The fault that arming ends with.
fn fault(bench: &mut Bench, boot: Option<&Image>, appli: Option<&Image>) -> Fault {
    let error = bench.arm_with(boot, appli, None).expect_err("stuck");
    assert!(
        matches!(bench.link.state(), Ok(CoreState::Halted(_))),
        "evidence is kept"
    );
    let fault = Fault::from(error);
    println!("{fault}");
    assert!(fault.headline.is_ascii() && !fault.headline.contains('\n'));
    fault
}

#[test]
fn the_board_is_armed_at_the_applis_first_instruction_with_the_window_open() {
    let appli = firmware("appli.elf");
    let mut bench = bench("boot.elf", "appli.elf");
    let (armed, cost) = bench.cost(|bench| bench.arm(Some(&appli)).expect("armed"));
    println!("{armed:?}\n{cost:?}");
    assert_eq!(Some(armed.entry), appli.entry());
    assert!(armed.notices.is_empty(), "{:?}", armed.notices);
    let nor = bench.profile.nor().cloned().expect("a NOR window");
    assert_eq!(
        bench.windows.state(&mut bench.link, &nor).expect("a state"),
        State::Open
    );
    assert_eq!(bench.board.with(|board| board.pc()), armed.entry.0);
    let mut word = [0; 4];
    let read = bench
        .windows
        .read(&mut bench.link, Address(NOR), &mut word, Core::Halted)
        .expect("open");
    assert_eq!(read.source, Source::Chip);
    let status = bench.status(None, Some(&appli));
    assert_eq!(status.finding, None, "{status}");
}

#[test]
fn arming_twice_is_as_good_and_without_an_appli_the_nor_says_where() {
    let mut bench = bench("boot.elf", "appli.elf");
    let unknown = bench.arm(None).expect("armed");
    let (known, cost) = bench.cost(|bench| {
        bench
            .arm_with(None, None, Some(unknown.vectors))
            .expect("armed")
    });
    println!("{cost:?}");
    assert_eq!(known.entry, unknown.entry);
}

#[test]
fn an_older_build_in_the_nor_is_a_notice() {
    let newer = firmware("appli.elf");
    let mut bench = bench("boot.elf", "appli-older.elf");
    let armed = bench.arm(Some(&newer)).expect("armed");
    assert_eq!(armed.notices.len(), 1, "{:?}", armed.notices);
    assert!(armed.notices[0].contains("another image than appli.elf"));
}

#[test]
fn another_boot_stage_than_the_one_named_is_a_notice() {
    let mut bench = bench("boot.elf", "appli.elf");
    let other = firmware("boot-other-slot.elf");
    let armed = bench
        .arm_with(Some(&other), Some(&firmware("appli.elf")), None)
        .expect("armed");
    assert!(
        armed.notices[0].contains("is not boot-other-slot.elf"),
        "{:?}",
        armed.notices
    );
}

/// Keeps what it is told.
#[derive(Default)]
struct Listener(Vec<String>);

impl Attendant for Listener {
    fn attend(&mut self, _progress: &Progress, _link: &mut dyn Link) -> Verdict {
        Verdict::Continue
    }

    fn tell(&mut self, sentence: &str) {
        self.0.push(sentence.to_owned());
    }
}

#[test]
fn progress_is_told_by_sampled_pc_and_xspi_state() {
    let mut bench = bench("boot-hang.elf", "appli.elf");
    let (boot, appli) = (firmware("boot-hang.elf"), firmware("appli.elf"));
    let mut listener = Listener::default();
    bench
        .arm_told(Some(&boot), Some(&appli), None, &mut listener)
        .expect_err("it hangs");
    assert_eq!(listener.0.len(), 2, "once a second: {:?}", listener.0);
    for sentence in &listener.0 {
        assert!(
            sentence.contains("0x0800") && sentence.contains("(boot::"),
            "{sentence}"
        );
        assert!(sentence.contains("is closed: the I/O supply"), "{sentence}");
    }
}

#[test]
fn another_boot_stage_is_told_also_when_it_does_not_arrive() {
    let mut bench = bench("boot-hang.elf", "appli.elf");
    bench
        .arm_with(
            Some(&firmware("boot.elf")),
            Some(&firmware("appli.elf")),
            None,
        )
        .expect_err("it hangs");
    assert!(
        bench.unsaid[0].contains("is not boot.elf"),
        "{:?}",
        bench.unsaid
    );
}

#[test]
fn a_blank_board_has_no_boot_stage() {
    let mut bench = Bench::blank();
    let fault = fault(&mut bench, None, Some(&firmware("appli.elf")));
    assert_eq!(fault.code, Code::XG020);
    assert_eq!(
        fault.headline,
        "no boot stage: internal flash at 0x08000000 is blank"
    );
    assert!(fault.remedy.contains("xspi-gdb boot install FILE"));
    let status = bench.status(None, None).to_string();
    assert!(
        status.contains("boot stage: none, 0x08000000 is blank"),
        "{status}"
    );
}

#[test]
fn a_blank_nor_is_no_valid_image() {
    let mut bench = Bench::with_boot("boot.elf");
    let fault = fault(&mut bench, None, Some(&firmware("appli.elf")));
    assert_eq!(fault.code, Code::XG024);
    assert_eq!(
        fault.headline,
        "boot stage found no valid image: 0x70000000 is blank"
    );
    assert!(fault.remedy.contains("load"));
}

#[test]
fn a_boot_stage_that_hangs_names_the_register_and_the_function() {
    let boot = firmware("boot-hang.elf");
    let mut bench = bench("boot-hang.elf", "appli.elf");
    let named = fault(&mut bench, Some(&boot), Some(&firmware("appli.elf")));
    assert_eq!(named.code, Code::XG023);
    assert!(
        named.headline.contains("waiting for PWR_CSR1 (0x58024808)"),
        "{named}"
    );
    assert!(
        named.headline.contains("wait_for_a_regulator_that_is_off"),
        "{named}"
    );
    assert!(named.headline.contains("EN_XSPIM2 is 0"), "{named}");
}

#[test]
fn a_boot_stage_that_faults_is_decoded() {
    let boot = firmware("boot-fault.elf");
    let mut bench = bench("boot-fault.elf", "appli.elf");
    let fault = fault(&mut bench, Some(&boot), Some(&firmware("appli.elf")));
    assert_eq!(fault.code, Code::XG022);
    assert!(fault.headline.contains("bus address 0x24080000"), "{fault}");
    assert!(
        fault.headline.contains("read_past_the_end_of_axi_sram"),
        "{fault}"
    );
    assert!(fault.headline.contains("CFSR 0x00008200"), "{fault}");
}

#[test]
fn a_boot_stage_that_starts_another_slot_is_found_out_by_vtor() {
    let appli = firmware("appli.elf");
    let mut bench = bench("boot-other-slot.elf", "appli-offset.elf");
    let fault = fault(&mut bench, None, Some(&appli));
    assert_eq!(fault.code, Code::XG025);
    assert_eq!(
        fault.headline,
        "boot stage started another image: VTOR is 0x70020000, the vectors of appli.elf are at 0x70000000"
    );
}

#[test]
fn vectors_at_an_offset_are_reached_when_the_boot_stage_jumps_there() {
    let appli = firmware("appli-offset.elf");
    let mut bench = bench("boot-other-slot.elf", "appli-offset.elf");
    let armed = bench.arm(Some(&appli)).expect("armed");
    assert_eq!(armed.vectors.address, Address(0x7002_0000));
    assert_eq!(Some(armed.entry), appli.entry());
}

#[test]
fn vectors_where_the_boot_stage_does_not_look_are_named() {
    let appli = firmware("appli-offset.elf");
    let mut bench = bench("boot.elf", "appli-offset.elf");
    let fault = fault(&mut bench, None, Some(&appli));
    assert_eq!(fault.code, Code::XG055);
    assert_eq!(
        fault.headline,
        "boot stage looks for an image at 0x70000000 and finds none: the vectors of appli-offset.elf are at 0x70020000"
    );
}

#[test]
fn an_appli_linked_elsewhere_cannot_execute_in_place() {
    let mut bench = Bench::with_boot("boot.elf");
    let error = bench.arm(Some(&firmware("boot.elf"))).expect_err("refused");
    assert_eq!(error.code(), Code::XG056);
    assert_eq!(
        error.to_string(),
        "boot.elf is linked at 0x08000000, which is in no NOR window of the board"
    );
}

#[test]
fn a_boot_pin_that_starts_system_memory_is_told() {
    let builder = Board::builder()
        .boot_image(contents(&firmware("boot.elf"), 0x0800_0000))
        .boot_pin(true);
    let mut bench = Bench::new("boot-pin", builder);
    let fault = fault(&mut bench, None, None);
    assert_eq!(fault.code, Code::XG021);
    assert!(fault.headline.contains("BOOT0 is set"), "{fault}");
}

/// Starts the independent watchdog and waits for ever.
const STARTS_A_WATCHDOG: [u16; 12] = [
    0x1000, 0x2000, 0x0009, 0x0800, // stack 0x20001000, reset 0x08000009
    0x4802, // ldr r0, =0x58004800 (IWDG)
    0xF64C, 0x41CC, // movw r1, #0xcccc
    0x6001, // str r1, [r0] (IWDG_KR)
    0xE7FE, // b .
    0xBF00, // nop
    0x4800, 0x5800,
];

#[test]
fn a_watchdog_that_nobody_feeds_is_a_reset_loop() {
    let boot: Vec<u8> = STARTS_A_WATCHDOG
        .iter()
        .flat_map(|half| half.to_le_bytes())
        .collect();
    let mut bench = Bench::new("watchdog", Board::builder().boot_image(boot));
    let fault = fault(&mut bench, None, None);
    assert_eq!(fault.code, Code::XG026);
    assert_eq!(
        fault.headline,
        "boot stage does not arrive: the chip was reset 3 times by its independent watchdog"
    );
    // Who looks without a reset finds it where the watchdog has not struck again yet, and RCC_RSR tells.
    let status = bench.status(None, None);
    let finding = status.finding.expect("a finding").to_string();
    assert!(
        finding.starts_with("boot stage has not arrived: it is at 0x080000")
            && finding.contains("; its independent watchdog has reset the chip"),
        "{finding}"
    );
}

/// Our boot stage with another read command in the window: octal STR (EC13) where the NOR expects octal DTR (EE11).
fn boot_with_a_wrong_read_command() -> Vec<u8> {
    // movw rN, #0xee11 and #0xec13 (ARM ARM A7.7.76, T3): the register stands in bits 11:8 of the second halfword.
    let mut code = contents(&firmware("boot.elf"), 0x0800_0000);
    let mut patched = 0;
    for at in (0..code.len() - 3).step_by(2) {
        let half = |at: usize| u16::from_le_bytes([code[at], code[at + 1]]);
        let (first, second) = (half(at), half(at + 2));
        if first == 0xF64E && second & 0xF0FF == 0x6011 {
            code[at + 2..at + 4].copy_from_slice(&(second & 0x0F00 | 0x4013).to_le_bytes());
            patched += 1;
        }
    }
    assert_eq!(patched, 1, "the boot stage sets the read command once");
    code
}

#[test]
fn a_nor_in_another_mode_than_the_window_is_told_with_its_remedy() {
    let builder = Board::builder()
        .boot_image(boot_with_a_wrong_read_command())
        .nor_image(contents(&firmware("appli.elf"), NOR));
    let mut bench = Bench::new("wrong-mode", builder);
    let fault = fault(&mut bench, None, Some(&firmware("appli.elf")));
    assert_eq!(fault.code, Code::XG027);
    assert!(fault.remedy.contains("power-cycle"), "{fault}");
}

#[test]
fn a_window_that_is_open_in_the_wrong_mode_stalls_and_says_so() {
    let appli = firmware("appli.elf");
    let mut bench = bench("boot.elf", "appli.elf");
    bench.arm(Some(&appli)).expect("armed");
    bench
        .board
        .with(|board| board.nor_mut().set_mode(Mode::Spi));
    bench.windows.forget();
    let mut word = [0; 4];
    let stalled = bench
        .windows
        .read(&mut bench.link, Address(NOR), &mut word, Core::Halted)
        .expect_err("a stall");
    assert_eq!(stalled.code(), Code::XG013);
    println!("{}", Fault::from(stalled));
    // The link is whole again, and the chip at its reset vector.
    assert!(matches!(bench.link.state(), Ok(CoreState::Halted(_))));
    bench
        .link
        .read_word(Address(0x2000_0000))
        .expect("RAM answers");
    bench
        .arm(Some(&appli))
        .expect("the boot stage brings the NOR back");
}

#[test]
fn a_locked_product_state_is_told_where_debug_still_answers() {
    let builder = Board::builder()
        .boot_image(contents(&firmware("boot.elf"), 0x0800_0000))
        .option_word(0x200, 0x39);
    let mut bench = Bench::new("locked", builder);
    let fault = fault(&mut bench, None, None);
    assert_eq!(fault.code, Code::XG028);
    assert!(fault.headline.contains("0x39"), "{fault}");
}

/// Executes an undefined instruction; its HardFault handler waits for ever.
const FAULTS_AT_ONCE: [u32; 5] = [
    0x2000_1000,
    0x7000_0011,
    0x7000_0013,
    0x7000_0013,
    0xE7FE_DE00, // udf #0; b .
];

#[test]
fn a_fault_of_the_appli_is_not_laid_to_the_boot_stage() {
    let appli: Vec<u8> = FAULTS_AT_ONCE
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let builder = Board::builder()
        .boot_image(contents(&firmware("boot.elf"), 0x0800_0000))
        .nor_image(appli);
    let mut bench = Bench::new("faulting-appli", builder);
    bench
        .link
        .reset(xspi_gdb::link::ResetMode::Run)
        .expect("a reset");
    bench.idle(std::time::Duration::from_millis(100));
    bench.link.halt().expect("halted");
    let status = bench.status(None, None).to_string();
    assert!(
        status.contains("the appli was started and faulted") && status.contains("pc 0x70000010"),
        "{status}"
    );
}

#[test]
fn status_changes_nothing() {
    let mut bench = bench("boot-hang.elf", "appli.elf");
    bench
        .link
        .reset(xspi_gdb::link::ResetMode::Run)
        .expect("a reset");
    bench.idle(std::time::Duration::from_millis(50));
    let running = bench.status(None, None);
    assert_eq!(running.core, CoreState::Running);
    bench.link.halt().expect("halted");
    let pc = bench.board.with(|board| board.pc());
    let status = bench.status(Some(&firmware("boot-hang.elf")), None);
    println!("{status}");
    assert_eq!(bench.board.with(|board| board.pc()), pc);
    let text = status.to_string();
    assert!(text.contains("equal to boot-hang.elf"), "{text}");
    assert!(text.contains("waiting for PWR_CSR1"), "{text}");
}
