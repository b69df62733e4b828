//! Several clients at once: whatever the others say, and whenever, the session of the one that controls goes on as if it were alone.

mod support;

use support::{board::Board, debugger::Debugger, firmware, gdb::Gdb, rsp::Client, server::Server};

const APPLI: &str = "appli.elf";
/// Clients that a server takes (src/gdb/company.rs).
const MOST_CLIENTS: usize = 8;

fn served() -> (Board, Server) {
    let board = Board::with_appli(APPLI);
    let server = board.serve_appli(APPLI);
    (board, server)
}

/// A session of the controlling client, packet by packet: stops, steps, memory, registers, breakpoints, flash, files.
fn session(toggle: u32) -> Vec<String> {
    let mut packets: Vec<String> = [
        "qSupported:hwbreak+",
        "!",
        "?",
        "qXfer:features:read:target.xml:0,80",
        "monitor reset halt",
        "g",
        "vFile:setfs:0",
        "M24001000,4:01020304",
        "m24001000,4",
        "P4=78563412",
        "p4",
    ]
    .map(str::to_owned)
    .into();
    packets.push(format!("Z1,{toggle:x},2"));
    for _ in 0..3 {
        for packet in ["vCont;c:1", "pf", "vCont;s:1", "pf"] {
            packets.push(packet.to_owned());
        }
    }
    packets.push(format!("z1,{toggle:x},2"));
    for packet in [
        "m70000000,40",
        "qCRC:70000000,1000",
        "vFlashErase:70100000,10000",
        "vFlashWrite:70100000:company",
        "vFlashDone",
        "m70100000,8",
        "monitor why",
        "vFlashErase:70100000,10000",
        "vFlashDone",
        "pf",
        "monitor maskisr",
    ] {
        packets.push(packet.to_owned());
    }
    packets
}

/// One packet of every kind, right and wrong, as a looking client may say them at the wrong moment.
const KINDS: &[&str] = &[
    "?",
    "!",
    "g",
    "p0",
    "pf",
    "p13",
    "p99",
    "P0=ffffffff",
    "G00",
    "m24001000,4",
    "m70000000,40",
    "m60000000,4",
    "mzz",
    "M24001000,4:ffffffff",
    "X24001000,0:",
    "x24001000,4",
    "Z0,24001000,2",
    "Z1,70000400,2",
    "z1,70000400,2",
    "Z2,24001000,4",
    "z2,24001000,4",
    "c",
    "s",
    "vCont;c",
    "vCont;s:1",
    "vCont;t",
    "vCont;r70000000,70001000",
    "vCont?",
    "vFlashErase:70000000,10000",
    "vFlashWrite:70000000:x",
    "vFlashDone",
    "vRun;",
    "vAttach;1",
    "vKill;1",
    "vMustReplyEmpty",
    "vFile:setfs:0",
    "vFile:open:2f,0,0",
    "vFile:close:0",
    "vFile:close:5",
    "qC",
    "qAttached",
    "qfThreadInfo",
    "qsThreadInfo",
    "qCRC:24001000,4",
    "qSearch:memory:24001000;100;x",
    "QNonStop:1",
    "QNonStop:0",
    "qSupported:error-message+",
    "qXfer:features:read:target.xml:0,80",
    "qXfer:memory-map:read::0,80",
    "qXfer:threads:read::0,80",
    "qXfer:nothing:read::0,1",
    "Hg1",
    "Hc-1",
    "T1",
    "T9",
    "D",
    "monitor why",
    "monitor help",
    "monitor version",
    "monitor reset halt",
    "monitor reset run",
    "monitor halt",
    "monitor flash",
    "monitor boot arm",
    "monitor catch off",
    "monitor maskisr on",
    "monitor resume",
    "monitor mww 0x24001000 1",
    "monitor nonsense",
    "nonsense",
];

/// These have no reply, or stop the conversation.
const SILENT: &[&str] = &["R00", "k", "\x03"];

/// Says `packet` and returns the reply, without console text.
fn ask(client: &mut Client, packet: &str) -> String {
    match packet.strip_prefix("monitor ") {
        Some(command) => client.send_monitor(command),
        None => client.send(packet),
    }
    loop {
        let reply = client.receive();
        // Console text is `O` and digits.
        if !reply.starts_with('O') || reply == "OK" {
            return reply;
        }
    }
}

/// The same numbers on every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// A looking client says something, and is answered; now and then it goes without a word and another comes.
fn disturb(looking: &mut Client, server: &Server, random: &mut Random) {
    match random.below(12) {
        0 => {
            *looking = Client::connect(server.port);
        }
        1 => looking.raw(b"$m24\x03#zz-+}#00$$$"),
        2 => match SILENT[random.below(SILENT.len())] {
            "\x03" => looking.raw(b"\x03"),
            packet => looking.send(packet),
        },
        _ => {
            let packet = KINDS[random.below(KINDS.len())];
            // What came of damaged frames and silent packets stands before the reply: the next round reads on.
            match packet.strip_prefix("monitor ") {
                Some(command) => looking.send_monitor(command),
                None => looking.send(packet),
            }
            looking.receive();
        }
    }
}

