//! A server inside the test's own process: its virtual board stays in the test's hands while clients debug it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread::{self, JoinHandle},
    time::Duration,
};

use virtual_board::{
    board::{Board, Builder},
    handle::VirtualBoard,
    mishap::Mishap,
};
use xspi_gdb::{
    fault::Fault,
    gdb::{Options, Server, event_loop::Ending, events::Events},
    layout::BoardProfile,
    link::probe::{ProbeLink, ProbeSettings},
    session::{Session, Settings},
};

use super::board::holding;

/// A board, and a server that serves it until this is dropped.
pub struct Local {
    /// The board.
    pub board: VirtualBoard,
    /// Where the server listens.
    pub port: u16,
    ending: Ending,
    serving: Option<JoinHandle<Result<(), Fault>>>,
}

impl Local {
    /// Serves `board`, which no other test of this process may call `serial`.
    pub fn serve(board: &VirtualBoard, serial: &'static str) -> Self {
        let server = Server::listen(Options {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            events: Events::Silent,
            ..Options::default()
        })
        .expect("a port");
        let (port, ending) = (server.address().port(), server.ending());
        let served = board.clone();
        let serving = thread::spawn(move || server.serve(move || open(&served, serial)));
        Self {
            board: board.clone(),
            port,
            ending,
            serving: Some(serving),
        }
    }

    /// Lets something go wrong from now on.
    #[track_caller]
    pub fn inject(&self, words: &str) {
        let mishap: Mishap = words.parse().expect("a mishap");
        self.board.with(|board| board.inject(mishap));
    }

    /// Ends the server, which must end well.
    #[track_caller]
    pub fn stop(mut self) {
        self.ending.request();
        if let Some(serving) = self.serving.take() {
            serving.join().expect("no panic").expect("a clean end");
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // A test that failed half-way: the thread ends by itself.
        self.ending.request();
    }
}

/// A board in memory with firmware in it, known to probe-rs as `serial`.
pub fn board(serial: &'static str, boot: Option<&str>, appli: Option<&str>) -> VirtualBoard {
    let builder: Builder = holding(Board::builder(), boot, appli);
    let board = VirtualBoard::new(builder.build().expect("a board"));
    board.register(serial);
    board
}

/// A session with `board`, which is registered as `serial`.
pub fn open(board: &VirtualBoard, serial: &str) -> Result<Session, Fault> {
    let link = ProbeLink::open(ProbeSettings {
        selector: Some(format!("1209:0001:{serial}")),
        speed_khz: None,
        under_reset: false,
        clock: Some(Box::new(board.clone())),
        trace: None,
        claim: None,
    })?;
    let settings = Settings {
        boot_timeout: Duration::from_secs(1),
        ..Settings::of(BoardProfile::find("stm32h7s78-dk")?)
    };
    Session::open(Box::new(link), settings)
}
