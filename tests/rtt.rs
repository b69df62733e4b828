//! RTT through the real server: what the program says comes by TCP while the core runs, under a real GDB and without one.

mod support;

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
};

use support::{
    board::{Board, text},
    firmware,
    gdb::Gdb,
    golden::assert_golden,
    server::{PATIENCE, Server},
};

const APPLI: &str = "appli.elf";

/// A reader of an RTT port.
struct Reader {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Reader {
    fn connect(port: u64) -> Self {
        let port = u16::try_from(port).expect("a port");
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("an RTT port");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    /// The next frame of defmt: what stands between zeros.
    #[track_caller]
    fn frame(&mut self) -> Vec<u8> {
        loop {
            let frame = self.until(0);
            if !frame.is_empty() {
                return frame;
            }
        }
    }

    /// Reads lines up to this one.
    #[track_caller]
    fn until_line(&mut self, wanted: &str) {
        while self.until(b'\n') != wanted.as_bytes() {}
    }

    /// The bytes up to the next `end`, without it.
    #[track_caller]
    fn until(&mut self, end: u8) -> Vec<u8> {
        loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == end) {
                let mut piece: Vec<u8> = self.unread.drain(..=at).collect();
                piece.pop();
                return piece;
            }
            let mut bytes = [0; 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => panic!("the port was closed"),
                Ok(length) => self.unread.extend(&bytes[..length]),
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }
}

fn serve(board: &Board, arguments: &[&str]) -> Server {
    let appli = text(&firmware(APPLI));
    let always = ["--json", "--appli", &appli, "--rtt-port", "0"];
    board.serve(&[&always, arguments].concat())
}

fn rtt_port(server: &mut Server) -> u64 {
    server.event("rtt")["port"].as_u64().expect("a port")
}

#[test]
fn text_comes_while_the_core_runs_under_gdb_and_again_after_a_reset() {
    let board = Board::with_appli(APPLI);
    let mut server = serve(&board, &[]);
    let mut reader = Reader::connect(rtt_port(&mut server));
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    for _ in 0..2 {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.ok("-exec-continue");
        for _ in 0..8 {
            reader.frame();
        }
        gdb.stopped("-exec-interrupt");
    }
}

#[test]
fn text_comes_when_no_client_is_there() {
    let board = Board::with_appli(APPLI);
    let mut server = serve(&board, &["--on-attach", "arm"]);
    let port = rtt_port(&mut server);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.ok("-target-detach");
    drop(gdb);
    let (mut one, mut other) = (Reader::connect(port), Reader::connect(port));
    // The program runs: whoever is accepted first may have read something before the other is.
    const EARLIER: usize = 100;
    let told: Vec<_> = (0..4).map(|_| other.frame()).collect();
    let mut heard: Vec<_> = (0..4).map(|_| one.frame()).collect();
    while !heard.ends_with(&told) {
        assert!(heard.len() < EARLIER, "{told:?} is not in {heard:?}");
        heard.push(one.frame());
    }
}

#[test]
fn the_ports_are_told_on_stderr() {
    let board = Board::booted();
    let ports = ["--rtt-port", "0", "--rtt-channels", "2"];
    let server = board.serve(&ports);
    server.logged("RTT channel 0 on 127.0.0.1:");
    server.logged("RTT channel 1 on 127.0.0.1:");
}

/// Both channels of a program that uses rtt-target, whose names lie in the window; what is sent comes back, also behind a reset.
#[test]
fn what_is_sent_comes_to_the_program_and_its_answer_back() {
    let board = Board::with_appli("talk.elf");
    let talk = text(&firmware("talk.elf"));
    let arguments = ["--json", "--appli", &talk, "--rtt-port", "0"];
    let mut server = board.serve(&[&arguments[..], &["--rtt-channels", "2"]].concat());
    let mut terminal = Reader::connect(rtt_port(&mut server));
    let mut log = Reader::connect(rtt_port(&mut server));
    let mut gdb = Gdb::connect(Some(&firmware("talk.elf")), server.port);
    for _ in 0..2 {
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.ok("-exec-continue");
        terminal.until_line("talk is here");
        // Longer than the program's buffer.
        let order = "a line of more than sixteen bytes";
        writeln!(terminal.stream, "{order}").expect("the port takes it");
        terminal.until_line(&format!("heard: {order}"));
        log.frame();
        gdb.stopped("-exec-interrupt");
    }
    let channels = gdb.monitor("rtt channels");
    assert_golden("rtt/channels.txt", &channels);
}

/// RAM keeps its contents through a reset; a control block there would be a dead program's.
#[test]
fn no_block_is_left_behind_a_reset() {
    let board = Board::with_appli(APPLI);
    let mut server = serve(&board, &[]);
    let mut reader = Reader::connect(rtt_port(&mut server));
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    gdb.ok("-exec-continue");
    reader.frame();
    gdb.stopped("-exec-interrupt");
    let block = gdb.number("&_SEGGER_RTT");
    assert_eq!(gdb.word(block).to_le_bytes(), *b"SEGG");
    gdb.monitor("reset boot");
    gdb.flush_registers();
    assert_eq!(gdb.word(block), 0);
}

/// A program that overwrites its own control block is told of, and served again behind a reset.
#[test]
fn a_block_that_is_overwritten_is_told_and_right_behind_a_reset() {
    let board = Board::with_appli("talk.elf");
    let talk = text(&firmware("talk.elf"));
    let mut server = board.serve(&["--json", "--appli", &talk, "--rtt-port", "0"]);
    let mut terminal = Reader::connect(rtt_port(&mut server));
    let mut gdb = Gdb::connect(Some(&firmware("talk.elf")), server.port);
    gdb.monitor("reset halt");
    gdb.ok("-exec-continue");
    terminal.until_line("talk is here");
    writeln!(terminal.stream, "overwrite").expect("the port takes it");
    let fault = server.event("fault");
    assert_eq!(fault["code"], "XG110", "{fault}");
    gdb.stopped("-exec-interrupt");
    gdb.monitor("reset halt");
    gdb.ok("-exec-continue");
    terminal.until_line("talk is here");
}

/// The words of OpenOCD, as cortex-debug sends them.
#[test]
fn a_port_is_opened_and_closed_by_monitor_commands() {
    let board = Board::with_appli(APPLI);
    let mut server = board.serve(&["--json", "--appli", &text(&firmware(APPLI))]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    let block = gdb.number("&_SEGGER_RTT");
    gdb.monitor(&format!("rtt setup {block:#x} 48 {{SEGGER RTT}}"));
    gdb.monitor("rtt server start 0 0");
    let port = rtt_port(&mut server);
    gdb.monitor("rtt start");
    let mut reader = Reader::connect(port);
    gdb.ok("-exec-continue");
    reader.frame();
    gdb.stopped("-exec-interrupt");
    let channels = gdb.monitor("rtt channels");
    assert!(channels.contains("0: defmt 1024 "), "{channels}");
    gdb.monitor(&format!("rtt server stop {port}"));
    // The connection goes with the port.
    let ended = reader.stream.read_to_end(&mut Vec::new());
    let still_open = ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    assert!(!still_open);
}
