//! `virtual-board serve --clock`: what makes a served board's time pass, and what `statistics` says of it.

#[path = "common/served.rs"]
mod served;

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use served::Served;

/// One exchange at 250 us, and its eight cycles at 4 MHz.
const EXCHANGE_NS: u64 = 250_000 + 2_000;

/// A board on a clock, with a debugger on it that makes an exchange when it is told to.
struct Bench {
    board: Served,
    debugger: TcpStream,
}

impl Bench {
    fn start(arguments: &[&str]) -> Self {
        let board = Served::start(arguments);
        let debugger = TcpStream::connect(board.address).unwrap();
        Self { board, debugger }
    }

    /// Eight cycles of SWCLK.
    fn exchange(&mut self) {
        self.debugger.write_all(b"!So0800#").unwrap();
        let mut answer = [0; 4];
        self.debugger.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"&K0#");
    }

    fn count(&mut self, what: &str) -> u64 {
        let line = self.board.command("statistics");
        let account: serde_json::Value = serde_json::from_str(&line).unwrap();
        account[what].as_u64().unwrap()
    }

    /// Waits until the wall clock has moved the board.
    fn until_time_passes(&mut self) {
        let began = self.count("time_ns");
        while self.count("time_ns") == began {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn in_lockstep_only_exchanges_take_time() {
    let mut bench = Bench::start(&["--clock", "lockstep"]);
    let before = bench.board.command("statistics");
    assert_eq!(
        before,
        "{\"exchanges\":0,\"transfers\":0,\"bytes\":0,\"link_ns\":0,\"time_ns\":0,\
         \"nor\":{\"erased_bytes\":0,\"programmed_bytes\":0},\
         \"internal_flash\":{\"erased_bytes\":0,\"programmed_bytes\":0}}"
    );
    thread::sleep(Duration::from_millis(50));
    assert_eq!(bench.board.command("statistics"), before);
    bench.exchange();
    bench.exchange();
    assert_eq!(bench.count("exchanges"), 2);
    assert_eq!(bench.count("link_ns"), 2 * EXCHANGE_NS);
    assert_eq!(bench.count("time_ns"), 2 * EXCHANGE_NS);
}

#[test]
fn a_paced_board_goes_on_by_itself_and_pays_for_exchanges() {
    let mut bench = Bench::start(&["--clock", "paced", "--exchange-cost", "60000000"]);
    bench.until_time_passes();
    let before = bench.count("time_ns");
    bench.exchange();
    let minute_ns = 60_000_000_000;
    assert!(bench.count("time_ns") >= before + minute_ns);
    assert_eq!(bench.count("link_ns"), minute_ns + 2_000);
}

#[test]
fn a_free_board_goes_on_by_itself_and_counts_what_its_link_would_take() {
    let mut bench = Bench::start(&[]);
    bench.until_time_passes();
    bench.exchange();
    assert_eq!(bench.count("exchanges"), 1);
    assert_eq!(bench.count("link_ns"), EXCHANGE_NS);
}
