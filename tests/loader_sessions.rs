//! A debugging session with each loader, from GDB: `load`, `compare-sections`, and what `loader info` and `monitor loader` tell.

mod support;

use std::path::PathBuf;

use support::{
    board::{Board, holding, text},
    firmware,
    gdb::Gdb,
    repository,
    server::{Ran, binary, ran},
};

const APPLI: &str = "appli.elf";
const BUILT_IN: &str = "mx66uw1g45g_stm32h7s78-dk";

/// Loads the appli by `loader`, compares it section by section, and stands at its entry.
fn load_and_compare(loader: &str) {
    let board = Board::booted();
    let appli = text(&firmware(APPLI));
    let server = board.serve(&["--appli", &appli, "--loader", loader]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    let shown = gdb.monitor("loader");
    assert!(shown.contains("window nor at 0x70000000"), "{shown}");
    gdb.ok("-target-download");
    let sections = gdb.cli("compare-sections -r");
    assert!(sections.contains("matched."), "{loader}: {sections}");
    assert!(!sections.contains("MIS-MATCHED"), "{loader}: {sections}");
    let stop = gdb.run_to("main");
    assert_eq!(stop.function(), "main", "{loader}");
    drop(gdb);
    assert!(server.stop().success());
}

#[test]
fn our_own_loader_loads_and_compares() {
    load_and_compare("own");
}

#[test]
fn a_loader_that_probe_rs_ships_loads_and_compares() {
    load_and_compare(BUILT_IN);
}

#[test]
fn a_loader_that_is_a_file_loads_and_compares() {
    load_and_compare(&text(&firmware("loader.elf")));
}

/// Files of yours for the STM32H7S78-DK, in XSPI_GDB_LOADERS, separated as in PATH.
#[test]
fn loaders_of_yours_load_and_compare() {
    let Some(files) = std::env::var_os("XSPI_GDB_LOADERS") else {
        println!("XSPI_GDB_LOADERS names no files: nothing to load with");
        return;
    };
    let files: Vec<PathBuf> = std::env::split_paths(&files).collect();
    for file in &files {
        load_and_compare(&text(file));
    }
}

#[test]
fn a_file_that_is_no_loader_is_told_before_a_client_waits_for_it() {
    let board = Board::booted();
    let appli = text(&firmware(APPLI));
    let error = board.fails(&["flash", &appli, "--loader", &appli]);
    assert!(
        error.contains("XG090") && error.contains("is no loader"),
        "{error}"
    );
    let error = board.fails(&["flash", &appli, "--loader", "no/such.stldr"]);
    assert!(
        error.contains("XG090") && error.contains("cannot be read"),
        "{error}"
    );
    let error = board.fails(&["flash", &appli, "--loader", "psram=own"]);
    assert!(error.contains("no NOR window"), "{error}");
    let error = board.fails(&["flash", &appli, "--loader", "nonsense"]);
    assert!(
        error.contains("XG034") && error.contains("`nonsense`"),
        "{error}"
    );
    assert_eq!(board.nor(16), [0xFF; 16]);
}

/// `loader info` opens no probe.
fn info(arguments: &[&str]) -> Ran {
    let mut command = binary();
    command.args(["loader", "info"]).args(arguments);
    ran(command)
}

#[test]
fn loader_info_tells_what_a_file_says_of_itself_and_what_is_in_its_way() {
    let board = Board::blank();
    let loader = text(&firmware("loader.elf"));
    let told = info(&[&loader, "--json"]);
    let value: serde_json::Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert!(told.status.success(), "{}", told.stderr);
    assert_eq!(value["bytes"], 128 << 20);
    assert_eq!(value["sectors"][0]["bytes"], 4096);
    assert_eq!(value["conflicts"], serde_json::json!([]));
    // A board with half the NOR at another address.
    let kit =
        std::fs::read_to_string(repository("profiles/stm32h7s78-dk.toml")).expect("a profile");
    let elsewhere = board.file("elsewhere.toml");
    let moved = kit.replace("base = 0x70000000", "base = 0xA0000000");
    std::fs::write(&elsewhere, moved).expect("a file");
    let told = info(&["own", "--board", &text(&elsewhere)]);
    assert_eq!(told.status.code(), Some(1));
    assert!(
        told.stdout.contains("conflict  it serves no flash of"),
        "{}",
        told.stdout
    );
}

/// FLASH_OBW2SR: ITCM_AXI_SHARE and DTCM_AXI_SHARE lend AXI SRAM, ECC_ON_SRAM gives RAMs check bits (RM0477).
const OPTION_BYTES_2: u32 = 0x268;

#[test]
fn option_bytes_that_share_or_check_the_rams_do_not_disturb_a_loader() {
    let appli = text(&firmware(APPLI));
    for option in [0x100, 0x022, 0x122] {
        for loader in ["own", BUILT_IN, &text(&firmware("loader.elf"))] {
            let board = Board::made(|builder| {
                let builder = builder.option_word(OPTION_BYTES_2, option);
                holding(builder, Some("boot.elf"), None)
            });
            let told = board.succeeds(&["flash", &appli, "--loader", loader]);
            assert!(told.contains("verified"), "0x{option:x}, {loader}: {told}");
        }
    }
}
