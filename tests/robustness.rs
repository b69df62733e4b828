//! What goes wrong in a day of debugging: clients that are killed, servers that are told to end, commands that take long, company,
//! nonsense. The server answers on, and nothing is lost.

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use support::{
    board::{Board, boot_image, text},
    firmware,
    gdb::Gdb,
    repository,
    rsp::Client,
    server::{Server, xspi_gdb},
};

const APPLI: &str = "appli.elf";
const NOR: u32 = 0x7000_0000;
/// The answer to a read of the window while flash is programmed.
const BUSY: &str = "E10";

fn session(board: &Board) -> (Server, Gdb) {
    let server = board.serve_appli(APPLI);
    let gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    (server, gdb)
}

/// Connects a GDB, loads, and runs to `main`: what must work after anything.
#[track_caller]
fn a_session_works(server: &Server) {
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    gdb.ok("-target-download");
    gdb.run_to("main");
    gdb.ok("-target-detach");
}

/// Bytes that no appli holds, the same on every run.
fn noise(length: usize) -> Vec<u8> {
    let mut random = Random(1);
    (0..length).map(|_| random.next() as u8).collect()
}

/// A small generator (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// An IDE that dies takes its GDB with it, at any moment of a load. Whatever was reached, the next session is as good as the first.
#[test]
fn a_gdb_killed_in_the_middle_of_load_harms_nothing() {
    let board = Board::booted();
    let server = board.serve_appli(APPLI);
    for milliseconds in [0, 5, 20, 60] {
        let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
        gdb.say("-target-download");
        thread::sleep(Duration::from_millis(milliseconds));
        gdb.kill();
    }
    a_session_works(&server);
    assert!(server.stop().success());
    assert_eq!(
        board.internal_flash(4096),
        boot_image("boot.elf")[..4096],
        "the boot stage was not touched"
    );
}

/// SIGTERM while flash is programmed: the next run says what is unfinished, the same again completes it, and the boot stage was
/// never touched.
#[test]
fn what_sigterm_left_unfinished_is_told_and_completed() {
    let board = Board::with_appli(APPLI);
    let file = board.file("noise.bin");
    let wanted = noise(0x10_0000);
    fs::write(&file, &wanted).expect("a file");
    let image = format!("{}@{NOR:#x}", text(&file));

    let server = board.serve(&[]);
    let mut client = Client::connect(server.port);
    client.ask("?");
    let mut watch = Client::connect(server.port);
    watch.ask("?");
    client.send_monitor(&format!("flash {image}"));
    while watch.ask("m70000000,4") != BUSY {}
    server.signal("TERM");
    let log = server.stderr_at_end();
    assert!(log.contains("XG036"), "it was cancelled: {log}");

    let there = board.nor(wanted.len());
    assert_ne!(there, wanted, "the signal came before the end");
    let told = board.run(&["boot", "status"]);
    assert!(told.status.success(), "{}", told.stderr);
    assert!(
        told.stderr.contains("XG037") && told.stderr.contains("0x70000000"),
        "the next run says so: {}",
        told.stderr
    );
    board.succeeds(&["flash", &image]);
    assert_eq!(board.nor(wanted.len()), wanted, "and completes it");
    let told = board.run(&["boot", "status"]);
    assert!(!told.stderr.contains("XG037"), "{}", told.stderr);
    let boot = boot_image("boot.elf");
    assert_eq!(board.internal_flash(boot.len()), boot);
    assert_eq!(board.chip().internal_flash_wear(), Default::default());
}

/// The IDE dies, and with it the reader of our log and of our ready line: the server serves on, and ends well when it is told to.
#[test]
fn a_log_that_nobody_reads() {
    let board = Board::with_appli(APPLI);
    let mut command = xspi_gdb(&["serve", "--port", "0"], Some(&board.state()));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("the server starts");
    let mut ready = String::new();
    let mut output = BufReader::new(server.stdout.take().expect("piped"));
    output.read_line(&mut ready).expect("a ready line");
    drop((output, server.stderr.take()));
    let port = ready.trim_end().rsplit(':').next().expect("a port");
    let mut client = Client::connect(port.parse().expect("a port"));
    let (why, reply) = client.monitor("reset halt");
    assert_eq!(reply, "OK", "{why}");
    let ended = Command::new("kill").arg(server.id().to_string()).status();
    assert!(ended.is_ok_and(|status| status.success()));
    assert!(server.wait().expect("its end").success());
}

