//! The debug port as probe-rs drives it, below the level of a chip: access ports, memory, errors, nRST, exchanges and time.

#[path = "common/interface.rs"]
mod interface;

use interface::{AHB, SYSTEM_DEBUG, connect};
use probe_rs::{
    architecture::arm::{ArmError, dp::DpAddress},
    probe::list::Lister,
};
use virtual_board::{
    adapter::{EXCHANGE_COST, Statistics},
    board::Board,
    clock::Time,
    handle::VirtualBoard,
};

const RAM: u64 = 0x2400_0000;

fn board() -> VirtualBoard {
    VirtualBoard::new(Board::builder().build().unwrap())
}

#[test]
fn there_are_two_access_ports() {
    let mut interface = connect(&board());
    let ports = interface.access_ports(DpAddress::Default).unwrap();
    assert_eq!(ports.into_iter().collect::<Vec<_>>(), [SYSTEM_DEBUG, AHB]);
}

#[test]
fn memory_is_read_and_written_across_the_wrap_of_the_address() {
    let mut interface = connect(&board());
    let mut memory = interface.memory_interface(&AHB).unwrap();
    let data: Vec<u8> = (0..5000u32).map(|index| (index * 7) as u8).collect();
    memory.write_8(RAM + 0x3FD, &data).unwrap();
    let mut back = vec![0; data.len()];
    memory.read(RAM + 0x3FD, &mut back).unwrap();
    assert_eq!(back, data);
    assert_eq!(memory.read_word_16(RAM + 0x3FE).unwrap(), 0x0E07);
}

#[test]
fn a_refused_access_is_reported_and_cleared() {
    let mut interface = connect(&board());
    let mut memory = interface.memory_interface(&AHB).unwrap();
    assert!(memory.read_word_32(0x1000_0000).is_err());
    memory.write_word_32(RAM, 1).unwrap();
    memory.write_word_32(0x1000_0000, 1).unwrap();
    assert!(matches!(memory.flush(), Err(ArmError::Dap(_))));
    assert_eq!(memory.read_word_32(RAM).unwrap(), 1);
}

#[test]
fn the_bus_is_out_of_reach_while_nrst_is_low() {
    let mut interface = connect(&board());
    interface.swj_pins(0, 1 << 7, 0).unwrap();
    let mut memory = interface.memory_interface(&AHB).unwrap();
    assert!(memory.read_word_32(RAM).is_err());
    drop(memory);
    let pins = interface.swj_pins(1 << 7, 1 << 7, 0).unwrap();
    assert_ne!(pins & 1 << 7, 0);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    assert!(memory.read_word_32(RAM).is_ok());
}

/// What one block read costs, told by the board itself.
#[test]
fn exchanges_cost_time_and_are_counted() {
    let board = board();
    let mut interface = connect(&board);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    memory.read_word_32(RAM).unwrap();
    let before = (board.statistics(), board.with(|board| board.now()));
    memory.read_32(RAM, &mut [0; 200]).unwrap();
    let after = (board.statistics(), board.with(|board| board.now()));
    let spent = Statistics {
        exchanges: after.0.exchanges - before.0.exchanges,
        transfers: after.0.transfers - before.0.transfers,
        bytes: after.0.bytes - before.0.bytes,
        link: after.0.link - before.0.link,
    };
    let bits = Time::of_cycles(204 * 46, 4_000_000);
    let link = Time(3 * EXCHANGE_COST.0) + bits;
    // TAR with its check, then 200 words as 126 and 74 with an RDBUFF read each.
    assert_eq!(
        spent,
        Statistics {
            exchanges: 3,
            transfers: 2 + 127 + 75,
            bytes: 4 + 800,
            link,
        }
    );
    let elapsed = after.1 - before.1;
    assert!(elapsed >= link && elapsed < link + Time::micros(5));
}

#[test]
fn boards_are_found_by_their_serial_numbers() {
    let (first, second) = (board(), board());
    let selector = first.register("first-of-two");
    second.register("second-of-two");
    let lister = Lister::new();
    let listed = lister.list(Some(&selector));
    assert_eq!(listed.len(), 1);
    let before = (first.statistics(), second.statistics());
    let mut probe = lister.open(selector.clone()).unwrap();
    probe.target_reset().unwrap();
    assert!(first.statistics().exchanges > before.0.exchanges);
    assert_eq!(second.statistics(), before.1);
    drop((probe, first));
    assert!(lister.open(selector).is_err());
}

#[test]
fn the_speed_is_limited() {
    let mut probe = board().open();
    assert_eq!(probe.set_speed(24_000).unwrap(), 24_000);
    assert!(probe.set_speed(50_000).is_err());
    assert!(probe.set_speed(0).is_err());
    assert_eq!(probe.speed_khz(), 24_000);
}

#[test]
fn a_probe_that_goes_lets_go_of_nrst() {
    let board = board();
    let mut probe = board.open();
    probe.target_reset_assert().unwrap();
    drop(probe);
    let mut interface = connect(&board);
    let mut memory = interface.memory_interface(&AHB).unwrap();
    assert!(memory.read_word_32(RAM).is_ok());
}
