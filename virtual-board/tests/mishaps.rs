//! What goes wrong by order, seen by a debugger and by whoever looks at the memories afterwards.

mod common;
#[path = "common/interface.rs"]
mod interface;
#[path = "common/served.rs"]
mod served;
#[path = "common/target.rs"]
mod target;
#[path = "common/tiny.rs"]
mod tiny;

use std::{fs, io::Read, net::TcpStream, path::Path, time::Duration};

use interface::{AHB, connect, read, write};
use probe_rs::{
    Permissions, Session, architecture::arm::ArmDebugInterface, flashing::DownloadOptions,
};
use served::Served;
use target::target;
use tiny::{SPINS, boot_stage};
use virtual_board::{
    board::{Board, CoreState},
    handle::VirtualBoard,
    mishap::Mishap,
};

const RAM: u64 = 0x2400_0000;
const RCC_RSR: u64 = 0x5802_4530;
/// RCC_RSR: PORRSTF, PINRSTF, BORRSTF; RMVF clears them.
const POWER_ON: u32 = 1 << 23;
const PIN: u32 = 1 << 22;
const BROWN_OUT: u32 = 1 << 21;
const REMOVE_FLAGS: u32 = 1 << 16;
/// FLASH_KEYR, FLASH_CR, FLASH_SR and their values.
const KEYR: u64 = 0x5200_2004;
const CR: u64 = 0x5200_2010;
const SR: u64 = 0x5200_2014;
const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const ERASE_FIRST_SECTOR: u32 = 1 << 2 | 1 << 5;
const SECTOR: usize = 0x2000;
const WINDOW: u64 = 0x7000_0000;
const WINDOW_ALGORITHM: &str = "mx66uw1g45g_stm32h7s78-dk";

/// Boot stage and, behind it, what fills the sector.
fn spinning() -> Vec<u8> {
    let mut image = boot_stage(&[], SPINS);
    image.resize(SECTOR, 0x11);
    image
}

fn board() -> VirtualBoard {
    let builder = common::builder().boot_image(spinning());
    VirtualBoard::new(builder.build().unwrap())
}

fn inject(board: &VirtualBoard, words: &str) {
    let mishap: Mishap = words.parse().unwrap();
    board.with(|board| board.inject(mishap));
}

fn erase_first_sector(probe: &mut dyn ArmDebugInterface) {
    for key in KEYS {
        write(probe, &AHB, &[(KEYR, key)]);
    }
    write(probe, &AHB, &[(CR, ERASE_FIRST_SECTOR)]);
}

fn attach(board: &VirtualBoard) -> Session {
    let chip = target("STM32H7S7L8", WINDOW);
    board.open().attach(chip, Permissions::new()).unwrap()
}

fn program(session: &mut Session, data: &[u8]) -> bool {
    let mut loader = session.target().flash_loader();
    loader.add_data(WINDOW, data).unwrap();
    let mut options = DownloadOptions::default();
    options.preferred_algos = vec![WINDOW_ALGORITHM.to_owned()];
    loader.commit(session, options).is_ok()
}

fn nor(board: &VirtualBoard, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    board.with(|board| board.nor_contents(0, &mut bytes));
    bytes
}

#[test]
fn a_power_cut_leaves_an_erase_of_internal_flash_half_done_and_the_link_dead() {
    let board = board();
    let mut probe = connect(&board);
    inject(&board, "power-cut flash erase 1");
    erase_first_sector(probe.as_mut());
    board.idle(Duration::from_millis(2));
    assert!(
        read(probe.as_mut(), &AHB, RAM).is_err(),
        "the port forgot the host"
    );
    drop(probe);

    let contents = board.with(|board| board.internal_flash()[..SECTOR].to_vec());
    let blank = contents.chunks(16).filter(|word| **word == [0xFF; 16]);
    assert_eq!(blank.count(), SECTOR / 32, "every other flash word");
    assert!(
        !contents.chunks(16).any(|word| *word == [0x11; 16]),
        "none is old"
    );

    let mut probe = connect(&board);
    assert_eq!(read(probe.as_mut(), &AHB, 0x0800_0000).unwrap(), u32::MAX);
    assert!(
        read(probe.as_mut(), &AHB, 0x0800_0010).is_err(),
        "wrong ECC"
    );
    erase_first_sector(probe.as_mut());
    board.idle(Duration::from_millis(3));
    assert_eq!(read(probe.as_mut(), &AHB, SR).unwrap(), 0);
    assert_eq!(read(probe.as_mut(), &AHB, 0x0800_0010).unwrap(), u32::MAX);
}

