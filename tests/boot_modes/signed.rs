//! A boot stage that starts an image only if its MCUboot header and hash are right; imgtool, MCUboot's own, makes the images.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    repository,
    server::Server,
};
use xspi_gdb::image::Image;

const APPLI: &str = "appli-signed.elf";
const LINKED: u32 = 0x7000_0400;
const MODE: [&str; 2] = ["--boot-mode", "signed"];

/// The appli's bytes as an image with header and hash, in the board's own folder.
fn signed(board: &Board, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let image = Image::open(firmware(APPLI)).expect("firmware");
    let mut bytes = Vec::new();
    for segment in image.segments() {
        let start = (segment.address.0 - LINKED) as usize;
        bytes.resize(start + segment.data.len(), 0xFF);
        bytes[start..].copy_from_slice(&segment.data);
    }
    change(&mut bytes);
    let (plain, made) = (board.file("appli.bin"), board.file("appli.signed.bin"));
    std::fs::write(&plain, bytes).expect("a file");
    // The environment that scripts/setup.sh makes.
    let python = std::env::var_os("ORACLE_PYTHON")
        .map_or_else(|| repository("target/venv/bin/python"), PathBuf::from);
    let sign = Command::new(python)
        .args([
            "-m",
            "imgtool.main",
            "sign",
            "--header-size",
            "0x400",
            "--pad-header",
        ])
        .args([
            "--slot-size",
            "0x20000",
            "--version",
            "1.2.3",
            "--align",
            "4",
        ])
        .args([&plain, &made])
        .output()
        .expect(
            "scripts/setup.sh installs imgtool; ORACLE_PYTHON names another interpreter that has it",
        );
    assert!(
        sign.status.success(),
        "{}",
        String::from_utf8_lossy(&sign.stderr)
    );
    made
}

fn at_window(image: &Path) -> String {
    format!("{}@0x70000000", text(image))
}

fn serve(board: &Board, image: Option<&Path>) -> (Server, Gdb) {
    let appli = firmware(APPLI);
    let appli_text = text(&appli);
    let mut arguments = vec!["--appli", &appli_text];
    arguments.extend(MODE);
    let image = image.map(at_window);
    if let Some(image) = &image {
        arguments.extend(["--image", image]);
    }
    let server = board.serve(&arguments);
    let gdb = Gdb::connect(Some(&appli), server.port);
    (server, gdb)
}

#[test]
fn gdbs_load_of_the_elf_programs_the_signed_image_and_debugs_it() {
    let board = Board::with(Some("boot-signed.elf"), None);
    let image = signed(&board, |_| {});
    let (server, mut gdb) = serve(&board, Some(&image));
    gdb.monitor("reset halt");
    gdb.ok("-target-download");
    assert_eq!(gdb.pc(), gdb.number("&Reset") & !1);
    gdb.ok("-break-insert toggle");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "toggle", "{}", stop.text);
    drop(gdb);
    assert!(server.stop().success());
    let made = std::fs::read(&image).expect("the image");
    assert_eq!(board.nor(made.len()), made, "header, appli and trailer");
}

#[test]
fn flash_of_the_signed_image_itself_needs_no_setting() {
    let board = Board::with(Some("boot-signed.elf"), None);
    let image = signed(&board, |_| {});
    let mut flash = vec!["flash".to_owned(), at_window(&image)];
    flash.extend(MODE.map(str::to_owned));
    let flash: Vec<&str> = flash.iter().map(String::as_str).collect();
    let told = board.succeeds(&flash);
    assert!(!told.contains("not started"), "{told}");
    let appli = text(&firmware(APPLI));
    let armed = board.succeeds(&["boot", "arm", "--appli", &appli, MODE[0], MODE[1]]);
    assert!(armed.contains("0x7000"), "{armed}");
}

#[test]
fn an_appli_without_its_image_is_refused_and_nothing_is_changed() {
    let board = Board::with(Some("boot-signed.elf"), None);
    let told = board.fails(&["flash", &text(&firmware(APPLI)), MODE[0], MODE[1]]);
    assert!(
        told.contains("XG045") && told.contains("--image FILE@ADDRESS"),
        "{told}"
    );
    assert!(board.nor(0x1000).iter().all(|byte| *byte == 0xFF));

    let (_server, mut gdb) = serve(&board, None);
    gdb.monitor("reset halt");
    gdb.fails("-target-download");
    assert!(gdb.monitor("why").contains("XG045"));
    drop(gdb);
}

#[test]
fn an_image_of_another_build_is_refused_before_anything_is_changed() {
    let board = Board::with(Some("boot-signed.elf"), None);
    let stale = signed(&board, |bytes| bytes[0x300] ^= 1);
    let (server, mut gdb) = serve(&board, Some(&stale));
    gdb.monitor("reset halt");
    gdb.fails("-target-download");
    let why = gdb.monitor("why");
    assert!(
        why.contains("XG047") && why.contains("first difference at 0x70000700"),
        "{why}"
    );
    drop(gdb);
    assert!(server.stop().success());
    assert!(board.nor(0x1000).iter().all(|byte| *byte == 0xFF));
}

#[test]
fn an_image_that_was_changed_after_signing_is_refused_here_and_by_the_boot_stage() {
    let board = Board::with(Some("boot-signed.elf"), None);
    let image = signed(&board, |_| {});
    let mut bytes = std::fs::read(&image).expect("the image");
    bytes[0x800] ^= 0x10;
    std::fs::write(&image, &bytes).expect("a file");
    let appli = text(&firmware(APPLI));
    let at_window = at_window(&image);
    let told = board.fails(&["flash", &appli, MODE[0], MODE[1], "--image", &at_window]);
    assert!(told.contains("XG047") && told.contains("hash"), "{told}");

    // Flashed by somebody else, it is the boot stage that refuses it.
    let board = Board::made(|builder| {
        crate::support::board::holding(builder, Some("boot-signed.elf"), None).nor_image(bytes)
    });
    let told = board.fails(&["boot", "arm", "--appli", &appli, MODE[0], MODE[1]]);
    assert!(
        told.contains("XG046") && told.contains("header at 0x70000000") && told.contains("hash"),
        "{told}"
    );
}

#[test]
fn a_header_that_the_boot_stage_does_not_know_is_told() {
    let board = Board::with(Some("boot-signed.elf"), None);
    let image = signed(&board, |_| {});
    let bytes = std::fs::read(&image).expect("the image");
    let board = Board::made(|builder| {
        crate::support::board::holding(builder, Some("boot.elf"), None).nor_image(bytes)
    });
    let appli = text(&firmware(APPLI));
    let told = board.fails(&["boot", "arm", "--appli", &appli]);
    assert!(
        told.contains("XG046") && told.contains("boot-mode"),
        "{told}"
    );
}
