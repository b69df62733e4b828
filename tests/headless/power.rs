//! `--power-cycle auto`: what no reset mends, where nobody looks at the board. Once, and told.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{
    board::{Board, nor_image, text},
    firmware,
    rsp::Client,
    server::Ran,
    tiny_boot,
};

/// A program operation of the NOR that never ends: until its power is cut.
const BUSY: &str = "busy nor program 1";

/// A board and what switches it: each time it is, a line is added to a file.
struct Socket {
    board: Board,
    switched: PathBuf,
}

impl Socket {
    fn of(board: Board) -> Self {
        let switched = board.file("switched");
        Self { board, switched }
    }

    /// The options that name the command.
    fn command(&self) -> [String; 2] {
        let command = format!("echo on >> '{}'; echo socket 3", text(&self.switched));
        ["--power-cycle-cmd".to_owned(), command]
    }

    fn run(&self, arguments: &[&str], options: &[&str]) -> Ran {
        let command = self.command();
        let command = command.iter().map(String::as_str);
        let all: Vec<&str> = arguments
            .iter()
            .chain(options)
            .copied()
            .chain(command)
            .collect();
        self.board.run(&all)
    }

    fn times_switched(&self) -> usize {
        fs::read_to_string(&self.switched).map_or(0, |text| text.lines().count())
    }

    #[track_caller]
    fn holds_the_appli(&self) {
        let appli = nor_image("appli.elf");
        assert_eq!(self.board.nor(appli.len()), appli);
    }
}

fn appli() -> String {
    text(&firmware("appli.elf"))
}

#[test]
fn flash_goes_on_behind_a_nor_that_stays_busy() {
    let manual = Socket::of(Board::booted());
    let ran = manual.run(&["flash", &appli()], &["--virtual-mishap", BUSY]);
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("XG031"), "{}", ran.stderr);
    assert_eq!(manual.times_switched(), 0, "nobody asked for it");

    let auto = Socket::of(Board::booted());
    let ran = auto.run(
        &["flash", &appli(), "--power-cycle", "auto"],
        &["--virtual-mishap", BUSY],
    );
    assert!(ran.status.success(), "{}", ran.stderr);
    for told in [
        "notice: the board is switched off and on, and it is tried once more, because of XG031",
        "notice: power cycle: socket 3",
    ] {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
    assert_eq!(auto.times_switched(), 1);
    auto.holds_the_appli();
}

/// Programs are told by an event, at the moment.
#[test]
fn flash_tells_it_as_an_event() {
    let socket = Socket::of(Board::booted());
    let ran = socket.run(
        &["flash", "--json", &appli(), "--power-cycle", "auto"],
        &["--virtual-mishap", BUSY],
    );
    let events: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .filter(|event: &Value| event["event"] != "progress")
        .collect();
    assert_eq!(events[0]["event"], "power-cycle", "{events:?}");
    assert_eq!(events[0]["because"]["code"], "XG031");
    assert_eq!(events[1]["event"], "load");
}

/// A NOR that another protocol keeps from answering whatever happens: the second time it is a fault, and says that power was off.
#[test]
fn a_board_is_never_switched_twice() {
    let socket = Socket::of(Board::made(|builder| {
        builder
            .boot_image(tiny_boot::octal_window_onto_a_nor_in_spi())
            .nor_image(nor_image("appli.elf"))
    }));
    let arm = ["boot", "arm", "--appli", &appli(), "--power-cycle", "auto"];
    let ran = socket.run(&arm, &[]);
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error: XG027")
            && ran
                .stderr
                .contains("because: the board was switched off and on before"),
        "{}",
        ran.stderr
    );
    assert_eq!(socket.times_switched(), 1);
}

#[test]
fn run_goes_on_behind_a_board_that_lost_its_power() {
    let socket = Socket::of(Board::booted());
    let program = text(&firmware("trial.elf"));
    let ran = socket.run(
        &["run", &program, "--exact", "tests::holds"],
        &[
            "--power-cycle",
            "auto",
            "--virtual-mishap",
            "power-cut nor program 1",
        ],
    );
    assert_eq!(ran.status.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("because of XG001"), "{}", ran.stderr);
    assert!(ran.stderr.contains("verified"), "{}", ran.stderr);
    assert_eq!(socket.times_switched(), 1);
}

/// A session's step says it in its notices, and holds; its breakpoints stay.
#[test]
fn a_step_of_a_session_goes_on() {
    let socket = Socket::of(Board::booted());
    let session = json!({ "steps": [
        { "break": { "at": "work" } },
        { "load": {} },
        { "continue": { "stop": "breakpoint" } },
        { "expect": { "function": "work" } },
    ] });
    let file = socket.board.file("session.json");
    fs::write(&file, session.to_string()).expect("a session");
    let appli = appli();
    let play = [
        "session",
        "--json",
        &text(&file),
        "--appli",
        &appli,
        "--power-cycle",
        "auto",
    ];
    let ran = socket.run(&play, &["--virtual-mishap", BUSY]);
    assert_eq!(ran.status.code(), Some(0), "{}", ran.stdout);
    let load: Value =
        serde_json::from_str(ran.stdout.lines().nth(1).expect("a step")).expect("JSON");
    let notices = load["notices"].to_string();
    assert!(notices.contains("because of XG031"), "{load}");
    assert_eq!(socket.times_switched(), 1);
}

/// A debug port that does not answer at all: the probe is there.
#[test]
fn a_silent_board_is_switched_before_it_is_given_up() {
    let socket = Socket::of(Board::with_appli("appli.elf"));
    let arm = ["boot", "arm", "--appli", &appli(), "--power-cycle", "auto"];
    let silent = socket.run(&arm, &["--virtual-mishap", "silence nth 2"]);
    assert!(silent.status.success(), "{}", silent.stderr);
    assert!(
        silent.stderr.contains("because of XG009"),
        "{}",
        silent.stderr
    );
    assert_eq!(socket.times_switched(), 1);
    // Whoever only looks wants to see what is there.
    let status = ["boot", "status", "--power-cycle", "auto"];
    let looked = socket.run(&status, &["--virtual-mishap", "silence nth 2"]);
    assert_eq!(looked.status.code(), Some(3), "{}", looked.stderr);
    assert_eq!(socket.times_switched(), 1);
}

/// Where clients are attached it stays with them: a hung board keeps its evidence.
#[test]
fn a_server_leaves_it_to_its_clients() {
    let socket = Socket::of(Board::booted());
    let command = socket.command();
    let mut options = vec!["--power-cycle", "auto", "--virtual-mishap", BUSY];
    options.extend(command.iter().map(String::as_str));
    let server = socket.board.serve(&options);
    let mut client = Client::connect(server.port);
    let (_, reply) = client.monitor(&format!("flash {}", appli()));
    assert!(reply.contains("E"), "{reply}");
    assert_eq!(socket.times_switched(), 0);
    client.monitor("power-cycle");
    assert_eq!(socket.times_switched(), 1);
    drop(client);
    assert!(server.stop().success());
}

/// A real board needs the command; without it nothing is begun.
#[test]
fn a_real_board_needs_its_command() {
    let mut command = crate::support::server::binary();
    command.args([
        "boot",
        "arm",
        "--probe",
        "1209:0001:rack",
        "--board",
        "stm32h7s78-dk",
        "--power-cycle",
        "auto",
    ]);
    let ran = crate::support::server::ran(command);
    assert_eq!(ran.status.code(), Some(3), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("XG137") && ran.stderr.contains("--power-cycle-cmd"),
        "{}",
        ran.stderr
    );
}
