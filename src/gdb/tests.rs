//! The server over loopback, on a link that keeps to the physics.

mod interrupts;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread::{self, JoinHandle},
    time::Duration,
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    Options, Server,
    event_loop::Ending,
    events::Events,
    wire::{
        encoding::to_hex,
        framer::{Framer, Incoming, PACKET_BYTES, frame},
    },
};
use crate::{
    layout::BoardProfile,
    link::{
        CoreState, HaltReason, Link as _,
        fake::{FakeLink, Shared},
    },
    session::{Session, Settings},
};

/// No reply takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a fake core, and how to end it.
struct Bench {
    address: SocketAddr,
    ending: Ending,
    link: Shared,
    serving: Option<JoinHandle<()>>,
}

impl Bench {
    /// The server takes its time from a packet to the core.
    fn until_running(&self) {
        while !matches!(self.link.fake().state(), Ok(CoreState::Running)) {
            thread::yield_now();
        }
    }

    fn new() -> Self {
        let server = Server::listen(Options {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            events: Events::Silent,
            ..Options::default()
        })
        .unwrap();
        let address = server.address();
        let ending = server.ending();
        let link = Shared::new(FakeLink::new());
        let opened = link.clone();
        let serving = thread::spawn(move || {
            server
                .serve(move || Session::open(Box::new(opened.clone()), settings()))
                .unwrap();
        });
        Self {
            address,
            ending,
            link,
            serving: Some(serving),
        }
    }

    fn client(&self) -> Client {
        Client::new(self.address)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.ending.request();
        if let Some(serving) = self.serving.take() {
            let ended = serving.join();
            assert!(ended.is_ok() || thread::panicking());
        }
    }
}

fn settings() -> Settings {
    Settings::of(BoardProfile::find("stm32h7s78-dk").unwrap())
}

/// A debugger that says exactly what it is told to.
struct Client {
    stream: TcpStream,
    framer: Framer,
    packets: Vec<Vec<u8>>,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            framer: Framer::default(),
            packets: Vec::new(),
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn send(&mut self, body: &str) {
        self.raw(&frame(body.as_bytes()));
    }

    /// The next packet from the server.
    fn receive(&mut self) -> String {
        while self.packets.is_empty() {
            let mut bytes = [0; 4096];
            let read = self.stream.read(&mut bytes).unwrap();
            assert_ne!(read, 0, "the server closed the connection");
            let (mut incoming, mut acknowledgements) = (Vec::new(), Vec::new());
            self.framer
                .receive(&bytes[..read], &mut incoming, &mut acknowledgements);
            self.raw(&acknowledgements);
            self.packets
                .extend(incoming.into_iter().map(|what| match what {
                    Incoming::Packet(body) => body,
                    other => panic!("the server sent {other:?}"),
                }));
        }
        String::from_utf8_lossy(&self.packets.remove(0)).into_owned()
    }

    fn ask(&mut self, body: &str) -> String {
        self.send(body);
        self.receive()
    }

    /// The reply to a monitor command, and what it showed.
    fn monitor(&mut self, command: &str) -> (String, String) {
        self.send(&format!(
            "qRcmd,{}",
            String::from_utf8_lossy(&to_hex(command.as_bytes()))
        ));
        let mut shown = Vec::new();
        loop {
            let reply = self.receive();
            match reply.strip_prefix('O').filter(|_| reply != "OK") {
                Some(text) => {
                    shown.extend(super::wire::encoding::from_hex(text.as_bytes()).unwrap())
                }
                None => return (String::from_utf8_lossy(&shown).into_owned(), reply),
            }
        }
    }
}

#[test]
fn a_client_finds_a_stopped_core() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    assert!(
        gdb.ask("qSupported:multiprocess+;swbreak+")
            .starts_with("PacketSize=4000;QStartNoAckMode+;")
    );
    assert_eq!(gdb.ask("vMustReplyEmpty"), "");
    assert_eq!(gdb.ask("!"), "OK");
    assert_eq!(gdb.ask("Hg-1"), "OK");
    assert_eq!(
        gdb.ask("g").len(),
        168 * 2,
        "nobody has read the description"
    );
    assert!(
        gdb.ask("qXfer:features:read:target.xml:0,80")
            .starts_with("m<?xml")
    );
    assert_eq!(
        gdb.ask("?"),
        "T05thread:01;07:00000000;0d:00000000;0e:00000000;0f:00000170;10:00000001;11:00000000;12:00000000;"
    );
    assert_eq!(gdb.ask("qC"), "QC1");
    assert_eq!(gdb.ask("qfThreadInfo"), "m01");
    assert_eq!(gdb.ask("g").len(), 19 * 8);
    assert_eq!(gdb.ask("p13"), "00", "PRIMASK is a byte");
    assert_eq!(gdb.ask("p17"), "0000000000000000", "d0");
    assert_eq!(gdb.ask("vCont?"), "vCont;c;C;s;S;t;r");
}

