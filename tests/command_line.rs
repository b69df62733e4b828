//! The commands that need no GDB, as a user runs them: what they print, where, and how they exit.

mod support;

use support::{
    board::{Board, boot_image, nor_image, text},
    firmware, on_hardware,
};

#[test]
fn a_blank_board_becomes_one_that_runs_the_appli() {
    let board = Board::blank();
    let status = board.succeeds(&["boot", "status"]);
    assert!(
        status.contains("boot stage: none, 0x08000000 is blank"),
        "{status}"
    );
    let installed = board.succeeds(&["boot", "install", &text(&firmware("boot.elf"))]);
    assert!(
        installed.contains("programmed") && installed.contains("verified"),
        "{installed}"
    );
    let flashed = board.succeeds(&["flash", &text(&firmware("appli.elf"))]);
    assert!(
        flashed.contains("window nor at 0x70000000: 1 sector changed"),
        "{flashed}"
    );
    let armed = board.succeeds(&["boot", "arm", "--appli", &text(&firmware("appli.elf"))]);
    assert!(
        armed.starts_with("halted at the appli's first instruction, 0x7000"),
        "{armed}"
    );
}

#[test]
fn a_dry_run_and_a_verification_change_nothing() {
    let board = Board::booted();
    let appli = text(&firmware("appli.elf"));
    let dry = board.succeeds(&["flash", "--dry-run", &appli]);
    assert!(
        dry.contains("1 sector to change by own: 0 bytes to erase")
            && dry.contains("\n  0x70000000: erase 0, program "),
        "{dry}"
    );
    let failed = board.fails(&["flash", "--verify", &appli]);
    assert!(failed.contains("XG032"), "{failed}");
    let flashed = board.succeeds(&["flash", &appli]);
    assert!(
        !flashed.contains("unchanged, 0 bytes"),
        "it was not programmed before: {flashed}"
    );
    let verified = board.succeeds(&["flash", "--verify", &appli]);
    assert!(verified.contains("verified"), "{verified}");
}

#[test]
fn a_window_is_told_and_read() {
    let board = Board::with_appli("appli.elf");
    let read = board.succeeds(&["window", "read", "0x70000000", "16", "--on-attach", "arm"]);
    assert!(read.starts_with("0x70000000 "), "{read}");
    let closed = board.fails(&["window", "read", "0x90000000", "16"]);
    assert!(
        closed.contains("XG012") && closed.contains("RCC_AHB5ENR.XSPI1EN"),
        "{closed}"
    );
    let status = board.succeeds(&["window", "status"]);
    assert!(
        status.lines().count() == 2 && status.contains("psram at 0x90000000: closed"),
        "{status}"
    );
}

#[test]
fn an_appli_linked_elsewhere_is_refused_by_its_address() {
    let board = Board::booted();
    let refused = board.fails(&["boot", "arm", "--appli", &text(&firmware("boot.elf"))]);
    assert!(
        refused.contains("XG056") && refused.contains("0x08000000"),
        "{refused}"
    );
}

#[test]
fn internal_flash_needs_permission() {
    let board = Board::booted();
    let refused = board.fails(&["flash", &text(&firmware("boot-hang.elf"))]);
    assert!(
        refused.contains("XG035") && refused.contains("--install-boot"),
        "{refused}"
    );
    let allowed = board.succeeds(&["flash", "--install-boot", &text(&firmware("boot-hang.elf"))]);
    assert!(
        allowed.contains("internal flash: 2 sectors changed"),
        "{allowed}"
    );
}

