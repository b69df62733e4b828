//! ST's GPIO_IOToggle behind ST's boot stage under GDB: neither is part of this repository, nor knows of it.
//!
//! `XSPI_GDB_CUBE` names a checkout of STM32CubeH7RS; without it the tests are skipped. `XSPI_GDB_TOGGLE` names the appli as an
//! ELF file, if it is not where STM32CubeIDE builds it in that tree. What is named and missing is a failure.
//!
//! `init` looks at every template of the tree, and writes nothing there.

mod support;

use std::{env, path::PathBuf};

use support::{
    board::{Board, text},
    gdb::Gdb,
    server::{binary, ran},
};

const PROJECTS: &str = "Projects/STM32H7S78-DK";

/// Boot_XIP.hex and GPIO_IOToggle's ELF file, or `None` with a line that says why.
fn files() -> Option<(PathBuf, PathBuf)> {
    let Some(cube) = env::var_os("XSPI_GDB_CUBE") else {
        eprintln!("skipped: XSPI_GDB_CUBE is not set");
        return None;
    };
    let projects = PathBuf::from(cube).join(PROJECTS);
    let boot = projects.join("Templates/Template_XIP/Binary/Boot_XIP.hex");
    let usual = "Examples/GPIO/GPIO_IOToggle/STM32CubeIDE/Appli/Debug/GPIO_IOToggle_Appli.elf";
    let appli = env::var_os("XSPI_GDB_TOGGLE").map_or_else(|| projects.join(usual), PathBuf::from);
    for file in [&boot, &appli] {
        assert!(file.is_file(), "{} is missing", file.display());
    }
    Some((boot, appli))
}

/// A breakpoint in code that executes in place is hit each time, and the LED has changed when the function returns.
fn toggles(gdb: &mut Gdb) {
    gdb.ok("-break-insert HAL_GPIO_TogglePin");
    let mut pins = Vec::new();
    for _ in 0..8 {
        let stop = gdb.stopped("-exec-continue");
        assert_eq!(stop.function(), "HAL_GPIO_TogglePin");
        let port = gdb.number("(unsigned)GPIOx");
        pins.push((port, gdb.number("GPIO_Pin")));
        let output = port + 0x14;
        let before = gdb.word(output);
        gdb.stopped("-exec-finish");
        assert_ne!(before, gdb.word(output));
    }
    const PORT_M: u32 = 0x5802_3000;
    const PORT_O: u32 = 0x5802_3800;
    let leds = [
        (PORT_O, 1 << 1),
        (PORT_O, 1 << 5),
        (PORT_M, 1 << 2),
        (PORT_M, 1 << 3),
    ];
    for led in leds {
        assert!(pins.contains(&led), "{pins:x?} have no {led:x?}");
    }
}

#[test]
fn gdb_breaks_in_a_public_appli_that_is_there_already() {
    let Some((boot, appli)) = files() else { return };
    let board = Board::with(Some(&text(&boot)), Some(&text(&appli)));
    let server = board.serve(&["--appli", &text(&appli)]);
    let mut gdb = Gdb::connect(Some(&appli), server.port);
    toggles(&mut gdb);
}

#[test]
fn gdb_loads_a_public_appli_behind_a_public_boot_stage() {
    let Some((boot, appli)) = files() else { return };
    let board = Board::blank();
    board.succeeds(&["boot", "install", &text(&boot)]);
    let server = board.serve(&["--appli", &text(&appli)]);
    let mut gdb = Gdb::connect(Some(&appli), server.port);
    gdb.ok("-target-download");
    toggles(&mut gdb);
}

/// What `init` says of each template: by its folder, words that must be there.
const TEMPLATES: &[(&str, &[&str])] = &[
    (
        "STM32H7S78-DK/Templates/Template_XIP",
        &[
            "found    board = \"stm32h7s78-dk\"",
            "found    boot-mode = \"xip\"",
            "found    boot = \"Binary/Boot_XIP.hex\"",
            "would write STM32CubeIDE/Appli/Template_XIP_Appli Debug (xspi-gdb).launch",
        ],
    ),
    (
        "STM32H7S78-DK/Templates/Template_XIP_Custom",
        &[
            "found    board = \"stm32h7s78-dk\"",
            "found    boot = \"Binary/Boot_XIP_Custom.hex\"",
        ],
    ),
    (
        "STM32H7S78-DK/Templates/Template_LRUN",
        &["found    lrun = { destination = 0x90000000, size = 0x4000, source = 0x70000000 }"],
    ),
    (
        "STM32H7S78-DK/Templates/Template_ROT/OEMiROT_Appli",
        &["open     boot-mode = \"signed\"", "open     image = "],
    ),
    (
        "STM32H7S78-DK/Templates/Template",
        &["open     appli = ", "found    board = \"stm32h7s78-dk\""],
    ),
    (
        "STM32H7S78-DK/Examples/GPIO/GPIO_IOToggle",
        &["found    boot = \"../../../Templates/Template_XIP/Binary/Boot_XIP.hex\""],
    ),
    (
        "NUCLEO-H7S3L8/Templates/Template_XIP",
        &[
            "found    board = \"nucleo-h7s3l8\"",
            "Boot_XIP.hex too: which is on the board?",
        ],
    ),
    (
        "NUCLEO-H7S3L8/Templates/Template_LRUN",
        &[
            "found    lrun = { destination = 0x24050000, size = 0x1500, source = 0x70000000 }",
            "found    boot = \"Binary/Template_LRUN_Boot.hex\"",
        ],
    ),
];

#[test]
fn templates_are_known_by_init() {
    let Some(cube) = env::var_os("XSPI_GDB_CUBE") else {
        eprintln!("skipped: XSPI_GDB_CUBE is not set");
        return;
    };
    for (folder, words) in TEMPLATES {
        let project = PathBuf::from(&cube).join("Projects").join(folder);
        let mut command = binary();
        command.args(["init", "--dry-run"]).arg(&project);
        let ran = ran(command);
        assert!(ran.status.success(), "{folder}: {}", ran.stderr);
        for words in *words {
            let told = ran.stdout.lines().any(|line| line.contains(words));
            assert!(told, "{folder}: no `{words}`\n{}", ran.stdout);
        }
    }
}