/// The IDE dies while flash is programmed, and is started again before that is noticed: the new session is not one that only looks.
#[test]
fn who_comes_in_the_middle_of_a_lost_load_controls() {
    let board = Board::with_appli(APPLI);
    let file = board.file("noise.bin");
    fs::write(&file, noise(0x10_0000)).expect("a file");
    let server = board.serve_appli(APPLI);
    let mut lost = Client::connect(server.port);
    lost.ask("?");
    let mut next = Client::connect(server.port);
    lost.send_monitor(&format!("flash {}@{NOR:#x}", text(&file)));
    while next.ask("m70000000,4") != BUSY {}
    drop(lost);
    assert!(next.ask("?").starts_with("T05"));
    while next.ask("m70000000,4") == BUSY {}
    assert_eq!(next.ask("Z1,70003000,2"), "OK", "it controls");
    drop(next);
    a_session_works(&server);
}

/// A client that waits out a long command sends NAKs after two seconds; nothing breaks, and time passes as asked.
#[test]
fn a_command_of_five_seconds() {
    let board = Board::with_appli(APPLI);
    let server = board.serve(&["--virtual-time", "free", "--appli", &text(&firmware(APPLI))]);
    let mut gdb = Gdb::connect(Some(&firmware(APPLI)), server.port);
    gdb.monitor("reset halt");
    let begun = Instant::now();
    gdb.monitor("delay 5000");
    assert!(begun.elapsed() >= Duration::from_secs(5));
    gdb.flush_registers();
    assert_eq!(gdb.pc(), gdb.number("&Reset") & !1, "still halted there");
    gdb.run_to("main");
}

