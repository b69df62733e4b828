//! Our server over its own link: the library's `Session` and `Server` with a virtual board in the same process, as `xspi-gdb serve
//! --probe virtual --virtual-time lockstep --speed 24000` makes them, so that the board's counters can be read while it serves.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
    thread,
    time::Duration,
};

use anyhow::{Result, anyhow};
use virtual_board::{
    board::Board,
    clock::Time,
    handle::VirtualBoard,
    serve::{
        Seat,
        console::{self, Outcome},
    },
};
use xspi_gdb::{
    fault::Fault,
    gdb::{Options, Server, events::Events},
    layout::BoardProfile,
    link::{
        probe::{Clock, ProbeLink, ProbeSettings},
        trace::Trace,
    },
    semihosting,
    session::{Session, Settings},
};

/// The argument with which this program is such a server.
pub const SERVE: &str = "serve-own";

/// File beside the transfer log: behind each wait of the link a line, the board's nanoseconds and how many exchanges there were.
pub const WAITS: &str = "waits.tsv";

/// The board's clock, and a record of who waits for it.
struct Watched {
    board: VirtualBoard,
    waits: File,
}

impl Clock for Watched {
    fn idle(&mut self, duration: Duration) {
        self.board.idle(duration);
        let now = self.board.with(|board| board.now()).as_nanos();
        let exchanges = self.board.statistics().exchanges;
        // A goal that lacks its figure is not met.
        let _ = writeln!(self.waits, "{now}\t{exchanges}");
    }

    fn now(&self) -> Duration {
        Clock::now(&self.board)
    }
}

/// What the server begins with.
#[derive(clap::Parser)]
struct Arguments {
    #[arg(long)]
    boot: PathBuf,
    #[arg(long)]
    nor: PathBuf,
    #[arg(long)]
    appli: PathBuf,
    #[arg(long)]
    trace: PathBuf,
    #[arg(long)]
    exchange_cost: u64,
    #[arg(long)]
    speed: u32,
}

/// Serves until the process is ended; lines of the standard input are commands for the board.
pub fn serve(arguments: &[String]) -> Result<()> {
    let name = [SERVE.to_owned()];
    let arguments = <Arguments as clap::Parser>::parse_from(name.iter().chain(arguments));
    let board = Board::builder()
        .boot_image(fs::read(&arguments.boot)?)
        .nor_image(fs::read(&arguments.nor)?)
        .build()?;
    let board = VirtualBoard::new(board);
    board.adapter(|adapter| adapter.set_exchange_cost(Time::micros(arguments.exchange_cost)));
    let beside = board.clone();
    thread::spawn(move || obey(&beside));
    let server = Server::listen(Options {
        address: ([127, 0, 0, 1], 0).into(),
        events: Events::ReadyLine,
        ..Options::default()
    })?;
    server
        .serve(move || open(&board, &arguments))
        .map_err(|fault| anyhow!("{fault:?}"))
}

fn open(board: &VirtualBoard, arguments: &Arguments) -> Result<Session, Fault> {
    let trace = Trace::create(&arguments.trace).expect("the folder can be written to");
    let waits = arguments.trace.with_file_name(WAITS);
    let watched = Watched {
        board: board.clone(),
        waits: File::create(waits).expect("the folder can be written to"),
    };
    let link = ProbeLink::open(ProbeSettings {
        selector: Some(board.register("peers").to_string()),
        speed_khz: Some(arguments.speed),
        under_reset: false,
        clock: Some(Box::new(watched)),
        trace: Some(trace),
        claim: None,
    })?;
    let settings = Settings {
        appli: Some(arguments.appli.clone()),
        ..Settings::of(BoardProfile::find("stm32h7s78-dk")?)
    };
    let mut session = Session::open(Box::new(link), settings)?;
    session.serve_semihosting(semihosting::Options::default())?;
    Ok(session)
}

/// Commands for the board, as `virtual-board serve` takes them.
fn obey(board: &VirtualBoard) {
    let seat = Seat::default();
    for line in io::stdin().lines().map_while(Result::ok) {
        match console::command(&line, board, &seat) {
            Outcome::Reply(text) => println!("{text}"),
            Outcome::Quit => return,
        }
    }
}