/// The replies to the session when `between` happens before each packet.
fn play(board: &Board, between: impl Fn(&Server, &mut Random, &mut Vec<Client>)) -> Vec<String> {
    let server = board.serve_appli(APPLI);
    let mut random = Random(0x5EED);
    let mut controlling = Client::connect(server.port);
    ask(&mut controlling, "?");
    let mut others = Vec::new();
    let replies = session(symbol("toggle"))
        .iter()
        .map(|packet| {
            between(&server, &mut random, &mut others);
            format!("{packet}: {}", ask(&mut controlling, packet))
        })
        .collect();
    drop(others);
    drop(controlling);
    assert!(server.stop().success());
    replies
}

/// The address of a function of the appli.
fn symbol(name: &str) -> u32 {
    let mut gdb = Gdb::start(Some(&firmware(APPLI)));
    gdb.number(&format!("&{name}")) & !1
}

/// Every kind of packet from two others, in several orders, before each packet of the session: its replies are those of a session
/// that is alone.
#[test]
fn no_packet_of_another_client_changes_a_session() {
    let alone = play(&Board::with_appli(APPLI), |_, _, _| {});
    assert!(
        alone.iter().any(|reply| reply.contains("hwbreak")),
        "{alone:?}"
    );
    assert!(
        alone.iter().any(|reply| reply == "vFlashDone: OK"),
        "{alone:?}"
    );
    for order in 1..=4 {
        let in_company = play(&Board::with_appli(APPLI), |server, random, others| {
            if others.is_empty() {
                random.0 ^= order << 32;
                others.extend([Client::connect(server.port), Client::connect(server.port)]);
                for other in others.iter_mut() {
                    ask(other, "?");
                }
            }
            for _ in 0..6 {
                let which = random.below(others.len());
                disturb(&mut others[which], server, random);
            }
        });
        for (with, without) in in_company.iter().zip(&alone) {
            assert_eq!(with, without, "order {order}");
        }
    }
}

/// While the program runs for the one, every kind of packet of the other is answered, and none stops it.
#[test]
fn no_packet_of_another_client_stops_a_running_program() {
    let (_board, server) = served();
    let mut controlling = Client::connect(server.port);
    ask(&mut controlling, "monitor reset halt");
    let mut looking = Client::connect(server.port);
    controlling.send("vCont;c:1");
    for packet in KINDS {
        let reply = ask(&mut looking, packet);
        assert!(!reply.starts_with("T02"), "{packet}: {reply}");
    }
    for packet in SILENT {
        match *packet {
            "\x03" => looking.raw(b"\x03"),
            packet => looking.send(packet),
        }
    }
    assert_eq!(ask(&mut looking, "qC"), "QC1");
    drop(looking);
    controlling.raw(b"\x03");
    let stop = controlling.receive();
    assert!(
        stop.starts_with("T02"),
        "it ran until its own client stopped it: {stop}"
    );
}

/// A client too many is told so by its GDB, also by one that takes no error texts elsewhere; the place of one that leaves is free.
#[test]
fn a_client_too_many_is_told_so() {
    let (_board, server) = served();
    let mut clients: Vec<Client> = (0..MOST_CLIENTS)
        .map(|_| Client::connect(server.port))
        .collect();
    for client in &mut clients {
        assert!(ask(client, "?").starts_with("T05"));
    }
    for debugger in Debugger::ALL {
        let mut gdb = Gdb::start_as(debugger, None);
        gdb.begin_transcript();
        gdb.fails(&format!(
            "-target-select extended-remote 127.0.0.1:{}",
            server.port
        ));
        let shown = gdb.transcript();
        assert!(
            shown.contains("XG063 8 clients are connected, and there is no place for another. close one of them"),
            "{debugger:?}: {shown}"
        );
    }
    clients.pop();
    for debugger in Debugger::ALL {
        // The end of a connection is noticed when it is noticed.
        let mut gdb = Gdb::start_as(debugger, None);
        let connect = format!("-target-select extended-remote 127.0.0.1:{}", server.port);
        while gdb.command(&connect).class == "error" {}
        drop(gdb);
    }
}

/// Files are each client's own: what one closes stays open for the other, and nobody can use up another's.
#[test]
fn files_are_each_clients_own() {
    let (_board, server) = served();
    let path: String = firmware(APPLI)
        .to_string_lossy()
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let open = format!("vFile:open:{path},0,0");
    let mut controlling = Client::connect(server.port);
    let mut looking = Client::connect(server.port);
    assert_eq!(ask(&mut controlling, &open), "F00");
    for number in 0..16 {
        assert_eq!(ask(&mut looking, &open), format!("F{number:02x}"));
    }
    assert!(
        ask(&mut looking, &open).starts_with("F-1"),
        "sixteen are enough"
    );
    assert_eq!(ask(&mut looking, "vFile:close:0"), "F0");
    assert!(ask(&mut controlling, "vFile:pread:0,4,0").starts_with("F04;"));
    assert_eq!(ask(&mut controlling, &open), "F01");
}