#[test]
fn a_state_file_keeps_which_flash_words_cannot_be_read() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ecc.state");
    let _ = fs::remove_file(&path);
    let kept = || VirtualBoard::new(Board::builder().state_file(&path).build().unwrap());
    inject(&kept(), "flip 0x08000123.4 now");
    let again = kept();
    fs::remove_file(&path).unwrap();
    let mut probe = connect(&again);
    assert!(read(probe.as_mut(), &AHB, 0x0800_0120).is_err());
    assert_eq!(read(probe.as_mut(), &AHB, 0x0800_0130).unwrap(), u32::MAX);
    drop(probe);
    drop(again);
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_power_cut_leaves_an_erase_of_the_nor_half_done() {
    let board = board();
    board
        .with(|board| board.program_nor(0, &[0x33; 0x1_0000]))
        .unwrap();
    let mut session = attach(&board);
    inject(&board, "power-cut nor erase 1");
    assert!(!program(&mut session, &[0x44; 0x1000]));
    drop(session);
    let sector = nor(&board, 0x1_0000);
    assert!(sector[..256].iter().all(|byte| *byte == 0xFF));
    let next = &sector[256..512];
    assert!(next.iter().all(|byte| *byte != 0xFF && *byte != 0x33));
    assert!(program(&mut attach(&board), &[0x44; 0x1000]));
    assert!(nor(&board, 0x1000).iter().all(|byte| *byte == 0x44));
}

#[test]
fn a_power_cut_leaves_a_page_half_programmed() {
    let board = board();
    let mut session = attach(&board);
    inject(&board, "power-cut nor program 3");
    assert!(!program(&mut session, &[0x44; 0x1000]));
    let there = nor(&board, 0x1000);
    let complete = 2 * 256 + 128;
    assert!(there[..complete].iter().all(|byte| *byte == 0x44));
    assert_eq!(there[complete], 0x44 | 0x55, "some bits");
    assert!(there[complete + 1..].iter().all(|byte| *byte == 0xFF));
}

#[test]
fn an_unplugged_probe_leaves_the_operation_alone() {
    let board = board();
    let mut session = attach(&board);
    inject(&board, "unplug nor program 3");
    assert!(!program(&mut session, &[0x44; 0x1000]));
    drop(session);
    board.idle(Duration::from_millis(100));
    let there = nor(&board, 0x1000);
    assert!(there[..3 * 256].iter().all(|byte| *byte == 0x44));
    assert!(board.open().attach_to_unspecified().is_err());
    board.with(Board::plug_in);
    assert!(program(&mut attach(&board), &[0x44; 0x1000]));
}

#[test]
fn a_brown_out_resets_the_chip_under_the_debugger() {
    let board = board();
    let mut probe = connect(&board);
    let power_on = BROWN_OUT | PIN | POWER_ON;
    assert_eq!(read(probe.as_mut(), &AHB, RCC_RSR).unwrap(), power_on);
    let writes = [(RCC_RSR, REMOVE_FLAGS), (RAM, 0x1234_5678)];
    write(probe.as_mut(), &AHB, &writes);
    inject(&board, "brown-out now");
    assert_eq!(
        read(probe.as_mut(), &AHB, RCC_RSR).unwrap(),
        BROWN_OUT | PIN
    );
    assert_eq!(read(probe.as_mut(), &AHB, RAM).unwrap(), 0x1234_5678);
    assert_eq!(board.with(|board| board.core_state()), CoreState::Running);
}

#[test]
fn flipped_bits_are_flipped() {
    let board = board();
    inject(&board, "flip 0x70000002.7 now");
    assert_eq!(nor(&board, 4), [0xFF, 0xFF, 0x7F, 0xFF]);
    let mut session = attach(&board);
    inject(&board, "flip 0x90000101.0 nor program 5");
    assert!(program(&mut session, &[0x44; 0x1000]), "nobody looked");
    let there = nor(&board, 0x1000);
    let wrong: Vec<_> = (0..).zip(there).filter(|(_, byte)| *byte != 0x44).collect();
    assert_eq!(wrong, [(0x101, 0x45)]);
}

#[test]
fn what_has_not_happened_can_be_taken_back() {
    let board = board();
    for words in ["power-cut nor 1", "fail nor program 1", "fault every 2"] {
        inject(&board, words);
    }
    board.with(Board::clear_mishaps);
    assert!(program(&mut attach(&board), &[0x44; 0x1000]));
    assert!(nor(&board, 0x1000).iter().all(|byte| *byte == 0x44));
}

#[test]
fn an_unplugged_probe_hangs_up_on_those_it_serves() {
    let mut board = Served::start(&["--mishap", "fault ap every 50"]);
    let mut client = TcpStream::connect(board.address).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // Served, once it has its first reply.
    std::io::Write::write_all(&mut client, b"!GA#").unwrap();
    let mut byte = [0];
    while byte != *b"#" {
        client.read_exact(&mut byte).unwrap();
    }
    assert_eq!(board.command("mishap unplug now"), "unplug now");
    std::io::Write::write_all(&mut client, b"!GB0000#").unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    let mut early = TcpStream::connect(board.address).unwrap();
    early.read_to_end(&mut rest).unwrap();
    assert!(
        rest.starts_with(b"the probe is unplugged"),
        "turned away with the reason: {rest:?}"
    );
    assert_eq!(board.command("plug"), "the probe is plugged in");
    let mut late = TcpStream::connect(board.address).unwrap();
    std::io::Write::write_all(&mut late, b"!GA#").unwrap();
    let mut byte = [0];
    late.read_exact(&mut byte).unwrap();
    assert_eq!(byte, *b"&");
    assert!(board.quit());
}
