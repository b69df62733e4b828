//! VS Code's launch configurations and tasks for cortex-debug: those of launch-configs/, which a real adapter is tested with, with the project's
//! own files in place of the shipped ones.

use std::path::PathBuf;

use super::{
    output::Output,
    settings::{Setting, State},
};
use crate::platform;

const LAUNCH: &str =
    include_str!("../../../launch-configs/vscode-cortex-debug/.vscode/launch.json");
const TASKS: &str = include_str!("../../../launch-configs/vscode-cortex-debug/.vscode/tasks.json");
const WHOLE_LINES: &str =
    include_str!("../../../launch-configs/vscode-cortex-debug/gdb-whole-lines");

/// What stands for the project's files there.
const SHIPPED_APPLI: &str = "${workspaceFolder}/../../firmware/prebuilt/appli.elf";
const SHIPPED_BOOT: &str = "${workspaceFolder}/../../firmware/prebuilt/boot.elf";
const SHIPPED_SCRIPT: &str = "${workspaceFolder}/gdb-whole-lines";
/// Lines for the shipped appli alone have one of these.
const SHIPPED_ONLY: [&str; 2] = [
    "directory ${workspaceFolder}",
    "sources of the shipped appli",
];
/// Where the configuration with both ELF files begins, and what follows it.
const WITH_BOOT: &str = "// Symbols of the boot stage";
const BEHIND_WITH_BOOT: &str = "// A server that stays";

/// The files, if the appli's ELF is known.
pub fn outputs(settings: &[Setting]) -> Vec<Output> {
    let known = |key: &str| {
        let found = settings.iter().find(|setting| setting.key == key);
        let setting = found.filter(|setting| setting.state == State::Known)?;
        setting.value.as_str().map(str::to_owned)
    };
    let Some(appli) = known("appli") else {
        return Vec::new();
    };
    let has_symbols = |boot: &String| !boot.to_ascii_lowercase().ends_with(".hex");
    let boot = known("boot").filter(has_symbols);
    let mut outputs = vec![
        Output::text(".vscode/launch.json", launch(&appli, boot.as_deref())),
        Output::text(".vscode/tasks.json", TASKS.to_owned()),
    ];
    if platform::RUNS_SCRIPTS {
        outputs.push(Output {
            path: PathBuf::from(".vscode/gdb-whole-lines"),
            text: WHOLE_LINES.to_owned(),
            is_script: true,
        });
    }
    outputs
}

fn launch(appli: &str, boot: Option<&str>) -> String {
    let gdb = match platform::RUNS_SCRIPTS {
        true => "${workspaceFolder}/.vscode/gdb-whole-lines",
        false => "arm-none-eabi-gdb",
    };
    let ours = |path: &str| in_json(&format!("${{workspaceFolder}}/{path}"));
    let text = LAUNCH
        .replace(SHIPPED_APPLI, &ours(appli))
        .replace(SHIPPED_BOOT, &ours(boot.unwrap_or_default()))
        .replace(SHIPPED_SCRIPT, gdb)
        .replace("\"appli::main\"", "\"main\"");
    let mut is_dropped = false;
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.contains(WITH_BOOT) {
            is_dropped = boot.is_none();
        } else if line.contains(BEHIND_WITH_BOOT) {
            is_dropped = false;
        }
        if is_dropped || SHIPPED_ONLY.iter().any(|words| line.contains(words)) {
            continue;
        }
        // What was the last element's comma may now stand before the end of the list.
        if line.trim_start().starts_with([']', '}'])
            && let Some(last) = lines.last_mut()
        {
            *last = last.strip_suffix(',').unwrap_or(last);
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

/// As the inside of a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    quoted.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON of the text without comments, which stand on lines of their own.
    fn parsed(text: &str) -> serde_json::Value {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let plain: Vec<&str> = lines.collect();
        serde_json::from_str(&plain.join("\n")).expect("JSON")
    }

    fn names(launch: &serde_json::Value) -> Vec<&str> {
        let configurations = launch["configurations"].as_array().expect("a list");
        configurations
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect()
    }

    #[test]
    fn the_projects_files_stand_in_place_of_the_shipped_ones() {
        let text = launch("a \"b\"/appli.elf", Some("boot.elf"));
        assert!(
            !text.contains("firmware/prebuilt") && !text.contains("/../.."),
            "{text}"
        );
        let launch = parsed(&text);
        assert!(
            names(&launch)
                .iter()
                .any(|name| name.contains("boot stage"))
        );
        for one in launch["configurations"].as_array().expect("a list") {
            let elf = one["executable"].as_str();
            assert_eq!(elf, Some("${workspaceFolder}/a \"b\"/appli.elf"));
            assert!(!one.to_string().contains("appli::main"));
        }
    }

    #[test]
    fn without_a_boot_stage_with_symbols_there_is_no_configuration_for_it() {
        let launch = parsed(&launch("appli.elf", None));
        let names = names(&launch);
        assert!(names.len() >= 4, "{names:?}");
        assert!(!names.iter().any(|name| name.contains("boot stage")));
    }
}
