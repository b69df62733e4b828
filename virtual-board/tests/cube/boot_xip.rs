//! ST's boot stages open the window and jump; the one of v1.3.0 register for register as it was recorded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use virtual_board::{
    board::{Board, CoreState, XspiPort},
    clock::Time,
};

use crate::{
    CUBE, DK, INTERNAL_FLASH, NOR, hex, in_tree, named,
    trace::{RegisterWrite, writes_during},
};

const RECORDED: &str = include_str!("boot_xip_1_3_0.txt");
/// Length and sum of the bytes of the image that the recording was made from.
const RECORDED_IMAGE: (usize, u32) = (28956, 3013985);
/// What the recording leaves out of the blocks that it has: XSPI_FCR and XSPI_DR.
const UNRECORDED: [u32; 2] = [0x24, 0x50];
const BOOT: Time = Time::millis(400);

/// An appli that does nothing: `b .` behind its vectors.
fn idle_appli(base: u32) -> Vec<u8> {
    [0x2000_8000, base + 9, 0xE7FE_E7FE]
        .iter()
        .flat_map(|word: &u32| word.to_le_bytes())
        .collect()
}

fn started(boot: Vec<u8>, appli: Vec<u8>) -> Board {
    let builder = Board::builder().strict(true);
    let mut board = builder.boot_image(boot).nor_image(appli).build().unwrap();
    board.run_for(BOOT);
    board
}

/// Boot stages that a tree has as binaries, in all its projects.
fn boot_stages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(boot_stages(&path));
        } else if path.extension().is_some_and(|end| end == "hex") {
            found.push(path);
        }
    }
    found
}

fn is_named(path: &Path, part: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().contains(part))
}

/// From power-on, and again after the reset button, when the NOR is still in the mode in which it was left.
#[test]
fn every_xip_boot_stage_of_the_tree_opens_the_window_and_jumps() {
    let Some(cube) = named(CUBE) else { return };
    let mut stages = boot_stages(&cube.join("Projects"));
    stages.retain(|path| is_named(path, "XIP"));
    assert!(!stages.is_empty(), "{CUBE} has no Boot_XIP");
    for path in stages {
        let appli = idle_appli(NOR);
        let mut board = started(hex(&path, INTERNAL_FLASH), appli.clone());
        for start in ["power-on", "reset"] {
            let what = format!("{} after {start}", path.display());
            assert_eq!(board.pc(), NOR + 8, "{what}");
            assert!(board.is_mapped(XspiPort::Xspi2), "{what}");
            let word = u32::from_le_bytes(appli[..4].try_into().unwrap());
            assert_eq!(board.read_word(NOR), Some(word), "{what}");
            board.reset();
            board.run_for(BOOT);
        }
    }
}

/// A NOR that holds no appli: the boot stage opens the window all the same, and the core has nowhere to go.
#[test]
fn a_boot_stage_without_an_appli_ends_in_a_lockup() {
    let Some(cube) = named(CUBE) else { return };
    let path = in_tree(
        &cube,
        &format!("{DK}/Templates/Template_XIP/Binary/Boot_XIP.hex"),
    );
    let mut board = started(hex(&path, INTERNAL_FLASH), Vec::new());
    assert!(board.is_mapped(XspiPort::Xspi2));
    assert_eq!(board.core_state(), CoreState::LockedUp);
}

#[test]
fn load_and_run_boot_stages_copy_the_appli_and_jump() {
    let Some(cube) = named(CUBE) else { return };
    const AXI_SRAM: u32 = 0x2405_0000;
    let mut stages = boot_stages(&cube.join("Projects"));
    stages.retain(|path| is_named(path, "LRUN"));
    for path in stages {
        let mut appli = vec![0; 0x400];
        appli[..12].copy_from_slice(&idle_appli(AXI_SRAM));
        let mut board = started(hex(&path, INTERNAL_FLASH), appli);
        assert_eq!(board.pc(), AXI_SRAM + 8, "{}", path.display());
        assert_eq!(board.read_word(AXI_SRAM), Some(0x2000_8000));
    }
}

fn recorded() -> Vec<RegisterWrite> {
    let number = |text: &str| u32::from_str_radix(text, 16).unwrap();
    RECORDED
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            RegisterWrite {
                block: words[0].to_owned(),
                offset: number(words[1]),
                value: number(words[2]),
            }
        })
        .collect()
}

/// PLLCKSELR: DIVM1 to DIVM3. MODER: two bits a pin.
const DIVIDERS: [u32; 3] = [0x3F << 4, 0x3F << 12, 0x3F << 20];
const PINS: [u32; 16] = {
    let (mut pins, mut pin) = ([0; 16], 0);
    while pin < 16 {
        pins[pin] = 3 << (2 * pin);
        pin += 1;
    }
    pins
};

/// Registers that were zero after reset where the recording was made, with what the chip has there (GPIO_MODER: every pin
/// analog, 3; RCC_PLLCKSELR: each divider 32), and their fields. A field shows that until it is written.
fn reset_value(write: &RegisterWrite) -> Option<(u32, &'static [u32])> {
    match (write.block.as_str(), write.offset) {
        ("RCC", 0x28) => Some((0x0202_0200, &DIVIDERS)),
        (block, 0) if block.starts_with("GPIO") => Some((0xFFFF_FFFF, &PINS)),
        _ => None,
    }
}

/// The recording as the chip would have shown it: fields that have not been written yet have their reset value.
fn as_on_the_chip(recorded: &mut [RegisterWrite]) -> usize {
    let mut changed = 0;
    let mut written: BTreeMap<(String, u32), u32> = BTreeMap::new();
    for write in recorded {
        let Some((reset, masks)) = reset_value(write) else {
            continue;
        };
        let key = (write.block.clone(), write.offset);
        let fields = written.entry(key).or_default();
        for mask in masks.iter().filter(|&mask| write.value & mask != 0) {
            *fields |= mask;
        }
        let value = write.value | reset & !*fields;
        changed += usize::from(value != write.value);
        write.value = value;
    }
    changed
}

#[test]
fn boot_xip_of_1_3_0_writes_what_was_recorded() {
    let Some(cube) = named(CUBE) else { return };
    let path = in_tree(
        &cube,
        &format!("{DK}/Templates/Template_XIP/Binary/Boot_XIP.hex"),
    );
    let boot = hex(&path, INTERNAL_FLASH);
    let sum = boot.iter().map(|&byte| u32::from(byte)).sum();
    if (boot.len(), sum) != RECORDED_IMAGE {
        eprintln!("skipped: {} is not of v1.3.0", path.display());
        return;
    }
    let mut board = None;
    let mut writes = writes_during(|| board = Some(started(boot, idle_appli(NOR))));
    let mut expected = recorded();
    assert_eq!(as_on_the_chip(&mut expected), 32);
    writes.retain(|write| {
        expected.iter().any(|known| known.block == write.block)
            && !(write.block.starts_with("XSPI") && UNRECORDED.contains(&write.offset))
    });
    for (index, (write, expected)) in writes.iter().zip(&expected).enumerate() {
        assert_eq!(write, expected, "write {index}");
    }
    assert_eq!(writes.len(), expected.len());
    assert_eq!(board.map(|board| board.pc()), Some(NOR + 8));
}
