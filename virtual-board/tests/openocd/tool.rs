//! OpenOCD as a child process, on a board behind a port of its own.

use std::{
    fs,
    io::Read,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use virtual_board::{
    bitbang,
    board::{Board, CoreState},
    clock::Time,
    handle::VirtualBoard,
    serve::{self, Seat},
};

use crate::{INTERNAL_FLASH, NOR, common, image::Image};

/// Long enough for boot stage and the appli's first rounds.
const START: Time = Time::millis(400);
/// OpenOCD, or the board, must have done its work by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// A served board, and where OpenOCD reaches it.
pub struct Bench {
    pub board: VirtualBoard,
    pub appli: Image,
    pub address: SocketAddr,
    files: PathBuf,
}

impl Bench {
    /// The appli blinks.
    pub fn running() -> Self {
        let bench = Self::in_lockstep();
        bench.board.run_freely();
        bench
    }

    /// The same, and only OpenOCD lets time pass.
    pub fn in_lockstep() -> Self {
        let appli = Image::load("appli.elf");
        let mut board = common::builder()
            .boot_image(Image::load("boot.elf").contents(INTERNAL_FLASH))
            .nor_image(appli.contents(NOR))
            .build()
            .unwrap();
        board.run_for(START);
        let board = VirtualBoard::new(board);
        let address = serve::listen(bitbang::PROTOCOL, 0, &board, &Seat::default()).unwrap();
        let files = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(address.port().to_string());
        fs::create_dir_all(&files).unwrap();
        Self {
            board,
            appli,
            address,
            files,
        }
    }

    /// Path of a file that goes with the bench.
    pub fn file(&self, name: &str) -> String {
        self.files.join(name).to_str().unwrap().to_owned()
    }

    pub fn word(&self, address: u32) -> u32 {
        self.board
            .with(|board| board.read_word(address))
            .unwrap_or_else(|| panic!("{address:#010x} does not answer"))
    }

    pub fn core_state(&self) -> CoreState {
        self.board.with(|board| board.core_state())
    }

    /// Waits until the board is as it should be.
    pub fn until(&self, what: &str, mut is: impl FnMut(&mut Board) -> bool) {
        let started = Instant::now();
        while !self.board.with(&mut is) {
            assert!(started.elapsed() < PATIENCE, "not yet: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the appli has worked another round.
    pub fn assert_alive(&self) {
        let counter = self.appli.symbol("COUNTER");
        let mut before = None;
        self.until("the appli works", |board| {
            let count = board.read_word(counter);
            count.is_some_and(|count| *before.get_or_insert(count) < count)
        });
    }

    /// Runs OpenOCD with the stock configuration of a Cortex-M by JTAG, lets it do `commands`, and ends it. What it said.
    pub fn openocd(&self, commands: &[&str]) -> String {
        let (status, log) = self.run(commands);
        assert!(status.success(), "openocd: {status}\n{log}");
        log
    }

    /// The same where it must not come to its end. What it said.
    pub fn openocd_that_fails(&self, commands: &[&str]) -> String {
        let (status, log) = self.run(commands);
        assert_eq!(status.code(), Some(1), "openocd: {status}\n{log}");
        log
    }

    fn run(&self, commands: &[&str]) -> (ExitStatus, String) {
        let cable = format!(
            "adapter driver remote_bitbang; remote_bitbang host 127.0.0.1; remote_bitbang port {}",
            self.address.port()
        );
        let configuration = [
            "gdb_port disabled",
            "tcl_port disabled",
            "telnet_port disabled",
            &cable,
            "jtag newtap chip cpu -irlen 4 -expected-id 0x6ba00477",
            "dap create chip.dap -chain-position chip.cpu",
            "target create chip.cpu cortex_m -dap chip.dap -ap-num 1",
            "init",
        ];
        let child = Command::new("openocd")
            .args(
                configuration
                    .iter()
                    .chain(commands)
                    .chain(&["shutdown"])
                    .flat_map(|line| ["-c", *line]),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openocd is missing: scripts/setup.sh test installs it");
        finish(child)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What is left behind goes with the target directory.
        let _ = fs::remove_dir_all(&self.files);
    }
}

/// Waits for OpenOCD to end, and ends it if it does not.
fn finish(mut child: Child) -> (ExitStatus, String) {
    let mut log = child.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).map(|_| text)
    });
    let started = Instant::now();
    let mut late = false;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if !late && started.elapsed() > PATIENCE {
            late = true;
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    };
    let log = reader.join().unwrap().unwrap();
    assert!(!late, "openocd had not ended after {PATIENCE:?}:\n{log}");
    (status, log)
}

/// The hexadecimal numbers that follow each `label` in a log.
pub fn hex_after(log: &str, label: &str) -> Vec<u32> {
    log.split(label)
        .skip(1)
        .map(|rest| {
            let digits = rest.trim_start_matches("0x");
            let end = digits
                .find(|digit: char| !digit.is_ascii_hexdigit())
                .unwrap_or(digits.len());
            u32::from_str_radix(&digits[..end], 16).unwrap()
        })
        .collect()
}
