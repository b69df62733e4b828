//! Programming that is interrupted, with the real binary: what happened is told, remembered beside the board before the first erase,
//! told again by the next run, and completed by the same command. The boot stage is never touched but by `boot install`, which is
//! interrupted and completed as well: words of internal flash that cannot be read are what a power cut leaves there.

mod support;

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use support::{
    board::{Board, boot_image, text},
    firmware,
    gdb::Gdb,
    server::{PATIENCE, Ran, xspi_gdb},
};

const APPLI: &str = "appli.elf";
const BYTES: usize = 0x4_0000;

/// Bytes that are not blank, other ones than the appli's.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & 0x7F
        })
        .collect()
}

/// A board with an appli, and what is to be flashed over it.
struct Bench {
    board: Board,
    wanted: Vec<u8>,
    image: String,
}

impl Bench {
    fn new() -> Self {
        let board = Board::with_appli(APPLI);
        let wanted = noise(BYTES);
        let file = board.file("noise.bin");
        fs::write(&file, &wanted).expect("a file");
        Self {
            image: format!("{}@0x70000000", text(&file)),
            board,
            wanted,
        }
    }

    fn flash_with(&self, mishap: &str) -> Ran {
        self.board
            .run(&["flash", &self.image, "--virtual-mishap", mishap])
    }

    /// `flash` as a process of its own, once its journal is on the disk.
    fn flash_under_way(&self) -> Child {
        let journal = self.board.journal();
        let mut command = xspi_gdb(&["flash", &self.image], Some(&self.board.state()));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().expect("the binary starts");
        wait_for(&journal);
        child
    }

    /// The journal says `because`, the next run is told so, and completes the work.
    #[track_caller]
    fn is_told_and_completed(&self, because: &str) {
        assert_ne!(self.board.nor(BYTES), self.wanted, "it was not complete");
        let kept = fs::read_to_string(self.board.journal()).expect("a journal");
        assert!(kept.contains(because), "{kept}");
        let ran = self.board.run(&["flash", &self.image]);
        assert!(ran.status.success(), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("XG037 an earlier programming of window nor at 0x70000000")
                && ran.stderr.contains(because),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stdout.contains("had left unfinished is complete"),
            "{}",
            ran.stdout
        );
        assert!(!self.board.journal().exists(), "and that is over");
        assert!(self.board.nor(BYTES) == self.wanted);
        let boot = boot_image("boot.elf");
        assert_eq!(self.board.internal_flash(boot.len()), boot);
    }
}

fn wait_for(file: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "no {}", file.display());
        thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status()
        .expect("kill runs");
    assert!(status.success());
}

/// Standard error of a process that ends by itself with a fault.
#[track_caller]
fn fault_of(child: Child) -> String {
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    stderr
}

#[test]
fn the_power_is_cut() {
    let bench = Bench::new();
    for mishap in ["power-cut nor erase 1", "power-cut nor program 300"] {
        let cut = bench.flash_with(mishap);
        assert_eq!(cut.status.code(), Some(3), "{}", cut.stderr);
        assert!(cut.stderr.contains("XG001"), "{}", cut.stderr);
    }
    bench.is_told_and_completed("the probe no longer answers");
}

/// A small file in the middle of a sector that holds something else: what its erase takes along is not lost, wherever the power is cut.
#[test]
fn the_power_is_cut_and_the_rest_of_the_sector_is_kept() {
    const AT: usize = 0x1_2345;
    for loader in ["own", "mx66uw1g45g_stm32h7s78-dk"] {
        for mishap in [
            "power-cut nor erase 1",
            "power-cut nor program 1",
            "power-cut nor program 9",
        ] {
            let mut wanted = noise(BYTES);
            let before = wanted.clone();
            let board = Board::made(|builder| {
                let booted = support::board::holding(builder, Some("boot.elf"), None);
                booted.nor_image(before)
            });
            wanted[AT..AT + 4].copy_from_slice(b"here");
            let file = board.file("small.bin");
            fs::write(&file, b"here").expect("a file");
            let image = format!("{}@{:#x}", text(&file), 0x7000_0000 + AT);
            let flash = ["flash", &image, "--loader", loader];
            let cut = board.run(&[&flash[..], &["--virtual-mishap", mishap]].concat());
            assert_eq!(
                cut.status.code(),
                Some(3),
                "{loader}, {mishap}: {}",
                cut.stderr
            );
            assert!(board.nor(BYTES) != wanted, "{loader}, {mishap}");
            let completed = board.succeeds(&flash);
            assert!(completed.contains("is complete"), "{completed}");
            assert!(
                board.nor(BYTES) == wanted,
                "{loader}, {mishap}: bytes are lost"
            );
        }
    }
}

