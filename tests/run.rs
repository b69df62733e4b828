//! `xspi-gdb run` as cargo starts it: what it prints, where, and how it ends.

mod support;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::mpsc,
    thread,
};

use support::{
    board::{Board, text},
    firmware,
    golden::assert_golden,
    repository,
    server::{PATIENCE, binary, xspi_gdb},
};

/// A program that is running. Dropping it ends the process that this test started.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines,
    errors: Lines,
    told: String,
}

/// Lines of a pipe, as they come.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// Appends lines to `text`, up to the one that has `words`.
    #[track_caller]
    fn until(&self, words: &str, text: &mut String) {
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok(line) => {
                    text.push_str(&line);
                    text.push('\n');
                    if line.contains(words) {
                        return;
                    }
                }
                Err(error) => panic!("no `{words}` ({error}):\n{text}"),
            }
        }
    }

    /// What comes up to the end.
    #[track_caller]
    fn rest(&self, text: &mut String) {
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(error) => panic!("no end ({error}):\n{text}"),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        Self {
            input: child.stdin.take(),
            output: Lines::of(child.stdout.take().expect("piped")),
            errors: Lines::of(child.stderr.take().expect("piped")),
            told: String::new(),
            child,
        }
    }

    /// `run talk.elf` on `board`.
    fn talk(board: &Board, options: &[&str]) -> Self {
        let elf = text(&firmware("talk.elf"));
        Self::start(xspi_gdb(
            &[&["run", &elf], options].concat(),
            Some(&board.state()),
        ))
    }

    /// Lines on stdout up to the one that has `words`.
    #[track_caller]
    fn until(&mut self, words: &str) -> String {
        let mut lines = String::new();
        self.output.until(words, &mut lines);
        lines
    }

    /// Waits until `words` are on stderr.
    #[track_caller]
    fn until_told(&mut self, words: &str) {
        self.errors.until(words, &mut self.told);
    }

    /// Types a line.
    fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{line}").expect("it takes input");
    }

    fn interrupt(&self) {
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// The end of what is typed.
    fn end_input(&mut self) {
        self.input = None;
    }

    /// Waits for its end: exit code and stderr.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        let mut told = std::mem::take(&mut self.told);
        self.output.rest(&mut String::new());
        self.errors.rest(&mut told);
        (self.child.wait().expect("it ends").code(), told)
    }
}

#[test]
fn lines_have_level_time_and_place_and_the_exit_code_is_the_programs() {
    let board = Board::booted();
    let mut talk = Running::talk(&board, &[]);
    let said = talk.until("is an error");
    assert_golden("run/levels.txt", &said);
    talk.say("exit 7");
    talk.until("heard: exit 7");
    let (code, stderr) = talk.end();
    assert_eq!(code, Some(7), "{stderr}");
    assert!(stderr.contains("1 sector changed"), "{stderr}");
    assert!(stderr.contains("code 7"), "{stderr}");
}

#[test]
fn what_is_programmed_is_not_programmed_again_and_need_not_be() {
    let board = Board::with_appli("talk.elf");
    for (options, told) in [
        (&[][..], "unchanged, 0 bytes programmed"),
        (&["--no-flash", "--no-location", "--no-timestamps"], ""),
    ] {
        let mut talk = Running::talk(&board, options);
        let said = talk.until("word 2 is for debugging");
        let plain = said.contains("[DEBUG] word 2 is for debugging\n");
        assert_eq!(plain, !options.is_empty(), "{said}");
        talk.say("exit 0");
        let (code, stderr) = talk.end();
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stderr.contains(told), "{stderr}");
    }
}

/// A program that reads its console by semihosting waits until something is typed, or until there is nothing more to come.
#[test]
fn what_is_typed_comes_to_a_program_that_waits_for_it() {
    for typed in [Some("a line"), None] {
        let board = Board::booted();
        let folder = board.file("files");
        fs::create_dir(&folder).expect("a folder");
        let elf = text(&firmware("semihosting.elf"));
        let options = ["run", &elf, "--semihosting-dir", &text(&folder)];
        let mut program = Running::start(xspi_gdb(&options, Some(&board.state())));
        program.until("arguments: ");
        if let Some(line) = typed {
            program.say(line);
            assert_eq!(program.until("typed: "), "typed: a line\n");
        }
        program.end_input();
        let (code, stderr) = program.end();
        assert_eq!(code, Some(0), "{stderr}");
    }
}

