//! The probe's plug is pulled while a client debugs: the session ends with its reason, the server listens on, and the next client
//! debugs again when the probe is back.

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::Duration,
};

use support::{firmware, rsp::Client};
use virtual_board::{board::Board, handle::VirtualBoard};
use xspi_gdb::{
    fault::{Code, Disposition, Fault},
    gdb::{Options, Server, events::Events},
    image::Image,
    layout::{Address, BoardProfile},
    link::probe::{ProbeLink, ProbeSettings},
    session::{OnAttach, Session, Settings},
};

const SERIAL: &str = "unplugged";
/// A client that is sent away is told so within this time.
const PATIENCE: Duration = Duration::from_secs(10);

fn board() -> VirtualBoard {
    let boot = Image::open(firmware("boot.elf")).expect("a boot stage");
    let profile = BoardProfile::find("stm32h7s78-dk").expect("the kit");
    let mut bytes = vec![0xFF; profile.internal_flash_bytes as usize];
    for segment in boot.segments() {
        let start = (segment.address.0 - profile.internal_flash.0) as usize;
        bytes[start..start + segment.data.len()].copy_from_slice(&segment.data);
    }
    let board = VirtualBoard::new(Board::builder().boot_image(bytes).build().expect("a board"));
    board.register(SERIAL);
    board
}

fn open(board: &VirtualBoard) -> Result<Session, Fault> {
    let clock = board.clone();
    let link = ProbeLink::open(ProbeSettings {
        selector: Some(format!("1209:0001:{SERIAL}")),
        speed_khz: None,
        under_reset: false,
        idle: Some(Box::new(move |duration| clock.idle(duration))),
        trace: None,
    })?;
    let settings = Settings {
        profile: BoardProfile::find("stm32h7s78-dk")?,
        appli: None,
        boot: None,
        install_boot: false,
        boot_timeout: Duration::from_secs(1),
        on_attach: OnAttach::Halt,
        under_reset: false,
        live_window: false,
        flash_journal: None,
        image: None,
    };
    Session::open(Box::new(link), settings)
}

#[test]
fn a_probe_that_is_unplugged_loses_the_link_and_nothing_else() {
    let board = board();
    let mut session = open(&board).expect("a session");
    board.with(Board::unplug);
    let mut word = [0; 4];
    let fault = session
        .read_memory(Address(0x2400_0000), &mut word)
        .expect_err("no answer");
    assert_eq!(fault.code, Code::XG001, "{fault}");
    assert_eq!(fault.disposition(), Disposition::EndSession);
    drop(session);
    let absent = open(&board).map(drop).expect_err("no probe");
    assert_eq!(absent.code, Code::XG003, "{absent}");
    board.with(Board::plug_in);
    open(&board).map(drop).expect("it is back");

    // The same with a server and its clients.
    let server = Server::listen(Options {
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        events: Events::Silent,
        ..Options::default()
    })
    .expect("a port");
    let (port, ending) = (server.address().port(), server.ending());
    let served = board.clone();
    let serving = thread::spawn(move || server.serve(move || open(&served)));

    let mut client = Client::connect(port);
    assert!(client.ask("?").starts_with('T'));
    board.with(Board::unplug);
    client.send("m24000000,4");
    while client.receive_within(PATIENCE).is_some() {}
    drop(client);

    let mut early = Client::connect(port);
    early.send("?");
    assert_eq!(early.receive_within(PATIENCE), None, "sent away");
    drop(early);

    board.with(Board::plug_in);
    let mut late = Client::connect(port);
    assert!(late.ask("?").starts_with('T'));
    assert_eq!(late.ask("m24000000,4").len(), 8);
    drop(late);

    ending.request();
    serving.join().expect("no panic").expect("a clean end");
}
