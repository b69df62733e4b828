//! Resets of every kind, and debuggers that come one after another or at the same time.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use probe_rs::{MemoryInterface, Permissions};
use virtual_board::board::CoreState;

use crate::{
    INTERNAL_FLASH, NOR, SCRATCH,
    image::Image,
    tool::{Bench, hex_after},
};

/// The boot stage's first instruction, by its vector table.
fn reset_handler() -> u32 {
    let boot = Image::load("boot.elf").contents(INTERNAL_FLASH);
    let vector: [u8; 4] = boot[4..8].try_into().unwrap();
    u32::from_le_bytes(vector) & !1
}

fn reset_halt_stops_at_the_first_instruction(configuration: &str) {
    let bench = Bench::running();
    let log = bench.openocd(&[configuration, "reset halt", "reg pc"]);
    assert_eq!(hex_after(&log, "pc (/32): "), [reset_handler()], "{log}");
    assert_eq!(bench.core_state(), CoreState::Halted);
    assert_eq!(bench.board.with(|board| board.pc()), reset_handler());
    bench.openocd(&[configuration, "resume"]);
    bench.assert_alive();
}

#[test]
fn reset_halt_as_delivered() {
    reset_halt_stops_at_the_first_instruction("reset_config none");
}

#[test]
fn reset_halt_by_sysresetreq() {
    reset_halt_stops_at_the_first_instruction("cortex_m reset_config sysresetreq");
}

#[test]
fn reset_halt_by_the_pin() {
    reset_halt_stops_at_the_first_instruction("reset_config srst_only srst_nogate");
}

#[test]
fn reset_halt_by_both_pins() {
    reset_halt_stops_at_the_first_instruction("reset_config trst_and_srst");
}

fn reset_run_starts_the_appli_anew(configuration: &str) {
    let bench = Bench::running();
    let counter = bench.appli.symbol("COUNTER");
    bench.openocd(&[
        configuration,
        "halt",
        &format!("mww {counter:#x} 1000000"),
        "reset run",
    ]);
    bench.until("the appli counts from zero", |board| {
        board
            .read_word(counter)
            .is_some_and(|count| (1..1_000_000).contains(&count))
    });
    bench.assert_alive();
}

#[test]
fn reset_run_as_delivered() {
    reset_run_starts_the_appli_anew("reset_config none");
}

#[test]
fn reset_run_by_sysresetreq() {
    reset_run_starts_the_appli_anew("cortex_m reset_config sysresetreq");
}

#[test]
fn reset_run_by_the_pin() {
    reset_run_starts_the_appli_anew("reset_config srst_only");
}

/// The serial wire and JTAG are two sides of one port: who speaks the other protocol switches it.
#[test]
fn serial_wire_before_and_after() {
    let bench = Bench::running();
    let first_word = bench.word(NOR);
    for _ in 0..2 {
        let mut session = bench
            .board
            .open()
            .attach("STM32H7S7L8", Permissions::default())
            .unwrap();
        let read = session.core(0).unwrap().read_word_32(NOR.into());
        assert_eq!(read.unwrap(), first_word);
        drop(session);
        let log = bench.openocd(&[&format!("mdw {NOR:#x}")]);
        assert_eq!(hex_after(&log, "0x70000000: "), [first_word], "{log}");
    }
}

#[test]
fn a_second_debugger_is_turned_away_and_the_first_is_not_disturbed() {
    let bench = Bench::running();
    let mut first = TcpStream::connect(bench.address).unwrap();
    first
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut answer = [0];
    first.write_all(b"0R").unwrap();
    first.read_exact(&mut answer).unwrap();
    let log = bench.openocd_that_fails(&[]);
    assert!(log.contains("invalid read response: b"), "{log}");
    assert!(!log.contains("processor detected"), "{log}");
    first.write_all(b"0R").unwrap();
    first.read_exact(&mut answer).unwrap();
    assert_eq!(answer, *b"1", "TDO is not driven outside a scan");
    first.write_all(b"Q").unwrap();
    assert_eq!(first.read(&mut answer).unwrap(), 0);
    drop(first);
    bench.openocd(&[]);
}

#[test]
fn a_client_that_speaks_something_else_is_hung_up_on() {
    let bench = Bench::running();
    let mut client = TcpStream::connect(bench.address).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    client.write_all(b"$qSupported#37").unwrap();
    let mut answer = Vec::new();
    // A reset of the connection is an end too.
    let _ = client.read_to_end(&mut answer);
    assert!(answer.is_empty());
    bench.openocd(&[]);
    bench.assert_alive();
}

/// nRST rises when the cable goes, even if the client was killed while it held it.
#[test]
fn a_lost_client_releases_the_reset() {
    let bench = Bench::running();
    let mut client = TcpStream::connect(bench.address).unwrap();
    client.write_all(b"s").unwrap();
    bench.until("nRST holds the bus", |board| {
        board.read_word(SCRATCH).is_none()
    });
    drop(client);
    bench.assert_alive();
}