#[test]
fn a_panic_and_a_fault_are_told_with_a_backtrace() {
    let board = Board::with_appli("talk.elf");
    for (order, fault, function) in [
        ("panic", "undefined instruction", "talk::obey at "),
        ("fault", "bus address 0x24080000", "talk::read_nowhere at "),
    ] {
        let mut talk = Running::talk(&board, &["--no-flash"]);
        talk.until("word 1");
        talk.say(order);
        talk.until(&format!("heard: {order}"));
        if order == "panic" {
            talk.until("told to panic");
        }
        let (code, stderr) = talk.end();
        assert_eq!(code, Some(101), "{stderr}");
        for words in [
            fault,
            "<exception taken here>",
            function,
            "talk/src/main.rs:",
        ] {
            assert!(stderr.contains(words), "{words}: {stderr}");
        }
    }
}

#[test]
fn ctrl_c_halts_the_core_and_shows_where_it_is() {
    let board = Board::with_appli("talk.elf");
    let mut talk = Running::talk(&board, &["--no-flash"]);
    talk.until("word 3");
    talk.interrupt();
    let (code, stderr) = talk.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(
        stderr.contains("backtrace:\n#0") && stderr.contains("talk::talk at "),
        "{stderr}"
    );
}

/// A wild pointer in the program: the block is told to be damaged, and the program runs on.
#[test]
fn a_control_block_that_is_overwritten_is_told() {
    let board = Board::with_appli("talk.elf");
    let mut talk = Running::talk(&board, &["--no-flash"]);
    talk.until("word 1");
    talk.say("overwrite");
    talk.until_told("XG110");
    talk.interrupt();
    let (code, stderr) = talk.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("16 bytes at 0x70000000"), "{stderr}");
}

/// The line that stands in people's configurations, with what cargo appends.
fn runner(folder: &Path, elf: &str, arguments: &[&str]) -> Command {
    let config = repository("launch-configs/cargo/.cargo/config.toml");
    let config = std::fs::read_to_string(config).expect("a configuration");
    let config: toml::Table = config.parse().expect("TOML");
    let runner = config["target"]["thumbv7em-none-eabihf"]["runner"].as_str();
    let mut words = runner.expect("a runner").split_whitespace();
    assert_eq!(words.next(), Some("xspi-gdb"));
    let settings = repository("launch-configs/cargo/xspi-gdb.toml");
    let settings = std::fs::read_to_string(settings).expect("settings");
    let here =
        "probe = \"virtual\"\nvirtual-time = \"lockstep\"\nvirtual-state = \"board.state\"\n";
    std::fs::write(folder.join("xspi-gdb.toml"), settings + here).expect("a file");
    let mut command = binary();
    command.current_dir(folder).args(words);
    command.arg(firmware(elf)).args(arguments);
    command
}

fn ran(mut command: Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn the_runner_of_a_cargo_project_runs_a_program() {
    let board = Board::booted();
    let folder = board.file("");
    let mut talk = Running::start(runner(&folder, "talk.elf", &[]));
    talk.until("word 1");
    talk.say("exit 0");
    assert_eq!(talk.end().0, Some(0));
}

#[test]
fn the_runner_of_a_cargo_project_runs_tests_on_the_target() {
    let board = Board::booted();
    let folder = board.file("");
    let (code, stdout, stderr) = ran(runner(&folder, "trial.elf", &[]));
    assert_eq!(code, Some(101), "{stdout}{stderr}");
    let results: Vec<&str> = stdout
        .lines()
        .skip_while(|line| *line != "failures:")
        .map(|line| line.split("; finished").next().unwrap_or_default())
        .collect();
    assert_golden("run/tests.txt", &(results.join("\n") + "\n"));
    assert!(stdout.contains("[INFO ] it holds"), "{stdout}");
    assert!(
        stderr.contains("trial::tests::fails at ") && stderr.contains("trial::tests::hangs at "),
        "{stderr}"
    );

    let (code, stdout, _) = ran(runner(&folder, "trial.elf", &["--exact", "tests::holds"]));
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("1 passed; 0 failed"), "{stdout}");

    let (code, stdout, _) = ran(runner(
        &folder,
        "trial.elf",
        &["--list", "--format", "terse"],
    ));
    assert_eq!(code, Some(0));
    assert_golden("run/list.txt", &stdout);
}

/// What stands in people's runner lines for probe-rs asks for nothing that is not done.
#[test]
fn options_of_probe_rs_are_taken() {
    let board = Board::booted();
    let options = [
        "--chip",
        "STM32H7S7L8Hx",
        "--protocol",
        "swd",
        "--speed",
        "4000",
        "--connect-under-reset",
        "--allow-erase-all",
        "--preverify",
        "--verify",
        "--no-catch-hardfault",
        "--rtt-scan-memory",
        "--log-format",
        "{L} {s}",
    ];
    let mut talk = Running::talk(&board, &options);
    let said = talk.until("word 2 is for debugging");
    assert!(said.contains("DEBUG word 2 is for debugging\n"), "{said}");
    // Its handler goes round for ever, and nobody stops it there.
    talk.say("fault");
    talk.until("heard: fault");
    talk.interrupt();
    let (code, stderr) = talk.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains(" HardFault_"), "{stderr}");
}
