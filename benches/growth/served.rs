//! The real server on a virtual board, and the log of its exchanges.

use std::{fs, path::PathBuf};

use crate::support::{board::Board, firmware, rsp::Client, server::Server};

/// A served board that stands on the appli's first instruction.
pub struct Served {
    log: PathBuf,
    pub client: Client,
    pub server: Server,
    _board: Board,
}

impl Served {
    pub fn start() -> Self {
        let board = Board::with_appli("appli.elf");
        let log = board.file("link.tsv");
        let server = board.serve(&[
            "--appli",
            &firmware("appli.elf").to_string_lossy(),
            "--trace-link",
            &log.to_string_lossy(),
        ]);
        let mut client = Client::connect(server.port);
        client.ask("qSupported:hwbreak+");
        let (_, done) = client.monitor("reset halt");
        assert_eq!(done, "OK");
        Self {
            log,
            client,
            server,
            _board: board,
        }
    }

    /// Exchanges so far.
    pub fn exchanges(&self) -> usize {
        let log = fs::read_to_string(&self.log).expect("the log");
        log.lines().count()
    }

    /// Sends `packet`, to which the reply must be OK.
    pub fn done(&mut self, packet: &str) {
        assert_eq!(self.client.ask(packet), "OK", "{packet}");
    }
}
