//! ST's flash routines for the DK's NOR, called as STM32CubeProgrammer and a CMSIS debugger call them.
//!
//! MassErase is left out: it asks for the NOR's status for all of 192 s, which takes the host half an hour.

use virtual_board::board::XspiPort;

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
    let mut host = Host::with(bytes(&path), STLDR_CODE, STLDR_CODE);
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

#[test]
fn the_cmsis_algorithm_erases_programs_and_verifies() {
    let (Some(_), Some(path)) = (named(CUBE), named("XSPI_GDB_FLM")) else {
        return;
    };
    const ERASE: u32 = 1;
    const PROGRAM: u32 = 2;
    const VERIFY: u32 = 3;
    let mut host = Host::with(bytes(&path), 0, FLM_CODE);
    host.board.with(|board| {
        board
            .program_nor(SECTOR, &vec![0x5A; 3 * SECTOR as usize])
            .unwrap();
    });
    assert_eq!(host.call("Init", &[NOR, 0, ERASE])[0], FLM_SUCCESS);
    assert_eq!(
        host.call("EraseSector", &[NOR + 2 * SECTOR])[0],
        FLM_SUCCESS
    );
    assert_eq!(host.call("UnInit", &[ERASE])[0], FLM_SUCCESS);
    assert_eq!(
        host.nor(2 * SECTOR, SECTOR as usize),
        [0xFF; SECTOR as usize]
    );
    assert_eq!(host.nor(2 * SECTOR - 1, 1), [0x5A], "the sector before");
    assert_eq!(host.nor(3 * SECTOR, 1), [0x5A], "the sector behind");

    let data = pattern();
    host.write(BUFFER, &data);
    assert_eq!(host.call("Init", &[NOR, 0, PROGRAM])[0], FLM_SUCCESS);
    // Whole pages of 0x1000, as the algorithm describes them.
    let page = &data[..0x1000];
    let programmed = host.call("ProgramPage", &[NOR + 2 * SECTOR, 0x1000, BUFFER]);
    assert_eq!(programmed[0], FLM_SUCCESS);
    assert_eq!(host.nor(2 * SECTOR, 0x1000), page);
    assert_eq!(host.call("UnInit", &[PROGRAM])[0], FLM_SUCCESS);
    if host.symbol("Verify").is_some() {
        assert_eq!(host.call("Init", &[NOR, 0, VERIFY])[0], FLM_SUCCESS);
        let verified = host.call("Verify", &[NOR + 2 * SECTOR, 0x1000, BUFFER]);
        assert_eq!(verified[0], NOR + 2 * SECTOR + 0x1000);
    }
}
