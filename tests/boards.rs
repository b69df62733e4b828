//! The main job on every board that has a profile, and on one that a user describes in a file: install the boot stage, load an appli,
//! arrive at its first instruction, break, step. Each runs on the virtual board that is like it.

mod support;

use std::path::{Path, PathBuf};

use support::{
    debugger::Debugger,
    firmware, on_hardware,
    server::{Ran, Scratch, run},
};

/// A board and what runs on it.
#[derive(Clone, Copy)]
struct Case<'a> {
    board: &'a str,
    boot: &'a str,
    appli: &'a str,
    window: &'a str,
}

/// What the debugger shows of a board.
struct Bench<'a> {
    case: Case<'a>,
    scratch: Scratch,
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of ours").to_owned()
}

impl Bench<'_> {
    fn state(&self) -> PathBuf {
        self.scratch.file("board.state")
    }

    fn run_as(&self, board: &str, arguments: &[&str]) -> Ran {
        let end = arguments.iter().position(|argument| *argument == "--");
        let (own, client) = arguments.split_at(end.unwrap_or(arguments.len()));
        let all = [own, &["--board", board], client].concat();
        run(&all, Some(&self.state()))
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str]) -> String {
        let ran = self.run_as(self.case.board, arguments);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.status.success(), "{}: {said}", self.case.board);
        said
    }

    /// One GDB session with these commands.
    #[track_caller]
    fn debugs(&self, commands: &[&str]) -> String {
        let appli = text(&firmware(self.case.appli));
        let gdb = Debugger::Installed.program();
        let mut arguments = vec!["exec", "--appli", &appli, "--", &gdb, "-nx", "-batch"];
        for command in ["target extended-remote :{port}"].iter().chain(commands) {
            arguments.extend(["-ex", command]);
        }
        arguments.push(&appli);
        self.succeeds(&arguments)
    }
}

#[track_caller]
fn does_the_main_job(case: Case<'_>) {
    if on_hardware() {
        return;
    }
    let bench = Bench {
        case,
        scratch: Scratch::new(),
    };
    let (board, window) = (bench.case.board, bench.case.window);
    bench.succeeds(&["boot", "install", &text(&firmware(bench.case.boot))]);
    let session = bench.debugs(&[
        "load",
        "break toggle",
        "continue",
        "backtrace",
        "next",
        "monitor window",
        "monitor boot status",
        "compare-sections .text",
    ]);
    for expected in [
        "Breakpoint 1, appli::work::toggle",
        "appli::main ()",
        "led.set(lit);",
        &format!("nor at {window}: open"),
        "finding: nothing is wrong",
        "matched.",
    ] {
        assert!(
            session.contains(expected),
            "{board}: no `{expected}` in\n{session}"
        );
    }
    let again = bench.succeeds(&["flash", &text(&firmware(bench.case.appli))]);
    assert!(
        again.contains("unchanged, 0 bytes programmed"),
        "{board}: {again}"
    );
}

#[test]
fn the_nucleo_with_its_smaller_octal_nor() {
    does_the_main_job(Case {
        board: "nucleo-h7s3l8",
        boot: "boot.elf",
        appli: "appli.elf",
        window: "0x70000000",
    });
}

#[test]
fn the_kit_with_swapped_ports() {
    does_the_main_job(Case {
        board: "stm32h7s78-dk-swapped",
        boot: "boot-xspi1.elf",
        appli: "appli-xspi1.elf",
        window: "0x90000000",
    });
}

#[test]
fn a_quad_nor_behind_xspi1() {
    does_the_main_job(Case {
        board: "quad-nor-xspi1",
        boot: "boot-quad.elf",
        appli: "appli-xspi1.elf",
        window: "0x90000000",
    });
}

/// The only block of TOML in docs/custom-board.md.
fn documented_profile() -> String {
    let page = include_str!("../docs/custom-board.md");
    let (_, rest) = page.split_once("```toml\n").expect("an example");
    let (example, after) = rest.split_once("```").expect("its end");
    assert!(!after.contains("```toml"), "one example");
    example.to_owned()
}

#[test]
fn the_documented_file_makes_a_board() {
    let scratch = Scratch::new();
    let profile = scratch.file("my-board.toml");
    std::fs::write(&profile, documented_profile()).expect("a file");
    does_the_main_job(Case {
        board: &text(&profile),
        boot: "boot-quad.elf",
        appli: "appli-xspi1.elf",
        window: "0x90000000",
    });
}

/// A profile and its loader are moved together.
#[test]
fn a_loader_that_a_profile_names_is_looked_for_beside_the_profile() {
    if on_hardware() {
        return;
    }
    let scratch = Scratch::new();
    let profile = scratch.file("my-board.toml");
    let own = "algorithm = \"own-quad\"";
    let with_file = documented_profile().replace(own, "algorithm = \"quad.elf\"");
    std::fs::write(&profile, with_file).expect("a file");
    std::fs::copy(firmware("loader-quad.elf"), scratch.file("quad.elf")).expect("a file");
    let ran = run(
        &[
            "flash",
            &text(&firmware("appli-xspi1.elf")),
            "--board",
            &text(&profile),
        ],
        Some(&scratch.file("board.state")),
    );
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(ran.stdout.contains("verified"), "{}", ran.stdout);
}

#[test]
fn a_profile_that_has_the_ports_the_other_way_round_is_told() {
    if on_hardware() {
        return;
    }
    let bench = Bench {
        case: Case {
            board: "stm32h7s78-dk-swapped",
            boot: "boot-xspi1.elf",
            appli: "appli-xspi1.elf",
            window: "0x90000000",
        },
        scratch: Scratch::new(),
    };
    bench.succeeds(&["boot", "install", &text(&firmware("boot-xspi1.elf"))]);
    bench.succeeds(&["flash", &text(&firmware("appli-xspi1.elf"))]);
    // The kit's profile with its memories where the swapped one has them, and the ports as they are delivered.
    let swapped = include_str!("../profiles/stm32h7s78-dk-swapped.toml");
    let wrong = swapped
        .replace("port = 2", "port = 0")
        .replace("port = 1", "port = 2")
        .replace("port = 0", "port = 1");
    let file = bench.scratch.file("wrong.toml");
    std::fs::write(&file, wrong).expect("a file");
    let gdb = Debugger::Installed.program();
    let mut arguments = vec!["exec", "--", &gdb, "-nx", "-batch"];
    for command in [
        "target extended-remote :{port}",
        "monitor reset run",
        "monitor delay 100",
        "monitor halt",
        "monitor window",
    ] {
        arguments.extend(["-ex", command]);
    }
    let ran = bench.run_as(&text(&file), &arguments);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let expected = "XSPI1 is connected to the other port than port 1";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_profile_without_a_virtual_board_says_what_is_missing() {
    if on_hardware() {
        return;
    }
    let scratch = Scratch::new();
    let profile = scratch.file("my-board.toml");
    let text_without = documented_profile();
    let (before, _) = text_without
        .split_once("# Only for `--probe virtual`:")
        .expect("marked");
    std::fs::write(&profile, before).expect("a file");
    let ran = run(
        &["boot", "status", "--board", &text(&profile)],
        Some(&scratch.file("board.state")),
    );
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("docs/custom-board.md"),
        "{}",
        ran.stderr
    );
}
