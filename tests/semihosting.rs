//! A program that makes semihosting calls, in front of a real GDB.

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use support::{
    board::{Board, text},
    debugger::Debugger,
    firmware,
    gdb::{Gdb, Stop},
    rsp::Client,
    server::{PATIENCE, Server},
};

/// Greets, tells its arguments, asks for a line, writes a file and reads it back, and ends (firmware/hosted).
const PROGRAM: &str = "semihosting.elf";

fn session(board: &Board, arguments: &[&str]) -> (Server, Gdb) {
    let program = text(&firmware(PROGRAM));
    let mut all = vec!["--appli", program.as_str()];
    all.extend(arguments);
    let server = board.serve(&all);
    let mut gdb = Gdb::connect(Some(&firmware(PROGRAM)), server.port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    (server, gdb)
}

#[track_caller]
fn says(stop: &Stop, words: &[&str]) {
    for words in words {
        assert!(
            stop.text.contains(words),
            "`{words}` is not in {}",
            stop.text
        );
    }
}

#[test]
fn a_program_has_console_arguments_and_files_and_ends_with_its_code() {
    let board = Board::with_appli(PROGRAM);
    let folder = tempfile::tempdir().expect("a folder");
    let directory = text(folder.path());
    let (_server, mut gdb) = session(
        &board,
        &[
            "--semihosting-dir",
            &directory,
            "--semihosting-cmdline",
            "program --fast",
        ],
    );
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.signal(), "SIGTRAP", "{}", stop.record);
    says(
        &stop,
        &[
            "hello by semihosting\n",
            "arguments: program --fast\n",
            "the program ended with code 0 (semihosting exit)",
        ],
    );
    let log = fs::read(folder.path().join("log.txt")).expect("the program's file");
    assert_eq!(log, b"written by the program\n");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn without_a_directory_the_file_is_refused_and_the_user_told() {
    let board = Board::with_appli(PROGRAM);
    let (_server, mut gdb) = session(&board, &[]);
    let stop = gdb.stopped("-exec-continue");
    says(
        &stop,
        &[
            "semihosting: SYS_OPEN: `log.txt` is refused: --semihosting-dir names no directory for files",
            "the program ended with code 1 (semihosting exit)",
        ],
    );
}

#[test]
fn breakpoints_and_steps_do_not_notice_calls() {
    let board = Board::with_appli(PROGRAM);
    let (_server, mut gdb) = session(&board, &[]);
    gdb.ok("-break-insert -t hosted::keep_a_log");
    let stop = gdb.stopped("-exec-continue");
    says(&stop, &["hello by semihosting\n"]);
    let finished = gdb.stopped("-exec-finish");
    assert_eq!(
        finished.reason(),
        "function-finished",
        "{}",
        finished.record
    );
    assert_eq!(
        finished.function(),
        "__cortex_m_rt_main",
        "{}",
        finished.record
    );
    says(&finished, &["`log.txt` is refused"]);
}

#[test]
fn calls_stop_the_program_while_nobody_serves_them() {
    let board = Board::with_appli(PROGRAM);
    let (_server, mut gdb) = session(&board, &[]);
    gdb.monitor("arm semihosting disable");
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.signal(), "SIGTRAP", "{}", stop.record);
    says(&stop, &["semihosting call SYS_OPEN, which nobody serves"]);
    assert_eq!(stop.function(), "call", "{}", stop.record);
    gdb.monitor("arm semihosting enable");
    let stop = gdb.stopped("-exec-continue");
    says(
        &stop,
        &["hello by semihosting\n", "the program ended with code 1"],
    );
}

/// A GDB in `folder` that plays `commands` and lets the program run.
fn gdb_in(debugger: Debugger, folder: &Path, server: &Server, commands: &[&str]) -> Child {
    let mut gdb = debugger.command(Some(&firmware(PROGRAM)));
    gdb.arg("-batch").current_dir(folder);
    let connect = format!("target extended-remote 127.0.0.1:{}", server.port);
    let all = [
        connect.as_str(),
        "monitor reset halt",
        "maintenance flush register-cache",
    ];
    for command in all.iter().chain(commands).chain(&["continue"]) {
        gdb.args(["-ex", command]);
    }
    gdb.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    gdb.spawn().expect("GDB")
}

