//! Eleven weaknesses that a debug server for this job must not have: a test each that shows we lack it.

#[path = "session/bench.rs"]
#[allow(
    dead_code,
    reason = "one weakness is counted on a session without a server"
)]
mod bench;
mod support;

use support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    images,
    rsp::Client,
    server::Server,
};
use xspi_gdb::breakpoints::Kind;

const APPLI: &str = "appli.elf";

fn session(board: &Board) -> (Server, Gdb) {
    let server = board.serve_appli(APPLI);
    let gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    (server, gdb)
}

/// 1. A ninth breakpoint, an unknown one removed, a register right after reset, an unknown annex, a client that vanishes: none ends
///    the server.
#[test]
fn weakness_01_nothing_a_client_does_ends_the_server() {
    let board = Board::with_appli(APPLI);
    let mut server = board.serve_appli(APPLI);
    let mut client = Client::connect(server.port);
    client.ask("qSupported:hwbreak+");
    client.monitor("reset halt");
    assert_eq!(client.ask("p0").len(), 8, "a register right after reset");
    for index in 0..9 {
        let reply = client.ask(&format!("Z1,{:x},2", 0x7000_2000 + 4 * index));
        assert!(reply == "OK" || reply.starts_with('E'), "{reply}");
    }
    assert!(
        ["OK", "E"]
            .iter()
            .any(|kind| client.ask("z1,70003000,2").starts_with(kind)),
        "an unknown one removed"
    );
    let annex = client.ask("qXfer:features:read:nothing.xml:0,100");
    assert!(annex.starts_with('E'), "an unknown annex: {annex}");
    drop(client);
    let mut next = Client::connect(server.port);
    assert!(next.ask("?").starts_with('T'), "the server listens again");
    assert!(server.is_alive());
}

/// 2. After `load` the board is reset and armed: the window is open under the pc that GDB sets.
#[test]
fn weakness_02_load_ends_with_the_window_open() {
    let board = Board::booted();
    let (_server, mut gdb) = session(&board);
    gdb.ok("-target-download");
    assert_eq!(gdb.pc(), gdb.number("&Reset") & !1, "at the entry");
    gdb.ok("-data-read-memory-bytes 0x70000000 64");
    gdb.ok("-break-insert -t main");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.function(), "main");
}

/// 3 and 4. PSRAM is RAM on this board, and peripherals are in the map.
#[test]
fn weakness_03_psram_is_ram() {
    let map = memory_map();
    let psram = region(&map, "0x90000000");
    assert!(psram.contains("type=\"ram\""), "{psram}");
    let nor = region(&map, "0x70000000");
    assert!(nor.contains("type=\"flash\""), "{nor}");
}

/// 4. GDB may read the XSPI registers.
#[test]
fn weakness_04_peripherals_are_in_the_memory_map() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    let control = gdb.word(0x5200_A000);
    assert_eq!(
        control & 0x3000_0001,
        0x3000_0001,
        "XSPI2_CR: memory-mapped and enabled"
    );
}

/// 5. The board profile chooses the loader: the DK's NOR is programmed by the DK's algorithm.
#[test]
fn weakness_05_the_profile_chooses_the_loader() {
    let board = Board::booted();
    let report = board.succeeds(&["flash", "-v", &text(&firmware(APPLI))]);
    assert!(!report.contains("nucleo"), "{report}");
    let verified = board.succeeds(&["flash", "--verify", &text(&firmware(APPLI))]);
    assert!(verified.contains("verified"), "{verified}");
}

/// 6. What is programmed is verified, what is equal is skipped.
#[test]
fn weakness_06_verify_and_skip() {
    let board = Board::with_appli(APPLI);
    let again = board.succeeds(&["flash", &text(&firmware(APPLI))]);
    assert!(again.contains("0 bytes programmed"), "{again}");
    let other = board.fails(&["flash", "--verify", &text(&firmware("appli-older.elf"))]);
    assert!(
        other.contains("0x7000"),
        "the first address that differs: {other}"
    );
}

/// 7. An error carries its reason to the user: `monitor why`, and the server's own stderr at once.
#[test]
fn weakness_07_errors_have_reasons() {
    let board = Board::with_appli(APPLI);
    let server = board.serve(&[]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset boot");
    gdb.fails("-data-read-memory-bytes 0x70000000 16");
    let why = gdb.monitor("why");
    assert!(why.contains("XG012") && why.contains("remedy:"), "{why}");
    server.logged("XG012");
    // GDB itself refuses to write flash; other clients do not.
    drop(gdb);
    let mut client = Client::connect(server.port);
    client.ask("qSupported:error-message+");
    let refused = client.ask("M70000000,1:00");
    assert!(refused.starts_with("E.XG014"), "{refused}");
}

/// 8. A step with its registers costs few exchanges with the probe, whose latency is all that limits it: 160 steps a second where
///    an exchange takes a quarter of a millisecond. Counted, so that no clock can make the test fail.
#[test]
fn weakness_08_a_step_costs_few_exchanges() {
    const STEPS: u64 = 50;
    const EXCHANGES_A_STEP: u64 = 8;
    let mut bench = bench::Bench::with_running_appli();
    bench.insert(Kind::Hardware, bench::symbol("work"));
    bench.run();
    let exchanges = bench.exchanges(|session| {
        for _ in 0..STEPS {
            session.step().expect("a step");
            session
                .registers([7, 13, 14, 15, 16])
                .expect("the registers of a stop");
        }
    });
    assert!(
        exchanges <= STEPS * EXCHANGES_A_STEP,
        "{exchanges} exchanges for {STEPS} steps"
    );
}

/// 9. `next` over a call is one range step in the server, with interrupts as the program has them.
#[test]
fn weakness_09_range_steps() {
    let board = Board::with_appli(APPLI);
    let (_server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.ok("-break-insert -t main");
    let at = gdb.stopped("-exec-continue");
    let next = gdb.stopped("-exec-next");
    assert_eq!(next.reason(), "end-stepping-range", "{}", next.record);
    assert_ne!(next.field("line"), at.field("line"));
    assert_eq!(next.function(), "main");
}

/// 10. A breakpoint is SIGTRAP, an interrupt SIGINT.
#[test]
fn weakness_10_stops_have_their_own_signals() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut client = Client::connect(server.port);
    client.ask("qSupported:hwbreak+");
    client.monitor("reset halt");
    client.send("vCont;c");
    client.raw(&[0x03]);
    assert!(
        client.receive().starts_with("T02"),
        "an interrupt is SIGINT"
    );
    assert!(
        client.ask("vCont;s").starts_with("T05"),
        "a step is SIGTRAP"
    );
}

/// 11. `monitor halt` halts, as cortex-debug expects on attach.
#[test]
fn weakness_11_monitor_halt_halts() {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    let mut client = Client::connect(server.port);
    let (text, reply) = client.monitor("halt");
    assert_eq!(reply, "OK");
    assert!(!text.contains("help"), "{text}");
}

fn memory_map() -> String {
    let board = Board::booted();
    let server = board.serve(&[]);
    let mut client = Client::connect(server.port);
    let reply = client.ask("qXfer:memory-map:read::0,4000");
    assert!(reply.starts_with('l'), "{reply}");
    reply
}

/// The element of the map that starts at `address`.
fn region(map: &str, address: &str) -> String {
    map.split("<memory")
        .find(|element| element.contains(&format!("start=\"{address}\"")))
        .unwrap_or_else(|| panic!("nothing starts at {address} in {map}"))
        .to_owned()
}
