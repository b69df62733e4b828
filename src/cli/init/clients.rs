//! The clients that launch configurations are written for: those that the project shows are in use, or those that are asked for.

use std::path::{Path, PathBuf};

use super::{
    cargo, cmake, eclipse,
    output::Output,
    project::Project,
    settings::{Setting, State},
    survey::{Survey, slashed},
    templates::{Own, in_json, in_xml},
    vscode::{self, Extension},
};
use crate::cli::gdbs::{self, Gdb};

const CLION: &str = include_str!("../../../launch-configs/clion/xspi-gdb.run.xml");
const ECLIPSE: &str = include_str!("../../../launch-configs/eclipse/xspi-gdb.launch");
const ZED: &str = include_str!("../../../launch-configs/zed/.zed/debug.json");
const ZED_SETTINGS: &str = include_str!("../../../launch-configs/zed/.zed/settings.json");
const NVIM_DAP: &str = include_str!("../../../launch-configs/nvim-dap/xspi-gdb.lua");
const CARGO: &str = include_str!("../../../launch-configs/cargo/.cargo/config.toml");

/// The first GDB that serves editors by itself (`--interpreter=dap`).
const DAP_SINCE: u32 = 14;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Client {
    /// VS Code with cortex-debug.
    CortexDebug,
    /// VS Code with Microsoft's C/C++ extension.
    Cppdbg,
    /// VS Code with Eclipse CDT's GDB adapter.
    CdtGdb,
    /// STM32CubeIDE: copies of its own launch configurations.
    Stm32cubeide,
    /// Eclipse CDT: GDB Hardware Debugging.
    Eclipse,
    /// CLion: Embedded GDB Server.
    Clion,
    /// Zed.
    Zed,
    /// Neovim with nvim-dap.
    NvimDap,
    /// `cargo run` and `cargo test`.
    Cargo,
}

/// What is written for the clients, and what there is to say of it.
#[derive(Debug, Default)]
pub struct Written {
    /// The files.
    pub outputs: Vec<Output>,
    /// A line each.
    pub notes: Vec<String>,
}

impl Client {
    /// Those that the project shows. cortex-debug is always among them: nothing has to be there before its configurations.
    pub fn shown_by(project: &Project) -> Vec<Self> {
        let survey = &project.survey;
        let has_folder = |name: &str| survey.root().join(name).is_dir();
        let vscode = |words: &[&str]| {
            let mut files = survey
                .files()
                .filter(|file| file.starts_with(".vscode"))
                .filter_map(|file| survey.text(file));
            files.any(|text| words.iter().any(|word| text.contains(word)))
        };
        let has_launches = !project.launches.is_empty();
        let has_appli = project.subproject(eclipse::Role::Appli).is_some();
        let shown = [
            (Self::CortexDebug, true),
            (
                Self::Cppdbg,
                vscode(&["\"cppdbg\"", "ms-vscode.cmake-tools", "\"cmake."]),
            ),
            (
                Self::CdtGdb,
                vscode(&["\"gdbtarget\"", "eclipse-cdt.cdt-gdb-vscode"]),
            ),
            (Self::Stm32cubeide, has_launches),
            (Self::Eclipse, has_appli && !has_launches),
            (Self::Clion, has_folder(".idea") || has_folder(".run")),
            (Self::Zed, has_folder(".zed")),
            (
                Self::NvimDap,
                [".nvim.lua", ".exrc"]
                    .iter()
                    .any(|file| survey.has(Path::new(file))),
            ),
        ];
        let clients = shown.into_iter().filter(|(_, is_shown)| *is_shown);
        clients.map(|(client, _)| client).collect()
    }

    /// Its extension, if it is VS Code with one.
    fn extension(self) -> Option<Extension> {
        match self {
            Self::CortexDebug => Some(Extension::CortexDebug),
            Self::Cppdbg => Some(Extension::Cppdbg),
            Self::CdtGdb => Some(Extension::CdtGdb),
            _ => None,
        }
    }

    /// GDB itself is its debug adapter.
    fn needs_dap(self) -> bool {
        matches!(self, Self::Zed | Self::NvimDap)
    }
}