/// The same, to the program's end, with `typed` on GDB's console.
fn run_in(
    debugger: Debugger,
    folder: &Path,
    server: &Server,
    commands: &[&str],
    typed: &str,
) -> Output {
    let mut gdb = gdb_in(debugger, folder, server, commands);
    let mut input = gdb.stdin.take().expect("piped");
    input.write_all(typed.as_bytes()).expect("GDB reads");
    drop(input);
    gdb.wait_with_output().expect("GDB ends")
}

/// GDB's command line shows what the target says on stderr.
#[track_caller]
fn has(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    for words in words {
        assert!(said.contains(words), "`{words}` is not in {said}");
    }
}

/// GDB's File-I/O: the console is GDB's, the file lies where GDB runs, the exit code is as ever.
#[test]
fn gdb_serves_the_calls_of_a_program_itself() {
    for debugger in Debugger::ALL {
        let board = Board::with_appli(PROGRAM);
        let program = text(&firmware(PROGRAM));
        let server = board.serve(&[
            "--appli",
            &program,
            "--semihosting-cmdline",
            "program --fast",
        ]);
        let folder = tempfile::tempdir().expect("a folder");
        let served = run_in(
            debugger,
            folder.path(),
            &server,
            &["monitor arm semihosting_fileio enable"],
            "a line\n",
        );
        has(
            &served,
            &[
                "hello by semihosting\n",
                "arguments: program --fast\n",
                "typed: a line\n",
                "the program ended with code 0 (semihosting exit)",
            ],
        );
        let log = fs::read(folder.path().join("log.txt")).expect("the program's file");
        assert_eq!(log, b"written by the program\n", "{debugger:?}");

        // The next client has not asked for it.
        fs::remove_file(folder.path().join("log.txt")).expect("it is there");
        let served = run_in(debugger, folder.path(), &server, &[], "");
        has(
            &served,
            &[
                "hello by semihosting\n",
                "`log.txt` is refused",
                "code 1 (semihosting exit)",
            ],
        );
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
    }
}

/// Ctrl-C while GDB waits for a line: the program stops at its call, and makes it again when it goes on.
#[test]
fn ctrl_c_interrupts_a_program_that_reads_gdbs_console() {
    for debugger in Debugger::ALL {
        let board = Board::with_appli(PROGRAM);
        let program = text(&firmware(PROGRAM));
        let server = board.serve(&["--appli", &program, "--semihosting-gdb"]);
        let folder = tempfile::tempdir().expect("a folder");
        let mut gdb = gdb_in(debugger, folder.path(), &server, &["continue"]);
        let mut input = gdb.stdin.take().expect("piped");
        let said = BufReader::new(gdb.stderr.take().expect("piped"));
        let mut said = said.lines().map_while(Result::ok);
        assert!(
            said.any(|line| line.starts_with("arguments:")),
            "it is to be read next"
        );
        interrupt(&gdb);
        let shown = BufReader::new(gdb.stdout.take().expect("piped"));
        let mut shown = shown.lines().map_while(Result::ok);
        assert!(shown.any(|line| line.contains("SIGINT")), "{debugger:?}");
        input.write_all(b"a line\n").expect("GDB reads");
        drop(input);
        assert!(said.any(|line| line.contains("typed: a line")));
        assert!(said.any(|line| line.contains("the program ended with code 0")));
        gdb.wait().expect("GDB ends");
    }
}

fn interrupt(gdb: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &gdb.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

/// The option does it for every client, and what GDB cannot do fails the call.
#[test]
fn a_file_that_gdb_cannot_open_fails_the_call() {
    for debugger in Debugger::ALL {
        let board = Board::with_appli(PROGRAM);
        let program = text(&firmware(PROGRAM));
        let server = board.serve(&["--appli", &program, "--semihosting-gdb"]);
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("log.txt")).expect("a folder in the way");
        let served = run_in(debugger, folder.path(), &server, &[], "");
        has(
            &served,
            &[
                "hello by semihosting\n",
                "the program ended with code 1 (semihosting exit)",
            ],
        );
    }
}

