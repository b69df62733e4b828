//! The servers that are compared, each in processes of its own, and the words in which each is asked for the same.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use virtual_board::board::Board;

use crate::{counts::Counts, firmware::Files, own, process::Process};

/// SWD clock.
pub const SPEED_KHZ: u32 = 24_000;
/// What an exchange costs, in microseconds.
pub const EXCHANGE_US: u64 = 250;

/// Our server as cargo built it for this bench; the virtual board's program lies beside it.
const XSPI_GDB: &str = env!("CARGO_BIN_EXE_xspi-gdb");
/// The board's option for Black Magic clients.
const BMP: &str = "--bmp";

/// What a user of this chip tells pyOCD, which has no target of that name: what its memories are.
const PYOCD_SCRIPT: &str = "benches/peers/pyocd_virtual_board/stm32h7s7.py";

/// Who serves GDB, and by which way to the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// xspi-gdb over its own link, at the level of DAP registers.
    Own,
    /// xspi-gdb over the Black Magic port.
    OwnBmp,
    /// `probe-rs gdb` over the Black Magic port.
    ProbeRs,
    /// OpenOCD over remote_bitbang.
    OpenOcd,
    /// pyOCD over its CMSIS-DAP driver.
    PyOcd,
}

/// How the board's time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// By exchanges only: the same numbers on every run.
    Lockstep,
    /// With the wall clock, and an exchange takes its time: a server's sleeps are not free.
    Paced,
}

/// A board with a server on it.
pub struct Served {
    board: Process,
    // Held for its end.
    _server: Option<Process>,
    /// GDB's commands that connect, and define `to-appli` and `reset-halt` in the server's words.
    pub connect: String,
    /// The log of our own link.
    pub trace: Option<PathBuf>,
}

impl Served {
    /// What the board has counted.
    pub fn counts(&mut self) -> Result<Counts> {
        self.board.say("statistics")?;
        self.board
            .wait_for(|line| serde_json::from_str(line).ok())
            .context("the board's statistics")
    }

    /// Whether the NOR holds these pieces, seen past the server: the board saves itself into `folder`.
    pub fn holds(&mut self, pieces: &[(usize, Vec<u8>)], folder: &Path) -> Result<bool> {
        let file = folder.join("board.state");
        self.board.say(&format!("save {}", file.display()))?;
        self.board
            .wait_for(|line| line.starts_with("saved").then_some(()))?;
        let board = Board::builder().state_file(file).build()?;
        Ok(pieces.iter().all(|(offset, piece)| {
            let mut bytes = vec![0; piece.len()];
            board.nor_contents(*offset as u32, &mut bytes);
            bytes == *piece
        }))
    }
}

impl Server {
    pub const ALL: [Self; 5] = [
        Self::Own,
        Self::OwnBmp,
        Self::ProbeRs,
        Self::OpenOcd,
        Self::PyOcd,
    ];

