//! What the server allocates for a packet, counted over the whole process: sockets, framer, dispatcher, gdbstub, session, reply. What a
//! packet asks for is known to the session here (memory and registers are read once a halt), so that no probe is in the count, but for
//! steps. XSPI_GDB_HEAP_PROFILE names a file for DHAT's viewer that says where it is allocated.

mod bench;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
};

use bench::{Bench, firmware};
use xspi_gdb::{
    gdb::{Options, Server, events::Events, wire::framer::frame},
    layout::BoardProfile,
    session::{Session, Settings},
};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// Packets that are counted.
const COUNTED: usize = 256;

/// A kind of packet, and the most that one of it may take, in allocations and bytes.
struct Kind {
    name: &'static str,
    /// Sent in turn.
    packets: Vec<Vec<u8>>,
    allocations: f64,
    bytes: f64,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, bodies: &[&[u8]], allocations, bytes| Kind {
        name,
        packets: bodies.iter().map(|body| frame(body)).collect(),
        allocations,
        bytes,
    };
    let mut write = b"X24020000,3f00:".to_vec();
    write.resize(write.len() + 0x3F00, 0x55);
    vec![
        kind("m, 64 bytes", &[b"m24020000,40"], 4.0, 256.0),
        kind("m, 8 KB", &[b"m24020000,1fff"], 4.0, 17_000.0),
        kind("x, 8 KB", &[b"x24020000,1fff"], 4.0, 17_500.0),
        kind("g", &[b"g"], 4.0, 256.0),
        kind("pf", &[b"pf"], 4.0, 64.0),
        kind("Z1, z1", &[b"Z1,70001000,2", b"z1,70001000,2"], 6.0, 128.0),
        kind("vCont;s", &[b"vCont;s:1"], 50.0, 1_500.0),
        kind("X, 16 KB", &[&write], 72.0, 120_000.0),
    ]
}

/// A client that allocates nothing.
struct Client {
    stream: TcpStream,
    buffer: Box<[u8; 0x1_0000]>,
}

impl Client {
    /// Sends a frame and waits for the end of the reply, of which it returns the beginning.
    fn ask(&mut self, frame: &[u8]) -> [u8; 2] {
        self.stream
            .write_all(frame)
            .expect("the server takes bytes");
        let mut end = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[end..]).expect("a reply");
            assert!(read > 0, "the server closed the connection");
            end += read;
            let reply = &self.buffer[..end];
            if reply.len() >= 4 && reply[reply.len() - 3] == b'#' {
                let begin = reply
                    .iter()
                    .position(|byte| *byte == b'$')
                    .expect("a packet");
                return [reply[begin + 1], reply[begin + 2]];
            }
        }
    }
}

fn session() -> Session {
    let mut bench = Bench::with_boot("boot.elf");
    let appli = firmware("appli.elf");
    bench.flash(&appli).expect("programmed");
    bench.arm(Some(&appli)).expect("armed");
    let settings = Settings::of(BoardProfile::find("stm32h7s78-dk").expect("the kit"));
    Session::open(Box::new(bench.link), settings).expect("a session")
}

#[test]
fn a_packet_takes_few_allocations() {
    let options = Options {
        address: ([127, 0, 0, 1], 0).into(),
        events: Events::Silent,
        ..Options::default()
    };
    let server = Server::listen(options).expect("a free port");
    let (address, ending) = (server.address(), server.ending());
    let serving = thread::spawn(move || server.serve(|| Ok(session())));
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("a socket option");
    let mut client = Client {
        stream,
        buffer: Box::new([0; 0x1_0000]),
    };
    for body in [
        "qSupported:hwbreak+",
        "QStartNoAckMode",
        "qXfer:features:read:target.xml:0,ffb",
        "?",
    ] {
        client.ask(&frame(body.as_bytes()));
    }
    let mut too_many = Vec::new();
    for kind in kinds() {
        let packets = || kind.packets.iter().cycle().take(COUNTED);
        // Buffers grow to what they need.
        for packet in packets() {
            let reply = client.ask(packet);
            assert!(
                reply[0] != b'E' && reply[0] != b'#',
                "{}: {reply:?}",
                kind.name
            );
        }
        let builder = dhat::Profiler::builder();
        let heap = match std::env::var("XSPI_GDB_HEAP_PROFILE") {
            Ok(folder) => builder
                .file_name(format!("{folder}/{}.json", kind.name))
                .build(),
            Err(_) => builder.testing().trim_backtraces(Some(1)).build(),
        };
        for packet in packets() {
            client.ask(packet);
        }
        let stats = dhat::HeapStats::get();
        drop(heap);
        let allocations = stats.total_blocks as f64 / COUNTED as f64;
        let bytes = stats.total_bytes as f64 / COUNTED as f64;
        println!(
            "{}: {allocations:.1} allocations, {bytes:.0} bytes a packet",
            kind.name
        );
        if allocations > kind.allocations || bytes > kind.bytes {
            too_many.push(kind.name);
        }
    }
    ending.request();
    drop(client);
    serving.join().expect("no panic").expect("served");
    assert!(too_many.is_empty(), "more than allowed: {too_many:?}");
}