/// A client that vanishes in the middle of a call leaves it to the server, and the program runs on.
#[test]
fn a_client_that_vanishes_leaves_its_call_to_the_server() {
    let board = Board::with_appli(PROGRAM);
    let program = text(&firmware(PROGRAM));
    let mut server = board.serve(&["--appli", &program, "--json"]);
    let mut client = Client::connect(server.port);
    client.ask("?");
    client.monitor("reset halt");
    client.monitor("semihosting gdb");
    assert!(client.ask("vCont;c").starts_with("Fwrite,1,"));
    drop(client);
    let mut seen = String::new();
    while !seen.contains("exit with code 1") {
        seen.push_str(&server.line());
    }
    assert!(seen.contains("hello by semihosting"), "{seen}");
    let mut next = Client::connect(server.port);
    next.ask("?");
    let (told, _) = next.monitor("semihosting");
    assert!(told.contains("semihosting is served\n"), "{told}");
}

/// A server with a port for the program's console.
fn with_console(board: &Board) -> (Server, u16) {
    let program = text(&firmware(PROGRAM));
    let mut server = board.serve(&["--appli", &program, "--json", "--telnet-port", "0"]);
    let port = server.event("console")["port"].as_u64().expect("a port");
    (server, u16::try_from(port).expect("a port"))
}

/// Somebody at the console.
fn sits_at(server: &Server, port: u16) -> BufReader<TcpStream> {
    let console = TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    console
        .set_read_timeout(Some(PATIENCE))
        .expect("a socket option");
    server.logged("the program's console has a reader");
    BufReader::new(console)
}

#[track_caller]
fn reads(console: &mut BufReader<TcpStream>, wanted: &str) {
    let mut line = String::new();
    console.read_line(&mut line).expect("a line");
    assert_eq!(line, wanted);
}

