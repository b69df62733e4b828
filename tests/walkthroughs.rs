//! The walkthroughs of docs/: every command is one that exists, and with the projects that they are about every command is run.
//!
//! `XSPI_GDB_CUBE` names a checkout of STM32CubeH7RS with GPIO_IOToggle built (`XSPI_GDB_TOGGLE`: its ELF file, if it lies elsewhere),
//! `XSPI_GDB_WORKSHOP` one of stm32h7rs_ospi, all three subprojects built. Neither is part of this repository; both are copied before they are
//! worked on. A fenced block `sh` has commands, the block `text` behind it lines that they print, in that order, `…` for what varies;
//! `toml` goes to the top of xspi-gdb.toml.

mod support;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use support::{
    repository,
    server::{Ran, Scratch, ran},
};

const PAGES: [&str; 2] = ["docs/walkthrough-dk.md", "docs/walkthrough-nucleo.md"];

/// A fenced block: what it is, and its lines.
#[derive(Debug)]
struct Block {
    kind: String,
    lines: Vec<String>,
}

fn blocks(page: &str) -> Vec<Block> {
    let text = fs::read_to_string(repository(page)).expect("a page");
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(_), true) => open = false,
            (Some(kind), false) => {
                open = true;
                blocks.push(Block {
                    kind: kind.to_owned(),
                    lines: Vec::new(),
                });
            }
            (None, true) => {
                let block = blocks.last_mut().expect("an open block");
                block.lines.push(line.to_owned());
            }
            (None, false) => {}
        }
    }
    blocks
}

/// A line of a page as a shell runs it, with our binary first on the path.
fn shell(line: &str, folder: &Path) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_xspi-gdb"));
    let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    ran(command)
}

/// The line with `--help`, for which every option before it must exist.
fn only_parsed(line: &str) -> String {
    let own = line.split(" || ").next().unwrap_or(line);
    match own.split_once(" -- ") {
        Some((ours, _client)) => format!("{ours} --help"),
        None => format!("{own} --help"),
    }
}

#[test]
fn every_command_of_the_walkthroughs_exists() {
    for page in PAGES {
        let blocks = blocks(page);
        let commands = blocks.iter().filter(|block| block.kind == "sh");
        let lines: Vec<&String> = commands.flat_map(|block| &block.lines).collect();
        assert!(lines.len() > 4, "{page} has commands");
        for line in lines {
            assert!(line.starts_with("xspi-gdb "), "{page}: {line}");
            let ran = shell(&only_parsed(line), &repository(""));
            assert!(ran.status.success(), "{page}: {line}\n{}", ran.stderr);
        }
    }
}

/// Runs a page in `folder`.
fn walk(page: &str, folder: &Path) {
    let mut printed = String::new();
    for block in blocks(page) {
        match block.kind.as_str() {
            "sh" => {
                printed.clear();
                for line in &block.lines {
                    let ran = shell(line, folder);
                    assert!(ran.status.success(), "{line}\n{}{}", ran.stdout, ran.stderr);
                    printed += &ran.stdout;
                    printed += &ran.stderr;
                }
            }
            "text" => assert_printed(&block.lines, &printed),
            "toml" => {
                let file = folder.join("xspi-gdb.toml");
                let settings = fs::read_to_string(&file).expect("settings");
                let text = format!("{}\n{settings}", block.lines.join("\n"));
                fs::write(&file, text).expect("settings");
            }
            kind => panic!("{page}: what is `{kind}`?"),
        }
    }
}

/// Each line is printed, one after the other.
#[track_caller]
fn assert_printed(lines: &[String], printed: &str) {
    let mut rest = printed.lines();
    for line in lines {
        let found = rest.any(|own| holds(own, line));
        assert!(
            found,
            "not printed, or not in this order: {line}\n{printed}"
        );
    }
}

/// True if the pieces of `line` between `…` stand in `own`, in that order.
fn holds(own: &str, line: &str) -> bool {
    let mut rest = own;
    line.split('…').all(|piece| match rest.split_once(piece) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

#[test]
fn lines_are_compared_piece_by_piece() {
    assert!(holds("#1  0x70 in main () at a.c", "#1  … in main ()"));
    assert!(!holds("main () in #1", "#1  … in main ()"));
}

/// The folder that a variable names; nothing, with a line that says so, if it is not set.
fn named(variable: &str) -> Option<PathBuf> {
    let value = env::var_os(variable).map(PathBuf::from);
    match &value {
        Some(path) => assert!(path.exists(), "{variable}: {} is missing", path.display()),
        None => eprintln!("skipped: {variable} is not set"),
    }
    value
}

/// Copies a project, without the drivers that it was built of.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let name = entry.file_name();
        if name == ".git" || name == "Drivers" || name == "Middlewares" {
            continue;
        }
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(name)),
            false => drop(fs::copy(entry.path(), to.join(name)).expect("a copy")),
        }
    }
}

#[test]
fn gpio_iotoggle_on_the_kit() {
    let Some(cube) = named("XSPI_GDB_CUBE") else {
        return;
    };
    const BOARD: &str = "Projects/STM32H7S78-DK";
    const BOOT: &str = "Templates/Template_XIP/Binary";
    const EXAMPLE: &str = "Examples/GPIO/GPIO_IOToggle";
    const ELF: &str = "STM32CubeIDE/Appli/Debug/GPIO_IOToggle_Appli.elf";
    let scratch = Scratch::new();
    let board = scratch.file(BOARD);
    for part in [BOOT, EXAMPLE] {
        copy(&cube.join(BOARD).join(part), &board.join(part));
    }
    let project = board.join(EXAMPLE);
    if let Some(elf) = env::var_os("XSPI_GDB_TOGGLE") {
        let there = project.join(ELF);
        fs::create_dir_all(there.parent().expect("a folder")).expect("a folder");
        fs::copy(elf, there).expect("a copy");
    }
    walk("docs/walkthrough-dk.md", &project);
}

#[test]
fn the_workshop_on_the_nucleo() {
    let Some(workshop) = named("XSPI_GDB_WORKSHOP") else {
        return;
    };
    let scratch = Scratch::new();
    let project = scratch.file("stm32h7rs_ospi");
    copy(&workshop, &project);
    walk("docs/walkthrough-nucleo.md", &project);
}
