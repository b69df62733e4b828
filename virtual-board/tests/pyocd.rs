//! pyOCD from PyPI with its own CMSIS-DAP driver, on the board's CMSIS-DAP port: `benches/peers/pyocd_virtual_board` is the way between.

#[path = "common/mod.rs"]
mod common;
#[path = "common/image.rs"]
mod image;

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use image::Image;
use virtual_board::{
    clock::Time,
    cmsis_dap,
    handle::VirtualBoard,
    serve::{self, Seat},
};

const INTERNAL_FLASH: u32 = 0x0800_0000;
const NOR: u32 = 0x7000_0000;
const AXI_SRAM: u32 = 0x2400_0000;
/// Long enough for boot stage and the appli's first rounds.
const START: Time = Time::millis(400);
/// What pyOCD may take to say something.
const PATIENCE: Duration = Duration::from_secs(60);

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A board in lockstep, on which the appli blinks, and where pyOCD reaches it.
struct Bench {
    board: VirtualBoard,
    appli: Image,
    address: SocketAddr,
}

impl Bench {
    fn new() -> Self {
        let appli = Image::load("appli.elf");
        let mut board = common::builder()
            .boot_image(Image::load("boot.elf").contents(INTERNAL_FLASH))
            .nor_image(appli.contents(NOR))
            .build()
            .unwrap();
        board.run_for(START);
        let board = VirtualBoard::new(board);
        let seat = Seat::default();
        let address = serve::listen(cmsis_dap::PROTOCOL, 0, &board, &seat).unwrap();
        Self {
            board,
            appli,
            address,
        }
    }

    fn pyocd(&self, command: &str, arguments: &[&str]) -> Command {
        let plugin = repository("benches/peers/pyocd_virtual_board");
        let mut pyocd = Command::new(repository("target/venv/bin/pyocd"));
        pyocd
            .args([command, "--no-config", "-t", "cortex_m", "-f", "24m"])
            .args(["-u", &format!("virtual:{}", self.address)])
            .arg("--script")
            .arg(plugin.join("stm32h7s7.py"))
            .args(arguments)
            .env("PYTHONPATH", plugin)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        pyocd
    }
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

/// The port at which pyOCD says that it listens. What it says later is read too, so that it can go on.
fn listening_port(log: ChildStderr) -> String {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Nobody waits any more once the port is known.
            let _ = sender.send(line);
        }
    });
    let mut said = String::new();
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("pyOCD does not listen (scripts/setup.sh test installs it):\n{said}")
        });
        if let Some((_, rest)) = line.split_once("GDB server listening on port ") {
            return rest.split(' ').next().unwrap().to_owned();
        }
        said += &line;
        said.push('\n');
    }
}

/// Registers, memory, steps in the window, a breakpoint of the core there, and what pyOCD found when it attached.
#[test]
fn gdb_debugs_the_appli_through_pyocd() {
    let bench = Bench::new();
    let mut pyocd = bench.pyocd("gdbserver", &["-p", "0", "-T", "0"]);
    let mut server = Running(pyocd.stderr(Stdio::piped()).spawn().unwrap());
    let port = listening_port(server.0.stderr.take().unwrap());
    let work = bench.appli.function("work").start;
    let output = Command::new("gdb-multiarch")
        .args(["-nx", "-batch", "-ex", "set pagination off"])
        .arg("-ex")
        .arg(format!("file {}", Image::path("appli.elf").display()))
        .args(["-ex", &format!("target remote 127.0.0.1:{port}")])
        .args(["-ex", "info registers xpsr", "-ex", "x/xw 0x24000000"])
        .args(["-ex", "x/2xw 0x70000000", "-ex", "stepi", "-ex", "stepi"])
        .args(["-ex", &format!("hbreak *{work:#x}"), "-ex", "continue"])
        .args(["-ex", "p/x $pc", "-ex", "detach"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let word = bench.board.with(|board| board.read_word(AXI_SRAM)).unwrap();
    let facts = [
        "xpsr           0x",
        &format!(":\t{word:#010x}\n"),
        "0x70000000:\t0x2000ffd0\t0x700002b1",
        "Breakpoint 1, ",
        &format!("$1 = {work:#x}\n"),
        "detached",
    ];
    for fact in facts {
        assert!(text.contains(fact), "no {fact:?} in\n{text}");
    }
    assert_eq!(bench.board.adapter(|adapter| adapter.speed_khz()), 24_000);
}

/// What pyOCD packs together is its own affair, and not the network's.
#[test]
fn equal_runs_in_lockstep_cost_the_same() {
    let account = || {
        let bench = Bench::new();
        let script = "halt; reg; read32 0x24000000 1024; step; reset halt; status";
        let mut pyocd = bench.pyocd("commander", &["-c", script]);
        pyocd.stdout(Stdio::piped());
        let mut running = Running(pyocd.spawn().unwrap());
        let mut text = String::new();
        let mut output = running.0.stdout.take().unwrap();
        output.read_to_string(&mut text).unwrap();
        assert!(running.0.wait().unwrap().success(), "{text}");
        assert!(text.contains("Core 0 (None):  Halted"), "{text}");
        (
            bench.board.statistics(),
            bench.board.with(|board| board.now()),
        )
    };
    assert_eq!(account(), account());
}