/// What the program writes goes to the port and not to GDB; what is typed there comes to the program.
#[test]
fn a_program_has_its_console_on_a_port() {
    let board = Board::with_appli(PROGRAM);
    let (server, port) = with_console(&board);
    let mut console = sits_at(&server, port);
    let mut gdb = Gdb::connect(Some(&firmware(PROGRAM)), server.port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    console
        .get_mut()
        .write_all(b"first\nsecond\n")
        .expect("it is read");
    let stop = gdb.stopped("-exec-continue");
    for line in ["hello by semihosting\n", "arguments: \n", "typed: first\n"] {
        reads(&mut console, line);
    }
    says(
        &stop,
        &["`log.txt` is refused", "the program ended with code 1"],
    );
    assert!(!stop.text.contains("typed"), "{}", stop.text);
}

/// While nobody is there, GDB shows what the program writes and says where it waits to be typed to. Ctrl-C stops it there, others look.
#[test]
fn a_program_that_waits_for_input_keeps_nobody_waiting() {
    let board = Board::with_appli(PROGRAM);
    let (mut server, port) = with_console(&board);
    let mut gdb = Gdb::connect(Some(&firmware(PROGRAM)), server.port);
    gdb.monitor("reset halt");
    gdb.flush_registers();
    gdb.ok("-exec-continue");
    while server.event("program")["stream"] != "notice" {}
    let mut looking = Client::connect(server.port);
    looking.ask("?");
    assert_eq!(looking.ask("m20000000,4").len(), 8);
    let stop = gdb.stopped("-exec-interrupt");
    assert_eq!(stop.signal(), "SIGINT", "{}", stop.record);
    assert_eq!(stop.function(), "call", "{}", stop.record);
    let told = gdb.transcript();
    assert!(told.contains("hello by semihosting"), "{told}");
    assert!(
        told.contains("the program waits for input: connect to 127.0.0.1:"),
        "{told}"
    );
    let mut console = sits_at(&server, port);
    console.get_mut().write_all(b"late\n").expect("it is read");
    let ended = gdb.stopped("-exec-continue");
    says(&ended, &["the program ended with code 1"]);
    reads(&mut console, "typed: late\n");
}

/// A semihosting call of a program in RAM that does nothing else; what it returns.
#[track_caller]
fn calls(gdb: &mut Gdb, operation: u32, block: &[u32]) -> u32 {
    // BKPT 0xAB, then BKPT 0, where it stops.
    gdb.set_word(CODE, 0xBE00_BEAB);
    for (at, word) in (BLOCK..).step_by(4).zip(block) {
        gdb.set_word(at, *word);
    }
    for (register, value) in [("$r0", operation), ("$r1", BLOCK), ("$pc", CODE)] {
        gdb.cli(&format!("set var {register} = {value}"));
    }
    let stop = gdb.stopped("-exec-continue");
    assert_eq!(stop.address(), CODE + 2, "{} {}", stop.record, stop.text);
    gdb.number("$r0")
}

const CODE: u32 = 0x2400_0000;
const BLOCK: u32 = 0x2400_0100;
const NAME: u32 = 0x2400_0200;
const OTHER: u32 = 0x2400_0400;
const BUFFER: u32 = 0x2400_0600;

/// Puts `text` into RAM; its length.
fn put(gdb: &mut Gdb, address: u32, text: &str) -> u32 {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    gdb.ok(&format!("-data-write-memory-bytes {address:#x} {hex}00"));
    text.len() as u32
}

/// Every operation that goes out to GDB, as both GDBs answer it.
#[test]
fn gdb_serves_every_operation() {
    const FAILED: u32 = u32::MAX;
    let [open, close, write, read] = [0x01, 0x02, 0x05, 0x06];
    let [is_terminal, seek, length, remove, rename] = [0x09, 0x0A, 0x0C, 0x0E, 0x0F];
    let [time, system, errno] = [0x11, 0x12, 0x13];
    for debugger in Debugger::ALL {
        let board = Board::with_appli(PROGRAM);
        let server = board.serve_appli(PROGRAM);
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| text(&folder.path().join(name));
        let mut gdb = Gdb::connect_as(debugger, Some(&firmware(PROGRAM)), server.port);
        gdb.monitor("reset halt");
        gdb.flush_registers();
        gdb.monitor("semihosting gdb");
        let name = [NAME, put(&mut gdb, NAME, &path("one"))];
        let other = [OTHER, put(&mut gdb, OTHER, &path("two"))];

        assert_eq!(calls(&mut gdb, open, &[name[0], 0, name[1]]), FAILED);
        assert_eq!(calls(&mut gdb, errno, &[]), 2, "ENOENT");
        let file = calls(&mut gdb, open, &[name[0], 6, name[1]]);
        assert_ne!(file, FAILED, "{debugger:?}");
        put(&mut gdb, BUFFER, "0123456789");
        assert_eq!(calls(&mut gdb, write, &[file, BUFFER, 10]), 0);
        assert_eq!(calls(&mut gdb, length, &[file]), 10);
        assert_eq!(calls(&mut gdb, is_terminal, &[file]), 0);
        assert_eq!(calls(&mut gdb, seek, &[file, 4]), 0);
        assert_eq!(
            calls(&mut gdb, read, &[file, BUFFER, 64]),
            58,
            "six bytes came"
        );
        assert_eq!(gdb.word(BUFFER), u32::from_le_bytes(*b"4567"));
        // More than one errand carries, as the file has it.
        assert_eq!(calls(&mut gdb, seek, &[file, 0]), 0);
        assert_eq!(calls(&mut gdb, write, &[file, 0x7000_0000, 0x1_0001]), 0);
        let image = gdb.ok("-data-read-memory-bytes 0x70000000 65537");
        let image = image.field("contents").expect("the program's flash");
        let written = fs::read(folder.path().join("one")).expect("the file");
        let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, image, "{debugger:?}");
        assert_eq!(calls(&mut gdb, close, &[file]), 0);
        assert_eq!(calls(&mut gdb, close, &[file]), FAILED);

        assert_eq!(
            calls(&mut gdb, rename, &[name[0], name[1], other[0], other[1]]),
            0
        );
        assert!(folder.path().join("two").is_file());
        assert_eq!(calls(&mut gdb, remove, &other), 0);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 0);
        assert!(calls(&mut gdb, time, &[]) > 1_700_000_000, "after 2023");
        let command = [NAME, put(&mut gdb, NAME, "exit 3")];
        assert_eq!(calls(&mut gdb, system, &command), FAILED);
        assert_eq!(calls(&mut gdb, errno, &[]), 1, "EPERM");
        gdb.cli("set remote system-call-allowed 1");
        assert_eq!(calls(&mut gdb, system, &command), 3);
    }
}