    /// The head of its column.
    pub fn title(self) -> &'static str {
        match self {
            Self::Own => "xspi-gdb, own link",
            Self::OwnBmp => "xspi-gdb, `--bmp`",
            Self::ProbeRs => "probe-rs gdb, `--bmp`",
            Self::OpenOcd => "OpenOCD, `--bitbang`",
            Self::PyOcd => "pyOCD, `--cmsis-dap`",
        }
    }

    /// True for ours.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Own | Self::OwnBmp)
    }

    /// Switches a board on and starts the server on it.
    pub fn start(self, files: &Files, clock: Clock, folder: &Path) -> Result<Served> {
        match self {
            Self::Own => start_own(files, folder),
            Self::OwnBmp => {
                let (board, address) = start_board(BMP, "Black Magic", files, clock, folder)?;
                let mut command = Command::new(XSPI_GDB);
                command
                    .args(["serve", "--board", "stm32h7s78-dk", "--port", "0"])
                    .args(["--probe", &format!("1d50:6018:{address}")])
                    .args(["--speed", &SPEED_KHZ.to_string()])
                    .arg("--appli")
                    .arg(&files.elf)
                    .current_dir(folder);
                let mut server = Process::start("xspi-gdb", &mut command, folder)?;
                let port = server.wait_for(own_port)?;
                Ok(served(board, Some(server), port, ARMED))
            }
            Self::ProbeRs => {
                let (board, address) = start_board(BMP, "Black Magic", files, clock, folder)?;
                let port = free_port()?;
                let mut command = Command::new(target("tools/bin/probe-rs"));
                command
                    .args(["gdb", "--chip", "STM32H7S7L8", "--protocol", "swd"])
                    .args(["--probe", &format!("1d50:6018:{address}")])
                    .args(["--speed", &SPEED_KHZ.to_string()])
                    .args(["--gdb-connection-string", &format!("127.0.0.1:{port}")])
                    .current_dir(folder);
                let mut server = Process::start("probe-rs", &mut command, folder)?;
                server.wait_for(|line| line.contains("Firing up GDB stub").then_some(()))?;
                Ok(served(board, Some(server), port, &to_appli(files)))
            }
            Self::OpenOcd => {
                let (board, address) =
                    start_board("--bitbang", "remote_bitbang", files, clock, folder)?;
                let port = free_port()?;
                let mut command = Command::new("openocd");
                command.current_dir(folder);
                for line in openocd_configuration(address, port) {
                    command.args(["-c", &line]);
                }
                let mut server = Process::start("OpenOCD", &mut command, folder)?;
                server.wait_for(|line| {
                    let ready = line.contains(&format!("Listening on port {port} for gdb"));
                    ready.then_some(())
                })?;
                Ok(served(board, Some(server), port, &to_appli(files)))
            }
            Self::PyOcd => {
                let (board, address) =
                    start_board("--cmsis-dap", "CMSIS-DAP", files, clock, folder)?;
                let port = free_port()?;
                let mut command = Command::new(target("venv/bin/pyocd"));
                command
                    .args(["gdbserver", "--uid", &format!("virtual:{address}")])
                    .args(["--target", "cortex_m", "--no-config"])
                    .args(["--frequency", &format!("{}k", SPEED_KHZ)])
                    .args(["--port", &port.to_string(), "--telnet-port", "0"])
                    .arg("--script")
                    .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(PYOCD_SCRIPT))
                    .current_dir(folder);
                let mut server = Process::start("pyOCD", &mut command, folder)?;
                server.wait_for(|line| {
                    let ready = line.contains(&format!("GDB server listening on port {port}"));
                    ready.then_some(())
                })?;
                Ok(served(board, Some(server), port, &to_appli(files)))
            }
        }
    }
}

/// The next one of ours: with the board in its own process.
fn start_own(files: &Files, folder: &Path) -> Result<Served> {
    let trace = folder.join("link.tsv");
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(own::SERVE)
        .arg("--boot")
        .arg(&files.boot)
        .arg("--nor")
        .arg(&files.nor)
        .arg("--appli")
        .arg(&files.elf)
        .arg("--trace")
        .arg(&trace)
        .args(["--exchange-cost", &EXCHANGE_US.to_string()])
        .args(["--speed", &SPEED_KHZ.to_string()])
        .current_dir(folder);
    let mut board = Process::start("xspi-gdb over its own link", &mut command, folder)?;
    let port = board.wait_for(own_port)?;
    Ok(Served {
        trace: Some(trace),
        ..served(board, None, port, ARMED)
    })
}

/// What our server does at a reset is what the others need a breakpoint for.
const ARMED: &str = "define to-appli\n  reset-halt\nend\n";

/// The nearest that a server without a boot stage in mind has: reset, and run to the appli's first instruction.
fn to_appli(files: &Files) -> String {
    let at = files.reset_handler;
    format!("define to-appli\n  reset-halt\n  thbreak *{at:#x}\n  continue\nend\n")
}