/// Wish 15: a boot stage as HEX, an appli as ELF and data as BIN@ADDRESS, in one go.
#[test]
fn internal_flash_and_window_are_programmed_in_one_go_from_files_of_every_kind() {
    let board = Board::blank();
    let boot = board.file("boot.hex");
    let records = boot_image("boot.elf");
    std::fs::write(&boot, hex(0x0800_0000, &records)).expect("a file");
    let data = board.file("data.bin");
    std::fs::write(&data, b"some data").expect("a file");
    let data_there = format!("{}@0x70100000", text(&data));
    let (boot, appli) = (text(&boot), text(&firmware("appli.elf")));
    let files = ["flash", "--install-boot", &boot, &appli, &data_there];
    let done = board.succeeds(&files);
    assert!(
        done.contains("internal flash: 2 sectors changed") && done.contains("window nor"),
        "{done}"
    );
    assert_eq!(board.internal_flash(records.len()), records);
    let appli = nor_image("appli.elf");
    let nor = board.nor(0x10_0009);
    assert_eq!(&nor[..appli.len()], appli);
    assert_eq!(&nor[0x10_0000..], b"some data");
    let again = board.succeeds(&files);
    assert_eq!(
        again.matches("unchanged, 0 bytes programmed").count(),
        2,
        "{again}"
    );
    board.succeeds(&["boot", "arm"]);
}

/// `data` as Intel HEX of one 64 KB page.
fn hex(base: u32, data: &[u8]) -> String {
    let record = |kind: u8, at: u16, data: &[u8]| {
        let [high, low] = at.to_be_bytes();
        let mut bytes = vec![data.len() as u8, high, low, kind];
        bytes.extend_from_slice(data);
        let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.push(sum.wrapping_neg());
        let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        format!(":{digits}\n")
    };
    let mut text = record(4, 0, &base.to_be_bytes()[..2]);
    for (at, line) in (0..).step_by(16).zip(data.chunks(16)) {
        text += &record(0, at, line);
    }
    text + &record(1, 0, &[])
}

#[test]
fn the_doctor_finds_nothing_on_a_good_board_and_names_what_is_in_the_way() {
    let good = Board::with_appli("appli.elf").succeeds(&["doctor"]);
    for words in [
        "GNU gdb",
        "nor at 0x70000000 by own",
        "present at 0x08000000",
    ] {
        assert!(good.contains(words), "{good}");
    }
    assert!(!good.contains("fault "), "{good}");

    let blank = Board::blank();
    let ran = blank.run(&["doctor"]);
    assert_eq!(ran.status.code(), Some(1), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("fault  boot stage XG020")
            && ran.stdout.contains("remedy: `xspi-gdb boot install FILE`"),
        "{}",
        ran.stdout
    );

    // Our own loader for the quad NOR serves nothing here.
    let ran = blank.run(&["doctor", "--loader", "own-quad"]);
    assert!(
        ran.stdout
            .contains("fault  loader     it serves no flash of stm32h7s78-dk")
            && ran
                .stdout
                .contains("remedy: `xspi-gdb loader info own-quad`"),
        "{}",
        ran.stdout
    );
}

#[test]
fn flash_tells_programs_of_its_progress_in_json() {
    let board = Board::booted();
    let told = board.succeeds(&["flash", "--json", &text(&firmware("appli.elf"))]);
    let events: Vec<serde_json::Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    let (last, before) = events.split_last().expect("events");
    assert_eq!(last["event"], "load", "{told}");
    assert!(last["programmed"].as_u64() > Some(8192), "{told}");
    assert!(
        before.iter().any(|event| event["event"] == "progress"
            && event["phase"] == "program"
            && event["total"].as_u64() > Some(8192)),
        "{told}"
    );
}

#[test]
fn what_went_wrong_is_told_in_json_too() {
    let board = Board::booted();
    let told = board.run(&["flash", "--json", &text(&firmware("boot-hang.elf"))]);
    let event: serde_json::Value = serde_json::from_str(&told.stdout).expect("one object");
    assert_eq!(
        (&event["event"], &event["code"]),
        (&"fault".into(), &"XG035".into()),
        "{}",
        told.stdout
    );
    assert!(told.stderr.contains("XG035"), "{}", told.stderr);
}

/// The arm that was asked for comes first: what follows may rest on it.
#[test]
fn a_boot_stage_that_does_not_arrive_is_told_by_any_command() {
    let board = Board::booted();
    let read = ["window", "read", "0x70000000", "16", "--on-attach", "arm"];
    let told = board.fails(&read);
    let (notice, error) = told.split_once("error:").expect("an error");
    assert!(
        notice.contains("notice: the appli was not started: XG024") && error.contains("XG012"),
        "{told}"
    );
}

