//! Packet transcripts against the real server, as goldens in tests/rsp/. `UPDATE_GOLDENS=1` records the replies anew.
//!
//! A transcript names its board in the first line and what the client says in lines that begin with `>`: a packet's body (`\x03` for
//! a byte), `> monitor COMMAND`, `>! BYTES` for bytes without a frame, `>- PACKET` for one that has no reply. `<` lines are what
//! came back: text that GDB shows in quotes, and the last line is the reply itself.

mod support;

use std::{fs, path::Path, time::Duration};

use support::{
    board::{Board, text},
    firmware,
    golden::{assert_golden, normalise},
    repository,
    rsp::{Client, decode},
    server::Server,
};
use xspi_gdb::gdb::monitor;

const APPLI: &str = "appli.elf";
/// Makes semihosting calls.
const HOSTED: &str = "semihosting.elf";

/// A server for `appli`.
fn serve(board: &Board, appli: &str) -> Server {
    let appli = text(&firmware(appli));
    board.serve(&["--appli", &appli])
}

/// What came back, up to the reply or the stop.
fn replies(client: &mut Client) -> String {
    let mut said = String::new();
    loop {
        let packet = client.receive();
        match packet.strip_prefix('O').filter(|_| packet != "OK") {
            Some(hex) => {
                for line in decode(hex).lines() {
                    said.push_str(&format!("< \"{line}\"\n"));
                }
            }
            None => return format!("{said}< {}\n", packet.escape_debug()),
        }
    }
}

/// The text of a transcript with `\x03` as the byte.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend(rest[..at].bytes());
        let code = u8::from_str_radix(&rest[at + 2..at + 4], 16).expect("two digits after \\x");
        bytes.push(code);
        rest = &rest[at + 4..];
    }
    bytes.extend(rest.bytes());
    bytes
}

/// A frame around `body`.
fn frame(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let mut frame = vec![b'$'];
    frame.extend_from_slice(body);
    frame.extend(format!("#{sum:02x}").bytes());
    frame
}

/// One `> monitor` line and its answer.
fn monitor(client: &mut Client, command: &str) -> String {
    let hex: String = command.bytes().map(|byte| format!("{byte:02x}")).collect();
    client.send(&format!("qRcmd,{hex}"));
    replies(client)
}

/// Plays the client's lines of `transcript` and writes down what comes back.
fn play(transcript: &str, client: &mut Client) -> String {
    let mut played = String::new();
    for line in transcript.lines().filter(|line| !line.starts_with('<')) {
        played.push_str(line);
        played.push('\n');
        if let Some(command) = line.strip_prefix("> monitor ") {
            played.push_str(&monitor(client, command));
        } else if let Some(raw) = line.strip_prefix(">! ") {
            client.raw(&bytes(raw));
        } else if let Some(body) = line.strip_prefix(">- ") {
            client.raw(&frame(&bytes(body)));
        } else if let Some(body) = line.strip_prefix("> ") {
            client.raw(&frame(&bytes(body)));
            played.push_str(&replies(client));
        }
    }
    normalise(&played)
}

/// Every transcript in tests/rsp that is not a monitor command's.
#[test]
fn every_transcript_is_as_recorded() {
    let folder = repository("tests/rsp");
    let mut played = 0;
    for entry in fs::read_dir(&folder).expect("tests/rsp is there") {
        let path = entry.expect("a file").path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if !name.ends_with(".rsp") || name.starts_with("monitor-") {
            continue;
        }
        let transcript = fs::read_to_string(&path).expect("a transcript");
        let (board, appli) = board_of(&transcript, &path);
        let server = serve(&board, appli);
        let mut client = Client::connect(server.port);
        assert_golden(&format!("rsp/{name}"), &play(&transcript, &mut client));
        played += 1;
    }
    assert!(played >= 5, "only {played} transcripts were found");
}

/// The board that a transcript begins with, and the appli that the server knows.
fn board_of(transcript: &str, path: &Path) -> (Board, &'static str) {
    match transcript.lines().next() {
        Some("# board: booted") => (Board::booted(), APPLI),
        Some("# board: appli") => (Board::with_appli(APPLI), APPLI),
        Some("# board: semihosting") => (Board::with_appli(HOSTED), HOSTED),
        other => panic!("{}: no board in {other:?}", path.display()),
    }
}

/// A command without a line of help, or without a recorded contract, is not finished.
#[test]
fn every_command_has_help_and_a_golden() {
    let board = Board::with_appli(APPLI);
    let server = serve(&board, APPLI);
    let mut client = Client::connect(server.port);
    for command in monitor::COMMANDS {
        assert!(!command.help.is_empty(), "{} has no help", command.name());
        let mut transcript = String::new();
        monitor(&mut client, "reset halt");
        for name in command.names {
            for typed in [(*name).to_owned(), format!("{name} nonsense")] {
                transcript.push_str(&format!("> monitor {typed}\n"));
                transcript.push_str(&monitor(&mut client, &typed));
            }
        }
        let transcript = normalise(&transcript).replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
        assert_golden(&format!("rsp/monitor-{}.rsp", command.name()), &transcript);
    }
}