#[test]
fn the_probe_is_unplugged() {
    let bench = Bench::new();
    let lost = bench.flash_with("unplug nor program 300");
    assert_eq!(lost.status.code(), Some(3), "{}", lost.stderr);
    assert!(
        lost.stderr.contains("XG001") && lost.stderr.contains("check cable and power"),
        "{}",
        lost.stderr
    );
    bench.is_told_and_completed("the probe no longer answers");
}

#[test]
fn ctrl_c_and_sigterm() {
    for name in ["INT", "TERM"] {
        let bench = Bench::new();
        let flash = bench.flash_under_way();
        signal(&flash, name);
        let stderr = fault_of(flash);
        assert!(stderr.contains("XG036"), "SIG{name}: {stderr}");
        bench.is_told_and_completed("programming was cancelled at sector 0x700");
    }
}

/// An IDE ends its server while GDB loads: the operation under way ends, the rest is remembered.
#[test]
fn sigterm_in_the_middle_of_a_load() {
    let board = Board::with_appli("appli-older.elf");
    let boot = boot_image("boot.elf");
    let journal = board.journal();
    // By the wall clock, or the load may be over before the signal comes.
    let server = board.serve(&["--virtual-time", "free"]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.say("-target-download");
    wait_for(&journal);
    server.signal("TERM");
    let log = server.stderr_at_end();
    gdb.kill();
    assert!(log.contains("XG036"), "{log}");
    let told = board.run(&["boot", "status"]);
    assert!(
        told.stderr.contains("XG037") && told.stderr.contains("was cancelled"),
        "{}",
        told.stderr
    );
    let report = board.succeeds(&["flash", &text(&firmware(APPLI))]);
    assert!(report.contains("is complete"), "{report}");
    assert!(!journal.exists());
    assert_eq!(board.internal_flash(boot.len()), boot);
}

/// The client goes in the middle of a load, and the server goes on: the next client's load completes the work.
#[test]
fn the_client_is_gone() {
    let board = Board::with_appli("appli-older.elf");
    let journal = board.journal();
    // By the wall clock, or the load may be over before the signal comes.
    let server = board.serve(&["--virtual-time", "free"]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.say("-target-download");
    wait_for(&journal);
    gdb.kill();
    server.logged("XG036");
    let mut next = Gdb::connect(Some(&firmware(APPLI)), server.port);
    next.ok("-target-download");
    assert!(!journal.exists());
    next.kill();
    assert!(server.stop().success());
}

#[test]
fn two_boards_of_one_folder_do_not_mix() {
    let bench = Bench::new();
    let other = bench.board.file("other.state");
    let cut = bench.flash_with("power-cut nor erase 1");
    assert_eq!(cut.status.code(), Some(3), "{}", cut.stderr);
    let told = support::server::run(&["boot", "status"], Some(&other));
    assert!(!told.stderr.contains("XG037"), "{}", told.stderr);
    let flashed = support::server::run(&["flash", &bench.image], Some(&other));
    assert!(
        !flashed.stdout.contains("is complete"),
        "{}",
        flashed.stdout
    );
    bench.is_told_and_completed("the probe no longer answers");
}

#[test]
fn a_damaged_journal_is_a_notice() {
    let bench = Bench::new();
    let journal = bench.board.journal();
    fs::create_dir_all(journal.parent().expect("a folder")).expect("a folder");
    fs::write(&journal, "{\"entries\": [").expect("a file");
    let ran = bench.board.run(&["flash", &bench.image]);
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("XG037") && ran.stderr.contains("is damaged"),
        "{}",
        ran.stderr
    );
    assert!(!journal.exists());
}

const OTHER_BOOT: &str = "boot-other-slot.elf";
const DAMAGED: &str = "internal flash is damaged: 0x080";
const REMEDY: &str = "`xspi-gdb boot install FILE`";

/// The power is cut in the middle of an operation on internal flash; returns the board with what is left there.
#[track_caller]
fn cut_in_boot_install(mishap: &str) -> Board {
    let board = Board::with_appli(APPLI);
    let other = text(&firmware(OTHER_BOOT));
    let cut = board.run(&["boot", "install", &other, "--virtual-mishap", mishap]);
    assert_eq!(cut.status.code(), Some(3), "{mishap}: {}", cut.stderr);
    assert!(cut.stderr.contains("XG001"), "{mishap}: {}", cut.stderr);
    board
}

/// A boot stage half erased, or with its first, one of its middle, or its last flash word half programmed: told, and completed.
#[test]
fn a_boot_install_without_power_is_told_and_completed() {
    let other = text(&firmware(OTHER_BOOT));
    let wanted = boot_image(OTHER_BOOT);
    for mishap in [
        "power-cut flash erase 1",
        "power-cut flash program 1",
        "power-cut flash program 2",
        "power-cut flash program 300",
        "power-cut flash program 512",
    ] {
        let board = cut_in_boot_install(mishap);
        assert_ne!(board.internal_flash(wanted.len()), wanted, "{mishap}");
        let status = board.succeeds(&["boot", "status"]);
        assert!(
            status.contains("boot stage: damaged, 0x080")
                && status.contains(REMEDY)
                && status.contains(DAMAGED),
            "{mishap}: {status}"
        );
        for command in [&["boot", "arm"], &["flash", "--verify"]] {
            let mut arguments = command.to_vec();
            if command[0] == "flash" {
                arguments.push(&other);
            }
            let told = board.fails(&arguments);
            assert!(
                told.contains("XG008") && told.contains(DAMAGED) && told.contains(REMEDY),
                "{mishap}: {command:?}: {told}"
            );
        }
        let installed = board.run(&["boot", "install", &other]);
        assert!(installed.status.success(), "{mishap}: {}", installed.stderr);
        assert!(
            installed
                .stderr
                .contains("XG037 an earlier programming of internal flash ended in the middle"),
            "{mishap}: {}",
            installed.stderr
        );
        assert!(
            installed
                .stdout
                .contains("internal flash: was damaged, 0x080")
                && installed.stdout.contains("had left unfinished is complete"),
            "{mishap}: {}",
            installed.stdout
        );
        assert_eq!(board.internal_flash(wanted.len()), wanted, "{mishap}");
        assert!(!board.journal().exists(), "{mishap}");
        let status = board.succeeds(&["boot", "status"]);
        assert!(status.contains("boot stage: present"), "{mishap}: {status}");
        let again = board.succeeds(&["boot", "install", &other]);
        assert!(again.contains("unchanged, 0 bytes"), "{mishap}: {again}");
    }
}

/// Who has no journal is told by what cannot be read: in the boot stage, in the same sector behind it, and where nothing is stored.
#[test]
fn a_damaged_word_is_repaired_wherever_it_is() {
    let boot = boot_image("boot.elf");
    let file = text(&firmware("boot.elf"));
    for address in ["0x08000010", "0x08001234", "0x08003ff0", "0x0800c000"] {
        let board = Board::with_appli(APPLI);
        let flip = format!("flip {address}.0 now");
        let status = board.succeeds(&["boot", "status", "--virtual-mishap", &flip]);
        let word = format!("{}0 cannot be read", &address[..9]);
        assert!(status.contains(&word), "{status}");
        let installed = board.succeeds(&["boot", "install", &file]);
        assert!(
            installed.contains("1 sector changed") && installed.contains("that is repaired"),
            "{address}: {installed}"
        );
        assert_eq!(board.internal_flash(boot.len()), boot);
        let status = board.succeeds(&["boot", "status"]);
        assert!(!status.contains("damaged"), "{address}: {status}");
        board.succeeds(&["boot", "arm"]);
    }
}

/// GDB's `load` says what is wrong, and with `--install-boot` it puts it right and arrives at the appli.
#[test]
fn a_load_installs_a_boot_stage_that_is_damaged() {
    let board = cut_in_boot_install("power-cut flash program 40");
    let server = board.serve(&[]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    let status = gdb.monitor("boot status");
    assert!(
        status.contains(DAMAGED) && status.contains(REMEDY),
        "{status}"
    );
    drop(gdb);
    assert!(server.stop().success());
    let boot = text(&firmware("boot.elf"));
    let server = board.serve(&["--boot", &boot, "--install-boot"]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.ok("-target-download");
    let status = gdb.monitor("boot status");
    assert!(
        status.contains("equal to") && !status.contains("damaged"),
        "{status}"
    );
    drop(gdb);
    assert!(server.stop().success());
    let boot = boot_image("boot.elf");
    assert_eq!(board.internal_flash(boot.len()), boot);
}
