//! `xspi-gdb init`: xspi-gdb.toml and launch configurations for the project at hand.

mod board;
mod cargo;
mod clients;
mod cmake;
mod eclipse;
mod extmem;
mod files;
mod images;
mod ioc;
mod launch;
mod linker;
mod mode;
mod output;
mod project;
mod settings;
mod survey;
mod templates;
mod vscode;

use std::{
    borrow::Cow,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use self::{
    clients::Client,
    output::{Output, Writing, Written},
    project::Project,
    settings::{Setting, State},
    survey::{Survey, slashed},
};
use super::{Outcome, config};
use crate::{
    fault::{Code, Explain, Fault},
    layout::BoardProfile,
};

/// Projects that are named when there are several.
const NAMED: usize = 5;

/// Look at a project, and write xspi-gdb.toml and launch configurations for it.
///
/// Cargo packages with a memory.x, CubeMX projects, and projects of STM32CubeIDE and CMake are read: which board, where the appli executes,
/// which files are boot stage, appli and loader. What cannot be found out stands in xspi-gdb.toml as a comment to fill in.
/// No file that is there is replaced without --force; no probe is opened.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  xspi-gdb init
  xspi-gdb init --dry-run ~/STM32CubeIDE/workspace/blinky
  xspi-gdb init --board nucleo-h7s3l8 --force
  xspi-gdb init --for clion,zed         launch configurations for these clients, and no others")]
pub struct Init {
    /// The project's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The board, if you know it: a name, or a file ending in .toml.
    #[arg(long, value_name = "BOARD")]
    board: Option<String>,
    /// Write launch configurations for these clients. Unless said otherwise: cortex-debug, and those that the project shows are in use.
    #[arg(long = "for", value_enum, value_delimiter = ',', value_name = "CLIENT")]
    clients: Vec<Client>,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
    /// Write nothing; say what would be written.
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
}

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write {}", path.display())]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("no project that is known is in {}", folder.display())]
    NoProject { folder: PathBuf },
    #[error("several projects are in {}: {}", folder.display(), names.join(", "))]
    Several { folder: PathBuf, names: Vec<String> },
}

impl Explain for InitError {
    fn code(&self) -> Code {
        Code::XG076
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NoProject { .. } => None,
            Self::Several { .. } => Some("name one of them: `xspi-gdb init DIR`".into()),
            Self::Unreadable { .. } | Self::Unwritable { .. } => {
                Some("check that the folder is there and yours".into())
            }
        }
    }
}

impl Init {
    /// Does it.
    pub fn run(self) -> Outcome {
        let any = Project::any_board().map_err(Fault::from)?;
        if let Some(board) = &self.board {
            BoardProfile::find(board).map_err(Fault::from)?;
        }
        let project = self.look(&any).map_err(Fault::from)?;
        for kind in project.kinds() {
            println!("project  {kind}");
        }
        if project.survey.is_cut {
            println!("note     there are more files here than are looked at");
        }
        let settings = project.settings(self.board.as_deref(), &any);
        tell_settings(&settings);
        let clients = match self.clients.is_empty() {
            true => Client::shown_by(&project),
            false => self.clients.clone(),
        };
        let for_clients = clients::write(&project, &settings, &clients);
        let mut outputs = vec![Output::text(
            config::DEFAULT_FILE,
            settings::file(&settings),
        )];
        outputs.extend(for_clients.outputs);
        for output in outputs {
            let written = self.write(&output).map_err(Fault::from)?;
            tell_written(&output.path, written);
        }
        for note in for_clients.notes {
            println!("note     {note}");
        }
        tell_what_is_next(&project, &self.folder);
        Ok(ExitCode::SUCCESS)
    }

    fn look(&self, any: &BoardProfile) -> Result<Project, InitError> {
        let survey = Survey::of(&self.folder).map_err(|source| InitError::Unreadable {
            path: self.folder.clone(),
            source,
        })?;
        let one_of = |names: Vec<String>| match names.len() {
            0 | 1 => Ok(()),
            _ => Err(InitError::Several {
                folder: self.folder.clone(),
                names: names.into_iter().take(NAMED).collect(),
            }),
        };
        one_of(survey.ending("ioc").map(slashed).collect())?;
        let project = Project::look(survey, any).ok_or_else(|| InitError::NoProject {
            folder: self.folder.clone(),
        })?;
        one_of(project.applis().collect())?;
        Ok(project)
    }

    fn write(&self, output: &Output) -> Result<Written, InitError> {
        let writing = match (self.dry_run, self.force) {
            (true, _) => Writing::Dry,
            (false, true) => Writing::Over,
            (false, false) => Writing::New,
        };
        let written = output.write(&self.folder, writing);
        written.map_err(|source| InitError::Unwritable {
            path: self.folder.join(&output.path),
            source,
        })
    }
}

fn tell_settings(settings: &[Setting]) {
    for setting in settings {
        let state = match setting.state {
            State::Known => "found",
            State::Open => "open",
        };
        println!("{state:<8} {}", setting.line());
        println!("{:<8}   {}", "", setting.because);
    }
}

fn tell_written(path: &Path, written: Written) {
    let path = slashed(path);
    match written {
        Written::New => println!("wrote    {path}"),
        Written::Over => println!("wrote    {path}, in place of what was there"),
        Written::WouldBe => println!("would write {path}"),
        Written::Kept => println!(
            "kept     {path}: it is there already and says something else; --force replaces it"
        ),
        Written::Same => println!("kept     {path}: it is there already, and the same"),
    }
}

fn tell_what_is_next(project: &Project, folder: &Path) {
    if let Some(package) = &project.cargo {
        let calls = package.runner.as_deref().unwrap_or("nothing");
        println!(
            "note     `cargo run` calls {calls}; with `runner = \"xspi-gdb run\"` in {} it flashes, arms and shows the program's output",
            cargo::CONFIG
        );
    }
    let there = match folder == Path::new(".") {
        true => String::new(),
        false => format!("cd {} && ", folder.display()),
    };
    println!(
        "next     fill in what is open in {}, then: {there}xspi-gdb doctor",
        config::DEFAULT_FILE
    );
}
