//! `load` and `monitor flash`: what is refused before anything is changed, and what fails.

use std::fs;

use crate::{
    scene::{APPLI, Served, fails, file, monitor_fails, nothing, scene, scene_of},
    support::board::{Board, boot_image, nor_image, text},
};

const LOAD: &str = "-target-download";
const OLDER: &str = "appli-older.elf";
const OTHER_BOOT: &str = "boot-other-slot.elf";

fn older() -> Board {
    Board::with_appli(OLDER)
}

/// `load` of our appli onto `board`, where `mishap` is to happen.
fn a_load_meets(code: &str, board: fn() -> Board, mishap: &str) {
    let options = ["--appli", &file(APPLI), "--virtual-mishap", mishap];
    scene(
        code,
        |_| Served::by(board(), &options),
        nothing,
        |gdb, _| fails(gdb, LOAD),
    );
}

#[test]
fn an_erase_that_fails() {
    a_load_meets("XG030", older, "fail nor erase 1");
}

#[test]
fn a_program_operation_that_fails() {
    a_load_meets("XG031", older, "fail nor program 2");
}

#[test]
fn a_bit_that_flips() {
    a_load_meets("XG032", Board::booted, "flip 0x70000123.5 nor program 3");
}

/// `load` of a boot stage onto one that is write-protected.
#[test]
fn a_boot_stage_that_is_protected() {
    const WRPSR: u32 = 0x218;
    scene_of(
        OTHER_BOOT,
        "XG029",
        |_| {
            let board = Board::made(|builder| {
                builder
                    .boot_image(boot_image("boot.elf"))
                    .nor_image(nor_image(APPLI))
                    .option_word(WRPSR, 0xFE)
            });
            Served::by(board, &["--install-boot"])
        },
        nothing,
        |gdb, _| fails(gdb, LOAD),
    );
}

/// `load` of a boot stage that nobody allowed.
#[test]
fn internal_flash_is_left_alone() {
    scene_of(
        OTHER_BOOT,
        "XG035",
        |_| Served::appli(),
        nothing,
        |gdb, _| {
            fails(gdb, LOAD);
        },
    );
}

#[test]
fn an_encrypted_window() {
    // MCE2_REGCR2: ENC and BREN.
    const REGION: u32 = 0x5200_BC50;
    scene(
        "XG039",
        |_| Served::by(older(), &["--appli", &file(OLDER)]),
        |gdb, _| {
            gdb.monitor("reset halt");
            gdb.set_word(REGION, 2 << 14 | 1);
        },
        |gdb, _| fails(gdb, LOAD),
    );
}

/// An lrun appli that is longer than what the boot stage copies.
#[test]
fn a_copy_that_is_too_short() {
    const ELF: &str = "appli-lrun.elf";
    let copy = [
        "--boot-mode",
        "lrun",
        "--lrun",
        "0x70000000:0x24000000:0x1000",
    ];
    let appli = file(ELF);
    scene_of(
        ELF,
        "XG044",
        |_| {
            let board = Board::with(Some("boot-short-copy.elf"), None);
            Served::by(board, &[&["--appli", &appli][..], &copy].concat())
        },
        nothing,
        |gdb, _| {
            gdb.ok(LOAD);
            monitor_fails(gdb, "reset halt");
        },
    );
}

#[test]
fn an_image_without_its_header() {
    const ELF: &str = "appli-signed.elf";
    let options = ["--appli", &file(ELF), "--boot-mode", "signed"];
    scene_of(
        ELF,
        "XG045",
        |_| Served::by(Board::with(Some("boot-signed.elf"), None), &options),
        nothing,
        |gdb, _| fails(gdb, LOAD),
    );
}

/// `monitor flash` of a file with `contents`, called `name`.
fn a_file_is_refused(code: &str, name: &str, contents: &[u8]) {
    scene(
        code,
        |_| {
            let board = Board::with_appli(APPLI);
            fs::write(board.file(name), contents).expect("a file");
            Served::by(board, &[])
        },
        nothing,
        |gdb, served| monitor_fails(gdb, &format!("flash {}", text(&served.file(name)))),
    );
}

#[test]
fn a_file_that_is_not_there() {
    scene(
        "XG050",
        |_| Served::appli(),
        nothing,
        |gdb, _| {
            monitor_fails(gdb, "flash no/such.elf");
        },
    );
}

#[test]
fn a_file_of_unknown_form() {
    a_file_is_refused("XG051", "appli.bin", b"neither ELF nor HEX");
}

#[test]
fn a_file_that_is_damaged() {
    let whole = fs::read(crate::support::firmware(APPLI)).expect("firmware");
    a_file_is_refused("XG052", "half.elf", &whole[..0x100]);
}

#[test]
fn a_file_for_another_processor() {
    let mut elf = fs::read(crate::support::firmware(APPLI)).expect("firmware");
    // e_machine: x86-64.
    elf[18] = 62;
    a_file_is_refused("XG053", "other.elf", &elf);
}

#[test]
fn a_file_for_no_flash_of_the_board() {
    scene(
        "XG038",
        |_| Served::appli(),
        nothing,
        |gdb, _| {
            let there = format!("{}@0x24000000", file("toolchain.txt"));
            monitor_fails(gdb, &format!("flash {there}"));
        },
    );
}
