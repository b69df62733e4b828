//! VS Code: one launch.json for the extensions that debug, each with the configurations of its folder of launch-configs/.

use super::{
    output::Output,
    templates::{Own, in_json},
};
use crate::platform;

const CORTEX_DEBUG: &str =
    include_str!("../../../launch-configs/vscode-cortex-debug/.vscode/launch.json");
const CPPDBG: &str = include_str!("../../../launch-configs/vscode-cppdbg/.vscode/launch.json");
const CDT_GDB: &str = include_str!("../../../launch-configs/vscode-cdt-gdb/.vscode/launch.json");
const TASKS: &str = include_str!("../../../launch-configs/vscode-cortex-debug/.vscode/tasks.json");
const WHOLE_LINES: &str =
    include_str!("../../../launch-configs/vscode-cortex-debug/gdb-whole-lines");
const AS_OPENOCD: &str =
    include_str!("../../../launch-configs/vscode-cortex-debug/xspi-gdb-as-openocd");

/// The scripts, as the configurations name them, and where a project has them.
const SHIPPED_SCRIPTS: [&str; 2] = [
    "${workspaceFolder}/gdb-whole-lines",
    "${workspaceFolder}/xspi-gdb-as-openocd",
];
const OWN_SCRIPTS: [&str; 2] = [
    "${workspaceFolder}/.vscode/gdb-whole-lines",
    "${workspaceFolder}/.vscode/xspi-gdb-as-openocd",
];

/// What precedes the configuration with both ELF files, the one with RTT, and the ones behind it.
const WITH_BOOT: &str = "// Symbols of the boot stage";
const WITH_RTT: &str = "// RTT in terminals";
const BEHIND_RTT: &str = "// A server that stays";
/// Of the appli that is shipped, whose `main` has a path.
const OF_BOTH_MAINS: &str = "// Both have a main";

/// Around the configurations of a launch.json.
const BEGIN: &str = "    \"configurations\": [\n";
const END: &str = "    ]\n}\n";

/// Extensions of VS Code that debug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// marus25.cortex-debug.
    CortexDebug,
    /// ms-vscode.cpptools.
    Cppdbg,
    /// eclipse-cdt.cdt-gdb-vscode.
    CdtGdb,
}

/// The files of a project for `extensions`.
pub fn outputs(own: &Own, extensions: &[Extension]) -> Vec<Output> {
    let Some(launch) = launch(own, extensions) else {
        return Vec::new();
    };
    let mut outputs = vec![Output::text(".vscode/launch.json", launch)];
    if extensions.contains(&Extension::CortexDebug) {
        outputs.push(Output::text(".vscode/tasks.json", TASKS.to_owned()));
        if platform::RUNS_SCRIPTS {
            let whole_lines = own.text(WHOLE_LINES, in_json);
            outputs.push(Output::script(".vscode/gdb-whole-lines", whole_lines));
            let as_openocd = AS_OPENOCD.to_owned();
            outputs.push(Output::script(".vscode/xspi-gdb-as-openocd", as_openocd));
        }
    }
    outputs
}

/// One launch.json. Where several extensions have configurations of the same names, all but the first one's say whose they are.
fn launch(own: &Own, extensions: &[Extension]) -> Option<String> {
    let (first, others) = extensions.split_first()?;
    let mut text = first.configurations(own);
    for other in others {
        let theirs = other.configurations(own);
        let (_, body) = theirs.split_once(BEGIN)?;
        let mark = format!(" ({})\",\n", other.word());
        let named: Vec<String> = body
            .split_inclusive('\n')
            .map(|line| match line.trim_start().starts_with("\"name\": ") {
                true => line.replace("\",\n", &mark),
                false => line.to_owned(),
            })
            .collect();
        text = format!(
            "{},\n{}",
            text.strip_suffix(END)?.trim_end(),
            named.concat()
        );
    }
    Some(text)
}

