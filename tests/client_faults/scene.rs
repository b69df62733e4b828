//! A scene: a board with a past, a GDB that meets a fault, and what it shows of it.

use std::path::PathBuf;

use crate::support::{
    board::{Board, text},
    debugger::Debugger,
    firmware,
    gdb::Gdb,
    golden::assert_golden,
    local::Local,
    rsp::Client,
    server::Server,
};

/// The appli of most scenes.
pub const APPLI: &str = "appli.elf";

/// What serves the board of a scene.
pub enum Served {
    /// The real `xspi-gdb serve`, and the board's file.
    Process {
        /// The server.
        server: Server,
        /// The board, whose folder is kept until the server ends.
        board: Board,
        /// Who controls the target, if it is not GDB.
        _controlling: Option<Client>,
    },
    /// A server in this process, whose board a scene can disturb.
    Here(Local),
}

impl Served {
    /// `xspi-gdb serve` with `options`, on `board`.
    pub fn by(board: Board, options: &[&str]) -> Self {
        Self::Process {
            server: board.serve(options),
            board,
            _controlling: None,
        }
    }

    /// The same for our appli, which the board holds.
    pub fn appli() -> Self {
        Self::by(Board::with_appli(APPLI), &["--appli", &file(APPLI)])
    }

    /// The same, while another client has the appli running: GDB only looks.
    pub fn appli_run_by_another() -> Self {
        let board = Board::with_appli(APPLI);
        let server = board.serve_appli(APPLI);
        let mut client = Client::connect(server.port);
        client.monitor("reset halt");
        client.send("vCont;c");
        Self::Process {
            server,
            board,
            _controlling: Some(client),
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        match self {
            Self::Process { server, .. } => server.port,
            Self::Here(local) => local.port,
        }
    }

    /// The board that is served.
    pub fn board(&self) -> &Board {
        match self {
            Self::Process { board, .. } => board,
            Self::Here(_) => panic!("this board is in this process"),
        }
    }

    /// A file beside the board.
    pub fn file(&self, name: &str) -> PathBuf {
        self.board().file(name)
    }

    /// Plugs the probe of a board in again.
    pub fn plug_in(&self) {
        match self {
            Self::Here(local) => local.board.with(virtual_board::board::Board::plug_in),
            Self::Process { .. } => panic!("only a probe in this process is plugged in"),
        }
    }

    /// Lets something go wrong on the board from now on.
    pub fn inject(&self, mishap: &str) {
        match self {
            Self::Here(local) => local.inject(mishap),
            Self::Process { .. } => panic!("{mishap}: only a board in this process takes mishaps"),
        }
    }
}

/// Plays a scene with each GDB and compares what they show with tests/mi/faults/CODE.mi: one text if they agree. `prepare` is not
/// shown. What is shown must name `code`: at once, by `monitor why`, or on the console.
pub fn scene(
    code: &str,
    serve: impl Fn(Debugger) -> Served,
    prepare: impl Fn(&mut Gdb, &Served),
    play: impl Fn(&mut Gdb, &Served),
) {
    scene_of(APPLI, code, serve, prepare, play);
}

/// The same with the symbols of another appli.
pub fn scene_of(
    elf: &str,
    code: &str,
    serve: impl Fn(Debugger) -> Served,
    prepare: impl Fn(&mut Gdb, &Served),
    play: impl Fn(&mut Gdb, &Served),
) {
    let [old, recent] = Debugger::ALL.map(|debugger| {
        let served = serve(debugger);
        let mut gdb = Gdb::connect_as(debugger, Some(&firmware(elf)), served.port());
        prepare(&mut gdb, &served);
        gdb.begin_transcript();
        play(&mut gdb, &served);
        let shown = gdb.transcript();
        assert!(
            shown.contains(code),
            "{debugger:?} GDB never shows {code}:\n{shown}"
        );
        shown
    });
    let golden = if old == recent {
        format!("# An old GDB and a recent one show the same.\n{old}")
    } else {
        format!("# A GDB that takes no error texts.\n{old}\n# A GDB that does.\n{recent}")
    };
    assert_golden(&format!("mi/faults/{code}.mi"), &golden);
}

/// Halted at the appli's first instruction, and GDB knows it.
pub fn armed(gdb: &mut Gdb, _: &Served) {
    gdb.monitor("reset halt");
    gdb.flush_registers();
}

/// Halted in the appli's main loop.
pub fn at_work(gdb: &mut Gdb, served: &Served) {
    armed(gdb, served);
    gdb.run_to("work");
}

/// Lets GDB read and write where it believes that no memory is.
pub fn everywhere(gdb: &mut Gdb, served: &Served) {
    armed(gdb, served);
    gdb.cli("set mem inaccessible-by-default off");
}

/// Nothing to prepare.
pub fn nothing(_: &mut Gdb, _: &Served) {}

/// A command that fails, and `monitor why` behind it.
pub fn fails(gdb: &mut Gdb, command: &str) {
    gdb.fails(command);
    gdb.monitor("why");
}

/// A `monitor` command that fails: it says why by itself.
pub fn monitor_fails(gdb: &mut Gdb, command: &str) {
    gdb.fails(&format!("-interpreter-exec console \"monitor {command}\""));
}

/// The path of a firmware file, as an argument.
pub fn file(name: &str) -> String {
    text(&firmware(name))
}