/// `vFlashErase`, and `vFlashWrite` of `packets` times 4 KiB that no NOR holds yet.
fn begin_load(client: &mut Client, packets: u32) {
    const PACKET: u32 = 0x1000;
    assert_eq!(
        client.ask(&format!("vFlashErase:70000000,{:x}", packets * PACKET)),
        "OK"
    );
    for packet in 0..packets {
        let contents: String = (0..PACKET)
            .map(|at| char::from(b'0' + ((packet + at) % 75) as u8))
            .filter(|letter| !matches!(letter, '#' | '$' | '}' | '*'))
            .collect();
        assert_eq!(
            client.ask(&format!(
                "vFlashWrite:{:x}:{contents}",
                0x7000_0000 + packet * PACKET
            )),
            "OK"
        );
    }
}

/// A client that is killed in the middle of `load` leaves the target as it was: nothing of it is programmed later.
#[test]
fn a_client_killed_in_the_middle_of_load_is_forgotten() {
    let board = Board::with_appli(APPLI);
    let server = serve(&board, APPLI);
    let mut killed = Client::connect(server.port);
    killed.ask("?");
    let (_, before) = (killed.monitor("reset halt"), killed.ask("m70000000,40"));
    begin_load(&mut killed, 8);
    drop(killed);
    let mut next = Client::connect(server.port);
    assert!(next.ask("?").starts_with("T05"));
    assert_eq!(next.ask("vFlashDone"), "OK");
    assert_eq!(next.ask("m70000000,40"), before);
}

/// SIGTERM while flash is programmed ends the operation under way, says what is unfinished, and the process ends cleanly.
#[test]
fn sigterm_in_the_middle_of_load_ends_cleanly() {
    const BUSY: &str = "E10";
    let board = Board::with_appli(APPLI);
    let server = board.serve(&["--json"]);
    let mut client = Client::connect(server.port);
    client.ask("?");
    let mut watching = Client::connect(server.port);
    watching.ask("?");
    begin_load(&mut client, 512);
    client.send("vFlashDone");
    // External memory is busy from the first sector on, and only then.
    while watching.ask("m70000000,4") != BUSY {}
    server.signal("TERM");
    assert_eq!(client.receive(), "E05");
    let log = server.stderr_at_end();
    assert!(log.contains("XG036"), "{log}");
}

/// A watch keeps reading while another client programs.
#[test]
fn a_looking_client_is_served_during_load() {
    let board = Board::booted();
    let server = board.serve(&[]);
    let mut loading = Client::connect(server.port);
    loading.ask("?");
    let mut watching = Client::connect(server.port);
    watching.ask("?");
    begin_load(&mut loading, 256);
    loading.send("vFlashDone");
    let mut served = 0;
    let done = loop {
        assert_eq!(watching.ask("m24000000,4").len(), 8);
        served += 1;
        if let Some(reply) = loading.receive_within(Duration::from_millis(1)) {
            break reply;
        }
    };
    assert_eq!(done, "OK");
    assert!(served > 3, "{served} reads were served");
}

/// With --json everything that happens is one object a line.
/// A launch that is restarted closes one connection and opens the next at once: the new client controls, every time.
#[test]
fn a_relaunch_controls_at_once() {
    let server = serve(&Board::blank(), APPLI);
    for launch in 0..300 {
        let mut client = Client::connect(server.port);
        assert_eq!(
            client.ask(&format!("P0={launch:08x}")),
            "OK",
            "launch {launch}"
        );
    }
}

#[test]
fn events_are_json_lines() {
    let board = Board::booted();
    let appli = text(&firmware(APPLI));
    let mut server = board.serve(&["--json", "--appli", &appli]);
    let mut client = Client::connect(server.port);
    client.ask("?");
    client.monitor("reset halt");
    assert_eq!(client.monitor("flash").1, "OK");
    assert!(client.ask("vCont;s").starts_with("T05"));
    assert!(client.ask("mzz").starts_with('E'));
    drop(client);
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("closed") {
        let line = server.line();
        let event: serde_json::Value = serde_json::from_str(&line).expect("one JSON object");
        seen.push(event["event"].as_str().unwrap_or_default().to_owned());
    }
    for wanted in ["boot", "fault", "load", "stop", "closed"] {
        assert!(
            seen.iter().any(|event| event == wanted),
            "{wanted}: {seen:?}"
        );
    }
}