impl Extension {
    fn word(self) -> &'static str {
        match self {
            Self::CortexDebug => "cortex-debug",
            Self::Cppdbg => "cppdbg",
            Self::CdtGdb => "cdt-gdb",
        }
    }

    /// Its launch.json.
    fn configurations(self, own: &Own) -> String {
        let text = match self {
            Self::CortexDebug => cortex_debug(own),
            Self::Cppdbg => own.text(CPPDBG, in_json),
            Self::CdtGdb => own.text(CDT_GDB, in_json),
        };
        without_stray_commas(&text)
    }
}

fn cortex_debug(own: &Own) -> String {
    let mut is_dropped = false;
    let lines = CORTEX_DEBUG.split_inclusive('\n').filter(|line| {
        if line.contains(WITH_BOOT) {
            is_dropped = own.boot.is_none();
        } else if line.contains(WITH_RTT) {
            // Its server is a script.
            is_dropped = !platform::RUNS_SCRIPTS;
        } else if line.contains(BEHIND_RTT) {
            is_dropped = false;
        }
        !is_dropped && !line.contains(OF_BOTH_MAINS)
    });
    let text = own.text(&lines.collect::<String>(), in_json);
    let gdb = match platform::RUNS_SCRIPTS {
        true => OWN_SCRIPTS[0],
        false => own.gdb,
    };
    text.replace(SHIPPED_SCRIPTS[0], gdb)
        .replace(SHIPPED_SCRIPTS[1], OWN_SCRIPTS[1])
        .replace("\"appli::main\"", "\"main\"")
}

/// What was the last element's comma may stand before the end of a list, once the elements behind it are dropped.
fn without_stray_commas(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with([']', '}'])
            && let Some(last) = lines.last_mut()
        {
            *last = last.strip_suffix(',').unwrap_or(last);
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Extension; 3] = [Extension::CortexDebug, Extension::Cppdbg, Extension::CdtGdb];

    fn own(boot: Option<&str>) -> Own {
        Own {
            appli: "a \"b\"/appli.elf".to_owned(),
            boot: boot.map(str::to_owned),
            gdb: "arm-none-eabi-gdb",
        }
    }

    /// The configurations of a text, whose comments stand on lines of their own.
    fn configurations(text: &str) -> Vec<serde_json::Value> {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let plain: Vec<&str> = lines.collect();
        let launch: serde_json::Value = serde_json::from_str(&plain.join("\n")).expect("JSON");
        launch["configurations"].as_array().expect("a list").clone()
    }

    fn names(configurations: &[serde_json::Value]) -> Vec<&str> {
        let names = configurations.iter();
        names.filter_map(|one| one["name"].as_str()).collect()
    }

    #[test]
    fn the_projects_files_stand_in_place_of_the_shipped_ones() {
        let text = launch(&own(Some("boot.elf")), &ALL).expect("a text");
        for shipped in [
            "firmware/prebuilt",
            "/../..",
            "appli::main",
            "gdb-multiarch",
        ] {
            assert!(!text.contains(shipped), "{shipped}: {text}");
        }
        for one in configurations(&text) {
            let elf = one["executable"].as_str().or(one["program"].as_str());
            assert_eq!(elf, Some("${workspaceFolder}/a \"b\"/appli.elf"));
        }
    }

    #[test]
    fn without_a_boot_stage_with_symbols_there_is_no_configuration_for_it() {
        let with = launch(&own(Some("boot.elf")), &ALL[..1]).expect("a text");
        let without = launch(&own(None), &ALL[..1]).expect("a text");
        let (with, without) = (configurations(&with), configurations(&without));
        let of_boot: Vec<&str> = names(&with)
            .into_iter()
            .filter(|name| !names(&without).contains(name))
            .collect();
        assert_eq!(of_boot, ["Launch with the boot stage's symbols"]);
        assert!(names(&without).contains(&"Launch with RTT"));
    }

    #[test]
    fn configurations_of_several_extensions_have_names_of_their_own() {
        let text = launch(&own(None), &ALL).expect("a text");
        let configurations = configurations(&text);
        let mut names = names(&configurations);
        for name in ["Launch", "Launch (cppdbg)", "Launch (cdt-gdb)"] {
            assert!(names.contains(&name), "{names:?}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), configurations.len());
        assert_eq!(launch(&own(None), &[]), None);
    }
}