/// Live watch as cortex-debug does it: a second GDB on the same port reads while the first has the program running, may change
/// nothing, and leaves without a trace.
#[test]
fn a_live_watch_looks_and_changes_nothing() {
    let board = Board::with_appli(APPLI);
    let (server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.run_to("main");

    let mut watch = Gdb::start(Some(&firmware(APPLI)));
    watch.ok("-gdb-set remote interrupt-on-connect off");
    watch.ok(&format!(
        "-target-select extended-remote 127.0.0.1:{}",
        server.port
    ));
    assert_eq!(watch.pc(), gdb.pc(), "the registers of the last halt");
    gdb.ok("-exec-continue");
    let counter = watch.number("&COUNTER");
    let mut before = watch.word(counter);
    for _ in 0..3 {
        before = watch.until_word(counter, |now| now > before);
    }

    let refused = watch.stopped("-exec-continue");
    assert_eq!(
        refused.signal(),
        "0",
        "GDB's way to show an error to a resume"
    );
    let write = format!("-data-write-memory-bytes {counter:#x} ffffffff");
    watch.fails(&write);
    watch.fails("-interpreter-exec console \"monitor reset halt\"");
    let why = server.logged("XG063");
    assert!(why.contains("another client controls the target"), "{why}");
    drop(watch);

    thread::sleep(Duration::from_millis(50));
    let stop = gdb.interrupt();
    assert_eq!(stop.signal(), "SIGINT", "it ran on: {}", stop.record);
    let after = gdb.word(counter);
    assert!(after >= before && after != u32::MAX, "{before}, {after}");
    gdb.run_to("work");
}

/// Ctrl-C again and again, also when the program is about to stop by itself.
#[test]
fn interrupts_at_any_moment() {
    let board = Board::with_appli(APPLI);
    let (server, mut gdb) = session(&board);
    gdb.monitor("reset halt");
    gdb.run_to("main");
    for _ in 0..20 {
        gdb.ok("-exec-continue");
        let stop = gdb.interrupt();
        assert_eq!(stop.signal(), "SIGINT", "{}", stop.record);
    }
    gdb.ok("-break-insert toggle");
    for _ in 0..20 {
        gdb.ok("-exec-continue");
        let stop = gdb.interrupt();
        assert!(
            stop.function() == "toggle" || stop.signal() == "SIGINT",
            "{}",
            stop.record
        );
    }
    drop(gdb);
    a_session_works(&server);
}

/// Clients come and go by the hundred: politely, in the middle of a packet, without a word.
#[test]
fn two_hundred_clients() {
    let board = Board::with_appli(APPLI);
    let mut server = board.serve_appli(APPLI);
    for number in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
        let said: &[u8] = match number % 5 {
            0 => b"$?#3f",
            1 => b"$m70000000,4",
            2 => b"+$D#44",
            3 => b"\x03",
            _ => b"",
        };
        // The server may have closed its end after `D`.
        let _ = stream.write_all(said);
        if number % 2 == 0 {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    assert!(server.is_alive());
    a_session_works(&server);
}

/// Twenty thousand packets that are nearly right: those of our own transcripts with bytes changed, lost and added, against a real
/// session. (A hundred thousand of any kind, against the server alone: src/gdb/tests.rs.)
#[test]
fn packets_that_are_nearly_right() {
    const PACKETS: usize = 20_000;
    let board = Board::with_appli(APPLI);
    let mut server = board.serve_appli(APPLI);
    let recorded = recorded_packets();
    assert!(recorded.len() > 50, "only {} packets", recorded.len());
    let mut random = Random(0x5EED);
    for _ in 0..20 {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
        let mut replies = stream.try_clone().expect("a second handle");
        let drain = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(1..) = replies.read(&mut bytes) {}
        });
        let mut writer = &stream;
        for _ in 0..PACKETS / 20 {
            let packet = nearly(&recorded[random.below(recorded.len())], &mut random);
            writer.write_all(&packet).expect("the server listens on");
        }
        // Everything said before is served before this, whatever state the nonsense has left.
        for _ in 0..2 {
            writer.write_all(b"$D#44").expect("the server listens on");
        }
        stream.shutdown(Shutdown::Write).expect("still connected");
        drain.join().expect("the server closed it");
    }
    assert!(server.is_alive());
    a_session_works(&server);
    assert!(server.stop().success());
    let boot = boot_image("boot.elf");
    assert_eq!(board.internal_flash(boot.len()), boot);
}

/// What the client says in tests/rsp, without what takes a while.
fn recorded_packets() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for entry in fs::read_dir(repository("tests/rsp")).expect("tests/rsp is there") {
        let path = entry.expect("a file").path();
        let transcript = fs::read_to_string(&path).expect("a transcript");
        for line in transcript.lines() {
            if let Some(command) = line.strip_prefix("> monitor ") {
                let hex: String = command.bytes().map(|byte| format!("{byte:02x}")).collect();
                if !command.contains("delay") && !command.contains("sleep") {
                    packets.push(format!("qRcmd,{hex}").into_bytes());
                }
            } else if let Some(body) = line.strip_prefix("> ") {
                packets.push(body.as_bytes().to_vec());
            }
        }
    }
    packets.sort();
    packets.dedup();
    packets
}

/// A frame around `body` with up to three bytes changed, lost or added; one checksum in eight is wrong.
fn nearly(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = body.to_vec();
    for _ in 0..random.below(4) {
        let at = random.below(body.len());
        match random.below(3) {
            0 if !body.is_empty() => body[at] = random.next() as u8,
            1 if !body.is_empty() => drop(body.remove(at)),
            _ => body.insert(at, random.next() as u8),
        }
    }
    let mut sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if random.below(8) == 0 {
        sum = sum.wrapping_add(1);
    }
    [b"$", body.as_slice(), format!("#{sum:02x}").as_bytes()].concat()
}
