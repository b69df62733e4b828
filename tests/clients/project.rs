//! A folder of launch-configs/ as somebody's project: copied beside a board, with its files found where they are in the repository, and
//! its launch configurations read as the editor reads them.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::{board::Board, firmware, repository, server::ran};

/// The settings file of a project.
const SETTINGS: &str = "xspi-gdb.toml";

/// A copy of one folder of launch-configs/, for one board.
pub struct Project {
    folder: PathBuf,
}

impl Project {
    /// The folder of `client`, whose settings name `board`.
    pub fn of(client: &str, board: &Board) -> Self {
        let configs = board.file("launch-configs");
        let folder = configs.join(client);
        copy(&repository("launch-configs").join(client), &folder).expect("a copy");
        // As beside it in the repository.
        symlink(repository("firmware"), board.file("firmware")).expect("a link");
        let project = Self { folder };
        if project.file(SETTINGS).exists() {
            project.use_board(board, "");
        }
        project
    }

    /// A CMake project with our appli and boot stage for its own, for which `init` has written what `client` needs.
    pub fn initialised(client: &str, board: &Board) -> Self {
        let folder = board.file("project");
        fs::create_dir_all(folder.join("build")).expect("a folder");
        fs::write(folder.join("CMakeLists.txt"), "project(blinky C)\n").expect("a file");
        for file in ["appli.elf", "boot.elf"] {
            fs::copy(firmware(file), folder.join("build").join(file)).expect("a copy");
        }
        let project = Self { folder };
        let init = ["init", "--for", client, "--board", "stm32h7s78-dk"];
        let mut command = project.command(env!("CARGO_BIN_EXE_xspi-gdb"));
        command.args(init);
        let told = ran(command);
        assert!(told.status.success(), "{}{}", told.stdout, told.stderr);
        project.use_board(board, "probe = \"virtual\"\n");
        project
    }

    /// Adds `more` and the file of `board` to the settings.
    fn use_board(&self, board: &Board, more: &str) {
        let text = fs::read_to_string(self.file(SETTINGS)).expect("settings");
        let state = board.state();
        let more = format!(
            "{text}{more}virtual-state = \"{}\"\nvirtual-time = \"lockstep\"\n",
            state.display()
        );
        fs::write(self.file(SETTINGS), more).expect("settings");
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Changes words of a file.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.file(name);
        let text = fs::read_to_string(&path).expect("a file of the project");
        assert!(text.contains(from), "{name} says nothing of `{from}`");
        fs::write(path, text.replace(from, to)).expect("a file of the project");
    }

    /// `program`, started as the editor starts it: in the project's folder, and with the tool on the path.
    pub fn command(&self, program: &str) -> Command {
        let tool = Path::new(env!("CARGO_BIN_EXE_xspi-gdb"));
        let path = std::env::var("PATH").unwrap_or_default();
        let folder = tool.parent().expect("a folder").display();
        let mut command = Command::new(program);
        command
            .current_dir(&self.folder)
            .env("PATH", format!("{folder}:{path}"))
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG");
        command
    }

    /// What a file says, with the editor's variables replaced.
    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        let text = fs::read_to_string(self.file(name)).expect("a file of the project");
        let folder = self.folder.to_string_lossy();
        text.replace("${workspaceFolder}", &folder)
            .replace("$ZED_WORKTREE_ROOT", &folder)
    }

    /// A file of JSON with comments, with the editor's variables replaced.
    #[track_caller]
    pub fn json(&self, name: &str) -> Value {
        without_comments(&self.text(name))
    }

    /// The launch configuration called `name`.
    #[track_caller]
    pub fn configuration(&self, name: &str) -> Value {
        let file = self.json(".vscode/launch.json");
        let configurations = file["configurations"].as_array().expect("a list");
        let found = configurations
            .iter()
            .find(|configuration| configuration["name"] == name);
        found
            .unwrap_or_else(|| panic!("no configuration `{name}`"))
            .clone()
    }
}

/// JSON with comments.
#[track_caller]
pub fn without_comments(text: &str) -> Value {
    let stripped = json_strip_comments::StripComments::new(text.as_bytes());
    serde_json::from_reader(stripped).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// A source file of the shipped firmware, as the editor names it.
pub fn source(file: &str) -> String {
    repository(file).to_string_lossy().into_owned()
}

/// The line of a source file that begins with `words`, counted from one.
#[track_caller]
pub fn line_of(file: &str, words: &str) -> usize {
    let text = fs::read_to_string(repository(file)).expect("a source file");
    let line = text.lines().position(|line| line.starts_with(words));
    line.unwrap_or_else(|| panic!("{file} says nothing of `{words}`")) + 1
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
