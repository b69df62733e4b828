//! The probe-rs tools from crates.io, unpatched, on `virtual-board serve --bmp`.
//!
//! Their own limits are asserted too: they cannot name this chip by themselves, and their description of the window's algorithm
//! lacks its `Verify`, so `download --verify` reads the window back while the controller still polls the NOR.

#[path = "common/served.rs"]
mod served;

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use served::Served;

const PATIENCE: Duration = Duration::from_secs(60);
const CHIP: [&str; 2] = ["--chip", "STM32H7S7L8"];

fn tool() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/bin/probe-rs");
    let path = std::env::var_os("STOCK_PROBE_RS").map_or(installed, PathBuf::from);
    assert!(
        path.exists(),
        "no {}: `make setup` installs it, or set STOCK_PROBE_RS to a probe-rs 0.32",
        path.display()
    );
    path
}

fn firmware(name: &str) -> String {
    format!("{}/../firmware/prebuilt/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(board: &Served, arguments: &[&str]) -> Running {
    let probe = format!("1d50:6018:{}", board.address);
    let mut command = Command::new(tool());
    command
        .args(arguments)
        .args(["--probe", &probe, "--protocol", "swd"])
        .env("RUST_LOG", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

/// What both outputs say until the process ends, and whether it succeeded.
fn finish(mut running: Running) -> (bool, String) {
    let mut outputs: [Box<dyn Read + Send>; 2] = [
        Box::new(running.0.stdout.take().unwrap()),
        Box::new(running.0.stderr.take().unwrap()),
    ];
    let readers = outputs.each_mut().map(|output| {
        let mut output = std::mem::replace(output, Box::new(std::io::empty()));
        thread::spawn(move || {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    });
    let deadline = Instant::now() + PATIENCE;
    let success = loop {
        if let Some(status) = running.0.try_wait().unwrap() {
            break status.success();
        }
        if Instant::now() > deadline {
            running.0.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    };
    let texts = readers.map(|reader| reader.join().unwrap());
    (success, texts.concat())
}

fn succeed(board: &Served, arguments: &[&str]) -> String {
    let (success, text) = finish(spawn(board, arguments));
    assert!(success, "{arguments:?}: {text}");
    text
}

fn on_chip<'text>(command: &'text str, rest: &[&'text str]) -> Vec<&'text str> {
    [&[command], CHIP.as_slice(), rest].concat()
}

#[test]
fn info_read_and_write() {
    let board = Served::start(&[]);
    let info = succeed(&board, &["info", "--verbose"]);
    for fact in [
        "Debug Port: DPv2, Designer: STMicroelectronics, Part: 0x4850",
        "V1(0) MemoryAP",
        "0 MemoryAP (AmbaApb2Apb3)",
        "CoreSight TPIU",
        "1 MemoryAP (AmbaAhb3)",
        "ETM architecture",
    ] {
        assert!(info.contains(fact), "{fact}: {info}");
    }
    let (success, text) = finish(spawn(&board, &["info"]));
    assert!(!success && text.contains("could not automatically be determined"));

    succeed(
        &board,
        &on_chip("write", &["b32", "0x24001000", "0x12345678", "0xcafebabe"]),
    );
    let read = succeed(&board, &on_chip("read", &["b32", "0x24001000", "2"]));
    assert_eq!(read.trim(), "24001000: 12345678 cafebabe");
    let (success, text) = finish(spawn(&board, &on_chip("read", &["b32", "0x70000000", "1"])));
    assert!(
        !success && text.contains("FAULT"),
        "a closed window: {text}"
    );
}

#[test]
fn download_reset_run_and_gdb() {
    let mut board = Served::start(&[]);
    let (boot, appli) = (firmware("boot.elf"), firmware("appli.elf"));
    succeed(&board, &on_chip("download", &["--verify", &boot]));
    succeed(&board, &on_chip("download", &[&appli]));
    let (success, text) = finish(spawn(&board, &on_chip("download", &["--verify", &appli])));
    assert!(!success && text.contains("FAULT response"), "{text}");
    succeed(&board, &on_chip("download", &[&appli]));
    succeed(&board, &on_chip("reset", &[]));
    let deadline = Instant::now() + PATIENCE;
    while !window_is_open(&mut board) {
        assert!(Instant::now() < deadline, "the boot stage opens no window");
        thread::sleep(Duration::from_millis(50));
    }

    gdb(&board, &appli);

    let mut running = spawn(&board, &on_chip("run", &["--non-interactive", &appli]));
    let output = running.0.stdout.take().unwrap();
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.map(|line| sender.send(line)).all(|sent| sent.is_ok())
    });
    for expected in ["appli build 2 runs in place", "round 3, sum"] {
        while !lines.recv_timeout(PATIENCE).unwrap().contains(expected) {}
    }
    let told = Command::new("kill")
        .arg(running.0.id().to_string())
        .status();
    assert!(told.unwrap().success());
    assert!(running.0.wait().unwrap().success());
}

fn window_is_open(board: &mut Served) -> bool {
    board.command("status");
    let status: Vec<String> = (0..5).map(|_| board.next_line()).collect();
    status[3] == "Xspi2    window at 0x70000000 memory-mapped"
}

/// GDB on `probe-rs gdb`: registers, step, memory, reset, breakpoint.
fn gdb(board: &Served, appli: &str) {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let server = spawn(board, &on_chip("gdb", &["--gdb-connection-string", &port]));
    let target = format!("target remote {port}");
    let output = Command::new("gdb-multiarch")
        .args(["-nx", "-batch", "-ex", "set pagination off"])
        .args([
            "-ex",
            "set confirm off",
            "-ex",
            "set tcp connect-timeout 60",
        ])
        .args(["-ex", &format!("file {appli}"), "-ex", &target])
        .args(["-ex", "stepi", "-ex", "x/2xw 0x70000000"])
        .args(["-ex", "hbreak main", "-ex", "monitor reset halt"])
        .args(["-ex", "continue", "-ex", "p/x $pc", "-ex", "detach"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    drop(server);
    let text = String::from_utf8_lossy(&output.stdout);
    let table = "0x70000000:\t0x2000ffd0\t0x700002b1";
    for fact in [table, "Breakpoint 1, appli::main ()", "= 0x7000"] {
        assert!(text.contains(fact), "{fact}: {text}");
    }
}