#[test]
fn registers_and_memory_are_written_and_read() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    assert_eq!(gdb.ask("P0=78563412"), "OK");
    assert_eq!(gdb.ask("p0"), "78563412");
    assert_eq!(gdb.ask("P0=7856"), "E16");
    assert_eq!(gdb.ask("X20000000,0:"), "OK");
    assert_eq!(gdb.ask("X20000000,4:abc}\x03"), "OK");
    assert_eq!(gdb.ask("m20000000,4"), "61626323");
    assert_eq!(gdb.ask("x20000000,4"), "babc}\x03");
    assert_eq!(gdb.ask("M20000000,2:4142"), "OK");
    assert_eq!(gdb.ask("m20000000,4"), "41426323");
    assert!(gdb.ask("m30000000,4").starts_with('E'));
    let crc = gdb.ask("qCRC:20000000,4");
    assert!(crc.starts_with('C'), "{crc}");
}

#[test]
fn a_step_reports_its_registers() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    bench.link.fake().path.extend([0x2000_0102_u32]);
    gdb.ask("?");
    let reply = gdb.ask("vCont;s:1;c");
    assert!(reply.starts_with("T05thread:01;"), "{reply}");
    assert!(reply.contains(";0f:02010020;"), "{reply}");
}

#[test]
fn the_second_client_looks_and_changes_nothing() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    gdb.ask("?");
    let mut watch = bench.client();
    assert!(watch.ask("?").starts_with("T05thread:01;"));
    gdb.send("vCont;c");
    // The watch reads while the first one's program runs.
    assert_eq!(watch.ask("m20000000,4"), "00000000");
    watch.ask("qXfer:features:read:target.xml:0,80");
    assert_eq!(watch.ask("g").len(), 19 * 8);
    for refused in [
        "M20000000,1:00",
        "X20000000,1:a",
        "P0=00000000",
        "Z1,20000000,2",
        "vFlashErase:70000000,10000",
        "vRun;",
        "vAttach;1",
        "vKill;1",
    ] {
        assert_eq!(watch.ask(refused), "E01", "{refused}");
    }
    // A resume takes console text; a restart and a kill have no reply.
    for refused in ["vCont;s:1", "c"] {
        assert!(watch.ask(refused).starts_with("O584730"), "{refused}");
        assert_eq!(watch.receive(), "E01", "{refused}");
    }
    watch.send("R00");
    watch.send("k");
    assert_eq!(watch.ask("qCRC:20000000,4"), "", "GDB reads instead");
    assert_eq!(watch.ask("D"), "OK");
    drop(watch);
    thread::sleep(Duration::from_millis(30));
    gdb.raw(b"\x03");
    assert!(gdb.receive().starts_with("T02"));
}

#[test]
fn a_client_that_offers_it_is_shown_the_text() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    gdb.ask("qSupported:error-message+");
    assert!(
        gdb.ask("m2000,")
            .starts_with("E.XG062 packet `m2000,` is malformed: expected m ADDRESS,LENGTH."),
    );
    let (shown, reply) = gdb.monitor("frobnicate");
    assert_eq!(
        shown,
        "XG062: packet `m2000,` is malformed: expected m ADDRESS,LENGTH\n  remedy: a program that is no debugger may talk to this port; if it was GDB, `set debug remote 1` shows the packet\n"
    );
    assert_eq!(
        reply,
        "E.XG064 there is no monitor command `frobnicate`. `monitor help` lists the commands"
    );
}

#[test]
fn gdb_13_is_shown_the_text_before_the_number() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    let (shown, reply) = gdb.monitor("frobnicate");
    assert_eq!(
        shown,
        "XG064: there is no monitor command `frobnicate`\n  remedy: `monitor help` lists the commands\n"
    );
    assert_eq!(reply, "E16");
    assert_eq!(gdb.monitor("why").0, shown);
}

