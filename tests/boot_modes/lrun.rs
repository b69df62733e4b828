//! Load and run: the appli is stored in the NOR and executes in AXI SRAM, where the boot stage copies it.

use crate::support::{
    board::{Board, stored, text},
    debugger::Debugger,
    firmware,
    gdb::Gdb,
    server::Server,
};

const APPLI: &str = "appli-lrun.elf";
const RAM: u32 = 0x2400_0000;
const MODE: [&str; 4] = [
    "--boot-mode",
    "lrun",
    "--lrun",
    "0x70000000:0x24000000:0x10000",
];

/// A subcommand with the options that tell what the boot stage does.
fn with_mode<'a>(subcommand: &[&'a str]) -> Vec<&'a str> {
    [subcommand, &MODE].concat()
}

fn serve(board: &Board) -> (Server, Gdb) {
    let appli = firmware(APPLI);
    let server = board.serve(&with_mode(&["--appli", &text(&appli)]));
    let gdb = Gdb::connect(Some(&appli), server.port);
    (server, gdb)
}

fn flash(board: &Board) -> String {
    board.succeeds(&with_mode(&["flash", &text(&firmware(APPLI))]))
}

/// The appli as the NOR has to hold it.
fn appli() -> Vec<u8> {
    stored(APPLI, RAM)
}

#[test]
fn flash_stores_the_appli_where_the_boot_stage_takes_it_from() {
    let board = Board::with(Some("boot-lrun.elf"), None);
    let report = flash(&board);
    assert!(!report.contains(" 0 bytes programmed"), "{report}");
    assert_eq!(board.nor(appli().len()), appli());
    let again = flash(&board);
    assert!(again.contains("0 bytes programmed"), "{again}");
    let verified = board.succeeds(&with_mode(&["flash", "--verify", &text(&firmware(APPLI))]));
    assert!(verified.contains("verified"), "{verified}");
    let arm = board.succeeds(&with_mode(&[
        "boot",
        "arm",
        "--appli",
        &text(&firmware(APPLI)),
    ]));
    assert!(arm.contains("0x2400"), "{arm}");
}

#[test]
fn an_appli_in_ram_is_debugged_like_one_in_the_window() {
    let board = Board::with(Some("boot-lrun.elf"), None);
    flash(&board);
    let (_server, mut gdb) = serve(&board);
    let reset = gdb.monitor("reset halt");
    assert!(
        reset.contains("halted at the appli's first instruction, 0x2400"),
        "{reset}"
    );
    gdb.flush_registers();
    assert_eq!(gdb.pc(), gdb.number("&Reset") & !1);
    gdb.ok("-break-insert main");
    assert_eq!(gdb.stopped("-exec-continue").function(), "main");
    gdb.ok("-break-insert toggle");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "toggle");
    assert!((RAM..RAM + 0x1_0000).contains(&stop.address()));
    gdb.ok("-break-delete");
    let stepped = gdb.stopped("-exec-next");
    assert_eq!(stepped.reason(), "end-stepping-range");
}

/// GDB writes an appli that is linked in RAM to RAM; it has to be there also after the next reset and power cycle.
#[test]
fn gdbs_load_is_stored_in_the_nor_before_anything_runs() {
    let board = Board::with(Some("boot-lrun.elf"), None);
    let (server, mut gdb) = serve(&board);
    gdb.monitor("reset halt");
    gdb.ok("-target-download");
    gdb.ok("-break-insert main");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "main", "{}", stop.text);
    drop(gdb);
    assert!(server.stop().success());
    assert_eq!(board.nor(appli().len()), appli());

    // What cortex-debug does: load, then a reset.
    let board = Board::with(Some("boot-lrun.elf"), None);
    let (server, mut gdb) = serve(&board);
    gdb.monitor("reset halt");
    gdb.ok("-target-download");
    let reset = gdb.monitor("reset halt");
    assert!(
        reset.contains("halted at the appli's first instruction"),
        "{reset}"
    );
    gdb.flush_registers();
    assert_eq!(gdb.pc(), gdb.number("&Reset") & !1);
    drop(gdb);
    assert!(server.stop().success());
    assert_eq!(board.nor(appli().len()), appli());
}

