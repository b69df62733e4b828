//! The probe's plug is pulled while a client debugs: the session ends with its reason, the server listens on, and the next client
//! debugs again when the probe is back.

mod support;

use std::time::Duration;

use support::{
    local::{Local, board, open},
    rsp::Client,
};
use virtual_board::board::Board;
use xspi_gdb::{
    fault::{Code, Disposition},
    layout::Address,
};

const SERIAL: &str = "unplugged";
/// A client that is sent away is told so within this time.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_probe_that_is_unplugged_loses_the_link_and_nothing_else() {
    let board = board(SERIAL, Some("boot.elf"), None);
    let mut session = open(&board, SERIAL).expect("a session");
    board.with(Board::unplug);
    let mut word = [0; 4];
    let fault = session
        .read_memory(Address(0x2400_0000), &mut word)
        .expect_err("no answer");
    assert_eq!(fault.code, Code::XG001, "{fault}");
    assert_eq!(fault.disposition(), Disposition::EndSession);
    drop(session);
    let absent = open(&board, SERIAL).map(drop).expect_err("no probe");
    assert_eq!(absent.code, Code::XG003, "{absent}");
    board.with(Board::plug_in);
    open(&board, SERIAL).map(drop).expect("it is back");

    // The same with a server and its clients.
    let server = Local::serve(&board, SERIAL);
    let port = server.port;

    let mut client = Client::connect(port);
    assert!(client.ask("?").starts_with('T'));
    board.with(Board::unplug);
    client.send("m24000000,4");
    while client.receive_within(PATIENCE).is_some() {}
    drop(client);

    let mut early = Client::bare(port);
    early.send("?");
    let reason = early.receive_within(PATIENCE).expect("a reason");
    assert!(reason.contains("XG003"), "{reason}");
    assert_eq!(early.receive_within(PATIENCE), None, "sent away");
    drop(early);

    board.with(Board::plug_in);
    let mut late = Client::connect(port);
    assert!(late.ask("?").starts_with('T'));
    assert_eq!(late.ask("m24000000,4").len(), 8);
    drop(late);

    server.stop();
}
