//! A chip whose option bytes or cipher engines protect it: what the server refuses, and what it says where a user looks.

mod support;

use support::{
    board::{Board, boot_image, nor_image, text},
    firmware,
    gdb::Gdb,
    tiny_boot,
};

const APPLI: &str = "appli.elf";
const OTHER_BOOT: &str = "boot-other-slot.elf";

/// FLASH option words by status register (RM0477).
const ROTSR: u32 = 0x208;
const WRPSR: u32 = 0x218;
const HDPSR: u32 = 0x230;
const OBW2SR: u32 = 0x268;
/// MCE2_REGCR2: ENC and BREN.
const REGION_OF_MCE2: u32 = 0x5200_BC50;
const ENCRYPTED: u32 = 2 << 14 | 1;

/// Our boot stage, behind an option word.
fn with_option(offset: u32, value: u32) -> Board {
    Board::made(|builder| {
        builder
            .boot_image(boot_image("boot.elf"))
            .nor_image(nor_image(APPLI))
            .option_word(offset, value)
    })
}

#[track_caller]
fn tells(said: &str, words: &[&str], who: &str) {
    for word in words {
        assert!(said.contains(word), "{who} lacks `{word}`:\n{said}");
    }
}

/// Another boot stage is refused by the command line and by `load`, with the reason and the remedy, and nothing is changed.
#[track_caller]
fn keeps_its_boot_stage(offset: u32, value: u32, status_line: &str, cause: &str) {
    let board = with_option(offset, value);
    let status = board.succeeds(&["boot", "status"]);
    tells(&status, &[status_line], "boot status");
    let other = text(&firmware(OTHER_BOOT));
    let told = [
        "XG029",
        cause,
        "remove the protection with the vendor's tool",
    ];
    let refused = board.fails(&["boot", "install", &other]);
    tells(&refused, &told, "boot install");
    let server = board.serve(&["--install-boot"]);
    let mut gdb = Gdb::connect(Some(&firmware(OTHER_BOOT)), server.port);
    gdb.fails("-target-download");
    tells(&gdb.monitor("why"), &told, "monitor why");
    tells(&server.logged("XG029"), &told, "the server's stderr");
    drop(gdb);
    assert!(server.stop().success());
    // What is there already is no change.
    board.succeeds(&["boot", "install", &text(&firmware("boot.elf"))]);
    assert_eq!(board.chip().internal_flash_wear(), Default::default());
    board.succeeds(&["boot", "arm"]);
}

#[test]
fn a_write_protected_boot_stage_is_kept() {
    keeps_its_boot_stage(
        WRPSR,
        0xFE,
        "option bytes: write protection of sector 0",
        "sector 0x08000000 is write-protected (FLASH_WRPSR)",
    );
}

#[test]
fn a_hide_protected_boot_stage_is_kept() {
    keeps_its_boot_stage(
        HDPSR,
        0x001F_0000,
        "option bytes: hide protection from 0x08000000 to 0x08001fff",
        "sector 0x08000000 is in the hide-protected area (FLASH_HDPSR)",
    );
}

#[test]
fn a_boot_stage_behind_a_root_of_trust_is_kept() {
    keeps_its_boot_stage(
        ROTSR,
        0xB400_0000,
        "option bytes: ST's root of trust",
        "ST's root of trust is selected (FLASH_ROTSR)",
    );
}

/// The boot stage puts its window behind MCE2, then somebody loads.
#[test]
fn an_encrypted_window_is_not_loaded() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(Some(&firmware("appli-older.elf")), server.port);
    gdb.monitor("reset halt");
    gdb.set_word(REGION_OF_MCE2, ENCRYPTED);
    let told = [
        "XG039",
        "it is encrypted by the memory cipher engine before XSPI2",
        "program the encrypted image with the vendor's tool",
    ];
    gdb.fails("-target-download");
    tells(&gdb.monitor("why"), &told, "monitor why");
    tells(&server.logged("XG039"), &told, "the server's stderr");
    drop(gdb);
    assert!(server.stop().success());
    let appli = nor_image(APPLI);
    assert_eq!(board.nor(appli.len()), appli, "nothing was changed");
}

#[test]
fn an_encrypted_window_is_not_flashed() {
    let board =
        Board::made(|builder| builder.boot_image(tiny_boot::octal_window_behind_a_cipher_engine()));
    let refused = board.fails(&["flash", &text(&firmware(APPLI))]);
    tells(
        &refused,
        &["XG039", "cipher engine before XSPI2", "vendor's tool"],
        "flash",
    );
    assert_eq!(board.nor(16), [0xFF; 16]);
}

/// GDB's memory map follows the option bytes: what is lent is not there, and what borrowed it is larger.
#[test]
fn the_memory_map_follows_the_option_bytes() {
    let map = |option| {
        let board = with_option(OBW2SR, option);
        let server = board.serve_appli(APPLI);
        let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
        gdb.cli("info mem")
    };
    let delivered = map(0);
    tells(
        &delivered,
        &["0x00010000", "0x20010000", "0x24000000 0x24072000"],
        "info mem",
    );
    let lent = map(0x121);
    tells(
        &lent,
        &["0x00020000", "0x20030000", "0x24010000 0x24040000"],
        "info mem of a chip with larger TCMs",
    );
    assert!(
        !lent.contains("0x24072000"),
        "check bits take SRAM4: {lent}"
    );
}

/// A word at the end of memory that was lent can be written and read; one at the end of what lent it cannot.
#[test]
fn memory_that_was_lent_is_where_it_was_lent_to() {
    let board = with_option(OBW2SR, 0x10);
    let server = board.serve_appli(APPLI);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    let status = gdb.monitor("boot status");
    tells(
        &status,
        &["option bytes: DTCM 128 KB"],
        "monitor boot status",
    );
    gdb.set_word(0x2001_FFFC, 0x1234_5678);
    assert_eq!(gdb.word(0x2001_FFFC), 0x1234_5678);
    gdb.set_word(0x2404_FFFC, 0x1234_5678);
    gdb.fails("-data-read-memory-bytes 0x24050000 4");
    gdb.ok("-gdb-set mem inaccessible-by-default off");
    gdb.fails("-data-read-memory-bytes 0x24050000 4");
    let why = gdb.monitor("why");
    tells(
        &why,
        &["the target refused a transfer", "0x2405000"],
        "monitor why",
    );
}

/// RAM with check bits: the flash routine, its buffers and the boot stage run as they do without.
#[test]
fn check_bits_are_no_hindrance() {
    const ECC_ON_SRAM: u32 = 1 << 8;
    let board = with_option(OBW2SR, ECC_ON_SRAM);
    board.succeeds(&["flash", &text(&firmware("appli-older.elf"))]);
    let appli = nor_image("appli-older.elf");
    assert_eq!(board.nor(appli.len()), appli);
    board.succeeds(&[
        "boot",
        "arm",
        "--appli",
        &text(&firmware("appli-older.elf")),
    ]);
}