/// A script that loads and leaves: the work outlives GDB, which waits for 100 ms only.
#[test]
fn gdbs_load_and_detach_is_stored_too() {
    let board = Board::with(Some("boot-lrun.elf"), None);
    let appli_elf = firmware(APPLI);
    let elf = text(&appli_elf);
    let gdb = Debugger::Installed.program();
    let mut arguments = with_mode(&["exec", "--appli", &elf]);
    let client = ["-nx", "-batch", "-ex", "target extended-remote :{port}"];
    let commands = ["-ex", "monitor reset halt", "-ex", "load", "-ex", "detach"];
    arguments.extend(["--", &gdb, &elf]);
    arguments.extend(client.into_iter().chain(commands));
    board.succeeds(&arguments);
    assert_eq!(board.nor(appli().len()), appli());
}

#[test]
fn a_word_that_a_user_sets_in_ram_is_no_load() {
    let board = Board::with(Some("boot-lrun.elf"), None);
    flash(&board);
    let (server, mut gdb) = serve(&board);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    gdb.set_word(0x2401_0000, 0x1234_5678);
    gdb.run_to("main");
    assert_eq!(gdb.word(0x2401_0000), 0x1234_5678, "no loader came by");
    drop(gdb);
    assert!(server.stop().success());
    assert_eq!(board.nor(appli().len()), appli());
}

#[test]
fn a_copy_that_is_too_short_is_a_fault_before_anything_is_programmed_and_after() {
    let board = Board::with(Some("boot-short-copy.elf"), None);
    let short = [
        "--boot-mode",
        "lrun",
        "--lrun",
        "0x70000000:0x24000000:0x1000",
    ];
    let told = board.fails(&[&["flash", &text(&firmware(APPLI))], &short[..]].concat());
    let needed = format!("it needs {} bytes of RAM", appli().len());
    assert!(
        told.contains("XG044") && told.contains(&needed) && told.contains("copies 4096"),
        "{told}"
    );
    assert!(
        board.nor(64).iter().all(|byte| *byte == 0xFF),
        "nothing was changed"
    );

    // The settings say more than the boot stage does: the copy itself tells.
    flash(&board);
    let told = board.fails(&with_mode(&[
        "boot",
        "arm",
        "--appli",
        &text(&firmware(APPLI)),
    ]));
    assert!(
        told.contains("XG044") && told.contains("4096 bytes arrived"),
        "{told}"
    );
}

#[test]
fn a_blank_nor_and_another_build_are_told() {
    let board = Board::with(Some("boot-lrun.elf"), None);
    let appli = text(&firmware(APPLI));
    let blank = board.fails(&with_mode(&["boot", "arm", "--appli", &appli]));
    assert!(
        blank.contains("XG024") && blank.contains("0x70000000 is blank"),
        "{blank}"
    );

    let xip = text(&firmware("appli.elf"));
    let elsewhere = board.fails(&with_mode(&["boot", "arm", "--appli", &xip]));
    assert!(
        elsewhere.contains("not where the boot stage copies it, 0x24000000")
            && elsewhere.contains("link it to where the boot stage copies it"),
        "{elsewhere}"
    );
}

#[test]
fn settings_without_a_copy_or_with_one_that_leads_nowhere_are_refused() {
    let board = Board::booted();
    let missing = board.fails(&["boot", "status", "--boot-mode", "lrun"]);
    assert!(
        missing.contains("needs to know what the boot stage copies"),
        "{missing}"
    );
    let nowhere = [
        "--boot-mode",
        "lrun",
        "--lrun",
        "0x70000000:0x08000000:0x100",
    ];
    let told = board.fails(&[&["boot", "status"], &nowhere[..]].concat());
    assert!(told.contains("not from a NOR window to one RAM"), "{told}");
}
