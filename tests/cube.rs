//! ST's GPIO_IOToggle behind ST's boot stage under GDB: neither is part of this repository, nor knows of it.
//!
//! `XSPI_GDB_CUBE` names a checkout of STM32CubeH7RS; without it the tests are skipped. `XSPI_GDB_TOGGLE` names the appli as an
//! ELF file, if it is not where STM32CubeIDE builds it in that tree. What is named and missing is a failure.

mod support;

use std::{env, path::PathBuf};

use support::{
    board::{Board, text},
    gdb::Gdb,
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