#[test]
fn unfinished_programming_is_told_at_the_next_run_until_it_is_done() {
    let board = Board::booted();
    let entry = r#"{"entries":[{"region":"window nor at 0x70000000","start":1879048192,"end":1879113728}]}"#;
    let journal = board.journal();
    std::fs::create_dir_all(journal.parent().expect("a folder")).expect("a folder");
    std::fs::write(&journal, entry).expect("a file");
    let told = board.run(&["boot", "status"]);
    assert!(told.status.success());
    assert!(
        told.stderr.contains("XG037") && told.stderr.contains("0x70000000"),
        "{}",
        told.stderr
    );
    let completed = board.succeeds(&["flash", &text(&firmware("appli.elf"))]);
    assert!(
        completed.contains("had left unfinished is complete"),
        "{completed}"
    );
    assert!(!journal.exists(), "the work is done");
    std::fs::create_dir_all(journal.parent().expect("a folder")).expect("a folder");
    std::fs::write(&journal, entry).expect("a file");
    board.succeeds(&["flash", &text(&firmware("appli.elf"))]);
    assert!(
        !journal.exists(),
        "and it is when everything was there already"
    );
}

#[test]
fn what_is_unknown_fails_with_a_remedy() {
    let board = Board::blank();
    let missing = board.fails(&["flash", "no-such-file.elf"]);
    assert!(
        missing.contains("XG050") && missing.contains("remedy:"),
        "{missing}"
    );
    let ran = board.run(&["boot", "fly"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        ran.stderr.contains("possible values: status, install, arm"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_no_program_is_told_with_what_is_wrong_and_changes_nothing() {
    let board = Board::booted();
    let write = |name: &str, bytes: &[u8]| {
        let path = board.file(name);
        std::fs::write(&path, bytes).expect("a file");
        text(&path)
    };
    let elf = std::fs::read(firmware("appli.elf")).expect("an appli");
    let mut foreign = elf.clone();
    // e_machine: x86-64.
    foreign[18] = 62;
    let bin = write("some.bin", &[7; 100]);
    let folder = board.file("");
    for (file, code, wanted) in [
        (text(&folder), "XG050", "cannot be read"),
        (write("empty.elf", b""), "XG052", "is empty"),
        (write("cut.elf", &elf[..5000]), "XG052", "is damaged"),
        (write("x86.elf", &foreign), "XG053", "machine 62"),
        (
            write("sum.hex", b":0100000001FF\n:00000001FF\n"),
            "XG052",
            "in line 1",
        ),
        (
            write("open.hex", b":0100000001FE\n"),
            "XG052",
            "end record is missing",
        ),
        (bin.clone(), "XG051", "a plain binary needs an address"),
        (format!("{bin}@nowhere"), "XG051", "`nowhere` is no address"),
        (
            format!("{bin}@0x77FFFFF0"),
            "XG038",
            "in no flash of the board",
        ),
        (
            format!("{bin}@0x90000000"),
            "XG038",
            "in no flash of the board",
        ),
        (
            format!("{bin}@0x24000000"),
            "XG038",
            "stores nothing in a flash",
        ),
        (
            format!("{bin}@0xFFFFFFF0"),
            "XG052",
            "ends beyond 0xffffffff",
        ),
    ] {
        let said = board.fails(&["flash", &file]);
        assert!(
            said.contains(code) && said.contains(wanted),
            "{file}: {said}"
        );
        assert!(said.contains("remedy: "), "{file}: {said}");
    }
    let twice = text(&firmware("appli.elf"));
    let said = board.fails(&["flash", &twice, &twice]);
    assert!(
        said.contains("0x70000000, as a file before it does"),
        "{said}"
    );
    assert!(board.nor(0x1000).iter().all(|byte| *byte == 0xFF));
}

#[test]
fn files_for_both_flashes_are_programmed_together_or_not_at_all() {
    let board = Board::booted();
    let files = [
        text(&firmware("appli.elf")),
        text(&firmware("boot-other-slot.elf")),
    ];
    let before = board.internal_flash(0x2000);
    let refused = board.fails(&["flash", &files[0], &files[1]]);
    assert!(refused.contains("XG035"), "{refused}");
    assert_eq!(board.internal_flash(0x2000), before);
    assert!(board.nor(0x1000).iter().all(|byte| *byte == 0xFF));
    let both = board.succeeds(&["flash", &files[0], &files[1], "--install-boot"]);
    assert!(
        both.contains("internal flash: 1 sector changed") && both.contains("window nor"),
        "{both}"
    );
    let verified = board.succeeds(&["flash", "--verify", &files[0], &files[1]]);
    assert_eq!(verified.matches("verified").count(), 2, "{verified}");
}

#[test]
fn the_configuration_file_holds_what_the_command_line_holds() {
    let board = Board::blank();
    let config = board.file("xspi-gdb.toml");
    let said = format!(
        "appli = {:?}\nboot = {:?}\ninstall-boot = true\non-attach = \"arm\"\nboot-timeout = 3\n",
        firmware("appli.elf"),
        firmware("boot.elf"),
    );
    std::fs::write(&config, said).expect("a file");
    let config = text(&config);
    let flashed = board.succeeds(&["flash", "--config", &config]);
    assert!(flashed.contains("1 sector changed"), "{flashed}");
    let boot = board.internal_flash(0x100);
    assert!(boot.iter().any(|byte| *byte != 0xFF), "the boot stage too");
    let read = board.run(&["window", "read", "0x70000000", "16", "--config", &config]);
    assert!(read.status.success(), "{}", read.stderr);
    assert!(
        !read.stderr.contains("shown from"),
        "armed: {}",
        read.stderr
    );
    let unknown = board.file("other.toml");
    std::fs::write(&unknown, "apli = \"a.elf\"\n").expect("a file");
    let refused = board.fails(&["boot", "status", "--config", &text(&unknown)]);
    assert!(
        refused.contains("XG072") && refused.contains("apli"),
        "{refused}"
    );
    let nothing = board.fails(&["flash"]);
    assert!(
        nothing.contains("XG050") && nothing.contains("no file is named"),
        "{nothing}"
    );
}

#[test]
fn vectors_are_where_the_settings_say() {
    let board = Board::with(Some("boot-other-slot.elf"), Some("appli-offset.elf"));
    let appli = text(&firmware("appli-offset.elf"));
    let armed = board.succeeds(&["boot", "arm", "--appli", &appli, "--vectors", "0x70020000"]);
    assert!(armed.starts_with("halted at the appli's first"), "{armed}");
    let elsewhere = board.fails(&["boot", "arm", "--appli", &appli, "--vectors", "0x70000000"]);
    assert!(
        elsewhere.contains("XG055") && elsewhere.contains("0x70000000"),
        "{elsewhere}"
    );
}

/// Two commands on one state file: what the first saves, the second would overwrite.
#[test]
fn a_state_file_in_use_is_refused_until_the_other_process_has_ended() {
    if on_hardware() {
        return;
    }
    let board = Board::booted();
    let flash = ["flash", &text(&firmware("appli.elf"))];
    let server = board.serve(&[]);
    let before = std::fs::read(board.state()).expect("a state file");
    let refused = board.fails(&flash);
    assert!(
        refused.contains("XG074")
            && refused.contains(&format!("{} is in use", board.state().display()))
            && refused.contains("end the other process"),
        "{refused}"
    );
    let after = std::fs::read(board.state()).expect("a state file");
    assert!(before == after, "it was left alone");
    assert!(server.stop().success());
    board.succeeds(&flash);
    // A process that is killed has no time to give anything back.
    board.serve(&[]).signal("KILL");
    let again = board.succeeds(&flash);
    assert!(again.contains("unchanged"), "{again}");
}
