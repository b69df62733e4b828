//! `--help` of every command has examples, and what they show exists; completions and man pages are made.

mod support;

use std::{fs, path::Path, process::Command};

use support::{
    board::Board,
    firmware,
    server::{Ran, ran},
};

/// Commands whose examples do not end by themselves, or need more than a board.
const ONLY_PARSED: [&str; 6] = ["serve", "gdbserver", "demo", "init", "session", "run"];

/// A command line as a shell runs it, with our binary first on the path.
fn shell(line: &str, folder: &Path) -> Ran {
    let binary = Path::new(env!("CARGO_BIN_EXE_xspi-gdb"));
    let mut path = binary.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("RUST_LOG")
        .env("NO_COLOR", "1");
    ran(command)
}

/// The commands that `--help` lists, without `help` itself.
fn commands() -> Vec<String> {
    let help = shell("xspi-gdb --help", Path::new("."));
    let listed = help.stdout.lines().skip_while(|line| *line != "Commands:");
    listed
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The examples of a command; what follows three spaces is a remark.
fn examples(command: &str) -> Vec<String> {
    let help = shell(&format!("xspi-gdb {command} --help"), Path::new("."));
    let examples = help.stdout.lines().skip_while(|line| *line != "Examples:");
    examples
        .skip(1)
        .map(str::trim)
        .filter(|line| line.starts_with("xspi-gdb "))
        .map(|line| line.split("   ").next().unwrap_or(line).to_owned())
        .collect()
}

#[test]
fn every_command_has_examples_whose_options_exist() {
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{command} has no examples");
        for example in examples {
            let parsed = match example.split_once(" -- ") {
                Some((ours, _client)) => format!("{ours} --help"),
                None => format!("{example} --help"),
            };
            let ran = shell(&parsed, Path::new("."));
            assert!(ran.status.success(), "{example}\n{}", ran.stderr);
        }
    }
}

/// The examples that can run on a virtual board do, with the files that they name: none is refused for its words.
#[test]
fn examples_run_on_the_virtual_board() {
    let board = Board::with_appli("appli.elf");
    let folder = board.file("project");
    fs::create_dir_all(folder.join("build")).expect("a folder");
    let state = support::board::text(&board.state());
    fs::write(
        folder.join("xspi-gdb.toml"),
        format!("probe = \"virtual\"\nvirtual-state = {state:?}\nvirtual-time = \"lockstep\"\nappli = \"build/appli.elf\"\n"),
    )
    .expect("settings");
    for (name, prebuilt) in [
        ("build/appli.elf", "appli.elf"),
        ("build/boot.elf", "boot.elf"),
        ("build/ExtMemLoader.elf", "loader.elf"),
    ] {
        fs::copy(firmware(prebuilt), folder.join(name)).expect("a copy");
    }
    let mut count = 0;
    for command in commands() {
        if ONLY_PARSED.contains(&command.as_str()) {
            continue;
        }
        for example in examples(&command) {
            let line = example.replace("--probe 0483:3754", "");
            let ran = shell(&line, &folder);
            let code = ran.status.code();
            assert!(code.is_some_and(|code| code != 2), "{line}\n{}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{line}\n{}", ran.stderr);
            count += 1;
        }
    }
    assert!(count > 15, "{count} examples ran");
}

#[test]
fn completions_and_man_pages_are_made() {
    let board = Board::blank();
    for shell_name in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let completions = shell(
            &format!("xspi-gdb completions {shell_name}"),
            Path::new("."),
        );
        assert!(
            completions.stdout.contains("doctor") && completions.stdout.contains("under-reset"),
            "{shell_name}: {}",
            completions.stderr
        );
    }
    let folder = board.file("man");
    let made = shell(
        &format!("xspi-gdb man {}", folder.display()),
        Path::new("."),
    );
    assert!(made.status.success(), "{}", made.stderr);
    let page = fs::read_to_string(folder.join("xspi-gdb-serve.1")).expect("a page");
    assert!(
        page.contains(".TH") && page.contains("Listening for GDB"),
        "{page}"
    );
    assert!(folder.join("xspi-gdb.1").is_file());
}
