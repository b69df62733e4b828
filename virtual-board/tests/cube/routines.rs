//! ST's flash routines for the DK's NOR, called as STM32CubeProgrammer and a CMSIS debugger call them.

use std::{fs, path::Path};

use virtual_board::board::{Description, XspiPort};

use crate::{
    CUBE, NOR, bytes,
    host::{BUFFER, Host},
    named,
};

/// In a .stldr 1 is success; in an .FLM 0 is.
const STLDR_SUCCESS: u32 = 1;
const FLM_SUCCESS: u32 = 0;
/// Where a .stldr's code begins; StorageInfo may lie below.
const STLDR_CODE: u32 = 0x2000_0000;
/// RAM for an .FLM, which runs anywhere.
const FLM_CODE: u32 = 0x2400_0000;
const SECTOR: u32 = 0x1_0000;
/// In the third sector, not at its start.
const PLACE: u32 = NOR + 2 * SECTOR + 0x100;
const LENGTH: usize = 0x1800;

fn pattern() -> Vec<u8> {
    (0..LENGTH)
        .map(|index| (index * 7 + index / 256) as u8)
        .collect()
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&byte| u32::from(byte)).sum()
}

#[test]
fn the_external_loader_erases_writes_and_verifies() {
    let (Some(_), Some(path)) = (named(CUBE), named("XSPI_GDB_STLDR")) else {
        return;
    };
    let mut host = Host::with("stm32h7s78-dk", bytes(&path), STLDR_CODE, STLDR_CODE);
    // Something to erase, on both sides too.
    host.board.with(|board| {
        board
            .program_nor(SECTOR, &vec![0x5A; 3 * SECTOR as usize])
            .unwrap();
    });
    assert_eq!(host.call("Init", &[])[0], STLDR_SUCCESS);
    assert!(host.board.with(|board| board.is_mapped(XspiPort::Xspi2)));
    assert_eq!(host.read(PLACE, 4), [0x5A; 4], "the window is open");

    // Both ends are in the sector.
    let sector = NOR + 2 * SECTOR;
    let erased = host.call("SectorErase", &[sector, sector]);
    assert_eq!(erased[0], STLDR_SUCCESS);
    assert_eq!(
        host.nor(2 * SECTOR, SECTOR as usize),
        [0xFF; SECTOR as usize]
    );
    assert_eq!(host.nor(2 * SECTOR - 1, 1), [0x5A], "the sector before");
    assert_eq!(host.nor(3 * SECTOR, 1), [0x5A], "the sector behind");

    let data = pattern();
    host.write(BUFFER, &data);
    let written = host.call("Write", &[PLACE, LENGTH as u32, BUFFER]);
    assert_eq!(written[0], STLDR_SUCCESS);
    assert_eq!(host.nor(PLACE - NOR, LENGTH), data);
    assert_eq!(host.nor(PLACE - NOR - 1, 1), [0xFF]);

    // 0, or where they differ; and the sum of what was read.
    let words = LENGTH as u32 / 4;
    let verified = host.call("Verify", &[PLACE, BUFFER, words, 0]);
    assert_eq!(verified, [0, sum(&data)]);
    host.write(BUFFER + 0x404, &[!data[0x404]]);
    // ST's adds the place twice: 0x808 for 0x404.
    assert_ne!(host.call("Verify", &[PLACE, BUFFER, words, 0])[0], 0);

    if host.symbol("CheckSum").is_some() {
        let checksum = host.call("CheckSum", &[PLACE, LENGTH as u32, 0]);
        assert_eq!(checksum[0], sum(&data));
    }
    if host.symbol("Read").is_some() {
        assert_eq!(
            host.call("Read", &[PLACE, LENGTH as u32, BUFFER])[0],
            STLDR_SUCCESS
        );
        assert_eq!(host.read(BUFFER, LENGTH), data);
    }
}

const PART: &str = include_str!("../../parts/mx66uw1g45g.toml");
const BOARD: &str = include_str!("../../boards/stm32h7s78-dk.toml");

/// The kit with a NOR that is erased in 256 ms. The loader asks for its status command by command, which the core executes: for the 192 s of
/// the real one that takes the host half an hour.
fn kit_with_a_quick_nor() -> Description {
    // SFDP, basic parameters, 11th word: 3 x 64 s, and 16 x 16 ms.
    let part = PART.replace("8F 12 00 E2", "8F 12 00 8F");
    assert_ne!(part, PART);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(folder.join("quick.toml"), part).unwrap();
    Description::parse(&BOARD.replace("MX66UW1G45G", "quick.toml"), folder).unwrap()
}