/// The files for `clients`.
pub fn write(project: &Project, settings: &[Setting], clients: &[Client]) -> Written {
    let mut written = Written::default();
    for client in clients {
        match client {
            Client::Stm32cubeide => written.copies_for_stm32cubeide(project),
            Client::Cargo => written
                .outputs
                .push(Output::text(cargo::CONFIG, cargo_config())),
            _ => {}
        }
    }
    let mut with_elf: Vec<Client> = Vec::new();
    for client in clients {
        if !matches!(client, Client::Stm32cubeide | Client::Cargo) && !with_elf.contains(client) {
            with_elf.push(*client);
        }
    }
    if with_elf.is_empty() {
        return written;
    }
    let known = |key: &str| {
        let found = settings.iter().find(|setting| setting.key == key);
        let setting = found.filter(|setting| setting.state == State::Known)?;
        setting.value.as_str().map(str::to_owned)
    };
    let Some(appli) = known("appli") else {
        written.notes.push(
            "launch configurations need the appli's ELF file: build it and run `init` again, or copy them from launch-configs/".to_owned(),
        );
        return written;
    };
    let has_symbols = |boot: &String| !boot.to_ascii_lowercase().ends_with(".hex");
    let own = Own {
        appli,
        boot: known("boot").filter(has_symbols),
        gdb: written.gdb(&with_elf),
    };
    let extensions: Vec<Extension> = with_elf.iter().filter_map(|one| one.extension()).collect();
    written.outputs.extend(vscode::outputs(&own, &extensions));
    for client in with_elf {
        match client {
            Client::Eclipse => written.outputs.push(for_eclipse(project, &own)),
            Client::Clion => written.outputs.push(for_clion(&project.survey, &own)),
            Client::Zed => {
                let mut add = |file: &str, template| {
                    let text = own.text(template, in_json);
                    written.outputs.push(Output::text(file, text));
                };
                add(".zed/debug.json", ZED);
                add(".zed/settings.json", ZED_SETTINGS);
            }
            Client::NvimDap => {
                let text = own.text(NVIM_DAP, in_json);
                written.outputs.push(Output::text("xspi-gdb.lua", text));
                written.notes.push(
                    "Neovim: `:luafile xspi-gdb.lua`, or `dofile(\"xspi-gdb.lua\")` in .nvim.lua"
                        .to_owned(),
                );
            }
            _ => {}
        }
    }
    written
}

impl Written {
    fn copies_for_stm32cubeide(&mut self, project: &Project) {
        let launches = project
            .launches
            .iter()
            .filter(|launch| project.is_for_appli(launch));
        self.outputs.extend(
            launches.filter_map(|launch| Some(Output::text(launch.our_file(), launch.ours()?))),
        );
    }

    /// The first GDB here that knows ARM and, if a client needs it, serves editors.
    fn gdb(&mut self, clients: &[Client]) -> &'static str {
        let found: Vec<Gdb> = gdbs::on_path().filter(|gdb| gdb.knows_arm).collect();
        let serves_editors = |gdb: &&Gdb| gdb.major().is_none_or(|major| major >= DAP_SINCE);
        if clients.iter().any(|client| client.needs_dap()) {
            match found.iter().find(serves_editors) {
                Some(gdb) => return gdb.program,
                None => self.notes.push(format!(
                    "Zed and nvim-dap need a GDB of version {DAP_SINCE} or newer that knows ARM, and none is on PATH"
                )),
            }
        }
        found.first().map_or(gdbs::NAMES[0], |gdb| gdb.program)
    }
}

/// The runner needs no chip: xspi-gdb.toml names the board.
fn cargo_config() -> String {
    let lines = CARGO.lines().filter(|line| !line.contains("In place of"));
    let lines = lines.map(|line| match line.split_once(" --chip ") {
        Some((runner, _)) if runner.starts_with("runner") => format!("{runner}\"\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// In the Eclipse project of the appli, or else in the project's folder.
fn for_eclipse(project: &Project, own: &Own) -> Output {
    let of_eclipse = project.subproject(eclipse::Role::Appli);
    let folder = of_eclipse.map_or_else(PathBuf::new, |one| one.folder.clone());
    let name = match of_eclipse {
        Some(one) => one.name.clone(),
        None => stem(&own.appli),
    };
    let program = Path::new(&own.appli).strip_prefix(&folder);
    let program = program.map_or_else(|_| own.appli.clone(), slashed);
    let text = own
        .text(ECLIPSE, in_xml)
        .replace("\"Debug/appli.elf\"", &format!("\"{}\"", in_xml(&program)))
        .replace("\"appli\"", &format!("\"{}\"", in_xml(&name)))
        .replace("\"/appli\"", &format!("\"/{}\"", in_xml(&name)));
    Output::text(folder.join("xspi-gdb.launch"), text)
}

/// CMake's target is usually called as its ELF file, without its ending.
fn for_clion(survey: &Survey, own: &Own) -> Output {
    let target = stem(&own.appli);
    let name = cmake::project_name(survey).unwrap_or_else(|| target.clone());
    let text = own
        .text(CLION, in_xml)
        .replace(
            "PROJECT_NAME=\"appli\"",
            &format!("PROJECT_NAME=\"{}\"", in_xml(&name)),
        )
        .replace(
            "TARGET_NAME=\"appli\"",
            &format!("TARGET_NAME=\"{}\"", in_xml(&target)),
        );
    Output::text(".run/xspi-gdb.run.xml", text)
}

fn stem(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