#[test]
fn what_could_not_be_shown_is_shown_at_the_next_resume() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    assert_eq!(gdb.ask("QNonStop:1"), "E16");
    gdb.send("vCont;c");
    let shown = gdb.receive();
    let text = super::wire::encoding::from_hex(&shown.as_bytes()[1..]).unwrap();
    assert!(String::from_utf8_lossy(&text).starts_with("XG066: non-stop mode is not offered"));
}

#[test]
fn a_long_command_is_outlived_and_signs_of_life_are_given() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    gdb.ask("QStartNoAckMode");
    gdb.send("qRcmd,64656c61792035303030"); // delay 5000
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(2000));
        gdb.raw(b"-");
    }
    assert_eq!(gdb.receive(), "OK");
    assert_eq!(gdb.ask("qC"), "QC1");
}

#[test]
fn an_oversize_packet_is_refused_with_a_reply() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    assert_eq!(gdb.ask(&"m".repeat(PACKET_BYTES + 1)), "E16");
    assert_eq!(gdb.ask("qC"), "QC1");
}

#[test]
fn a_client_that_vanishes_leaves_the_core_as_it_was_told() {
    let bench = Bench::new();
    let mut gdb = bench.client();
    gdb.ask("?");
    gdb.send("vCont;c");
    gdb.raw(b"$m2000");
    drop(gdb);
    let mut next = bench.client();
    // Its `?` stops the core, as GDB believes; its own leaving does not start it.
    assert!(next.ask("?").starts_with("T05thread:01;"));
    drop(next);
    assert_eq!(bench.client().ask("qAttached"), "1");
}

/// A packet, or what is none.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let letters = "[?!gGpPmxMXZzcsCSHTDkRvqQ]";
    let names = prop::sample::select(vec![
        "qSupported",
        "qRcmd,",
        "qXfer:features:read:target.xml:",
        "qXfer:memory-map:read::",
        "vCont;",
        "vFile:open:",
        "vFile:pread:",
        "vFlashErase:",
        "vFlashWrite:",
        "vFlashDone",
        "qCRC:",
        "qSearch:memory:",
        "Z0,",
        "Z1,",
        "Z2,",
        "m20000000,",
        "X20000000,",
        "H",
        "T",
        "QNonStop:",
        "vKill;",
        "vRun;",
        "qC",
        "R",
    ]);
    let tail = "[0-9a-fxX,;:=.+-]{0,12}";
    prop_oneof![
        3 => (names, tail).prop_map(|(name, tail)| frame(format!("{name}{tail}").as_bytes())),
        2 => (letters, prop::collection::vec(any::<u8>(), 0..24)).prop_map(|(letter, tail)| {
            let mut body = letter.into_bytes();
            body.extend(tail.into_iter().filter(|byte| !matches!(byte, b'#' | b'$')));
            frame(&body)
        }),
        1 => prop::collection::vec(any::<u8>(), 0..24),
        1 => Just(b"$m0,4#00".to_vec()),
        1 => Just(b"-+\x03".to_vec()),
    ]
}

#[test]
fn a_hundred_thousand_malformed_packets_end_nothing() {
    const BATCHES: u32 = 100;
    const PACKETS: usize = 1000;
    let bench = Bench::new();
    let mut runner = TestRunner::new(Config {
        cases: BATCHES,
        failure_persistence: None,
        ..Config::default()
    });
    let batch = prop::collection::vec(anything(), PACKETS..=PACKETS);
    runner
        .run(&batch, |packets| {
            let stream = TcpStream::connect(bench.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut reader = stream.try_clone().unwrap();
            let asked = thread::spawn(move || {
                let mut seen = Vec::new();
                let mut bytes = [0; 4096];
                while !seen.windows(4).any(|window| window == b"last") {
                    let searched = seen.len().saturating_sub(4);
                    seen.drain(..searched);
                    let read = reader.read(&mut bytes).unwrap();
                    assert_ne!(read, 0, "the server closed the connection");
                    seen.extend_from_slice(&bytes[..read]);
                }
            });
            let mut writer = &stream;
            for packet in packets {
                writer.write_all(&packet).unwrap();
            }
            // Twice: the garbage may end in the middle of a packet. The reply echoes what is not known.
            for _ in 0..2 {
                writer
                    .write_all(&frame(b"qSupported:error-message+"))
                    .unwrap();
                writer.write_all(&frame(b"m last")).unwrap();
            }
            prop_assert!(asked.join().is_ok(), "the server answers on");
            Ok(())
        })
        .unwrap();
    assert_eq!(bench.client().ask("qC"), "QC1");
}