#[test]
fn the_external_loader_erases_the_whole_nor() {
    let (Some(_), Some(path)) = (named(CUBE), named("XSPI_GDB_STLDR")) else {
        return;
    };
    let kit = kit_with_a_quick_nor();
    let mut host = Host::on(kit, bytes(&path), STLDR_CODE, STLDR_CODE);
    let ends = [0, (128 << 20) - SECTOR];
    host.board.with(|board| {
        for end in ends {
            board.program_nor(end, &[0x5A; SECTOR as usize]).unwrap();
        }
    });
    assert_eq!(host.call("Init", &[])[0], STLDR_SUCCESS);
    assert_eq!(host.call("MassErase", &[0])[0], STLDR_SUCCESS);
    for end in ends {
        assert_eq!(host.nor(end, SECTOR as usize), [0xFF; SECTOR as usize]);
    }
}

/// A CMSIS algorithm of the device family pack.
struct Algorithm {
    file: &'static str,
    board: &'static str,
    /// Where its memory begins, and what lies there is erased and programmed in.
    base: u32,
    sector: u32,
    page: u32,
}

const ALGORITHMS: [Algorithm; 4] = [
    Algorithm {
        file: "MX66UW1G45G_STM32H7S78-DK.FLM",
        board: "stm32h7s78-dk",
        base: 0x7000_0000,
        sector: 0x1_0000,
        page: 0x1000,
    },
    // XSPIM gives the same NOR to XSPI1.
    Algorithm {
        file: "MX66UW1G45G_STM32H7S78-DK-XSPIM1.FLM",
        board: "stm32h7s78-dk",
        base: 0x9000_0000,
        sector: 0x1_0000,
        page: 0x1000,
    },
    Algorithm {
        file: "MX25UW25645G_STM32H7S38-NUCLEO.FLM",
        board: "nucleo-h7s3l8",
        base: 0x7000_0000,
        sector: 0x1_0000,
        page: 0x1000,
    },
    Algorithm {
        file: "STM32H7Rx_64k.FLM",
        board: "stm32h7s78-dk",
        base: 0x0800_0000,
        sector: 0x2000,
        page: 0x400,
    },
];

#[test]
fn the_cmsis_algorithms_erase_program_and_verify() {
    let (Some(_), Some(pack)) = (named(CUBE), named("XSPI_GDB_DFP")) else {
        return;
    };
    for algorithm in &ALGORITHMS {
        let path = pack.join("CMSIS/Flash").join(algorithm.file);
        let mut host = Host::with(algorithm.board, bytes(&path), 0, FLM_CODE);
        program_by(&mut host, algorithm);
    }
}

/// Programs three sectors, erases the one between, and programs it anew.
fn program_by(host: &mut Host, algorithm: &Algorithm) {
    const ERASE: u32 = 1;
    const PROGRAM: u32 = 2;
    const VERIFY: u32 = 3;
    let Algorithm {
        file,
        base,
        sector,
        page,
        ..
    } = *algorithm;
    let old = vec![0x5A; page as usize];
    let new: Vec<u8> = pattern().into_iter().take(page as usize).collect();
    let call = |host: &mut Host, function: &str, arguments: &[u32]| {
        let [result, _] = host.call(function, arguments);
        assert_eq!(result, FLM_SUCCESS, "{file}: {function} {arguments:x?}");
    };
    host.write(BUFFER, &old);
    call(host, "Init", &[base, 0, PROGRAM]);
    for number in 1..4 {
        let place = base + number * sector;
        call(host, "ProgramPage", &[place, page, BUFFER]);
    }
    call(host, "UnInit", &[PROGRAM]);
    call(host, "Init", &[base, 0, ERASE]);
    call(host, "EraseSector", &[base + 2 * sector]);
    call(host, "UnInit", &[ERASE]);
    let stored = |host: &Host, number: u32| host.stored(base, number * sector, page as usize);
    assert_eq!(stored(host, 1), old, "{file}: the sector before");
    assert_eq!(stored(host, 2), vec![0xFF; page as usize], "{file}");
    assert_eq!(stored(host, 3), old, "{file}: the sector behind");

    host.write(BUFFER, &new);
    call(host, "Init", &[base, 0, PROGRAM]);
    call(host, "ProgramPage", &[base + 2 * sector, page, BUFFER]);
    call(host, "UnInit", &[PROGRAM]);
    assert_eq!(stored(host, 2), new, "{file}");
    if host.symbol("Verify").is_some() {
        call(host, "Init", &[base, 0, VERIFY]);
        let place = base + 2 * sector;
        let [end, _] = host.call("Verify", &[place, page, BUFFER]);
        assert_eq!(end, place + page, "{file}: all is equal");
    }
}
