//! Many stops of the real server over the wire, and what it has in memory then.

use std::fs;

use crate::support::{board::Board, firmware, rsp::Client, server::Server};

/// What the resident memory may grow by, in KB: less than a byte a stop, and no less than an allocator's own habits.
pub const GROWTH_KB: u64 = 1024;

/// AXI SRAM that the program does not use.
const LOOP: u32 = 0x2402_0000;

/// How the core comes to stop.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Instruction steps, with what GDB reads behind each.
    Steps,
    /// A breakpoint that is removed and inserted at each stop, with code and stack read.
    Breakpoints,
}

impl Way {
    pub const ALL: [Self; 2] = [Self::Steps, Self::Breakpoints];

    fn stop(self, client: &mut Client) {
        match self {
            Self::Steps => {
                expect_stop(client, "vCont;s:1");
                client.ask("m24030000,40");
            }
            Self::Breakpoints => {
                client.ask(&format!("Z0,{LOOP:x},2"));
                expect_stop(client, "vCont;c:1");
                client.ask(&format!("z0,{LOOP:x},2"));
                client.ask("g");
                client.ask("m24030000,40");
                expect_stop(client, "vCont;s:1");
            }
        }
    }

    fn stops(self) -> usize {
        match self {
            Self::Steps => 1,
            Self::Breakpoints => 2,
        }
    }
}

fn expect_stop(client: &mut Client, packet: &str) {
    let stop = client.ask(packet);
    assert!(stop.starts_with("T05"), "{packet}: {stop}");
}

/// KB that the server has in memory after so many stops each, of one session.
pub fn resident(way: Way, stops: &[usize]) -> Vec<u64> {
    let board = Board::with_appli("appli.elf");
    let appli = firmware("appli.elf");
    let server = board.serve(&["--appli", &appli.to_string_lossy()]);
    let mut client = Client::connect(server.port);
    client.ask("QStartNoAckMode");
    client.ask("qSupported:hwbreak+");
    assert_eq!(client.monitor("reset halt").1, "OK");
    // Two NOPs, and back to the first of them.
    assert_eq!(client.ask(&format!("M{LOOP:x},6:00bf00bffce7")), "OK");
    assert_eq!(client.ask(&format!("Pf={:08x}", LOOP.swap_bytes())), "OK");
    let mut done = 0;
    let mut measured = Vec::new();
    for wanted in stops {
        while done < *wanted {
            way.stop(&mut client);
            done += way.stops();
        }
        measured.push(resident_kilobytes(&server));
    }
    measured
}

fn resident_kilobytes(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.expect("VmRSS").trim().parse().expect("a number")
}