fn served(board: Process, server: Option<Process>, port: u16, to_appli: &str) -> Served {
    let connect = format!(
        "define reset-halt\n  monitor reset halt\n  maintenance flush register-cache\nend\n\
         {to_appli}target extended-remote 127.0.0.1:{port}\n"
    );
    Served {
        board,
        _server: server,
        connect,
        trace: None,
    }
}

fn start_board(
    option: &str,
    protocol: &str,
    files: &Files,
    clock: Clock,
    folder: &Path,
) -> Result<(Process, SocketAddr)> {
    let clock = match clock {
        Clock::Lockstep => "lockstep",
        Clock::Paced => "paced",
    };
    let mut command = Command::new(Path::new(XSPI_GDB).with_file_name("virtual-board"));
    command
        .args(["serve", "--clock", clock, "--bmp", "0"])
        .args(["--exchange-cost", &EXCHANGE_US.to_string()])
        .arg("--boot")
        .arg(&files.boot)
        .arg("--nor")
        .arg(&files.nor);
    if option != BMP {
        command.args([option, "0"]);
    }
    let mut board = Process::start("the virtual board", &mut command, folder)?;
    let mut address = listening(&mut board, "Black Magic")?;
    if option != BMP {
        set_clock(address)?;
        address = listening(&mut board, protocol)?;
    }
    Ok((board, address))
}

fn listening(board: &mut Process, protocol: &str) -> Result<SocketAddr> {
    let ready = format!("Listening for {protocol} clients on ");
    board.wait_for(|line| line.strip_prefix(&ready)?.parse().ok())
}

/// Sets the adapter's clock where the client has no word for it, as a Black Magic client does: GF and hertz.
fn set_clock(address: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "!GF{:08x}#", SPEED_KHZ * 1_000)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    ensure!(answer == *b"&K0#", "the adapter refuses its clock");
    Ok(())
}

/// The stock configuration of a Cortex-M by JTAG, and the setting for code that cannot be written: hardware breakpoints.
fn openocd_configuration(address: SocketAddr, port: u16) -> Vec<String> {
    let cable = address.port();
    [
        &format!("gdb_port {port}"),
        "tcl_port disabled",
        "telnet_port disabled",
        "adapter driver remote_bitbang",
        "remote_bitbang host 127.0.0.1",
        &format!("remote_bitbang port {cable}"),
        "jtag newtap chip cpu -irlen 4 -expected-id 0x6ba00477",
        "dap create chip.dap -chain-position chip.cpu",
        "target create chip.cpu cortex_m -dap chip.dap -ap-num 1",
        "gdb_breakpoint_override hard",
        "init",
        "halt",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn own_port(line: &str) -> Option<u16> {
    let address = line.strip_prefix("Listening for GDB on ")?;
    address
        .parse()
        .ok()
        .map(|address: SocketAddr| address.port())
}

/// A port that nobody listens on.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What scripts/setup.sh installs, and our own scratch files.
fn target(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(path)
}

/// The peers' versions, as each of them tells it.
pub fn versions() -> Vec<(String, String)> {
    let said = |program: &Path, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        Some(text.lines().next()?.trim().to_owned())
    };
    let programs = [
        ("GDB", PathBuf::from("gdb-multiarch"), "--version"),
        ("probe-rs", target("tools/bin/probe-rs"), "--version"),
        ("OpenOCD", PathBuf::from("openocd"), "--version"),
        ("pyOCD", target("venv/bin/pyocd"), "--version"),
    ];
    programs
        .into_iter()
        .map(|(name, program, argument)| {
            let version = said(&program, argument).unwrap_or_else(|| "not installed".to_owned());
            (name.to_owned(), version)
        })
        .collect()
}

/// An empty folder for one server in one row.
pub fn fresh_folder(row: &str, server: Server) -> Result<PathBuf> {
    let name = format!("{row}-{server:?}").to_lowercase();
    let folder = target("peers").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
